# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_policy_info
short_description: Judge every guest of a Proxmox VE cluster by a backup policy
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Reads a policy that says what is promised to which guests, and judges each guest of the cluster by evidence. That is
    the backups that are listed, the jobs that the cluster runs, and the record of drills.
  - A promise is V(met) because something was seen that keeps it. What can't be read makes it V(unknown), never V(met);
    RV(findings) then say what to grant.
  - All guests count, also templates, stopped guests and those that are exempt. So 100 % in RV(summary.compliance) can't
    be had by exempting guests.
  - Returns the jobs that would make the cluster match the policy, how the jobs that are there differ from them, and
    which guests need a backup now. It changes nothing.
  - Beside the requests of M(lifeboat.backup.proxmox_backup_info) it needs one for the jobs, one for each enabled job,
    one to twelve for each different schedule, and one for each storage and node where a job leaves the retention to the
    storage. Guests without any backup cost one or two more each, for 200 of them at most.
notes:
  - Privileges needed are C(VM.Audit) and C(VM.Backup) on C(/vms), C(Datastore.AllocateSpace) on C(/storage), and
    C(Sys.Audit) on C(/), without which Proxmox VE shows no jobs.
  - Reading a policy needs the Python libraries PyYAML and jsonschema.
requirements:
  - PyYAML >= 6
  - jsonschema >= 4.17
extends_documentation_fragment:
  - lifeboat.backup.proxmox
  - lifeboat.backup.proxmox.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and tells the same, since it changes nothing.
    support: full
  diff_mode:
    description: Returns what changes. This module changes nothing.
    support: none
  idempotent:
    description: Running it twice changes nothing.
    support: full
options:
  policy_path:
    description:
      - The file of the policy, on the machine where the module runs. Exactly one of it and O(policy) is needed.
    type: path
  policy:
    description:
      - The policy itself, with the keys of the file.
    type: dict
  record_path:
    description:
      - The record of drills, as in M(lifeboat.backup.proxmox_drill). Without it C(drills.jsonl) beside the journals. A
        file that isn't there says that nothing was drilled.
    type: path
  journal_path:
    description:
      - The folder of the journals, as in M(lifeboat.backup.proxmox_drill). Without it C($XDG_STATE_HOME/lifeboat) or
        C(~/.local/state/lifeboat). It only tells where the record is.
    type: path
  fail_on:
    description:
      - What makes the task fail. It tells everything all the same. By default nothing does.
      - V(not_met) are guests to which a promise is broken, V(unknown) guests of which it can't be told or that can't be
        seen at all.
      - V(findings) are the findings whose severity is V(error).
      - V(drift) are jobs that have to be made, changed or removed, or that can't be read.
    type: list
    elements: str
    choices:
      - not_met
      - unknown
      - findings
      - drift
    default: []
seealso:
  - module: lifeboat.backup.proxmox_backup_info
  - module: lifeboat.backup.proxmox_backup_job
  - module: lifeboat.backup.proxmox_drill
"""

EXAMPLES = r"""
- name: Say what is promised (a file that is better kept in Git)
  ansible.builtin.copy:
    dest: /var/lib/lifeboat/policy.yml
    mode: "0644"
    content: |
      version: 1
      name: main
      tiers:
        gold: {rpo: 24h, storage: vault, schedule: "02:30", keep: {daily: 7, weekly: 4}}
        bronze: {rpo: 7d, storage: vault, window: "22:00-06:00"}
      rules:
        - name: databases
          match: {tags: [db]}
          tier: gold
        - tier: bronze

- name: Judge the cluster by it
  lifeboat.backup.backup_policy_info:
    api_host: pve1.example.com
    api_token_id: backup@pve!lifeboat
    api_token_secret: "{{ lifeboat_token_secret }}"
    policy_path: /var/lib/lifeboat/policy.yml
  register: judged

- name: Show it
  ansible.builtin.debug:
    msg: "{{ judged | lifeboat.backup.policy_table }}"

- name: Make the backups that are due (connection from PROXMOX_HOST and the other environment variables)
  lifeboat.backup.proxmox_backup:
    vmids: "{{ item.vmids }}"
    storage: "{{ item.storage }}"
    max_age: "{{ item.max_age }}"
    mode: "{{ item.mode | default(omit, true) }}"
    protected: "{{ item.protected | default(omit, true) }}"
  loop: "{{ judged.backup_now }}"
  loop_control:
    label: "{{ item.tier }}"

