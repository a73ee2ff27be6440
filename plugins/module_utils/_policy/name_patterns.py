# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shell patterns of names. Pure. Private to this collection."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable


def name_test(patterns: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    """What matches the names that any of some shell patterns means, case sensitive.

    Python's translation of a pattern never goes back behind a star once passed (3.9 and later), so the time is bounded
    by the product of both lengths.

    :raises re.error: for a range such as ``[z-a]``, in early releases of Python 3.9 and 3.10.
    """
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match
