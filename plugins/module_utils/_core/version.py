# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of this collection, for records that outlive it. Private to this collection."""

from __future__ import annotations

VERSION = "0.1.0"
"""As in galaxy.yml, which a module can't read where it runs; a test holds the two together."""
