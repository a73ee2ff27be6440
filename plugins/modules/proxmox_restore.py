# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_restore
short_description: Restore Proxmox VE guests, and never make things worse
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Restores VMs and containers from backups, onto a new id or in place of a guest.
  - Proxmox VE destroys the old guest before it reads the archive. With O(if_exists=replace) this module first looks at
    everything that may go wrong, tries the archive out on a scratch id, makes a protected safety backup of the guest,
    and rolls back from it when the restore fails. Whatever happens, either the new guest or the old one stands whole,
    and the result says which.
  - Everything that is begun is noted in a journal first. A run that was killed is ended by the next run for the same
    target.
notes:
  - O(if_exists=replace) is not idempotent; it restores each time, and says changed. O(if_exists=skip) is.
  - Privileges needed are C(VM.Audit) and C(VM.Backup) on the guest, C(Datastore.AllocateSpace) on the storages of the
    archive and of the guest's volumes, C(VM.Allocate) on the target id, C(SDN.Use) on the bridges of its network cards
    (since Proxmox VE 8), C(VM.PowerMgmt) to start or shut down, C(Sys.Modify) on / for privileged containers (since 9),
    the C(VM.Config.*) privileges of O(overrides), and C(Sys.Audit) and C(Sys.Console) on / for guests that HA manages.
    All are checked before anything is written.
  - Bind and device mounts and C(lxc.*) lines of containers, and devices of VMs that are not mapped in the cluster, are
    restored by Proxmox VE for C(root@pam) with a password alone. Mapped devices need C(Mapping.Use).
  - A safety backup is never the newest backup of a guest to this module; it is restored by its O(volid) only. It counts
    towards the limit of protected backups of its storage (5, unless the storage says otherwise).
  - The journal is a file in a folder of this machine. In containers that are thrown away after a task (AWX), set
    O(journal_path) to a folder that stays.
extends_documentation_fragment:
  - lifeboat.backup.proxmox
  - lifeboat.backup.proxmox.actiongroup
  - lifeboat.backup.selection
attributes:
  check_mode:
    description: Makes every check and says which steps would be taken. Writes nothing.
    support: full
  diff_mode:
    description: Shows the configuration before and after.
    support: full
  idempotent:
    description: With O(if_exists=skip) and O(if_exists=fail) nothing that is there is restored again.
    support: partial
