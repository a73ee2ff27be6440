# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_backup_job
short_description: Make scheduled backup jobs of Proxmox VE as they are wanted
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - States what scheduled backup jobs (Datacenter, Backup) there are. Named fields become as they are named, others stay
    as they are, and only what differs is sent. A second run changes nothing.
  - Guests can be chosen by name or tag, which Proxmox VE itself can not do. Each run looks again who that is, so that
    the job follows the tags.
  - All jobs of one task are checked before the first is changed, schedules by the server's own word.
  - At the end the jobs are read again. What somebody else has changed at the same moment is set once more, or told.
  - What is added is sent before what is taken away. A job that was to take in guests and is refused keeps others from
    giving these up or being removed, so that a failure leaves nobody without a job.
  - A job that is there does not mean that a backup is there. M(lifeboat.backup.proxmox_backup_info) tells what is.
notes:
  - Privileges needed are C(Sys.Audit) on C(/) to read jobs, and to change them C(Sys.Modify) on C(/) and
    C(Datastore.Allocate) on their storages, the former ones as well; C(VM.Backup) on C(/pool/NAME) for O(pool), and
    C(Datastore.AllocateSpace) on O(fleecing.storage). C(VM.Audit) shows the guests that names, tags and pools mean,
    C(Datastore.Audit) whether a storage is there.
  - Proxmox VE removes older backups after each backup of a job by O(keep), else by the retention of the storage.
  - Proxmox VE knows no "change only what I have seen". Two runs on one controller wait for each other; what a person
    changes between look and write is overwritten where it is named.
extends_documentation_fragment:
  - lifeboat.backup.proxmox
  - lifeboat.backup.proxmox.actiongroup
attributes:
  check_mode:
    description:
      - Says what would be sent, after the same look at the cluster as in a real run. It needs C(Sys.Audit) alone.
    support: full
  diff_mode:
    description: Shows the fields of each job that changes, before and after.
    support: full
  idempotent:
    description: A second run changes nothing, unless names or tags mean other guests meanwhile.
    support: full
