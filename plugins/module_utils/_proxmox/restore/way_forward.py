# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that lead to a restored guest, each noted before it is taken.

A step that fails ends the way forward; what becomes of the guest then is decided in ``settle``. Private to this
collection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, observe_listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ApiError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    GuestConfiguration,
    differences,
    missing_volumes,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    AFTERWARDS,
    TaskEnd,
    guest_path,
    ha_path,
    observe_guest_state,
    wait_for_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import parse_job_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.request import TASK_TYPES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    Job,
    StepFailed,
    archive_name,
    begin_task,
    ended,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.scratch import remove_scratch
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import (
    Site,
    backup_path,
    is_protected,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import SAFETY_MARK
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import Surroundings
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import start_backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import backup_tasks, task_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

SHUTDOWNS = {"lxc": "vzshutdown", "qemu": "qmshutdown"}
TRIES = 5
"""Free ids that are tried, should somebody else take them first."""


@dataclass(frozen=True)
class WayForward:
    """The steps of one plan."""

    site: Site
    plan: RestorePlan
    around: Surroundings
    run: str
    shutdown_timeout: int

    def go(self) -> None:
        """Take the steps up to the check of what was restored.

        :raises LifeboatError: at the step that fails.
        """
        todo: dict[str, Callable[[], object]] = {
            "protect_source": self._protect_source,
            "prove": self._prove,
            "disable_ha": self._disable_ha,
            "shut_down": self._shut_down,
            "safety_backup": self._safety_backup,
            "restore": self._restore,
            "check": self._check,
        }
        for name, work in todo.items():
            if name not in self.plan.steps:
                continue
            if self.site.early.passed() and name != "check":
                why = "the run was interrupted" if self.site.early.interrupted else "the time was up"
                raise StepFailed(f"{why} before its turn ({name})")
            self.site.steps.take(name, work)

    def _protect_source(self) -> None:
        """So that no retention takes it in the meantime.

        Proxmox says OK also for what isn't there, and leaves a stray file (recorded: 07_notes_protected_delete).
        """
        path = backup_path(self.plan.backup.node, self.plan.backup.volid)
        if is_protected(self.site, path):
            return  # somebody else has protected it since it was listed
        self.site.notes.note("protecting")
        self.site.client.put(path, protected=1)
        try:
            self.site.client.get(path)
        except ApiError as failure:
            self.site.client.put(path, protected=0)
            self.site.notes.note("released")
            raise StepFailed(
                f"{self.plan.backup.volid} can't be looked at any more ({failure.text.strip()})"
            ) from failure

    def _prove(self) -> TaskEnd:
        """Restore the archive to a scratch id: a truncated one shows its configuration and can't be restored."""
        plan, site = self.plan, self.site
        vmid, upid = self._onto_free_id("proving", dict(plan.proof or {}))
        end = ended(site.client, site.clock, upid, site.early)
        if not end.good:
            raise StepFailed(f"{plan.backup.volid} can't be restored: {told(site.client, end)}")
        scratch = Guest(vmid, None, plan.guest.node, plan.guest.type)
        found = observe_configuration(site.client, scratch)
        lacking = self._lacking(found)
        if lacking:
            raise StepFailed(f"{plan.backup.volid} can't be restored: {listed(lacking)} is missing in the scratch copy")
        remove_scratch(site, site.notes.progress())
        return end

    def _disable_ha(self) -> None:
        """What the HA manager ignores it neither starts nor moves, and calls go to the guest itself."""
        self.site.notes.note("disabling_ha")
        self.site.client.put(ha_path(self.plan.guest), state="ignored")

    def _shut_down(self) -> TaskEnd:
        guest, site = self.plan.guest, self.site
        path = guest_path(guest, "status", "shutdown")
        patience = self.shutdown_timeout
        job = Job("stopping", guest.node, SHUTDOWNS[guest.type], guest.vmid)
        upid = begin_task(
            site, job, lambda: site.client.post(path, timeout=patience, forceStop=0), patience=patience + AFTERWARDS
        )
        end = ended(site.client, site.clock, upid, site.early)
        site.notes.note("shut_down")
        # A task that succeeded may have been a request to the HA manager only.
        if end.good:
            state = wait_for_state(site.client, site.early, guest, False)
        else:
            state = observe_guest_state(site.client, guest)
        if state.running:
            raise StepFailed(f"it did not shut down within {format_duration(self.shutdown_timeout)} ({end.exitstatus})")
        return end

    def _safety_backup(self) -> TaskEnd:
        """A backup of what is about to be replaced; the storage has to list it before anything goes on."""
        plan, site = self.plan, self.site
        node, storage = plan.guest.node, str(plan.safety_storage)
        # Two backups of a guest within a second have the same name, and the second replaces the first (04_vzdump_ok).
        age = site.node_time(node) - plan.backup.ctime
        site.clock.sleep(min(2.0, max(0.0, 2.0 - age)))
        before = backup_tasks(site.client, node)
        known = [task.upid.text for task in before]
        site.notes.note("saving", vmid=plan.guest.vmid, storage=storage, known=known, asked=site.node_time(node))
        parameters = {
            "storage": storage,
            "compress": "zstd",
            "protected": 1,
            "remove": 0,
            "notes-template": f"{{{{guestname}}}}: {SAFETY_MARK} {self.run}",
        }
        upid = start_backup(site.client, node, [plan.guest.vmid], parameters, before, site.early, site.clock)
        if upid is None:
            raise StepFailed(f"its safety backup was not started: it is not on node {node} any more")
        site.notes.note("task", upid=upid.text)
        site.steps.name_task(upid.text)
        end = ended(site.client, site.clock, upid, site.early)
        part = parse_job_log(task_log(site.client, upid)).guest(plan.guest.vmid)
        if not end.good:
            raise StepFailed(f"its safety backup failed: {part.cause or end.exitstatus}")
        backup = self._proven(upid, storage, part.volid(storage))
        site.notes.note("saved", node=node, volid=backup.volid)
        return end

    def _proven(self, upid: Upid, storage: str, volid: str | None) -> Backup:
        listing = observe_listing(self.site.client, storage, self.plan.guest.node, False)
        new = [
            backup
            for backup in listing.backups
            if backup.vmid == self.plan.guest.vmid and backup.ctime >= upid.starttime and backup.good()
        ]
        named = [backup for backup in new if backup.volid == volid] or new
        if not named:
            raise StepFailed(f"its safety backup is said to be made, and storage {storage} lists none of it")
        return max(named, key=lambda backup: backup.ctime)

    def _restore(self) -> TaskEnd:
        plan, site = self.plan, self.site
        if plan.free_choice:
            _vmid, upid = self._onto_free_id("restoring", dict(plan.request))
        else:
            old = self._unchanged() if plan.replaces else None
            force = {"force": 1} if plan.replaces else {}
            upid = self._begin("restoring", plan.guest.vmid, {**plan.request, **force}, old)
        if not self.plan.waits:
            return TaskEnd(upid, None, 0.0)
        end = ended(site.client, site.clock, upid, site.late())
        if not end.good:
            raise StepFailed(f"the restore failed: {told(site.client, end)}")
        return end

    def _onto_free_id(self, event: str, parameters: dict[str, Any]) -> tuple[int, Upid]:
        """Begin it; an id that somebody else takes in between is left to him."""
        for _attempt in range(TRIES):
            vmid = self.around.free_id()
            try:
                return vmid, self._begin(event, vmid, parameters)
            except ApiError as failure:
                if "already exists" not in failure.text:
                    raise
        raise StepFailed(f"somebody else took {TRIES} free ids one after the other")

    def _begin(self, event: str, vmid: int, parameters: dict[str, Any], old: str | None = None) -> Upid:
        guest, site = self.plan.guest, self.site
        path = path_of("nodes", guest.node, guest.type)

        def post() -> Any:
            return site.client.post(path, vmid=vmid, **parameters)

        mark = archive_name(self.plan.backup.volid)
        return begin_task(site, Job(event, guest.node, TASK_TYPES[guest.type], vmid, mark), post, old=old)

    def _unchanged(self) -> str:
        """A last look: what was planned for is still there, and nobody has begun to use it."""
        guest, client = self.plan.guest, self.site.client
        found = observe_configuration(client, guest)
        if found is None or self.plan.before is None:
            raise StepFailed("it is not there any more")
        if found.fingerprint != self.plan.before.fingerprint:
            changed = differences(self.plan.before, found, False) or ["its volumes"]
            raise StepFailed(f"somebody has changed it meanwhile ({listed(changed)})")
        state = observe_guest_state(client, guest)
        if state.running or state.lock or found.lock:
            raise StepFailed(
                "it was started meanwhile" if state.running else f"it is locked ({state.lock or found.lock})"
            )
        return found.fingerprint

    def _lacking(self, found: GuestConfiguration | None) -> list[str]:
        """The volumes of the archive that a guest made from it hasn't."""
        return missing_volumes(self.plan.archived, found) if found is not None else ["everything"]

    def _check(self) -> None:
        """What was restored has the volumes of the archive; other settings than expected are worth a warning."""
        plan, site = self.plan, self.site
        guest = site.notes.progress().guest
        found = observe_configuration(site.client, guest)
        lacking = self._lacking(found)
        if found is None or lacking:
            raise StepFailed(f"the restore is said to be done, and {listed(lacking)} is missing")
        other = differences(plan.expected, found, plan.renewed)
        if other:
            site.warnings.append(f"{guest.label}: these settings are not as in the archive: {listed(other)}.")