options:
  volid:
    description:
      - The backup to restore, by its volume id.
      - Say once what to restore, by this, O(vmid), O(name), O(restores) or a selection (O(vmids), O(names), O(tags),
        O(pools), O(all_guests)).
    type: str
  vmid:
    description:
      - The guest whose newest good backup is restored, by its id. It need not be there any more.
    type: int
  name:
    description:
      - The guest whose newest good backup is restored, by its exact name.
    type: str
  restores:
    description:
      - Several restores, each with one of O(restores[].volid), O(restores[].vmid) or O(restores[].name). What an entry
        doesn't say is taken from the options of the same name. What befalls one doesn't stop the others.
    type: list
    elements: dict
    suboptions:
      volid:
        description: See O(volid).
        type: str
      vmid:
        description: See O(vmid).
        type: int
      name:
        description: See O(name).
        type: str
      before:
        description: See O(before).
        type: str
      target_vmid:
        description: See O(target_vmid).
        type: str
      target_node:
        description: See O(target_node).
        type: str
      target_storage:
        description: See O(target_storage).
        type: str
      pool:
        description: See O(pool).
        type: str
      new_name:
        description: See O(new_name).
        type: str
      if_exists:
        description: See O(if_exists).
        type: str
        choices: [fail, skip, replace]
      start:
        description: See O(start).
        type: bool
  newest:
    description:
      - Takes the newest of several backups. V(false) refuses when more than one may be meant.
    type: bool
    default: true
  before:
    description:
      - Takes the newest backup from before this moment, in ISO 8601 with a zone (V(2026-11-20T03:00:00+01:00)) or in
        epoch seconds.
    type: str
  verified_only:
    description:
      - Takes only backups that their storage has verified.
    type: bool
    default: false
  storages:
    description:
      - Looks for the backups of a guest on these storages only. Without it on all that the token may see.
    type: list
    elements: str
  target_vmid:
    description:
      - The id to restore to. V(same) is that of the backup, V(auto) the next free one.
    type: str
    default: same
  target_node:
    description:
      - The node to restore on. Without it where the guest is, or where the backup lies.
    type: str
  target_storage:
    description:
      - The storage of all volumes. Without it a VM's disks go where they were, and a container's volumes to the storage
        of its root.
    type: str
  pool:
    description:
      - The resource pool of the restored guest.
    type: str
  new_name:
    description:
      - The name of the restored guest, when it is to be another than in the backup.
    type: str
  unique:
    description:
      - Gives the guest new MAC addresses (and a VM a new uuid). Without it that is done when the id is another than the
        backup's.
    type: bool
  overrides:
    description:
      - Settings that shall be other than in the backup, as Proxmox VE names them. Volumes are not among them.
    type: dict
  network:
    description:
      - V(keep) leaves the network cards as they are in the backup. V(disconnected) takes their links down. V(isolated)
        puts them on O(bridge) and O(vlan).
    type: str
    choices: [keep, disconnected, isolated]
    default: keep
  bridge:
    description:
      - The bridge for O(network=isolated).
    type: str
  vlan:
    description:
      - The VLAN tag for O(network=isolated), 1 to 4094.
    type: int
  unprivileged:
    description:
      - Makes a container an unprivileged or a privileged one. Without it it is what it was.
    type: bool
  ignore_unpack_errors:
    description:
      - Lets Proxmox VE go on when it can't unpack all of a container's archive. What could not be unpacked is missing
        then; the proof of the archive is no better.
    type: bool
    default: false
  bwlimit:
    description:
      - The limit of the restore in KiB/s. V(0) is no limit.
    type: int
  live_restore:
    description:
      - Starts a VM while it is being restored from a Proxmox Backup Server. Not together with a guest that is replaced.
    type: bool
    default: false
  if_exists:
    description:
      - What to do when a guest has the id. V(fail) changes nothing and fails; V(skip) changes nothing; V(replace)
        replaces it. A guest of the other type is never replaced.
    type: str
    choices: [fail, skip, replace]
    default: fail
  accept_loss:
    description:
      - What may be lost with a guest that is replaced. V(volumes) are those that no backup holds (C(backup=0) and
        unused ones), V(snapshots) its snapshots. Without it the task is refused, and names them.
    type: list
    elements: str
    choices: [volumes, snapshots]
    default: []
  prove:
    description:
      - How the archive is tried before a guest is replaced. V(scratch) restores it to a free id, looks at it and
        removes it again, because the configuration of a truncated archive can still be read. V(listed) only looks at
        the listing and the configuration in the archive.
      - Without it V(scratch) where there is room and the token may, V(listed) with a warning elsewhere.
    type: str
    choices: [scratch, listed]
  shutdown:
    description:
      - Shuts a guest down that is to be replaced and runs. It is never stopped by force.
    type: bool
    default: false
  shutdown_timeout:
    description:
      - How long it may take to shut down, as a duration.
    type: str
    default: 3m
  safety_backup:
    description:
      - Makes a protected backup of a guest before it is replaced, and rolls back from it when the restore fails.
        V(false) leaves nothing to roll back from.
    type: bool
    default: true
  safety_storage:
    description:
      - The storage of the safety backup. Without it that of the archive.
    type: str
  keep_safety_backup:
    description:
      - Leaves the safety backup protected after a restore that succeeded. V(false) takes its protection off, so that
        retention removes it in its time. It is not removed by this module.
    type: bool
    default: true
  ha:
    description:
      - V(refuse) doesn't replace a guest that HA manages. V(disable_during) has HA ignore it meanwhile, and puts its
        state back.
    type: str
    choices: [refuse, disable_during]
    default: refuse
  start:
    description:
      - Starts the guest after it was restored. A guest that ran before it was replaced is started anyway.
    type: bool
    default: false
  wait:
    description:
      - Waits for the end of the restore. V(false) only begins it; not together with O(if_exists=replace) and O(start).
    type: bool
    default: true
  timeout:
    description:
      - How long the steps before the restore may take together, and the restore and a rollback each, as a duration such
        as V(90m) or V(4h).
    type: str
    default: 4h
  on_timeout:
    description:
      - What to do with a restore that takes longer. V(leave) lets it run, fails, and leaves its end to the next run of
        the task; V(cancel) cancels it, and rolls back.
    type: str
    choices: [leave, cancel]
    default: leave
  max_parallel:
    description:
      - How many guests are restored at the same time.
    type: int
    default: 4
  journal_path:
    description:
      - The folder of the journals. Without it C($XDG_STATE_HOME/lifeboat) or C(~/.local/state/lifeboat). A restore that
        can't write its journal is not begun.
    type: path
seealso:
  - module: lifeboat.backup.proxmox_backup
  - module: lifeboat.backup.proxmox_backup_info
  - module: lifeboat.backup.proxmox_guest_state
"""

EXAMPLES = r"""
- name: Restore the newest good backup of a guest that is gone
  lifeboat.backup.proxmox_restore:
    vmid: 109
    start: true

