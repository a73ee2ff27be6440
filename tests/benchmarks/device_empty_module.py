# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that is a module, run as benchmarks.module_run runs one: Ansible's own floor."""

from __future__ import annotations

import sys

from ansible.module_utils.basic import AnsibleModule

from harness.modules import environment, run_module


def main() -> None:
    """Do nothing, as a module."""
    AnsibleModule(argument_spec={}, supports_check_mode=True).exit_json(changed=False)


if __name__ == "__main__":
    with environment():
        run_module(sys.modules[__name__], {})
