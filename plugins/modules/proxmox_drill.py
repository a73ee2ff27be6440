# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_drill
short_description: Prove that backups of Proxmox VE guests restore
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Restores backups of guests to scratch ids, cut off from networks and the node's devices, starts the copies, checks
    them, and destroys them again. Each drill ends with a verdict that rests on evidence, and with a line in a record
    that is kept for ever.
  - A drill is V(passed) when every check passed, V(failed) when one failed, and V(not_run) when something could not be
    looked at. What didn't answer has not passed.
  - With O(per_run=auto) each run takes the guests whose turn it is, so that all are drilled within O(within_days).
  - What a killed drill has left is found by its journal and its marks, and removed by the next drill.
notes:
  - A copy carries O(tag), a nonce in its notes, and its restore stands in the journal. Only a guest in O(scratch_range)
    that carries all three, as it is at that moment, is ever stopped or destroyed.
  - Before the first start network cards are taken out, disconnected or isolated; C(hookscript), C(args), C(hostpci),
    C(usb), C(virtiofs), C(serial) and C(parallel) devices of the node, bind mounts and devices of containers are taken
    out, CD drives are emptied and C(onboot) is off. A copy that still reaches out, or has an option that this version
    does not know, is not started, and the reason is told. C(args) and C(hookscript) can be taken out by C(root@pam)
    alone, with a password and not with a token.
  - Privileges needed are those of a restore onto a new id (see M(lifeboat.backup.proxmox_restore)), with
    C(VM.Config.Options), C(VM.Config.Network) and C(VM.PowerMgmt) on the ids of O(scratch_range), C(VM.Config.Memory)
    and C(VM.Config.CPU) for O(memory) and O(cores), C(VM.Config.CDROM) where a VM has a medium in a drive,
    C(VM.Config.HWType) where it has devices, and C(Sys.Audit) on the node. The guest agent is asked with C(VM.Monitor),
    from Proxmox VE 9 on with C(VM.GuestAgent.Unrestricted).
  - Proxmox VE has no call that runs a command in a container. The role P(lifeboat.backup.restore_drill#role) can ask
    the node for it, and give the verdict back by O(verdicts).
  - The journal is a file in a folder of this machine, as is the record unless O(record_path) says otherwise. In
    containers that are thrown away after a task (AWX), set both to a folder that stays.
extends_documentation_fragment:
  - lifeboat.backup.proxmox
  - lifeboat.backup.proxmox.actiongroup
  - lifeboat.backup.selection
attributes:
  check_mode:
    description: Says which guests would be drilled, and whether their copies fit. Restores and records nothing.
    support: full
  diff_mode:
    description: A drill changes nothing that stays.
    support: none
  idempotent:
    description: Each run is another drill. O(state=cleaned) is idempotent.
    support: partial
options:
  state:
    description:
      - How far drills are taken. V(complete) is everything, with clean-up whatever happens.
      - V(prepared) restores and isolates the copies, V(started) starts them as well, so that tasks of your own can look
        at them; a later task goes on with O(run). V(checked) checks them, V(cleaned) destroys them and records the
        verdicts. V(cleaned) without O(run) only removes what killed drills have left.
    type: str
    choices: [prepared, started, checked, cleaned, complete]
    default: complete
  run:
    description:
      - The drills of an earlier task, by its RV(run), to go on with.
    type: str
  plan:
    description:
      - A name for the record.
    type: str
    default: drill
  scratch_range:
    description:
      - The ids that copies may have, the first and the last, such as V(900000-900099). Ids that are taken are left
        alone.
    type: str
    required: true
  tag:
    description:
      - The tag that copies carry.
    type: str
    default: lifeboat-drill
  pick:
    description:
      - Which backup of a guest is drilled. V(latest) is its newest good one, V(random_in_window) any good one that is
        younger than O(window).
    type: str
    choices: [latest, random_in_window]
    default: latest
  window:
    description:
      - The age up to which O(pick=random_in_window) chooses, as a duration.
    type: str
    default: 7d
  storages:
    description:
      - Looks for backups on these storages only. Without it on all that the token may see.
    type: list
    elements: str
  verified_only:
    description:
      - Takes only backups that their storage has verified.
    type: bool
    default: false
  per_run:
    description:
      - How many of the selected guests this run drills. V(all), a number, or V(auto), which are as many as it takes to
        drill each within O(within_days) with one run a day. Those come first that were never drilled, then those whose
        last drill is the longest ago.
      - A guest that can't be drilled now leaves its turn to the next.
    type: str
    default: all
  within_days:
    description:
      - Within how many days each guest is to be drilled.
    type: int
    default: 30
  target_node:
    description:
      - The node to restore on. Without it where the guest is, or where the backup lies.
    type: str
  target_storage:
    description:
      - The storage of the copies' volumes. Without it a VM's disks go where they were, and a container's volumes to the
        storage of its root.
    type: str
  pool:
    description:
      - The resource pool of the copies. With it the privileges on copies can be granted on C(/pool/NAME) alone, so that
        the token may not touch any other guest.
    type: str
  network:
    description:
      - What becomes of the copies' network cards. V(none) takes them out, V(disconnected) takes their links down,
        V(isolated) puts them on O(bridge) and O(vlan).
    type: str
    choices: [none, disconnected, isolated]
    default: none
  bridge:
    description:
      - The bridge for O(network=isolated).
    type: str
  vlan:
    description:
      - The VLAN tag for O(network=isolated), 1 to 4094.
    type: int
  memory:
    description:
      - The most memory of a copy, in MiB. Without it a copy has what its guest has.
    type: int
  cores:
    description:
      - The most cores of a copy.
    type: int
  check_memory:
    description:
      - Begins no drill for which the node has not the memory. V(false) where the token may not look.
    type: bool
    default: true
  free_memory:
    description:
      - The memory that is left to the node, in MiB.
    type: int
    default: 1024
  bwlimit:
    description:
      - The limit of the restores in KiB/s. V(0) is no limit.
    type: int
  running_for:
    description:
      - How long a copy has to stay up, as a duration. V(0) leaves this check out.
    type: str
    default: 30s
  agent:
    description:
      - Whether the guest agent of a VM has to answer, and to print a nonce. V(auto) where it is enabled in the guest's
        configuration, V(required) of every VM, V(ignored) of none.
    type: str
    choices: [auto, required, ignored]
    default: auto
  canaries:
    description:
      - Files that the copies must hold. VMs are asked by their guest agent. An entry without a guest is for all.
    type: list
    elements: dict
    suboptions:
      path:
        description: The whole path of the file in the guest.
        type: str
        required: true
      content:
        description: What the file holds; the end of its last line may be missing.
        type: str
      sha256:
        description: The SHA-256 of what the file holds, in place of O(canaries[].content).
        type: str
      vmid:
        description: The guest, by its id.
        type: int
      name:
        description: The guest, by its name.
        type: str
  verdicts:
    description:
      - What tasks of your own have found of started copies, to be taken into the verdict. None of them makes good what
        this module has seen to fail.
    type: list
    elements: dict
    suboptions:
      vmid:
        description: The guest that is drilled (not its copy), by its id.
        type: int
        required: true
      check:
        description: What was checked.
        type: str
        required: true
      verdict:
        description: What came of it. V(passed) without O(verdicts[].evidence) counts as V(not_run).
        type: str
        choices: [passed, failed, not_run]
        required: true
      reason:
        description: Why.
        type: str
      evidence:
        description: What was seen, such as the output of a command.
        type: str
  restore_timeout:
    description:
      - How long a restore may take, as a duration. One that takes longer is cancelled, and the drill failed.
    type: str
    default: 4h
  boot_timeout:
    description:
      - How long a copy may take from its start until it is up, as a duration. With a guest agent that is when this
        answers.
    type: str
    default: 5m
  check_timeout:
    description:
      - How long all checks of a copy may take, as a duration.
    type: str
    default: 5m
  clean_up_timeout:
    description:
      - How long it may take to stop and to destroy a copy, as a duration.
    type: str
    default: 10m
  lease:
    description:
      - How long copies of O(state=prepared), V(started) and V(checked) are kept for the next task, as a duration. After
        that the next drill takes them for left over.
    type: str
    default: 4h
  max_parallel:
    description:
      - How many guests are drilled at the same time.
    type: int
    default: 4
  fail_on:
    description:
      - What makes the task fail, with the full result. V(no_good_backup) is a guest without anything to drill,
        V(overdue) one that was not drilled within O(within_days).
      - A copy that could not be cleaned up, and an interrupted run, always make it fail.
    type: list
    elements: str
    choices: [failed, not_run, no_good_backup, overdue]
    default: [failed, no_good_backup]
  record_path:
    description:
      - The file of the record. Without it C(drills.jsonl) beside the journals.
    type: path
  journal_path:
    description:
      - The folder of the journals. Without it C($XDG_STATE_HOME/lifeboat) or C(~/.local/state/lifeboat). A drill that
        can't write its journal is not begun.
    type: path
seealso:
  - module: lifeboat.backup.proxmox_restore
  - module: lifeboat.backup.proxmox_backup_info
"""

EXAMPLES = r"""
- name: Say what tonight's drill would be, and whether it fits
  lifeboat.backup.proxmox_drill:
    tags: [prod]
    per_run: auto
    within_days: 30
    scratch_range: 900000-900099
  check_mode: true

- name: Drill the guests whose turn it is
  lifeboat.backup.proxmox_drill:
    plan: nightly
    tags: [prod]
    per_run: auto
    within_days: 30
    scratch_range: 900000-900099
    running_for: 2s

- name: Drill one VM from any backup of the last week, with less memory, and look for a file in it
  lifeboat.backup.proxmox_drill:
    names: [db1]
    pick: random_in_window
    window: 7d
    memory: 256
    scratch_range: 900000-900099
    running_for: 2s

- name: Start copies for checks of your own
  lifeboat.backup.proxmox_drill:
    state: started
    vmids: [101]
    scratch_range: 900000-900099
  register: drill

- name: Make the checks of this module, and give the verdict of your own
  lifeboat.backup.proxmox_drill:
    state: checked
    run: "{{ drill.run }}"
    scratch_range: 900000-900099
    running_for: 2s
    verdicts:
      - vmid: 101
        check: shop answers
        verdict: passed
        evidence: "HTTP 200, 31 articles"

- name: Clean up, and record the verdicts
  lifeboat.backup.proxmox_drill:
    state: cleaned
    run: "{{ drill.run }}"
    scratch_range: 900000-900099
"""

RETURN = r"""
msg:
  description: How many drills ended how, and what went wrong.
  returned: always
  type: str
  sample: "2 drills: 1 passed, 1 not run."
run:
  description: The id of this run, by which a later task goes on with it.
  returned: when the cluster could be looked at
  type: str
drills:
  description: One entry for each drilled guest, by its id. The record holds the same, without C(phase).
  returned: when the cluster could be looked at
  type: list
  elements: dict
  contains:
    verdict:
      description:
        - V(passed), V(failed), V(not_run), V(interrupted), or V(pending) as long as the drill is not over.
      type: str
    reason:
      description: What the verdict rests on, or what stood in the way.
      type: str
    phase:
      description: How far the drill came. V(planned), V(prepared), V(started), V(checked) or V(cleaned).
      type: str
    guest:
      description: The drilled guest, as C(vmid), C(name), C(type) and C(node).
      type: dict
    archive:
      description:
        - Its backup, as C(volid), C(storage), C(node), C(ctime) (epoch seconds), C(size) (bytes), C(verified) and
          C(encrypted).
      type: dict
    target:
      description: The copy, as C(vmid), C(node) and C(storage).
      type: dict
    rpo:
      description: The age of the backup in seconds when the drill began. So much would have been lost.
      type: int
    seconds:
      description: How long C(restore), C(boot) and C(checks) took, each null where it did not come to its end.
      type: dict
    rto:
      description: Seconds of restore and boot together. So long would the guest have been away.
      type: float
    checks:
      description:
        - Each check, as C(check), C(verdict), C(reason), C(seconds) and C(evidence). The checks are V(restored),
          V(booted), V(running), V(agent), V(canary PATH), and those of O(verdicts).
      type: list
      elements: dict
    errors:
      description: What else went wrong.
      type: list
      elements: str
    cleanup:
      description: Whether nothing is left (C(done)), the C(reason), and the task that destroyed the copy (C(upid)).
      type: dict
    at:
      description: When the drill began, in epoch seconds.
      type: int
    ended:
      description: When it ended, in epoch seconds.
      type: int
    run:
      description: The run that the drill belongs to.
      type: str
    plan:
      description: The value of O(plan).
      type: str
    cluster:
      description: The cluster, as the journal names it.
      type: str
    versions:
      description: The versions of this collection and of Proxmox VE.
      type: dict
    schema:
      description: The version of the record's schema.
      type: int
findings:
  description: Selected guests without a good backup, as C(vmid), C(name), C(node), C(type), C(finding) and C(reason).
  returned: when the cluster could be looked at
  type: list
  elements: dict
rotation:
  description:
    - How many guests were selected (C(guests)), how many of them this run was to drill (C(per_run)), which it took
      (C(chosen)), and which were not drilled within C(within_days) (C(overdue)).
  returned: when the cluster could be looked at
  type: dict
leftovers:
  description:
    - What killed drills have left, as C(vmid), C(node), C(run), C(result) (V(removed), V(left), in check mode
      V(planned)) and C(reason).
  returned: when the cluster could be looked at
  type: list
  elements: dict
summary:
  description: How many drills have each verdict, and how many findings there are.
  returned: when the cluster could be looked at
  type: dict
  sample: {"passed": 1, "failed": 0, "not_run": 1, "interrupted": 0, "pending": 0, "findings": 0}
record:
  description: The file of the record.
  returned: when the cluster could be looked at
  type: str
api_error:
  description: As in M(lifeboat.backup.proxmox_restore).
  returned: when a request was refused
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
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill_guests import drill_guests

CANARY = {
    "path": {"type": "str", "required": True},
    "content": {"type": "str"},
    "sha256": {"type": "str"},
    "vmid": {"type": "int"},
    "name": {"type": "str"},
}
VERDICT = {
    "vmid": {"type": "int", "required": True},
    "check": {"type": "str", "required": True},
    "verdict": {"type": "str", "required": True, "choices": ["passed", "failed", "not_run"]},
    "reason": {"type": "str"},
    "evidence": {"type": "str"},
}


def argument_spec() -> dict[str, dict[str, object]]:
    """The options of the module."""
    return {
        **connection_spec(),
        **selection_spec(),
        "state": {
            "type": "str",
            "choices": ["prepared", "started", "checked", "cleaned", "complete"],
            "default": "complete",
        },
        "run": {"type": "str"},
        "plan": {"type": "str", "default": "drill"},
        "scratch_range": {"type": "str", "required": True},
        "tag": {"type": "str", "default": "lifeboat-drill"},
        "pick": {"type": "str", "choices": ["latest", "random_in_window"], "default": "latest"},
        "window": {"type": "str", "default": "7d"},
        "storages": {"type": "list", "elements": "str"},
        "verified_only": {"type": "bool", "default": False},
        "per_run": {"type": "str", "default": "all"},
        "within_days": {"type": "int", "default": 30},
        "target_node": {"type": "str"},
        "target_storage": {"type": "str"},
        "pool": {"type": "str"},
        "network": {"type": "str", "choices": ["none", "disconnected", "isolated"], "default": "none"},
        "bridge": {"type": "str"},
        "vlan": {"type": "int"},
        "memory": {"type": "int"},
        "cores": {"type": "int"},
        "check_memory": {"type": "bool", "default": True},
        "free_memory": {"type": "int", "default": 1024},
        "bwlimit": {"type": "int"},
        "running_for": {"type": "str", "default": "30s"},
        "agent": {"type": "str", "choices": ["auto", "required", "ignored"], "default": "auto"},
        "canaries": {"type": "list", "elements": "dict", "options": CANARY},
        "verdicts": {"type": "list", "elements": "dict", "options": VERDICT},
        "restore_timeout": {"type": "str", "default": "4h"},
        "boot_timeout": {"type": "str", "default": "5m"},
        "check_timeout": {"type": "str", "default": "5m"},
        "clean_up_timeout": {"type": "str", "default": "10m"},
        "lease": {"type": "str", "default": "4h"},
        "max_parallel": {"type": "int", "default": 4},
        "fail_on": {
            "type": "list",
            "elements": "str",
            "choices": ["failed", "not_run", "no_good_backup", "overdue"],
            "default": ["failed", "no_good_backup"],
        },
        "record_path": {"type": "path"},
        "journal_path": {"type": "path"},
    }


def work(call: Call) -> Result:
    """Drill; the task fails where a verdict or what is left says so, and tells everything all the same."""
    # Check mode starts nothing that would have to be ended in order: a signal ends it at once.
    with nullcontext() if call.check_mode else call.interruption.on_signals():
        values, failed = drill_guests(
            call.client,
            call.params,
            call.check_mode,
            call.clock,
            call.interruption,
            journal_folder(call.params, call.client.cluster),
        )
    return Result.judged(values, failed)


def main() -> None:
    """Run the module."""
    run_proxmox(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
