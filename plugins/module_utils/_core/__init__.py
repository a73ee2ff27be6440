# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What any backup is: text and numbers, errors, clocks. Private to this collection, not part of its interface."""

from __future__ import annotations
