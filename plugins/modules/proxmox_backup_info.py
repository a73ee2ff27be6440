# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_backup_info
short_description: See which Proxmox VE guests have a good backup, how old it is, and what cannot be seen
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Lists the backups of guests on all backup storages of a cluster and judges each guest by evidence. A guest is
    V(fresh) or V(stale) because an archive of it is listed, never because a job said so.
  - A backup is good when its file has a size greater than zero. On a Proxmox Backup Server it must also be a finished
    snapshot whose verification has not failed.
  - An empty list that comes from a missing privilege is told apart from a guest without backups, and a storage that
    does not answer makes its guests V(unknown), not V(missing). What could not be read is listed in RV(unreadable)
    together with the privilege to grant.
  - Ages are judged by the clock of the guest's node where the token may read it (C(Sys.Audit) on C(/nodes/NODE)), else
    by the clock of the node that answers the API. A backup dated more than an hour ahead of that clock does not count.
  - The module needs one request for the resources of the cluster, one for the privileges, one or two for each node and
    one for each storage (for each node, where the storage is local), however many guests there are.
notes:
  - Privileges needed are C(VM.Audit) and C(VM.Backup) on the guests and C(Datastore.AllocateSpace) on the storages.
    C(Datastore.Audit) alone, as in the role C(PVEAuditor), shows an empty list, because Proxmox VE leaves out backups
    of guests on which the token has no C(VM.Backup). C(Datastore.Allocate) on a storage shows everything on it.
extends_documentation_fragment:
  - lifeboat.backup.proxmox
  - lifeboat.backup.proxmox.actiongroup
  - lifeboat.backup.selection
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
  vmids:
    description:
      - Ids of guests. Also an id that the cluster no longer shows is reported as long as a backup of it is there.
      - When no guest is selected by any option, all guests and all backups are reported.
  storages:
    description:
      - Look only at these storages. The state of the guests is then judged by them alone.
    type: list
    elements: str
  newest_only:
    description:
      - Return only the newest backup of each guest that passes the other filters.
    type: bool
    default: false
  newer_than:
    description:
      - Return only backups at most this old, such as V(90s), V(15m), V(24h), V(7d), V(2w) or seconds.
    type: str
  older_than:
    description:
      - Return only backups older than this, written as in O(newer_than).
    type: str
  protected:
    description:
      - Return only backups that are protected against removal (V(true)) or not (V(false)).
    type: bool
  verified:
    description:
      - Return only backups whose last verification passed (V(true)), or that have not been verified or failed it
        (V(false)). File storages never verify.
    type: bool
  max_age:
    description:
      - The age from which the newest good backup of a guest makes it V(stale), written as in O(newer_than).
      - Without it a guest with any good backup is V(fresh).
    type: str
  require_verified:
    description:
      - Count a backup as good only when its verification has passed.
    type: bool
    default: false
seealso:
  - module: lifeboat.backup.proxmox_backup
"""

EXAMPLES = r"""
- name: See which guests have no backup younger than a day
  lifeboat.backup.proxmox_backup_info:
    api_host: pve1.example.com
    api_token_id: backup@pve!lifeboat
    api_token_secret: "{{ lifeboat_token_secret }}"
    max_age: 24h
  register: coverage

- name: Stop the pipeline when one of them is not covered
  ansible.builtin.assert:
    that: coverage.summary.fresh == coverage.summary.selected
    fail_msg: "{{ coverage.guests | rejectattr('state', 'eq', 'fresh') | map(attribute='reason') | join('; ') }}"

- name: Find the newest backup of one guest (connection from PROXMOX_HOST and the other environment variables)
  lifeboat.backup.proxmox_backup_info:
    names:
      - web1
    newest_only: true

- name: Look for old unprotected backups of one pool on one storage
  lifeboat.backup.proxmox_backup_info:
    pools:
      - production
    storages:
      - vault
    older_than: 30d
    protected: false
