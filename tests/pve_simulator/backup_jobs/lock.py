# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock on the configuration of jobs: what fails under it is told as an internal failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pve_simulator.errors import ApiError, Died


@contextmanager
def configuration_locked() -> Iterator[None]:
    """Turn refusals into status 500 with the old status and the details in the text (recorded: 09_backup_jobs).

    Proxmox hands on the text of what was raised under the lock, and with it loses what kind of refusal it was.
    """
    try:
        yield
    except Died:
        raise
    except ApiError as error:
        details = [f"{name}: {text}" for name, text in (error.errors or {}).items()]
        raise Died("\n".join([f"{error.status} {error.message.rstrip()}", *details])) from error