- name: Restore a copy beside the guest, without a network, to look something up
  lifeboat.backup.proxmox_restore:
    name: web1
    target_vmid: auto
    new_name: web1-copy
    network: disconnected

- name: Say what it would take to replace a guest by its newest good backup
  lifeboat.backup.proxmox_restore:
    name: web1
    if_exists: replace
    shutdown: true
  check_mode: true

- name: Replace it; it is rolled back when that fails
  lifeboat.backup.proxmox_restore:
    name: web1
    before: "2026-11-20T06:00:00+01:00"
    if_exists: replace
    shutdown: true

- name: Restore whichever of these guests is not there, several at the same time
  lifeboat.backup.proxmox_restore:
    vmids: [101, 102, 104, 109, 301]
    if_exists: skip
    max_parallel: 4

- name: Restore two guests, each to a place of its own
  lifeboat.backup.proxmox_restore:
    restores:
      - vmid: 101
        target_vmid: "901"
      - name: db1
        target_vmid: "902"
        start: true
"""

RETURN = r"""
msg:
  description: What was done, and which guest stands.
  returned: always
  type: str
  sample: "101 (web1): restored from vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst (9 h old) in 42 s; it
  runs."
restores:
  description: One entry for each restore that the task means, in its order.
  returned: when the cluster could be looked at
  type: list
  elements: dict
  contains:
    result:
      description:
        - V(restored); V(skipped), because a guest has the id already; V(running), it is not waited for;
          V(would_restore) in check mode.
        - V(rolled_back), the restore failed and the old guest stands again from its safety backup; V(failed), and
          RV(restores[].reason) says what stands. Both make the task fail.
      type: str
    reason:
      description:
        - Why the result is what it is, and which guest stands where it isn't the new one.
      type: str
    source:
      description:
        - What the task named, a volume id, a name or an id.
      type: str
    vmid:
      description:
        - The id that was restored to. Null when it was refused before that was known.
      type: int
    name:
      description:
        - The name of the guest.
      type: str
    node:
      description:
        - Its node.
      type: str
    type:
      description:
        - V(qemu) or V(lxc).
      type: str
    volid:
      description:
        - The backup that was chosen.
      type: str
    restored_from:
      description:
        - The backup, as C(volid), C(ctime) (epoch seconds), C(size) (bytes) and C(age) (seconds).
      type: dict
    upid:
      description:
        - The task of the restore.
      type: str
    steps:
      description:
        - What was done, in order. Each has C(step), C(result) (V(ok), V(failed), in check mode V(planned)),
          C(seconds) and C(upid). The steps are V(protect_source), V(prove), V(disable_ha), V(shut_down),
          V(safety_backup), V(restore), V(check), V(roll_back), V(clean_up), V(start), V(enable_ha), V(release_source)
          and V(release_safety_backup).
      type: list
      elements: dict
    safety_backup:
      description:
        - The volume id of the safety backup of the guest that was replaced.
      type: str
    rolled_back:
      description:
        - Whether the old guest was restored from its safety backup.
      type: bool
    started:
      description:
        - Whether the guest was started and runs. Null when it wasn't to be started.
      type: bool
    recovered:
      description:
        - Whether this run has ended what an earlier one, which was killed, has begun.
      type: bool
    changed:
      description:
        - Whether anything was changed for this guest.
      type: bool
    duration:
      description:
        - Seconds that it took.
      type: float
summary:
  description: How many restores were meant (C(selected)), and how many ended with each result.
  returned: when the cluster could be looked at
  type: dict
  sample: {"selected": 1, "restored": 1, "skipped": 0, "running": 0, "rolled_back": 0, "failed": 0, "would_restore": 0}
result:
  description: As in RV(restores[].result).
  returned: when one restore is meant
  type: str
reason:
  description: As in RV(restores[].reason).
  returned: when one restore is meant
  type: str
source:
  description: As in RV(restores[].source).
  returned: when one restore is meant
  type: str
vmid:
  description: As in RV(restores[].vmid).
  returned: when one restore is meant
  type: int
name:
  description: As in RV(restores[].name).
  returned: when one restore is meant
  type: str
node:
  description: As in RV(restores[].node).
  returned: when one restore is meant
  type: str
type:
  description: As in RV(restores[].type).
  returned: when one restore is meant
  type: str
volid:
  description: As in RV(restores[].volid).
  returned: when one restore is meant
  type: str
restored_from:
  description: As in RV(restores[].restored_from).
  returned: when one restore is meant
  type: dict
upid:
  description: As in RV(restores[].upid).
  returned: when one restore is meant
  type: str
