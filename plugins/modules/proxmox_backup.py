# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_backup
short_description: Make sure that Proxmox VE guests have a good, recent backup, and remove old ones
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - States that the selected guests have a good backup that is younger than O(max_age), and makes the backups that are
    missing. A second run changes nothing.
  - One task handles all guests. Each node gets one request and works through its guests; the nodes work side by side.
  - A guest counts as backed up when the storage lists its archive after the task has ended, not because the task said
    so.
  - The result has a row for each selected guest, also when the task fails. The message then names each guest that has
    not what was asked for, with its own cause from the log.
  - A guest that another task is already backing up is waited for and not started again.
  - Older backups are removed by O(keep), one by one and only after the new backup is proven, or by O(state=pruned) and
    O(state=absent). The newest good backup of a guest, protected and renamed ones are never taken by a retention.
  - What a run starts is written to a journal before it is asked for (O(journal_path)), so that the run after one that
    was killed waits for its tasks and counts its backups.
notes:
  - Privileges needed are C(VM.Audit) and C(VM.Backup) on the guests and C(Datastore.AllocateSpace) on the storage.
    O(bwlimit), O(ionice) and O(performance) also need C(Sys.Modify) on C(/). C(Sys.Audit) on the nodes lets the module
    see, and wait for, backups that other users have started, and read the clock of each node.
  - Proxmox VE removes older backups by the retention of the storage after each backup, unless O(storage_retention) is
    V(false). What it removed is returned in RV(removed), and check mode says what it would remove.
  - Removing needs the same privileges as backing up, C(VM.Backup) on the guest and C(Datastore.AllocateSpace) on the
    storage; those of guests that are gone need C(VM.Backup) on C(/vms/ID) all the same.
  - Interrupted by a signal, or when C(ansible-playbook) is gone, the module starts nothing more and ends with what it
    has achieved; see O(on_interrupt).
  - Backups of one node are made one after the other. A task that waits for another one gives up after O(lock_wait).
extends_documentation_fragment:
  - lifeboat.backup.proxmox
  - lifeboat.backup.proxmox.actiongroup
  - lifeboat.backup.selection
attributes:
  check_mode:
    description:
      - Says which guests would be backed up, where and why, after the same look at the cluster as in a real run.
        Whether somebody else is backing up one of them at this moment is only looked at in a real run.
    support: full
  diff_mode:
    description: Shows the newest good backup of each guest before and after.
    support: full
  idempotent:
    description: With O(max_age) a second run changes nothing. Without it every run makes a backup.
    support: partial
