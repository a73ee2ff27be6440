# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that were made before, served as they are by a process of its own, so that making them is in no figure.

    python -m benchmarks.device_server FOLDER

serves ``FOLDER/rsync/status`` as ``/rsync/status``; what is asked below ``/hung`` is never answered. It prints its
port, and ends with its input, so with the process that started it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HUNG = "hung"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address under which the files of a folder are served."""
    command = [sys.executable, "-m", "benchmarks.device_server", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"{' '.join(command)} did not start")
        yield f"http://127.0.0.1:{port}"


def _serve(folder: Path) -> None:
    answers = {f"/{file.relative_to(folder)}": file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    class Handler(BaseHTTPRequestHandler):
        """As the rsync daemon: HTTP/1.0, and no Content-Length."""

        def do_GET(self) -> None:
            """Answer, or never do."""
            if self.path.startswith(f"/{HUNG}/"):
                self.rfile.read()  # until the client has gone
                return
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