steps:
  description: As in RV(restores[].steps).
  returned: when one restore is meant
  type: list
  elements: dict
safety_backup:
  description: As in RV(restores[].safety_backup).
  returned: when one restore is meant
  type: str
rolled_back:
  description: As in RV(restores[].rolled_back).
  returned: when one restore is meant
  type: bool
started:
  description: As in RV(restores[].started).
  returned: when one restore is meant
  type: bool
recovered:
  description: As in RV(restores[].recovered).
  returned: when one restore is meant
  type: bool
duration:
  description: As in RV(restores[].duration).
  returned: when one restore is meant
  type: float
diff:
  description: The configuration before and after; a list for several restores.
  returned: when the cluster could be looked at
  type: raw
api_error:
  description: What Proxmox VE answered, when the task fails because a request was refused.
  returned: when a request was refused
  type: dict
  contains:
    method:
      description: The HTTP method.
      type: str
    path:
      description: The path of the request.
      type: str
    status:
      description: The status, or the code that stands in the text of a 500.
      type: int
    reason:
      description: The reason phrase.
      type: str
    message:
      description: The whole message. Empty before Proxmox VE 8.3.
      type: str
    errors:
      description: The message for each parameter.
      type: dict
api_requests:
  description: How many requests were sent to Proxmox VE, logins included.
  returned: always
  type: int
"""

from contextlib import nullcontext

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.argument_spec import (
    connection_spec,
    selection_spec,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.journal_folder import journal_folder
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.proxmox import Call, run_proxmox
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.report import FAILURES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_guests import restore_guests

OWN: dict[str, dict[str, object]] = {
    "volid": {"type": "str"},
    "vmid": {"type": "int"},
    "name": {"type": "str"},
    "before": {"type": "str"},
    "target_vmid": {"type": "str"},
    "target_node": {"type": "str"},
    "target_storage": {"type": "str"},
    "pool": {"type": "str"},
    "new_name": {"type": "str"},
    "if_exists": {"type": "str", "choices": ["fail", "skip", "replace"]},
    "start": {"type": "bool"},
}
"""Options that an entry of ``restores`` has, too."""


def argument_spec() -> dict[str, object]:
    """The options, as DOCUMENTATION says them."""
    return {
        **connection_spec(),
        **selection_spec(),
        **OWN,
        "target_vmid": {"type": "str", "default": "same"},
        "if_exists": {"type": "str", "choices": ["fail", "skip", "replace"], "default": "fail"},
        "start": {"type": "bool", "default": False},
        "restores": {"type": "list", "elements": "dict", "options": OWN},
        "newest": {"type": "bool", "default": True},
        "verified_only": {"type": "bool", "default": False},
        "storages": {"type": "list", "elements": "str"},
        "unique": {"type": "bool"},
        "overrides": {"type": "dict"},
        "network": {"type": "str", "choices": ["keep", "disconnected", "isolated"], "default": "keep"},
        "bridge": {"type": "str"},
        "vlan": {"type": "int"},
        "unprivileged": {"type": "bool"},
        "ignore_unpack_errors": {"type": "bool", "default": False},
        "bwlimit": {"type": "int"},
        "live_restore": {"type": "bool", "default": False},
        "accept_loss": {"type": "list", "elements": "str", "choices": ["volumes", "snapshots"], "default": []},
        "prove": {"type": "str", "choices": ["scratch", "listed"]},
        "shutdown": {"type": "bool", "default": False},
        "shutdown_timeout": {"type": "str", "default": "3m"},
        "safety_backup": {"type": "bool", "default": True},
        "safety_storage": {"type": "str"},
        "keep_safety_backup": {"type": "bool", "default": True},
        "ha": {"type": "str", "choices": ["refuse", "disable_during"], "default": "refuse"},
        "wait": {"type": "bool", "default": True},
        "timeout": {"type": "str", "default": "4h"},
        "on_timeout": {"type": "str", "choices": ["leave", "cancel"], "default": "leave"},
        "max_parallel": {"type": "int", "default": 4},
        "journal_path": {"type": "path"},
    }


def work(call: Call) -> Result:
    """Restore; the task fails where a guest is not restored, and the others are told all the same."""
    # Check mode starts nothing that would have to be ended in order: a signal ends it at once.
    with nullcontext() if call.check_mode else call.interruption.on_signals():
        values = restore_guests(
            call.client,
            call.params,
            call.check_mode,
            call.clock,
            call.interruption,
            journal_folder(call.params, call.client.cluster),
        )
    return Result.judged(values, any(one["result"] in FAILURES for one in values["restores"]))


def main() -> None:
    """Run the module."""
    run_proxmox(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
