# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of Ethoscopes as its node sees it: real HTTP on loopback, real files. See README.md beside this file."""

from device_simulator.device import Device, Mysql, Sqlite, Videos
from device_simulator.faults import (
    Altered,
    Body,
    Dead,
    Deep,
    Drip,
    Endless,
    ErrorBody,
    Failure,
    Fault,
    Garbage,
    Hang,
    HugeLength,
    Late,
    Redirect,
    Skewed,
    Truncated,
)
from device_simulator.fleet import Fleet
from device_simulator.server import Asked, Server
from device_simulator.services import Servers, running

__all__ = [
    "Altered",
    "Asked",
    "Body",
    "Dead",
    "Deep",
    "Device",
    "Drip",
    "Endless",
    "ErrorBody",
    "Failure",
    "Fault",
    "Fleet",
    "Garbage",
    "Hang",
    "HugeLength",
    "Late",
    "Mysql",
    "Redirect",
    "Server",
    "Servers",
    "Skewed",
    "Sqlite",
    "Truncated",
    "Videos",
    "running",
]