options:
  state:
    description:
      - V(present) makes sure that each selected guest has a good backup, and removes older ones by O(keep).
      - V(pruned) makes no backup and removes by O(keep) what lies on O(storage).
      - V(absent) removes the backups in O(volids), or those of the selected guests on O(storage) that are older than
        O(older_than).
    type: str
    choices: [present, pruned, absent]
    default: present
  storage:
    description:
      - The storage for new backups. Whether a guest is fresh is then judged by its backups on this storage alone.
      - Without it, the place is found for each node. It must be enabled and active there, hold content C(backup), have
        room and be open to the token (C(Datastore.AllocateSpace)); a shared storage is taken before a local one.
        Whether a guest is fresh is then judged over all backup storages that can be read.
      - Needed with O(state=pruned), and with O(state=absent) and a selection of guests.
    type: str
  keep:
    description:
      - Which backups of each selected guest stay, by the rules of Proxmox VE. They are applied in the order in which
        they stand here; a rule counts periods of which no earlier rule has kept a backup.
      - With O(state=present) it is applied where the guest's backup of this run lies, once that is proven, also for
        guests that were fresh. A guest whose backup failed keeps everything.
      - Beyond Proxmox VE, the newest good backup always stays, also where a newer one is damaged. Protected, renamed
        and unfinished backups stay and are not counted, and so do those of a former guest of the other type with the
        same id.
      - Days, weeks and months begin by the clock of the node.
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
        description: For how many weeks (ISO 8601) the newest is kept.
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
  volids:
    description:
      - With O(state=absent), the backups to remove, such as V(vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst).
        One that is not there is no error; one that this token could not see is.
      - They go without a selection of guests. Where several nodes have a local storage of this name, a backup of this
        name is removed from each.
    type: list
    elements: str
  older_than:
    description:
      - With O(state=absent) and a selection of guests, remove their backups that are older than this duration, be they
        the last ones. The module warns of guests that have no good backup left.
      - Renamed and unfinished backups are left alone; they can be named in O(volids).
    type: str
  unprotect:
    description:
      - With O(state=absent), remove protected backups, too. Without it they are refused by name and nothing is removed.
        A backup that then cannot be removed gets its protection back, unless the module is killed in between.
    type: bool
    default: false
  max_age:
    description:
      - The greatest age that the newest good backup may have, such as V(90s), V(15m), V(24h), V(7d), V(2w) or seconds.
      - Without it every run makes a backup of each selected guest.
    type: str
  mode:
    description:
      - How the guest is treated during the backup. Without it the default of the node is used, which is V(snapshot)
        unless C(/etc/vzdump.conf) says otherwise. That goes for all options below that are passed on to Proxmox VE.
    type: str
    choices: [snapshot, suspend, stop]
  compress:
    description:
      - Compression of the archive. A backup server compresses by itself.
    type: str
    choices: [zstd, gzip, lzo, none]
  notes:
    description:
      - Notes for the new backups. Newlines and backslashes are escaped by the module. Proxmox VE replaces
        C({{cluster}}), C({{guestname}}), C({{node}}) and C({{vmid}}).
      - In YAML write C(!unsafe) before the text, so that Ansible leaves the braces alone.
    type: str
  protected:
    description:
      - Whether the new backups are protected against removal. A storage takes only a limited number of protected
        backups of a guest.
    type: bool
  bwlimit:
    description:
      - Limit of the speed in KiB/s; V(0) means none. Needs C(Sys.Modify) on C(/).
    type: int
  ionice:
    description:
      - Priority of the backup's I/O, V(0) (highest) to V(8) (idle). Needs C(Sys.Modify) on C(/).
    type: int
  zstd_threads:
    description:
      - Threads for O(compress=zstd); V(0) means half of the node's cores.
    type: int
  performance:
    description:
      - Settings for the speed of backups. Needs C(Sys.Modify) on C(/).
    type: dict
    suboptions:
      max_workers:
        description: I/O workers of a virtual machine's backup, 1 to 256.
        type: int
      pbs_entries_max:
        description: Limit of entries in memory for containers on a backup server.
        type: int
  fleecing:
    description:
      - Keep what a virtual machine overwrites during the backup on a storage of its own, so that a slow target does
        not slow the guest down. Needs Proxmox VE 8.2.
    type: dict
    suboptions:
      enabled:
        description: Whether fleecing is used.
        type: bool
        default: false
      storage:
        description: The storage for fleecing images. Needed when O(fleecing.enabled=true).
        type: str
  exclude_paths:
    description:
      - Files and folders of containers that are left out, as shell globs. Paths that begin with C(/) are anchored at
        the container's root.
    type: list
    elements: str
  lock_wait:
    description:
      - How long a task waits for another backup on the same node, as a duration. Sent in whole minutes, rounded up. The
        default of Proxmox VE is three hours.
    type: str
  stop_wait:
    description:
      - How long to wait for a guest to stop in O(mode=stop), as a duration. Sent in whole minutes, rounded up. The
        default of Proxmox VE is ten minutes.
    type: str
  notification_mode:
    description:
      - How Proxmox VE notifies. Needs Proxmox VE 8.1.
    type: str
    choices: [auto, legacy-sendmail, notification-system]
  change_detection_mode:
    description:
      - How changed files of containers are found on a backup server. Needs Proxmox VE 8.3.
    type: str
    choices: [legacy, data, metadata]
  storage_retention:
    description:
      - Whether Proxmox VE removes older backups of the guest by the storage's own retention after each backup.
      - With V(false) nothing is removed. Proxmox VE then refuses a further backup of a guest that has as many as the
        retention of the storage would keep.
    type: bool
    default: true
  wait:
    description:
      - Wait for the end of the tasks. With V(false) the result is V(started), which proves nothing yet.
    type: bool
    default: true
  timeout:
    description:
      - How long all tasks together may take, queueing included, as a duration.
    type: str
    default: 24h
  on_timeout:
    description:
      - What happens to tasks that still run when the time is up. V(fail) leaves them running and names them, V(cancel)
        ends them.
    type: str
    choices: [fail, cancel]
    default: fail
  on_interrupt:
    description:
      - What happens to running tasks when the module gets SIGINT, SIGTERM or SIGHUP, or when nobody reads its result
        any more. V(leave) names them, leaves them running, and the next run finds them; V(cancel) ends them.
      - Proxmox VE may leave a guest locked whose backup was ended while the guest was being shut down (O(mode=stop)).
    type: str
    choices: [leave, cancel]
    default: leave
  journal_path:
    description:
      - The folder of the journals, each cluster's in a folder of its own. Without it C($XDG_STATE_HOME/lifeboat), or
        C(~/.local/state/lifeboat), on the machine where the module runs.
      - A cluster is told from another by O(api_port) and the first in the alphabet of O(api_host) and
        O(api_fallback_hosts). Runs that reach it by another name have other journals.
      - Name a folder that outlives the run where that one does not, as in containers.
      - A folder that is named and cannot be written is an error, before anything is started. Where the default cannot
        be written, the module warns and goes on.
    type: path
  max_parallel:
    description:
      - How many nodes may make backups at the same time. Without it, all. With O(wait=false) the tasks run on their
        own, so that it only spreads the requests.
    type: int
  warnings_as_errors:
    description:
      - Count a guest whose backup warned as failed. The backup is kept.
    type: bool
    default: false
