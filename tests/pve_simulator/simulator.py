# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator: a world behind a real HTTPS server, in a thread of this process."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pve_simulator.faults import Faults
from pve_simulator.web import application, certificate
from pve_simulator.web.record import Record
from pve_simulator.web.server import ServerThread
from pve_simulator.world import World

if TYPE_CHECKING:
    from typing_extensions import Self


class Simulator:
    """Serves a world while its ``with`` block runs.

    ``pace`` is how many seconds each guest's backup takes, ``auth_delay`` how long a failed login takes, ``minute``
    how many seconds a minute of vzdump's ``lockwait`` lasts.
    ``formal_certificate=False`` leaves out what Proxmox's own certificates leave out (the authority's key usage, the
    server's authority key), which clients that check strictly refuse.
    """

    def __init__(
        self,
        world: World,
        pace: float = 0.0,
        auth_delay: float = 0.0,
        *,
        minute: float = 60.0,
        host: str = "127.0.0.1",
        port: int = 0,
        formal_certificate: bool = True,
    ) -> None:
        world.pace = pace
        world.minute = minute
        self.world = world
        self.requests = Record()
        certificates = certificate.ensure(world.layout.pki, formal_certificate)
        world.fingerprint = certificates.fingerprint()
        self.ca_path: Path = certificates.ca
        self._server = ServerThread(application.build(world, self.requests, auth_delay), certificates, host, port)
        self.host: str = self._server.host
        self.port: int = self._server.port

    @property
    def faults(self) -> Faults:
        """Where faults are ordered."""
        return self.world.faults

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Wait until all tasks have ended. Raises ``TimeoutError``."""
        self.world.tasks.wait_idle(timeout)

    def start(self) -> None:
        """Begin to serve."""
        self.world.keeper.touch()
        self.world.keeper.start()
        self._server.start()

    def stop(self) -> None:
        """End the server, kill the workers as the end of a host would, and write the state down."""
        self._server.end()
        self.world.tasks.kill_all()  # before the join: a call may be waiting for the end of a task
        self._server.join()
        self.world.tasks.kill_all()  # what a last call has started
        self.world.keeper.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
