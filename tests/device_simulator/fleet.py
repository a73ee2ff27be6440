# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The world: devices, their trees, the node's copies, and the two daemons. Nothing here speaks HTTP."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from device_simulator import content, tree
from device_simulator.device import Device, Mysql, Sqlite, Trouble, Videos
from device_simulator.mysql_daemon import MysqlDaemon
from device_simulator.node_memory import NodeMemory
from device_simulator.places import Places
from device_simulator.rsync_daemon import RsyncDaemon


class Fleet:
    """A fleet in ``folder``: ``results/`` and ``videos/`` are the node's copies, ``devices/ID/`` is what a device has.

    ``root`` is how the node names the folder in its answers; unless given, as it is. ``clock`` is the time of the node
    and of its daemons, in Unix seconds. Every method may be called while servers run.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time, root: str | None = None) -> None:
        self.lock = threading.RLock()
        self.devices: dict[str, Device] = {}
        self.places = Places(folder, root or str(folder))
        self._clock = clock
        self._pinned: float | None = None
        self.memory = NodeMemory(self.places)
        self.mysql = MysqlDaemon(self.places, self.devices, self.now)
        self.rsync = RsyncDaemon(self.places, self.devices, self.now)
        # Oddities of the node to order
        self.documented_form = False  # /backup/status as upstream's document has it
        self.scanner_works = True
        self.unreadable: set[str] = set()  # ids that /backup/status calls unknown
        for path in (self.places.results, self.places.videos):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def results(self) -> Path:
        """The node's copies of databases."""
        return self.places.results

    @property
    def videos(self) -> Path:
        """The node's copies of videos."""
        return self.places.videos

    def now(self) -> float:
        """The node's time."""
        return self._clock() if self._pinned is None else self._pinned

    @contextmanager
    def at(self, moment: float) -> Iterator[None]:
        """Let things happen at another time: ``with fleet.at(time.time() - 86400): fleet.sync()``."""
        before, self._pinned = self._pinned, moment
        try:
            yield
        finally:
            self._pinned = before

    def add(
        self,
        device_id: str,
        name: str,
        status: str = "stopped",
        *,
        sqlite: Sequence[Sqlite] = (),
        mysql: Mysql | None = None,
        videos: Sequence[Videos] = (),
        ip: str | None = None,
    ) -> Device:
        """Add a device and write what it has. What else there is to a device can be set on what this returns.

        :raises ValueError: for an id or a name that no Ethoscope has, or an id that is there already.
        """
        with self.lock:
            if device_id in self.devices:
                raise ValueError(f"{device_id} is there already")
            address = ip or f"10.0.{len(self.devices) // 250}.{len(self.devices) % 250 + 1}"
            device = Device(device_id, name, status, address, list(sqlite), mysql, list(videos), seen=self.now())
            self.devices[device_id] = device
            self.write(device_id)
            return device

    def write(self, device_id: str) -> None:
        """Write the device's tree anew, after its databases or videos were changed."""
        with self.lock:
            device = self.devices[device_id]
            home = self.places.device(device_id)
            if home.exists():
                shutil.rmtree(home)
            for database in device.sqlite:
                if database.present:
                    content.write_sqlite(home / "results" / device.database(database.started), device, database)
            for videos in device.videos:
                content.write_videos(home / "videos" / device.folder(videos.started), device, videos)

    def sync(self) -> None:
        """One cycle of the MySQL daemon, then one of the rsync daemon."""
        with self.lock:
            self.mysql.run()
            self.rsync.run()

    def copy(self, *device_ids: str) -> None:
        """Put good copies on the node, and no daemon knows of it, as after a restart of the daemons."""
        with self.lock:
            for device_id in device_ids or tuple(self.devices):
                device = self.devices[device_id]
                for kind, place in (("results", self.results), ("videos", self.videos)):
                    source = self.places.device(device_id) / kind
                    tree.copy(source, place)
                if device.mysql is not None:
                    path = self.results / device.database(device.mysql.started)
                    content.update_mysql_copy(path, device, device.mysql, self.now())

    def lose(self, device_id: str) -> None:
        """Remove what the node has of a device. The next cycle copies it again, unless it is told to fail."""
        with self.lock:
            for place in (self.results, self.videos):
                shutil.rmtree(place / device_id, ignore_errors=True)

    def trouble(self, device_id: str, daemon: str, kind: Trouble) -> None:
        """Order what becomes of the device's next job of a daemon (``mysql`` or ``rsync``).

        ``fail`` is refused, ``break`` (rsync only) ends in the middle of a file, ``hold`` goes on until `finish` of the
        daemon, ``timeout`` was given up.
        """
        if daemon not in ("mysql", "rsync"):
            raise ValueError(f"a daemon is mysql or rsync, not {daemon!r}")
        with self.lock:
            self.devices[device_id].troubles[daemon] = kind

    def unreach(self, device_id: str) -> None:
        """Let a device go offline after it was met: /devices keeps what it knew of it."""
        with self.lock:
            self.devices[device_id].status = "offline"

    def forget(self) -> None:
        """Forget what the node keeps in memory: the page for 60 s, sizes for an hour."""
        with self.lock:
            self.memory.forget()
