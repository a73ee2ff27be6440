# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What services say of devices: claims, each with who made it. Private to this collection.

Nothing here is evidence. Times are epoch seconds by our own clock, sizes are bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

RUNNING = "running"
DONE = "done"
FAILED = "failed"
SKIPPED = "skipped"
"""States of a job. Skipped: it was not tried, because something before it failed."""


@dataclass(frozen=True)
class Device:
    """A device as a service lists it; ``state`` is the service's word, such as stopped, recording or offline.

    ``lists`` says that the device is at rest and has listed all of its databases.
    """

    id: str
    name: str | None
    state: str | None = None
    last_seen: float | None = None
    lists: bool = False


@dataclass(frozen=True)
class Data:
    """Data that a device is known to have. ``newest`` is when it was last known to change, or began.

    ``growing``: the device is writing it. ``path`` is where a copy of it lies, relative to its root; ``size``
    and ``tables`` (name to rows) are what the device says of it, 0 and empty where it doesn't; ``began`` when it began.
    """

    device: str
    type: str
    newest: float
    growing: bool = False
    path: str | None = None
    size: int = 0
    tables: Mapping[str, int] = field(default_factory=dict)
    began: float = 0.0


def newest_of(data: Iterable[Data]) -> Data | None:
    """The newest of a device's data. What it is writing goes before all that has a date: its clock may have jumped."""
    return max(data, key=lambda one: (one.growing, one.newest), default=None)


@dataclass(frozen=True)
class Claim:
    """A service says that there is a backup, or that there is none; ``count`` and ``size`` as it says them."""

    device: str
    type: str
    available: bool
    status: str
    count: int | None
    size: int | None
    source: str


@dataclass(frozen=True)
class Job:
    """The last job of a backup service for one device and type.

    ``listed`` has the files that it says it copied: folder (relative to the root of the type) to names.
    """

    device: str
    type: str
    state: str
    source: str
    started: float | None = None
    ended: float | None = None
    message: str = ""
    listed: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What one answer says. ``unread`` counts entries that are not what they should be."""

    devices: tuple[Device, ...] = ()
    data: tuple[Data, ...] = ()
    claims: tuple[Claim, ...] = ()
    jobs: tuple[Job, ...] = ()
    current_device: str | None = None
    current_file: str | None = None
    unread: int = 0

    def shifted(self, offset: float) -> Facts:
        """The same by our clock, where the service's is ``offset`` seconds ahead of it."""
        if not offset:
            return self
        return replace(
            self,
            devices=tuple(replace(one, last_seen=_earlier(one.last_seen, offset)) for one in self.devices),
            jobs=tuple(
                replace(one, started=_earlier(one.started, offset), ended=_earlier(one.ended, offset))
                for one in self.jobs
            ),
        )

    def as_text(self) -> str:
        """As JSON, for ``from_text``."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Facts:
        """What ``as_text`` gave.

        :raises ValueError: for anything else.
        """
        try:
            values = json.loads(text)
            return cls(
                tuple(_made(Device, one) for one in values.pop("devices")),
                tuple(_made(Data, one) for one in values.pop("data")),
                tuple(_made(Claim, one) for one in values.pop("claims")),
                tuple(_made(Job, one) for one in values.pop("jobs")),
                *(_checked(values.pop(key), kind) for key, kind in _REST.items()),
                **values,
            )
        except (TypeError, KeyError, AttributeError, RecursionError) as failure:
            raise ValueError(f"no facts: {failure}") from failure


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "bool": (bool,),
    "int": (int,),
    "int | None": (int, type(None)),
    "Mapping[str, int]": (dict,),
    "Mapping[str, Sequence[str]]": (dict,),
}
"""By their annotations, what the fields of facts may be in JSON."""
_REST = {"current_device": "str | None", "current_file": "str | None", "unread": "int"}

Made = TypeVar("Made", Device, Data, Claim, Job)


def _made(kind: type[Made], values: Mapping[str, Any]) -> Made:
    """One fact, with each value of the type that it must have."""
    for one in fields(kind):
        if one.name in values:
            _checked(values[one.name], str(one.type))
    return kind(**values)


def _checked(value: Any, annotation: str) -> Any:
    if not isinstance(value, _KINDS[annotation]):
        raise TypeError(f"{value!r:.40} is no {annotation}")
    if isinstance(value, dict):
        inner = (int,) if annotation == "Mapping[str, int]" else (list,)
        if not all(isinstance(one, inner) for one in value.values()):
            raise TypeError(f"it holds what is no {annotation}")
    return value


def _earlier(when: float | None, offset: float) -> float | None:
    return None if when is None else when - offset


@dataclass(frozen=True)
class Question:
    """Something to ask a service: where, and how its answer is read.

    ``read`` takes what the JSON says and raises ``Garbled`` where that is no answer to it.
    """

    service: str
    url: str
    read: Callable[[Any], Facts]


class Garbled(Exception):
    """An answer that isn't what was asked for, or an error told with the status 200; the text says which."""