options:
  id: &id
    description:
      - The job's id. A new one begins with a letter and goes on with letters, digits, C(_) and C(-), at most 50
        characters in all.
    type: str
  state: &state
    description:
      - V(present) makes sure that there is such a job, and leaves open whether it is switched on; a new one is.
      - V(enabled) and V(disabled) also switch it on or off. V(absent) removes it.
    type: str
    choices: [present, absent, enabled, disabled]
    default: present
  schedule: &schedule
    description:
      - When it runs, as a calendar event of Proxmox VE such as V(02:30), V(mon..fri 22:00) or V(*/6:00). A new job
        needs one.
      - In YAML put a time of day into quotes.
    type: str
  storage: &storage
    description:
      - Where the backups go. A job without it follows the nodes' C(/etc/vzdump.conf), else takes the storage C(local);
        the module warns of that.
    type: str
  node: &node
    description:
      - Only guests on this node.
    type: str
  vmids: &vmids
    description:
      - Guests by id. One that is not shown is set all the same, with a warning.
      - Together with O(names) and O(tags) all that any of them means. The job holds their ids.
    type: list
    elements: int
  names: &names
    description:
      - Guests by their exact names. A name that no guest or several guests have is an error.
    type: list
    elements: str
  tags: &tags
    description:
      - Guests with one of these tags, or with all of them by O(tags_match). That nobody has them is an error, because
        Proxmox VE would take a job of nobody for one of all.
    type: list
    elements: str
  tags_match: &tags_match
    description:
      - Whether a guest has to have V(any) or V(all) of O(tags).
      - Without it any.
    type: str
    choices: [any, all]
  all_guests: &all_guests
    description:
      - All guests, also those that will be made later.
    type: bool
  pool: &pool
    description:
      - The guests of a pool, also those that will be put into it later.
    type: str
  exclude: &exclude
    description:
      - Guests to leave out, by id or name. With O(all_guests) the job holds this list; from O(vmids), O(names) and
        O(tags) they are taken out. An empty list leaves out none.
    type: list
    elements: str
  mode: &mode
    description:
      - How guests are treated during the backup.
    type: str
    choices: [snapshot, suspend, stop]
  compress: &compress
    description:
      - Compression of the archive.
    type: str
    choices: [zstd, gzip, lzo, none]
  keep: &keep
    description:
      - Which backups of each guest stay after each backup, by the rules of Proxmox VE. Without it, and removed by
        O(unset), the retention of the storage goes.
    type: dict
    suboptions:
      keep_last:
        description: How many of the newest are kept.
        type: int
      keep_hourly:
        description: For how many hours the newest is kept.
        type: int
      keep_daily:
        description: For how many days the newest is kept.
        type: int
      keep_weekly:
        description: For how many weeks the newest is kept.
        type: int
      keep_monthly:
        description: For how many months the newest is kept.
        type: int
      keep_yearly:
        description: For how many years the newest is kept.
        type: int
      keep_all:
        description: Keep everything. Goes with none of the others.
        type: bool
        default: false
  notes: &notes
    description:
      - Notes for the backups. Proxmox VE replaces C({{cluster}}), C({{guestname}}), C({{node}}) and C({{vmid}}).
      - In YAML write C(!unsafe) before the text, so that Ansible leaves the braces alone.
    type: str
  protected: &protected
    description:
      - Whether the backups are protected against removal.
    type: bool
  fleecing: &fleecing
    description:
      - Keep what a virtual machine overwrites during the backup on a storage of its own. Needs Proxmox VE 8.2.
    type: dict
    suboptions:
      enabled:
        description: Whether fleecing is used.
        type: bool
        default: false
      storage:
        description: The storage for fleecing images. Needed when it is enabled.
        type: str
  performance: &performance
    description:
      - Settings for the speed of backups. Those that are not named go back to their defaults.
    type: dict
    suboptions:
      max_workers:
        description: I/O workers of a virtual machine's backup, 1 to 256.
        type: int
      pbs_entries_max:
        description: Limit of entries in memory for containers on a backup server.
        type: int
  bwlimit: &bwlimit
    description:
      - Limit of the speed in KiB/s; V(0) means none.
    type: int
  ionice: &ionice
    description:
      - Priority of the backup's I/O, V(0) (highest) to V(8) (idle).
    type: int
  zstd_threads: &zstd_threads
    description:
      - Threads for zstd; V(0) means half of the node's cores.
    type: int
  lock_wait: &lock_wait
    description:
      - How long a backup waits for another one on the same node, as a duration. Sent in whole minutes, rounded up.
    type: str
  stop_wait: &stop_wait
    description:
      - How long to wait for a guest to stop, as a duration. Sent in whole minutes, rounded up.
    type: str
  repeat_missed: &repeat_missed
    description:
      - Whether a run that was missed, because no node was up, is made up for.
    type: bool
  comment: &comment
    description:
      - A comment of at most 512 characters.
    type: str
  notification_mode: &notification_mode
    description:
      - How Proxmox VE notifies. Needs Proxmox VE 8.1.
    type: str
    choices: [auto, legacy-sendmail, notification-system]
  change_detection_mode: &change_detection_mode
    description:
      - How changed files of containers are found on a backup server. Needs Proxmox VE 8.3.
    type: str
    choices: [legacy, data, metadata]
  exclude_paths: &exclude_paths
    description:
      - Files and folders of containers that are left out, as shell globs.
    type: list
    elements: str
  standard_excludes: &standard_excludes
    description:
      - Whether temporary files and logs of containers are left out.
    type: bool
  storage_retention: &storage_retention
    description:
      - Whether older backups are removed after each backup.
    type: bool
  mail_to: &mail_to
    description:
      - Who gets mails, where O(notification_mode) sends some.
    type: list
    elements: str
  mail_notification: &mail_notification
    description:
      - Whether mails are sent always or on failure alone.
    type: str
    choices: [always, failure]
  unset: &unset
    description:
      - Fields to remove from the job, so that the nodes' C(/etc/vzdump.conf) goes, else the default of Proxmox VE. A
        field can not be named and unset at once.
      - Also settings that have no option here, by their names at Proxmox VE, such as V(script).
    type: list
    elements: str
    choices:
      - bwlimit
      - change_detection_mode
      - comment
      - compress
      - exclude
      - exclude_paths
      - fleecing
      - ionice
      - keep
      - lock_wait
      - mail_notification
      - mail_to
      - mode
      - node
      - notes
      - notification_mode
      - performance
      - protected
      - repeat_missed
      - standard_excludes
      - stop_wait
      - storage
      - storage_retention
      - zstd_threads
      - dumpdir
      - maxfiles
      - notification-policy
      - notification-target
      - pigz
      - quiet
      - script
      - stop
      - tmpdir
  exact: &exact
    description:
      - Remove everything from the job that is not named here. Schedule and guests have to be named then. Whether it is
        switched on, and what Proxmox VE refuses to remove, stays.
      - A named value that is the default of Proxmox VE is set all the same, since C(/etc/vzdump.conf) of a node may
        have another default. Without O(exact) it counts as set where the job has none.
    type: bool
  jobs:
    description:
      - Several jobs, each with the options above.
      - All are checked before the first is changed.
    type: list
    elements: dict
    suboptions:
      id:
        description:
          - The job's id.
        type: str
        required: true
      state: *state
      schedule: *schedule
      storage: *storage
      node: *node
      vmids: *vmids
      names: *names
      tags: *tags
      tags_match: *tags_match
      all_guests: *all_guests
      pool: *pool
      exclude: *exclude
      mode: *mode
      compress: *compress
      keep: *keep
      notes: *notes
      protected: *protected
      fleecing: *fleecing
      performance: *performance
      bwlimit: *bwlimit
      ionice: *ionice
      zstd_threads: *zstd_threads
      lock_wait: *lock_wait
      stop_wait: *stop_wait
      repeat_missed: *repeat_missed
      comment: *comment
      notification_mode: *notification_mode
      change_detection_mode: *change_detection_mode
      exclude_paths: *exclude_paths
      standard_excludes: *standard_excludes
      storage_retention: *storage_retention
      mail_to: *mail_to
      mail_notification: *mail_notification
      unset: *unset
      exact: *exact
  managed_prefix:
    description:
      - What the ids of all jobs in O(jobs) begin with.
    type: str
  purge:
    description:
      - Remove the jobs whose ids begin with O(managed_prefix) and that O(jobs) does not name. Others are never touched.
      - An empty O(jobs) is refused, so that a mistake does not end all backups.
    type: bool
    default: false
