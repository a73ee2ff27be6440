# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes for people. Private to this collection."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_size(count: int) -> str:
    """Bytes with a binary unit and at most one decimal: ``0 B``, ``1.9 MiB``, ``240 GiB``."""
    value = float(max(0, count))
    for unit in _UNITS[:-1]:
        shown = f"{value:.1f}" if unit != "B" and value < 99.95 else f"{value:.0f}"
        if float(shown) < 1024:
            return f"{shown.removesuffix('.0')} {unit}"
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + f" {_UNITS[-1]}"
