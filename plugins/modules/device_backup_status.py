# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: device_backup_status
short_description: See what of a fleet of devices is really backed up, and where claims and copies disagree
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Holds what services claim of the backups of devices (lab instruments, cameras, loggers) against the copies that lie
    on disk. A device is V(ok) because its copies are there, never because a service said so.
  - Knows the services and the folders of Ethoscopes, and any folders of copies by a pattern of the user's own
    (O(layout)), with which no service is needed.
  - Runs where the copies are. It can run elsewhere with the addresses of the services alone. Then it tells what is
    claimed and what failed, and everything that needs a copy as evidence is V(unknown).
  - All services are asked at once, within one O(timeout). One that is down, hangs, sends garbage or never ends costs
    that time once, and takes away nothing but what only it knows.
  - What was seen is kept in a catalogue (O(cache_path)). A folder whose files are all older than O(stable_after), and
    whose own times have not changed, is not read again; but the newest copy of each device and type is always looked
    at.
  - Nothing is changed but the catalogue. Symbolic links within the folders are not followed.
notes:
  - Needs the right to read the folders of the copies, and nothing else. No password is needed. The services of
    Ethoscopes have none.
  - Only ids and names of devices, as the services and folders have them, are told; they may hold any character.
  - The status of a type is V(failed) when the last backup of it failed, or the newest copy can't be used; V(missing)
    when the device has data or a backup is claimed and no copy is there; V(stale) when the newest copy is older than
    O(max_age) and nothing shows that the device has nothing newer, when a database of the device has had no copy for
    longer than that, or when the copy of what a device is writing is older than that; V(in_progress) when it would be
    one of these, or V(unknown), and a backup is running that began within O(max_age); V(unknown) when it can't be
    told; V(ok) when the newest copy is young enough, or the device has nothing newer, or a backup ended well within
    O(max_age) and its copies are there; V(no_data) when there is neither data nor claim nor copy. The status of a
    device is the worst of its types, in this order.
  - A copy made by C(rsync) has the time of the file on the device. So the old copy of an idle device is V(ok) and not
    V(stale), where O(node_url) or O(rsync_service_url) shows that it is complete.
  - A folder that held copies at the last look and is empty now is taken for a disk that isn't mounted, and its types
    are V(unknown). When that is right, O(refresh) once.
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
  node_url:
    description:
      - Address of the Ethoscope node, such as V(http://node.example.com). It tells the devices, what data they have,
        and what its page claims of their backups. Both forms of its C(/backup/status) are understood, the one that it
        sends and the one that its documentation shows.
      - Proxies that the environment names are not used. Redirects are followed on the same host only.
    type: str
  mysql_service_url:
    description:
      - Address of the MySQL backup daemon, such as V(http://node.example.com:8090).
    type: str
  rsync_service_url:
    description:
      - Address of the rsync backup daemon, such as V(http://node.example.com:8093).
    type: str
  results_path:
    description:
      - The folder of the databases, on the node V(/ethoscope_data/results). A database with a C(.txt) of the same name
        beside it was made from MySQL; one without is a copy of a SQLite database.
    type: path
  videos_path:
    description:
      - The folder of the videos, on the node V(/ethoscope_data/videos).
    type: path
  layout:
    description:
      - V(ethoscope), or a list of trees of your own, each with C(type) (a name of your choice), C(root) (a folder) and
        C(pattern). V(ethoscope) may be in the list, too.
      - The pattern is a regular expression of Python, searched in the path of each file relative to the root. Its group
        C(device) says whose copy the file is. Files that it doesn't match are no copies.
    type: list
    elements: raw
    default: [ethoscope]
  devices:
    description:
      - Report only these devices, by id or name. A name that no source knows makes the task fail.
    type: list
    elements: str
  exclude:
    description:
      - Leave out these devices, by id or name, such as those that are retired.
    type: list
    elements: str
  max_age:
    description:
      - How old the newest copy of a type may be, such as V(90s), V(15m), V(24h), V(7d), V(2w) or seconds.
      - What is not given is V(24h) for C(mysql), C(sqlite) and types of your own, and V(7d) for C(video).
    type: dict
  verify:
    description:
      - How the newest database of each device is checked. It is only read.
      - V(open) sees whether it is a complete SQLite file with tables, and with those that the device says it has. So
        the copy of a database whose rows are still in a C(-wal) file, which isn't copied, is found out.
      - V(full) checks the integrity of the whole file as well, which takes as long as reading it.
      - V(none) trusts its size and time.
    type: str
    choices: [none, open, full]
    default: open
  timeout:
    description:
      - Time for all services together, written as in O(max_age).
    type: str
    default: 10s
  parallel:
    description:
      - How many databases are checked at the same time, 1 to 64.
    type: int
    default: 4
  cache_path:
    description:
      - The file of the catalogue. It is made when it isn't there. One that is damaged, or no catalogue, is renamed and
        made anew. Where it can't be written the task says so in a warning, and goes on without. It may not lie among
        the copies.
      - Without this option it is C(lifeboat/devices.sqlite) in C($XDG_CACHE_HOME), or in C(~/.cache). With an empty
        text there is none.
    type: path
  cache_ttl:
    description:
      - How long answers of services are kept, written as in O(max_age), and no longer than the shortest O(max_age).
        With V(0) they are asked each time.
    type: str
    default: 5m
  stable_after:
    description:
      - The age from which a file is taken not to change any more, written as in O(max_age).
    type: str
    default: 7d
  refresh:
    description:
      - Ask every service and look at every file, whatever the catalogue says.
    type: bool
    default: false
  fail_on:
    description:
      - Fail, with the whole result, when a device has one of these statuses, or when no device is known at all.
      - With V(no_answer) also when a service that was to be asked gives no usable answer. Without the node nothing is
        known of devices that have no copy yet, so that none of them can be V(missing).
    type: list
    elements: str
    choices: [failed, missing, stale, in_progress, unknown, ok, no_data, no_answer]
  validate_certs:
    description:
      - Verify the certificates of addresses that begin with C(https).
    type: bool
    default: true
  ca_path:
    description:
      - A file with the certificates that are trusted, in place of the system's.
    type: path
"""

EXAMPLES = r"""
- name: On the node, see which Ethoscopes are not backed up, and stop the pipeline when there are any
  lifeboat.backup.device_backup_status:
    node_url: http://localhost
    mysql_service_url: http://localhost:8090
    rsync_service_url: http://localhost:8093
    results_path: /ethoscope_data/results
    videos_path: /ethoscope_data/videos
    fail_on: [failed, missing, stale]
  register: fleet

- name: Show a line for each device
  ansible.builtin.debug:
    msg: "{{ fleet.devices | lifeboat.backup.device_table }}"

- name: See whether the routers and the cameras have a copy of last night, without any service
  lifeboat.backup.device_backup_status:
    layout:
      - type: config
        root: /srv/copies/routers
        pattern: '^(?P<device>[^/]+)\.cfg$'
      - type: recording
        root: /srv/copies/cameras
        pattern: '^(?P<device>cam[0-9]+)/.*\.mp4$'
    max_age:
      config: 24h
      recording: 2d

- name: Check every newest database in depth, looking at everything anew
  lifeboat.backup.device_backup_status:
    results_path: /ethoscope_data/results
    verify: full
    refresh: true

- name: From elsewhere, see what the daemons say of two devices
  lifeboat.backup.device_backup_status:
    mysql_service_url: http://node.example.com:8090
    rsync_service_url: http://node.example.com:8093
    devices:
      - ETHOSCOPE_001
      - ETHOSCOPE_002
"""

RETURN = r"""
devices:
  description: A row for each device that a service tells of or that has copies, by name.
  returned: always, but for options that can't be meant
  type: list
  elements: dict
  contains:
    id:
      description: The device's id.
      type: str
    name:
      description: Its name. Null when neither a service nor a folder tells it.
      type: str
    online:
      description: Whether the node reaches it. Null when the node was not asked or does not know it.
      type: bool
    status:
      description: V(failed), V(missing), V(stale), V(in_progress), V(unknown), V(ok) or V(no_data).
      type: str
    reason:
      description: The reason for the status, in words.
      type: str
    types:
      description: What there is of each type. For Ethoscopes C(mysql), C(sqlite) and C(video), else those of O(layout).
      type: dict
      contains:
        status:
          description: As of the device.
          type: str
        reason:
          description: The reason, in words.
          type: str
        newest:
          description: Time of the newest copy, in epoch seconds. Null without a copy. Copies dated in the future don't
            count.
          type: int
        age:
          description: Its age in seconds.
          type: int
        files:
          description: How many copies there are. Empty ones don't count. Null when no folder was looked at.
          type: int
        size:
          description: Their size together, in bytes.
          type: int
        size_human:
          description: The size for people.
          type: str
        verified:
          description: Whether the newest copy is a usable database. Null when that was not checked, or can't be told.
          type: bool
        claimed:
          description: What is claimed. Null when nothing is.
          type: dict
          contains:
            available:
              description: Whether a backup is said to be there.
              type: bool
            status:
              description: The word of the source, or V(listed) for data that the device itself lists.
              type: str
            count:
              description: How many files or databases, as the source says.
              type: int
            size:
              description: Their size in bytes, as the source says.
              type: int
            source:
              description: V(node), V(device), V(mysql) or V(rsync).
              type: str
        evidence:
          description: What was seen on disk. Null when no folder was looked at.
          type: dict
          contains:
            files:
              description: How many copies there are.
              type: int
            size:
              description: Their size together, in bytes.
              type: int
            newest:
              description: Time of the newest, in epoch seconds.
              type: int
            path:
              description: The newest copy.
              type: str
            verified:
              description: Whether it is a usable database.
              type: bool
            why_not:
              description: What is wrong with the copies, or why they can't be seen. Null when nothing is.
              type: str
        discrepancy:
          description: In what claims and copies disagree, in words. Null when they don't.
          type: str
    recommended_backup_type:
      description: The service that suits the device's data. V(rsync) for SQLite databases and videos, V(mysql) for
        MySQL alone, V(none) without any.
      type: str
    supports_video_backup:
      description: Whether that service copies videos, too.
      type: bool
    last_error:
      description: The last thing that went wrong with its backups, as far as it is known.
      type: str
  sample:
    - id: "00711111111111111111111111111111"
      name: ETHOSCOPE_007
      online: true
      status: failed
      reason: >-
        sqlite failed: the newest copy has no tables: its rows were in the -wal file, which is not copied
      types:
        sqlite:
          status: failed
          reason: "the newest copy has no tables: its rows were in the -wal file, which is not copied"
          newest: 1793449207
          age: 1728390
          files: 1
          size: 4096
          size_human: 4 KiB
          verified: false
          claimed:
            available: true
            status: success
            count: 1
            size: 16384
            source: node
          evidence:
            files: 1
            size: 4096
            newest: 1793449207
            path: "/ethoscope_data/results/00711111111111111111111111111111/ETHOSCOPE_007/2026-10-31_12-20-07/\
              2026-10-31_12-20-07_00711111111111111111111111111111.db"
            verified: false
            why_not: "the newest copy has no tables: its rows were in the -wal file, which is not copied"
          discrepancy: >-
            the newest copy has no tables: its rows were in the -wal file, which is not copied, but node says 'success'
            and rsync says that its backup ended well
      recommended_backup_type: rsync
      supports_video_backup: true
      last_error: >-
        sqlite: the newest copy has no tables: its rows were in the -wal file, which is not copied
services:
  description: Each service that was asked, as C(node), C(mysql) and C(rsync).
  returned: always, but for options that can't be meant
  type: dict
  contains:
    url:
      description: Its address.
      type: str
    available:
      description: Whether it gave usable answers.
      type: bool
    latency:
      description: Seconds until the slowest answer, with three decimals. Null when the catalogue had the answers.
      type: float
    error:
      description: What was wrong with its answers. Null when nothing was.
      type: str
    current_device:
      description: The device that it is backing up. Null when it is not, or does not say.
      type: str
    current_file:
      description: The file that it is copying, when it says so.
      type: str
    asked:
      description: When it was asked, in epoch seconds.
      type: int
    cached:
      description: Whether its answers are from the catalogue.
      type: bool
    clock_offset:
      description: Seconds that its clock is ahead of the one where the module runs. 0 for less than 3.
      type: float
discrepancies:
  description: Everything in which claims and copies disagree.
  returned: always, but for options that can't be meant
  type: list
  elements: dict
  contains:
    device:
      description: The device's id.
      type: str
    name:
      description: Its name.
      type: str
    type:
      description: The type.
      type: str
    kind:
      description: V(claimed_but_missing), V(claimed_but_empty), V(there_but_unclaimed), V(completed_but_older),
        V(completed_but_unusable), V(listed_but_missing) or V(dated_ahead).
      type: str
    message:
      description: The disagreement in words.
      type: str
summary:
  description: Counts.
  returned: always, but for options that can't be meant
  type: dict
  contains:
    devices:
      description: How many devices were judged.
      type: int
    failed:
      description: How many of them are V(failed).
      type: int
    missing:
      description: How many are V(missing).
      type: int
    stale:
      description: How many are V(stale).
      type: int
    in_progress:
      description: How many are V(in_progress).
      type: int
    unknown:
      description: How many are V(unknown).
      type: int
    ok:
      description: How many are V(ok).
      type: int
    no_data:
      description: How many are V(no_data).
      type: int
    files:
      description: How many copies there are.
      type: int
    bytes:
      description: Their size together.
      type: int
    bytes_human:
      description: That size for people.
      type: str
    worst_age:
      description: Age in seconds of the oldest of all newest copies. Null without any copy.
      type: int
cache:
  description: What the catalogue was good for.
  returned: always, but for options that can't be meant
  type: dict
  contains:
    path:
      description: Its file. Null when there was none.
      type: str
    hits:
      description: How many copies were counted without a look at them.
      type: int
    misses:
      description: How many were looked at.
      type: int
    hit_ratio:
      description: The part of the first, 0 to 1.
      type: float
    entries:
      description: How many folders and answers it holds.
      type: int
    bytes:
      description: Its size on disk.
      type: int
elapsed:
  description: Seconds that it took, with three decimals.
  returned: always, but for options that can't be meant
  type: float
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result, run
from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.device_backup_status import device_backup_status


def argument_spec() -> dict[str, object]:
    """The options, as DOCUMENTATION says them."""
    return {
        "node_url": {"type": "str"},
        "mysql_service_url": {"type": "str"},
        "rsync_service_url": {"type": "str"},
        "results_path": {"type": "path"},
        "videos_path": {"type": "path"},
        "layout": {"type": "list", "elements": "raw", "default": ["ethoscope"]},
        "devices": {"type": "list", "elements": "str"},
        "exclude": {"type": "list", "elements": "str"},
        "max_age": {"type": "dict"},
        "verify": {"type": "str", "choices": ["none", "open", "full"], "default": "open"},
        "timeout": {"type": "str", "default": "10s"},
        "parallel": {"type": "int", "default": 4},
        "cache_path": {"type": "path"},
        "cache_ttl": {"type": "str", "default": "5m"},
        "stable_after": {"type": "str", "default": "7d"},
        "refresh": {"type": "bool", "default": False},
        "fail_on": {
            "type": "list",
            "elements": "str",
            "choices": ["failed", "missing", "stale", "in_progress", "unknown", "ok", "no_data", "no_answer"],
        },
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)

    def work() -> Result:
        values, failure = device_backup_status(module.params, os.environ, Clock())
        return Result({"changed": False, **values}, failure)

    run(module, work)


if __name__ == "__main__":
    main()