seealso:
  - module: lifeboat.backup.proxmox_backup_info
"""

EXAMPLES = r"""
- name: Every guest tagged prod has a good backup younger than a day
  lifeboat.backup.proxmox_backup:
    api_host: pve1.example.com
    api_token_id: backup@pve!lifeboat
    api_token_secret: "{{ lifeboat_token_secret }}"
    tags:
      - prod
    max_age: 24h
    compress: zstd

- name: Two guests, on one storage, with notes and protection (connection from the environment)
  lifeboat.backup.proxmox_backup:
    vmids:
      - 101
      - 102
    storage: vault
    mode: snapshot
    notes: !unsafe "before the upgrade of {{guestname}}"
    protected: true
  register: before_upgrade

- name: All guests but one, at night, two nodes at a time, and give up at six hours
  lifeboat.backup.proxmox_backup:
    all_guests: true
    exclude:
      - scratch
    max_age: 20h
    max_parallel: 2
    timeout: 6h
    on_timeout: cancel

- name: A backup each night, and one for each of the last 7 days, 4 weeks and 6 months
  lifeboat.backup.proxmox_backup:
    tags:
      - prod
    max_age: 20h
    keep:
      keep_daily: 7
      keep_weekly: 4
      keep_monthly: 6

- name: Remove by retention without making a backup
  lifeboat.backup.proxmox_backup:
    state: pruned
    all_guests: true
    storage: vault
    keep:
      keep_last: 3

- name: Remove one backup, and say so if it is protected
  lifeboat.backup.proxmox_backup:
    state: absent
    volids:
      - vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst

- name: Remove what is older than a year, of a guest that is gone as well
  lifeboat.backup.proxmox_backup:
    state: absent
    vmids:
      - 101
    storage: vault
    older_than: 52w

- name: Show what would be done
  lifeboat.backup.proxmox_backup:
    pools:
      - production
    max_age: 24h
  check_mode: true
  diff: true
"""

RETURN = r"""
msg:
  description: The result in words. When the task fails, each guest that has not what was asked for, with its cause.
  returned: always
  type: str
  sample: "12 guests: 3 backed up (5.7 MiB), 9 fresh."
guests:
  description: A row for each selected guest, by id. Also returned when the task fails after it has begun.
  returned: when the cluster could be read
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
      description: The node.
      type: str
    type:
      description: V(qemu) or V(lxc).
      type: str
    result:
      description:
        - V(backed_up), the archive is listed; V(fresh), there was a good backup already; V(waited_for), another task
          made it; V(started), a task was started and not waited for; V(would_back_up), in check mode.
        - With O(state=pruned) and O(state=absent) V(removed), backups of it were removed; V(would_remove), in check
          mode; V(kept), nothing was to be removed.
        - With V(failed), V(cancelled), V(timed_out), V(interrupted) and V(not_started) the guest has not what was asked
          for, and the task fails.
      type: str
    volid:
      description:
        - The backup that the result rests on. Null when there is none.
        - With O(state=pruned) and O(state=absent) the newest good one that is left on the storages that were looked at.
      type: str
    storage:
      description: The storage.
      type: str
    size:
      description: Its size in bytes.
      type: int
    ctime:
      description: When it was made, in epoch seconds.
      type: int
    age:
      description: The age in seconds of the newest good backup.
      type: int
    duration:
      description: Seconds that the backup took, as Proxmox VE says it.
      type: int
    warnings:
      description: What the backup warned of. A warned backup is V(backed_up).
      type: list
      elements: str
    excluded_volumes:
      description: Volumes that are not in the backup, because they are set so in the guest's configuration.
      type: list
      elements: str
    reason:
      description: Why the result is what it is.
      type: str
    upid:
      description: The task. Null when there was none.
      type: str
  sample:
    - vmid: 101
      name: web1
      node: pve1
      type: lxc
      result: backed_up
      volid: vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst
      storage: vault
      size: 1987185
      ctime: 1795177597
      age: 0
      duration: 1
      warnings: []
      excluded_volumes: []
      reason: the archive is listed
      upid: "UPID:pve1:000001EB:0002E9FF:6B003C7D:vzdump:101:backup@pve!lifeboat:"
