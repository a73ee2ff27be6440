# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_guest_state
short_description: Start, stop, shut down or destroy a Proxmox VE guest, and wait until it is so
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - States what one guest does. The module does nothing where that is true already.
  - It waits for the task and then looks at the guest itself, because a task that only asks the HA manager ends long
    before the guest runs.
notes:
  - Privileges needed are C(VM.Audit) and C(VM.PowerMgmt) on the guest; for O(state=destroyed) C(VM.Audit) and
    C(VM.Allocate).
extends_documentation_fragment:
  - lifeboat.backup.proxmox
  - lifeboat.backup.proxmox.actiongroup
attributes:
  check_mode:
    description: Does every check and says what would be done.
    support: full
  diff_mode:
    description: Shows what the guest does before and after.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  vmid:
    description:
      - The guest's id. Either this or O(name) is needed.
    type: int
  name:
    description:
      - The guest's exact name. More than one guest of this name is an error.
    type: str
  state:
    description:
      - V(started) starts the guest; V(stopped) pulls the plug; V(shut_down) asks it to shut down, and fails when it
        does not within O(timeout), without pulling the plug.
      - V(destroyed) destroys a guest that does not run, with the disks in its configuration and no others.
    type: str
    choices: [started, stopped, shut_down, destroyed]
    required: true
  confirm_name:
    description:
      - The guest's name once more, or its id where it has none. Needed with O(state=destroyed), so that a wrong id
        destroys nothing.
    type: str
  purge:
    description:
      - With O(state=destroyed), also take the guest out of backup jobs, replication and HA. Needed for guests that HA
        manages.
    type: bool
    default: false
  timeout:
    description:
      - How long the guest may take, as a duration such as V(90s), V(5m) or V(1h).
    type: str
    default: 5m
seealso:
  - module: lifeboat.backup.proxmox_backup
"""

EXAMPLES = r"""
- name: Shut a guest down before its disks are worked on
  lifeboat.backup.proxmox_guest_state:
    name: web1
    state: shut_down
    timeout: 3m

- name: Start it again
  lifeboat.backup.proxmox_guest_state:
    name: web1
    state: started

- name: Pull the plug
  lifeboat.backup.proxmox_guest_state:
    vmid: 101
    state: stopped

- name: Destroy a guest that is no longer needed; its name must be given twice over
  lifeboat.backup.proxmox_guest_state:
    vmid: 103
    state: destroyed
    confirm_name: scratch
"""

RETURN = r"""
msg:
  description: What was done, and why.
  returned: always
  type: str
  sample: "101 (web1): started, it was stopped."
result:
  description:
    - V(started), V(stopped), V(shut_down) or V(destroyed); V(unchanged), it was so already; in check mode
      V(would_start), V(would_stop), V(would_shut_down) or V(would_destroy).
    - With V(failed) the guest does something else than asked for, and the task fails.
  returned: when the guest could be looked at
  type: str
vmid:
  description: The guest's id.
  returned: when the guest could be looked at
  type: int
name:
  description: Its name. Null when it has none, or is not there.
  returned: when the guest could be looked at
  type: str
node:
  description: Its node.
  returned: when the guest could be looked at
  type: str
type:
  description: V(qemu) or V(lxc).
  returned: when the guest could be looked at
  type: str
status:
  description: What the guest does now, V(running), V(stopped) or V(absent); in check mode what it would do.
  returned: when the guest could be looked at
  type: str
reason:
  description: Why the result is what it is.
  returned: when the guest could be looked at
  type: str
upid:
  description: The task. Null when there was none.
  returned: when the guest could be looked at
  type: str
exitstatus:
  description: How the task ended. Null when there was none, or while it still runs.
  returned: when the guest could be looked at
  type: str
duration:
  description: Seconds that it took.
  returned: when the guest could be looked at
  type: float
diff:
  description: What the guest does before and after.
  returned: when the guest could be looked at
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.argument_spec import connection_spec
from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.proxmox import Call, run_proxmox
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_state import ensure_state


def argument_spec() -> dict[str, object]:
    """The options, as DOCUMENTATION says them."""
    return {
        **connection_spec(),
        "vmid": {"type": "int"},
        "name": {"type": "str"},
        "state": {"type": "str", "choices": ["started", "stopped", "shut_down", "destroyed"], "required": True},
        "confirm_name": {"type": "str"},
        "purge": {"type": "bool", "default": False},
        "timeout": {"type": "str", "default": "5m"},
    }


def work(call: Call) -> Result:
    """Make the wish true; the task fails where the guest does something else than asked for."""
    values = ensure_state(call.client, call.params, call.check_mode, call.clock, call.interruption)
    return Result.judged(values, values["result"] == "failed")


def main() -> None:
    """Run the module."""
    run_proxmox(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