"""

RETURN = r"""
backups:
  description: The backups that pass the filters, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    volid:
      description: The volume id, by which Proxmox VE knows the backup.
      type: str
    vmid:
      description: The guest's id. Null for a file that was renamed so that its name no longer tells.
      type: int
    storage:
      description: The storage.
      type: str
    node:
      description: A node on which the storage shows it. For a local storage, the node where it lies.
      type: str
    ctime:
      description: When it was made, in epoch seconds.
      type: int
    size:
      description: Size in bytes.
      type: int
    format:
      description: Format as Proxmox VE names it, such as V(tar.zst), V(vma.zst), V(pbs-vm) or V(pbs-ct).
      type: str
    guest_type:
      description: V(qemu) or V(lxc). Null where it cannot be told.
      type: str
    notes:
      description: First line of the notes.
      type: str
    protected:
      description: Whether it is protected against removal.
      type: bool
    verified:
      description: Whether its last verification passed. Null when it was never verified.
      type: bool
    encrypted:
      description: Whether it is encrypted.
      type: bool
  sample:
    - volid: vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst
      vmid: 101
      storage: vault
      node: pve1
      ctime: 1795177597
      size: 1987185
      format: tar.zst
      guest_type: lxc
      notes: web1
      protected: false
      verified: null
      encrypted: false
guests:
  description: A row for each selected guest, by id.
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
      description: Its node. Null for a guest that only its backups still tell of.
      type: str
    type:
      description: V(qemu) or V(lxc).
      type: str
    state:
      description: V(fresh), V(stale), V(missing), or V(unknown) when something that could hold a better backup was not
        readable.
      type: str
    reason:
      description: The reason for the state, in words.
      type: str
    newest:
      description: The newest good backup, with the keys of RV(backups). Null when there is none.
      type: dict
    age:
      description: Its age in seconds. Null when there is none.
      type: int
    count:
      description: How many backups of the guest were seen, good or not.
      type: int
    size:
      description: Their size together, in bytes.
      type: int
storages:
  description: A row for each storage that was read, for each node where it is local.
  returned: success
  type: list
  elements: dict
  contains:
    storage:
      description: The storage.
      type: str
    node:
      description: The node. Null for a shared storage.
      type: str
    type:
      description: Its type, such as V(dir), V(nfs) or V(pbs).
      type: str
    shared:
      description: Whether all nodes see the same content.
      type: bool
    active:
      description: Whether the node could activate it.
      type: bool
    avail:
      description: Free space in bytes.
      type: int
    total:
      description: Size in bytes.
      type: int
    readable:
      description: Whether its backups could be listed.
      type: bool
    backups:
      description: How many backups it shows to the token.
      type: int
    size:
      description: Their size together, in bytes.
      type: int
unreadable:
  description: What could not be seen, so that nothing is claimed of it.
  returned: success
  type: list
  elements: dict
  contains:
    storage:
      description: The storage. Null when a whole node cannot be asked.
      type: str
    node:
      description: The node. Null for a shared storage.
      type: str
    why:
      description: The reason, in a sentence.
      type: str
    grant:
      description: The privilege that would help. Null where a privilege does not help.
      type: str
summary:
  description: Counts.
  returned: success
  type: dict
  contains:
    selected:
      description: How many guests were judged.
      type: int
    fresh:
      description: How many have a good backup that is young enough.
      type: int
    stale:
      description: How many have only an older one.
      type: int
    missing:
      description: How many have none.
      type: int
    unknown:
      description: Of how many it cannot be told.
      type: int
    backups:
      description: How many backups are returned.
      type: int
    bytes:
      description: Their size together.
      type: int
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.argument_spec import (
    connection_spec,
    selection_spec,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.proxmox import Call, run_proxmox
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_info import backup_info


def argument_spec() -> dict[str, object]:
    """The options, as DOCUMENTATION says them."""
    return {
        **connection_spec(),
        **selection_spec(),
        "storages": {"type": "list", "elements": "str"},
        "newest_only": {"type": "bool", "default": False},
        "newer_than": {"type": "str"},
        "older_than": {"type": "str"},
        "protected": {"type": "bool"},
        "verified": {"type": "bool"},
        "max_age": {"type": "str"},
        "require_verified": {"type": "bool", "default": False},
    }


def work(call: Call) -> Result:
    """Look and report."""
    return Result({"changed": False, **backup_info(call.client, call.params, call.clock)})


def main() -> None:
    """Run the module."""
    run_proxmox(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