- name: Stop the pipeline when a promise is broken, by a policy that stands in the playbook
  lifeboat.backup.backup_policy_info:
    policy:
      version: 1
      name: small
      tiers:
        all:
          rpo: 24h
          storage: vault
          schedule: "02:30"
      rules:
        - tier: all
    fail_on:
      - not_met
"""

RETURN = r"""
policy:
  description: The policy that was judged by.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    file:
      description: Where it was read from.
      type: str
    tiers:
      description: The tiers. Durations are in seconds, null where nothing is promised.
      type: list
      elements: dict
      contains:
        name:
          description: The tier's name.
          type: str
        rpo:
          description: How old the newest good backup may be.
          type: int
        rto:
          description: How long a restore may take in a drill.
          type: int
        storage:
          description: Where backups lie.
          type: str
        schedule:
          description: When its job runs. Where the tier has a window, daily when that begins.
          type: str
        keep:
          description: What is kept, by the options of M(lifeboat.backup.proxmox_backup).
          type: dict
        mode:
          description: The mode of its backups.
          type: str
        protected:
          description: Whether they are protected.
          type: bool
        encrypted:
          description: Whether they are encrypted.
          type: bool
        verify:
          description: How old the newest verified backup may be.
          type: int
        drill:
          description: Within which time a drill has to pass.
          type: int
        guests:
          description: How many guests belong to it.
          type: int
    rules:
      description: The rules, with their C(name), C(tier), C(place) in the file, and how many C(guests) got it by them.
      type: list
      elements: dict
guests:
  description: A row for each guest that is shown to the token, by id.
  returned: success
  type: list
  elements: dict
  contains:
    vmid:
      description: The guest's id.
      type: int
    name:
      description: Its name. Null when the cluster does not know it.
      type: str
    node:
      description: Its node.
      type: str
    type:
      description: V(qemu) or V(lxc).
      type: str
    tier:
      description: The tier that it got.
      type: str
    rule:
      description: The rule that it got it by.
      type: str
    status:
      description:
        - V(met) when all promises are, V(not_met) when one is broken, else V(unknown).
        - V(exempt) when the policy leaves it out, V(new) when it has no backup yet and is younger than the grace of the
          policy. Their promises are told all the same.
      type: str
    reason:
      description: The reason for the status, in words. Of an exempt guest, the reason in the policy.
      type: str
    until:
      description: Until when it is exempt, such as V(2027-01-31). Null for others.
      type: str
    promises:
      description: The verdicts.
      type: list
      elements: dict
      contains:
        promise:
          description:
            - V(rpo), whether the newest good backup on the storage of the tier is young enough. V(storage), whether the
              newest good one anywhere lies there. V(protected) and V(encrypted), whether the newest good one there is.
              V(verify), whether one of them was verified and is young enough.
            - V(keep), whether all jobs that write there leave what the tier keeps. V(job), whether enabled jobs back it
              up there often enough, in the right mode. V(disks), whether they take in all of its disks.
            - V(drill), whether its last drill passed, recently enough. V(rto), whether that was fast enough.
          type: str
        verdict:
          description: V(met), V(not_met) or V(unknown).
          type: str
        reason:
          description: The reason with its figures, as a part of a sentence.
          type: str
        evidence:
          description: The facts by which it was judged. Its keys depend on the promise.
          type: dict
summary:
  description: Counts of guests by status, and more.
  returned: success
  type: dict
  contains:
    total:
      description: All guests, whatever their status.
      type: int
    met:
      description: Guests to which all promises are kept.
      type: int
    not_met:
      description: Guests to which one is broken.
      type: int
    unknown:
      description: Guests of which it can't be told.
      type: int
    exempt:
      description: Guests that the policy leaves out.
      type: int
    new:
      description: Guests that are too young for a backup.
      type: int
    complete:
      description: Whether the token sees all guests.
      type: bool
    compliance:
      description: The share of all guests to which all promises are kept, rounded down.
      type: str
      sample: 41 of 50 (82 %)
    promises:
      description: How often each promise is V(met), V(not_met) and V(unknown), of all guests.
      type: dict
    errors:
      description: Findings of this severity.
      type: int
    warnings:
      description: Findings of this severity.
      type: int
    drift:
      description: Jobs that have to be made, changed or removed. Null when the jobs can't be read.
      type: int