removed:
  description:
    - Backups that were removed; in check mode those that would be. Also those that Proxmox VE removed by the storage's
      own retention during this run, or that were overwritten.
  returned: when the cluster could be read
  type: list
  elements: dict
  contains:
    volid:
      description: The volume id.
      type: str
    vmid:
      description: The guest's id.
      type: int
    ctime:
      description: When it was made, in epoch seconds. Null when it was not seen before.
      type: int
    size:
      description: Its size in bytes. Null when it was not seen before.
      type: int
    why:
      description: The rule that took it.
      type: str
    node:
      description: The node whose listing showed it.
      type: str
    storage:
      description: The storage.
      type: str
not_removed:
  description: Backups that were to be removed and are still there, with the cause in C(why). The task then fails.
  returned: when the cluster could be read
  type: list
  elements: dict
kept:
  description:
    - Backups that stay, and the rule by which each does (C(why)). In check mode all those of the guests to which a
      retention is applied, else of the guests that lose one.
  returned: when the cluster could be read
  type: list
  elements: dict
orphans:
  description: Jobs of earlier runs that did not come to their end, as this run found them.
  returned: when the cluster could be read
  type: list
  elements: dict
  contains:
    run:
      description: The run, which is the name of its journal.
      type: str
    upid:
      description: The task. Null when it never began.
      type: str
    node:
      description: Its node.
      type: str
    storage:
      description: The storage that it writes to.
      type: str
    vmids:
      description: Its guests.
      type: list
      elements: int
    state:
      description: V(running), V(ended), V(never_started), or V(unknown) where nobody could tell.
      type: str
    exitstatus:
      description: How it ended. Null while it runs.
      type: str
tasks:
  description: The tasks that were started.
  returned: when the cluster could be read
  type: list
  elements: dict
  contains:
    upid:
      description: The task's name.
      type: str
    node:
      description: Its node.
      type: str
    exitstatus:
      description: How it ended. Null when it was not waited for, or still runs.
      type: str
summary:
  description: Counts.
  returned: when the cluster could be read
  type: dict
  contains:
    selected:
      description: How many guests were selected.
      type: int
    backed_up:
      description: How many were backed up.
      type: int
    would_back_up:
      description: How many would be, in check mode.
      type: int
    waited_for:
      description: How many were backed up by another task.
      type: int
    started:
      description: How many are being backed up and were not waited for.
      type: int
    fresh:
      description: How many had a good backup already.
      type: int
    failed:
      description: How many have not what was asked for.
      type: int
    bytes:
      description: Size of the new backups together.
      type: int
    removed:
      description: How many backups were removed, or would be in check mode.
      type: int
    bytes_removed:
      description: Their size together.
      type: int
    seconds:
      description: Seconds that the module took.
      type: float
diff:
  description:
    - The newest good backup of each guest that changes, before and after; and each backup of the guests that lose one,
      with the reason why it goes or stays.
  returned: when the cluster could be read
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

from contextlib import nullcontext

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.argument_spec import (
    connection_spec,
    selection_spec,
    vzdump_spec,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.journal_folder import journal_folder
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.proxmox import Call, run_proxmox
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup import back_up
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_message import failed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal import remove_backups


def argument_spec() -> dict[str, object]:
    """The options, as DOCUMENTATION says them."""
    return {
        **connection_spec(),
        **selection_spec(),
        **vzdump_spec(),
        "state": {"type": "str", "choices": ["present", "pruned", "absent"], "default": "present"},
        "storage": {"type": "str"},
        "volids": {"type": "list", "elements": "str"},
        "older_than": {"type": "str"},
        "unprotect": {"type": "bool", "default": False},
        "max_age": {"type": "str"},
        "storage_retention": {"type": "bool", "default": True},
        "wait": {"type": "bool", "default": True},
        "timeout": {"type": "str", "default": "24h"},
        "on_timeout": {"type": "str", "choices": ["fail", "cancel"], "default": "fail"},
        "on_interrupt": {"type": "str", "choices": ["leave", "cancel"], "default": "leave"},
        "journal_path": {"type": "path"},
        "max_parallel": {"type": "int"},
        "warnings_as_errors": {"type": "bool", "default": False},
    }


def work(call: Call) -> Result:
    """Make the wish true; the task fails where a guest has not what was asked for."""
    common = (call.client, call.params, call.check_mode, call.clock, call.interruption)
    # Check mode starts nothing that would have to be ended in order: a signal ends it at once.
    with nullcontext() if call.check_mode else call.interruption.on_signals():
        if call.params["state"] == "present":
            values = back_up(*common, journal_folder(call.params, call.client.cluster))
        else:
            values = remove_backups(*common)
    return Result.judged(values, failed(values["guests"]) or bool(values["not_removed"]))


def main() -> None:
    """Run the module."""
    run_proxmox(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
