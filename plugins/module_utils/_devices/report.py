# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found, as the module returns it. Pure. Private to this collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.discrepancies import CLAIMED_BUT_EMPTY
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import FAILED, SKIPPED, Claim
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fleet import Member
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.inquiry import Heard
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import (
    NO_DATA,
    OK,
    STATUSES,
    UNKNOWN,
    Judgement,
    judge,
    worst,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, VIDEO

NO_ANSWER = "no_answer"
"""A word of ``fail_on`` beside the statuses: a service that was to be asked says nothing."""
RSYNC = "rsync"
NONE = "none"


def shown(text: str) -> str:
    """A name for a result: bytes that are no UTF-8, which a result can't hold, are replaced."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # half a character that comes from no file's name
        return text.encode("utf-8", "replace").decode()


def fleet_report(members: Sequence[Member]) -> dict[str, Any]:
    """``devices``, ``discrepancies`` and ``summary``."""
    devices: list[dict[str, Any]] = []
    discrepancies: list[dict[str, Any]] = []
    for member in members:
        judged = {kind: judge(case) for kind, case in member.cases.items()}
        devices.append(_device_row(member, judged))
        for kind, judgement in judged.items():
            discrepancies.extend(
                {"device": shown(member.id), "name": _name(member), "type": kind, "kind": what, "message": shown(said)}
                for what, said in judgement.discrepancies
            )
    return {"devices": devices, "discrepancies": discrepancies, "summary": _summary(devices)}


def _name(member: Member) -> str | None:
    return None if member.name is None else shown(member.name)


def _device_row(member: Member, judged: Mapping[str, Judgement]) -> dict[str, Any]:
    status = worst(judgement.status for judgement in judged.values())
    if status == NO_DATA and member.unlisted:
        status = UNKNOWN
    best = _recommended(member.cases)
    return {
        "id": shown(member.id),
        "name": _name(member),
        "online": member.online,
        "status": status,
        "reason": shown(_reason(member, judged, status)),
        "types": {kind: _type_row(member, kind, judgement) for kind, judgement in judged.items()},
        "recommended_backup_type": best,
        "supports_video_backup": best == RSYNC,
        "last_error": _last_error(member.cases),
    }


def _reason(member: Member, judged: Mapping[str, Judgement], status: str) -> str:
    if status == UNKNOWN and member.unlisted and all(one.status != UNKNOWN for one in judged.values()):
        return "the device is running, and lists no database"
    if status == NO_DATA:
        return "no data and no copies are known" + ("; the device is offline" if member.online is False else "")
    if status == OK:
        return "; ".join(f"{kind}: {one.reason}" for kind, one in judged.items() if one.status == OK)
    return "; ".join(f"{kind} {status}: {one.reason}" for kind, one in judged.items() if one.status == status)


def _type_row(member: Member, kind: str, judgement: Judgement) -> dict[str, Any]:
    case = member.cases[kind]
    evidence = case.evidence or Evidence()
    seen = case.evidence is not None
    return {
        "status": judgement.status,
        "reason": shown(judgement.reason),
        "newest": None if evidence.newest is None else int(evidence.newest),
        "age": None if evidence.newest is None else max(0, int(case.now - evidence.newest)),
        "files": evidence.files if seen else None,
        "size": evidence.size if seen else None,
        "size_human": format_size(evidence.size) if seen else None,
        "verified": evidence.check.usable if evidence.check else None,
        "claimed": _claimed(case, member.claims.get(kind)),
        "evidence": _evidence(case.evidence),
        "discrepancy": shown(judgement.discrepancies[0][1]) if judgement.discrepancies else None,
    }


def _claimed(case: Case, claim: Claim | None) -> dict[str, Any] | None:
    """What is claimed: by the node's page, else by the device's own list, else by the service's list of copies."""
    if claim is not None:
        return {
            "available": claim.available,
            "status": claim.status,
            "count": claim.count,
            "size": claim.size,
            "source": claim.source,
        }
    if case.data:
        size = sum(data.size for data in case.data)
        return {"available": True, "status": "listed", "count": len(case.data), "size": size, "source": "device"}
    if case.job is not None and case.job.listed:
        number = sum(map(len, case.job.listed.values()))
        return {
            "available": True,
            "status": case.job.state,
            "count": number,
            "size": None,
            "source": case.job.source,
        }
    return None


def _evidence(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    return {
        "files": evidence.files,
        "size": evidence.size,
        "newest": None if evidence.newest is None else int(evidence.newest),
        "path": shown(f"{evidence.root}/{evidence.path}") if evidence.newest is not None else None,
        "verified": evidence.check.usable if evidence.check else None,
        "why_not": _why_not(evidence),
    }


def _why_not(evidence: Evidence) -> str | None:
    """What is wrong with the copies, or why they could not be seen or verified."""
    if evidence.unreadable:
        return shown(evidence.unreadable)
    check = evidence.check
    if check is not None and (check.why_not or check.lacks or check.short):
        return f"the newest copy {check.why_not or check.lacks or check.short}"
    if evidence.unfinished:
        return f"{counted(evidence.unfinished, 'copy', 'copies')} unfinished"
    if evidence.empty:
        return f"{counted(evidence.empty, 'copy', 'copies')} empty (0 bytes)"
    return None if evidence.files else "no copy is there"


def _recommended(cases: Mapping[str, Case]) -> str:
    """Which service suits the device: rsync for databases in files and videos, mysql where it has MySQL only."""
    for kinds, service in (((SQLITE, VIDEO), RSYNC), ((MYSQL,), "mysql")):
        for kind in kinds:
            case = cases.get(kind)
            if case is not None and (case.claimed or (case.evidence is not None and case.evidence.files)):
                return service
    return NONE


def _last_error(cases: Mapping[str, Case]) -> str | None:
    errors = []
    for kind, case in cases.items():
        if case.job is not None and case.job.state in (FAILED, SKIPPED) and case.job.message:
            errors.append((case.job.ended or 0.0, f"{case.job.source}: {cell(case.job.message)}"))
        elif case.evidence is not None and case.evidence.check is not None and case.evidence.check.usable is False:
            errors.append((0.0, f"{kind}: the newest copy {case.evidence.check.why_not}"))
    return max(errors)[1] if errors else None


def _summary(devices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    types = [one for device in devices for one in device["types"].values()]
    size = sum(one["size"] or 0 for one in types)
    statuses = [device["status"] for device in devices]
    return {
        "devices": len(devices),
        **{status: statuses.count(status) for status in STATUSES},
        "files": sum(one["files"] or 0 for one in types),
        "bytes": size,
        "bytes_human": format_size(size),
        "worst_age": max((one["age"] for one in types if one["age"] is not None), default=None),
    }


def services_report(heard: Iterable[Heard], urls: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Each service that was asked; one with several questions is available when all were answered."""
    services: dict[str, dict[str, Any]] = {}
    for service, url in urls.items():
        ours = [one for one in heard if one.question.service == service]
        latencies = [one.latency for one in ours if one.latency is not None]
        errors = [_error(one, several=len(ours) > 1) for one in ours if one.error]
        facts = [one.facts for one in ours if one.facts is not None]
        services[service] = {
            "url": url,
            "available": len(facts) == len(ours),
            "latency": round(max(latencies), 3) if latencies else None,
            "error": "; ".join(errors) or None,
            "current_device": next((one.current_device for one in facts if one.current_device), None),
            "current_file": next((one.current_file for one in facts if one.current_file), None),
            "asked": int(min(one.asked for one in ours)),
            "cached": all(one.latency is None for one in ours),
            "clock_offset": max((one.offset for one in ours), key=abs, default=0.0),
        }
    return services


def _error(heard: Heard, *, several: bool) -> str:
    return f"{heard.question.url}: {heard.error}" if several else str(heard.error)


def message(report: Mapping[str, Any], services: Mapping[str, Mapping[str, Any]]) -> str:
    """The result in a sentence or two."""
    summary = report["summary"]
    states = ", ".join(f"{summary[status]} {status}" for status in reversed(STATUSES) if summary[status])
    parts = [f"{counted(summary['devices'], 'device')}{f': {states}' if states else ''}."]
    serious = [one for one in report["discrepancies"] if one["kind"] != CLAIMED_BUT_EMPTY]
    if serious:
        parts.append(f"{counted(len(serious), 'discrepancy', 'discrepancies')}.")
    silent = [name for name, service in services.items() if not service["available"]]
    if silent:
        parts.append(f"No usable answer from {listed(silent)}.")
    return " ".join(parts)


def _called(device: Mapping[str, Any], names: Mapping[str | None, int]) -> str:
    """A device's name, with its id where several have that name."""
    name = cell(device["name"] or "")
    return f"{name} {cell(device['id'])}".strip() if not name or names[device["name"]] > 1 else name


def failure(
    report: Mapping[str, Any], services: Mapping[str, Mapping[str, Any]], fail_on: frozenset[str]
) -> str | None:
    """Why the task fails: what the user doesn't accept, of the devices the worst first; None for nothing."""
    if not fail_on:
        return None
    reasons: list[str] = []
    if NO_ANSWER in fail_on:
        reasons.extend(
            f"No usable answer from {name} at {service['url']}: {service['error']}."
            for name, service in services.items()
            if not service["available"]
        )
    if not report["devices"]:
        reasons.append("No device is known to any source, so nothing is shown to be as wished.")
    bad = sorted(
        (device for device in report["devices"] if device["status"] in fail_on),
        key=lambda device: STATUSES.index(device["status"]),
    )
    if bad:
        names = Counter(device["name"] for device in report["devices"])
        rows = [f"{_called(device, names)} ({cell(device['reason'])})" for device in bad]
        reasons.insert(
            0, f"{len(bad)} of {counted(report['summary']['devices'], 'device')} not as wished: {listed(rows)}."
        )
    return " ".join(reasons) or None