findings:
  description: What is wrong beyond a single promise. Errors come first.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(no_job), guests in no enabled job. V(disk_excluded), disks that a job leaves out. V(gone_guest), ids in a
          job that no guest has. V(own_storage), backups on the storage of the guest's own disks.
        - V(retention_too_short), a job or storage that removes what the tier keeps. V(retention_single), a retention of
          one backup. V(schedule_too_slow), a schedule or jobs that pause longer than the RPO, or never run.
        - V(never_drilled), guests without any drill although the tier promises one. V(exemption_ended),
          V(exemption_ends_soon) within 14 days. V(unused_rule) and V(unused_tier), which no guest got. V(job_disabled),
          a disabled job of the policy. V(unreadable), what could not be read.
      type: str
    severity:
      description: V(error) or V(warning).
      type: str
    text:
      description: The finding in a sentence.
      type: str
    vmids:
      description: The guests that it is about.
      type: list
      elements: int
    job:
      description: The job that it is about. Null where it is about none.
      type: str
    storage:
      description: The storage that it is about. Null where it is about none.
      type: str
    place:
      description: Where the policy says it, as file and line. Null where it doesn't.
      type: str
jobs:
  description:
    - The jobs that the policy wants, for the option C(jobs) of M(lifeboat.backup.proxmox_backup_job). There is one for
      each tier that has guests which are not exempt; several where one request to Proxmox VE can't hold all ids.
    - Jobs of the policy that belong to no tier any more follow with C(state=absent).
  returned: success
  type: list
  elements: dict
  sample:
    - id: lifeboat-main_gold
      state: enabled
      exact: true
      schedule: "02:30"
      storage: vault
      vmids: [101, 102]
      protected: false
      comment: Lifeboat policy main, tier gold
      mode: snapshot
      keep: {keep_last: 3, keep_daily: 7}
managed_prefix:
  description: How the ids of all jobs of this policy begin.
  returned: success
  type: str
  sample: lifeboat-main_
drift:
  description: How the cluster's jobs differ from RV(jobs). Empty when the jobs can't be read.
  returned: success
  type: list
  elements: dict
  contains:
    job:
      description: The id of the job.
      type: str
    action:
      description: V(create), V(change), V(remove) or V(none).
      type: str
    text:
      description: What differs, in a sentence.
      type: str
backup_now:
  description: Guests whose newest good backup is too old or missing, by tier. Guests that are exempt are left out.
  returned: success
  type: list
  elements: dict
  contains:
    tier:
      description: The tier.
      type: str
    storage:
      description: Where the backup belongs.
      type: str
    vmids:
      description: The guests.
      type: list
      elements: int
    max_age:
      description: The RPO, for the option of this name of M(lifeboat.backup.proxmox_backup).
      type: str
    mode:
      description: The mode that the tier promises. Null where it promises none.
      type: str
    compress:
      description: The compression that the tier names. Null where it names none.
      type: str
    protected:
      description: Whether the tier promises protected backups.
      type: bool
record:
  description: The file of the record of drills. Null when there is no folder for one.
  returned: success
  type: str
msg:
  description: The figures in a line, and why the task failed.
  returned: always
  type: str
api_error:
  description: As in M(lifeboat.backup.proxmox_backup_info).
  returned: when a request was refused
  type: dict
api_requests:
  description: How many requests were sent to Proxmox VE, logins included.
  returned: always
  type: int
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result, without_library
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.argument_spec import connection_spec
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.journal_folder import journal_folder
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.proxmox import Call, run_proxmox
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.tier_jobs import with_checked_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import LIBRARY_ERROR
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.policy_info import policy_info, read


def argument_spec() -> dict[str, object]:
    """The options, as DOCUMENTATION says them."""
    return {
        **connection_spec(),
        "policy_path": {"type": "path"},
        "policy": {"type": "dict"},
        "record_path": {"type": "path"},
        "journal_path": {"type": "path"},
        "fail_on": {
            "type": "list",
            "elements": "str",
            "choices": ["not_met", "unknown", "findings", "drift"],
            "default": [],
        },
    }


def work(call: Call) -> Result:
    """Judge and report; the task fails only where ``fail_on`` says so."""
    journals = journal_folder(call.params, call.client.cluster)
    policy = with_checked_jobs(read(call.params))
    values, failed = policy_info(call.client, policy, call.params, call.clock, journals)
    return Result.judged({"changed": False, **values}, failed)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=argument_spec(),
        supports_check_mode=True,
        mutually_exclusive=[("policy_path", "policy")],
        required_one_of=[("policy_path", "policy")],
    )
    if LIBRARY_ERROR is not None:
        without_library(module, "PyYAML and jsonschema", LIBRARY_ERROR)
    run_proxmox(module, work)


if __name__ == "__main__":
    main()