seealso:
  - module: lifeboat.backup.proxmox_backup
  - module: lifeboat.backup.proxmox_backup_info
"""

EXAMPLES = r"""
- name: A nightly job for everything that is tagged prod
  lifeboat.backup.proxmox_backup_job:
    api_host: pve1.example.com
    api_token_id: backup@pve!lifeboat
    api_token_secret: "{{ lifeboat_token_secret }}"
    id: prod-nightly
    schedule: "02:30"
    storage: vault
    tags:
      - prod
    mode: snapshot
    compress: zstd
    keep:
      keep_daily: 7
      keep_weekly: 4

- name: All guests but one, switched off for now (connection from the environment)
  lifeboat.backup.proxmox_backup_job:
    id: everything
    state: disabled
    schedule: sat 01:00
    storage: vault
    all_guests: true
    exclude:
      - scratch
    repeat_missed: true
    notes: !unsafe "{{guestname}} on {{node}}"

- name: Another time, and no comment any more; everything else stays
  lifeboat.backup.proxmox_backup_job:
    id: everything
    schedule: sun 01:00
    unset:
      - notes

- name: These jobs and no others whose ids begin with gitops-
  lifeboat.backup.proxmox_backup_job:
    managed_prefix: gitops-
    purge: true
    jobs:
      - id: gitops-databases
        exact: true
        schedule: "*/6:00"
        storage: vault
        tags: [prod]
        keep:
          keep_last: 8
      - id: gitops-web
        exact: true
        schedule: "03:00"
        storage: vault
        vmids: [101, 102]

- name: No such job
  lifeboat.backup.proxmox_backup_job:
    id: everything
    state: absent
"""

RETURN = r"""
msg:
  description: What was done, in one sentence, with the cause of each job that is not as it is wanted.
  returned: always
  type: str
  sample: "2 jobs: 1 changed, 1 unchanged."
jobs:
  description: A row for each job, in the order in which they are named, then those that O(purge) removes.
  returned: when the jobs could be looked at
  type: list
  elements: dict
  contains:
    id:
      description: The job's id.
      type: str
    result:
      description:
        - V(created), V(changed), V(removed) or V(unchanged); in check mode V(would_create), V(would_change) or
          V(would_remove).
        - With V(failed) the job is not as it is wanted, and the task fails.
      type: str
    changed:
      description: Whether the job was changed, or would be in check mode.
      type: bool
    reason:
      description: Why it was changed, or why that failed.
      type: str
      sample: schedule was 02:30, wanted 03:00
    changes:
      description: The fields that become something else. C(before) or C(after) is null where the field is not set.
      type: list
      elements: dict
      contains:
        field:
          description: The field, by its option; what has none by its name at Proxmox VE.
          type: str
        before:
          description: What it was.
          type: raw
        after:
          description: What it is now.
          type: raw
    job:
      description:
        - The job as it is now, by the names of the options; what is not set is left out. Null when it is not there.
        - C(lock_wait) and C(stop_wait) are in minutes, C(notes) as Proxmox VE holds them, C(next_run) is in epoch
          seconds, and null in check mode for a job that is not there yet.
      type: dict
    next_runs:
      description: The next five times of the schedule in epoch seconds, also when the job is switched off.
      type: list
      elements: int
    unknown_vmids:
      description: Ids that are in the job and that no guest is shown to have.
      type: list
      elements: int
summary:
  description: How many jobs have each result.
  returned: when the jobs could be looked at
  type: dict
  sample: {created: 0, changed: 1, removed: 0, unchanged: 1, failed: 0}
diff:
  description: The jobs that change, before and after.
  returned: when the jobs could be looked at
  type: dict
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

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.argument_spec import connection_spec, job_spec
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.proxmox import Call, run_proxmox
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.backup_jobs import ensure_jobs


def argument_spec() -> dict[str, Any]:
    """The options, as DOCUMENTATION says them."""
    one = job_spec()
    return {
        **connection_spec(),
        **one,
        "jobs": {"type": "list", "elements": "dict", "options": {**one, "id": {"type": "str", "required": True}}},
        "managed_prefix": {"type": "str"},
        "purge": {"type": "bool", "default": False},
    }


def work(call: Call) -> Result:
    """Make the wish true; the task fails where a job is not as it is wanted."""
    values, failed = ensure_jobs(call.client, call.params, call.check_mode, call.clock, call.interruption)
    return Result.judged(values, failed)


def main() -> None:
    """Run the module."""
    run_proxmox(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
