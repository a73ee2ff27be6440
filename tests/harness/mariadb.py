# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real MariaDB as Ethoscopes have one, and copies of its databases as the node's MySQL backup daemon makes them.

What the daemon does is from reference/ethoscope.md, sections 4.3 and 8. Left out: that it migrates copies of old
versions. As a program (``python mariadb.py SOCKET DATABASE TARGET``) it is a daemon that never rests; with a number of
rows it stops after so many, in the middle of a transaction, and waits for its end.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

USER = "node"
PASSWORD = "node"
CHUNK = 200
"""Rows that are asked for at once, and then committed."""
LAST_CHUNK = 100
"""A chunk with fewer rows than this is the last one of its table."""

ROOM = 256 * 1024**2
"""Bytes of which a server needs 50 MB."""

# Where Debian has its servers; it isn't on the way of everybody's PATH
_PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
_WITH_IDS = ("CSV_DAM_ACTIVITY", "START_EVENTS", "IMG_SNAPSHOTS", "SENSORS")
_WITHOUT_IDS = ("METADATA", "VAR_MAP", "ROI_MAP")
_TYPES = (
    (("int",), "INTEGER"),
    (("varchar", "text", "char"), "TEXT"),
    (("float", "double", "decimal"), "REAL"),
    (("blob",), "BLOB"),
)
# Nothing here has to outlive a crash of the machine, and nobody else wants its memory
_SMALL = (
    "--innodb-buffer-pool-size=8M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-innodb-doublewrite",
    "--loose-innodb-flush-method=nosync",
)
# Ends the server and removes its folder when the tests end, however they do: then its input ends
_GUARD = 'folder=$1; shift; "$@" & read -r _; kill $!; wait $!; rm -rf -- "$folder"'


@dataclass(frozen=True)
class Server:
    """A running server; ``folder`` has its data, its log and its socket."""

    folder: Path

    @property
    def socket(self) -> str:
        """The only way to reach it."""
        return f"{self.folder}/socket"

    def execute(self, *statements: str | tuple[str, Sequence[Sequence[Any]]]) -> None:
        """Run statements as root, and statements with rows of values for them."""
        with closing(connect(self.socket, "root", "")) as connection, connection.cursor() as cursor:
            for statement in statements:
                if isinstance(statement, str):
                    cursor.execute(statement)
                else:
                    cursor.executemany(*statement)
            connection.commit()


def connect(place: str, user: str = USER, password: str = PASSWORD, database: str | None = None) -> Any:
    """A connection as the daemon has it: text is latin1, no TLS. ``place`` is the path of the socket."""
    return pymysql.connect(
        unix_socket=place, user=user, password=password, database=database, charset="latin1", ssl_disabled=True
    )


@contextmanager
def mariadb() -> Iterator[Server]:
    """A new server with the account of the nodes; as another user where we are root, since it refuses to be that."""
    user = _unprivileged() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="lifeboat-mariadb-", dir=_room(), ignore_cleanup_errors=True) as name:
        server = Server(Path(name))
        if user:
            shutil.chown(server.folder, user)
        options = [f"--datadir={name}/data", *_SMALL, *([f"--user={user}"] if user else [])]
        _install(options)
        with _running(server, options):
            server.execute(
                f"CREATE USER {USER}@localhost IDENTIFIED BY '{PASSWORD}'", f"GRANT ALL ON *.* TO {USER}@localhost"
            )
            yield server


def _room() -> str:
    """Where the other user comes, by a short path: that of a socket has 107 bytes at most. Memory, if there is much."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else "/tmp"


def _unprivileged() -> str:
    names = [one.pw_name for one in pwd.getpwall()]
    return "mysql" if "mysql" in names else "nobody"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PLACES)
    assert found, f"{name} is not installed"
    return found


def _install(options: Sequence[str]) -> None:
    quiet = ["--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal"]
    done = subprocess.run(
        [_program("mariadb-install-db"), "--no-defaults", *quiet, *options],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _running(server: Server, options: Sequence[str]) -> Iterator[None]:
    command = [_program("mariadbd"), "--no-defaults", *options, f"--socket={server.socket}", "--skip-networking"]
    more = [f"--pid-file={server.folder}/pid", f"--tmpdir={server.folder}", "--character-set-server=latin1"]
    log = server.folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(server.folder), *command, *more],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the tests, not for the server
        ) as guard,
    ):
        assert guard.stdin is not None
        try:
            _wait(server, log)
            yield
        finally:
            guard.stdin.close()
            try:
                guard.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(guard.pid, signal.SIGKILL)


def _wait(server: Server, log: Path) -> None:
    end = time.monotonic() + 20
    with socket.socket(socket.AF_UNIX) as door:
        while door.connect_ex(server.socket):
            assert time.monotonic() < end, log.read_text(errors="replace")
            time.sleep(0.02)


class NotReady(Exception):
    """The database has no VAR_MAP yet; a copy without a byte is there now."""


def _nothing() -> None:
    pass


class Daemon:
    """The MySQL backup daemon, for one database. ``after_row`` is called for each row that it inserts.

    ``errors`` has what went wrong with single tables in its last cycle: the daemon only logs that, and goes on.
    """

    def __init__(self, place: str, database: str, target: Path, after_row: Callable[[], None] = _nothing) -> None:
        self.errors: list[str] = []
        self._place = place
        self._database = database
        self._target = target
        self._after_row = after_row

    def cycle(self) -> float:
        """Bring the copy up to date, and say how much of the database is in it, in percent.

        :raises NotReady: when there is nothing to copy yet.
        """
        self.errors.clear()
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._target.with_suffix(".txt").touch()
        with (
            closing(connect(self._place, database=self._database)) as remote,
            remote.cursor() as ask,
            closing(sqlite3.connect(self._target)) as copy,
        ):
            if _only(ask, "SELECT COUNT(*) FROM VAR_MAP") == 0:
                raise NotReady(self._database)
            ask.execute("SHOW TABLES")
            tables = [name for (name,) in ask.fetchall()]
            for table in tables:
                try:
                    self._table(ask, copy, table)
                except (pymysql.err.Error, sqlite3.Error) as error:
                    self.errors.append(f"{table}: {error}")
            return _percentage(ask, copy, tables)

    def _table(self, ask: Any, copy: sqlite3.Connection, table: str) -> None:
        ask.execute(f"SHOW COLUMNS FROM `{table}`")
        columns = ask.fetchall()
        copy.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({", ".join(map(_column, columns))})')
        copy.commit()
        names = [column[0] for column in columns]
        if _has_ids(table):
            self._new_rows(ask, copy, table, names)
        elif table in _WITHOUT_IDS:
            self._missing_rows(ask, copy, table, names)

    def _new_rows(self, ask: Any, copy: sqlite3.Connection, table: str, names: Sequence[str]) -> None:
        """What has a higher id than the copy knows. A row that was changed, deleted or committed late isn't seen."""
        while True:
            last = copy.execute(f'SELECT COALESCE(MAX(id), 0) FROM "{table}"').fetchone()[0]
            ask.execute(f"SELECT * FROM `{table}` WHERE id > %s ORDER BY id LIMIT {CHUNK}", (last,))
            rows = ask.fetchall()
            for row in rows:
                copy.execute(f'INSERT OR IGNORE INTO "{table}" VALUES ({", ".join("?" * len(names))})', row)
                self._after_row()
            copy.commit()
            if table == "CSV_DAM_ACTIVITY":
                with self._target.with_suffix(".txt").open("a", encoding="latin1") as text:
                    text.writelines("\t".join(map(str, row)) + "\n" for row in rows)
            if len(rows) < LAST_CHUNK:
                return

    def _missing_rows(self, ask: Any, copy: sqlite3.Connection, table: str, names: Sequence[str]) -> None:
        """Each row that isn't in the copy. One with NULL never is: it comes again with every cycle."""
        same = " AND ".join(f'"{name}" = ?' for name in names)
        ask.execute(f"SELECT * FROM `{table}`")
        for row in ask.fetchall():
            if copy.execute(f'SELECT COUNT(*) FROM "{table}" WHERE {same}', row).fetchone()[0] == 0:
                copy.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(names))})', row)
                self._after_row()
        copy.commit()


def _has_ids(table: str) -> bool:
    return table in _WITH_IDS or (table.startswith("ROI_") and table not in _WITHOUT_IDS)


def _column(column: Sequence[Any]) -> str:
    name, type_, null, key, default = column[:5]
    words = type_.lower()
    kind = next((ours for theirs, ours in _TYPES if any(word in words for word in theirs)), "TEXT")
    return (
        f'"{name}" {kind}'
        + (" PRIMARY KEY" if key == "PRI" else "")
        + (" NOT NULL" if null == "NO" and default is None else "")
    )


def _percentage(ask: Any, copy: sqlite3.Connection, tables: Sequence[str]) -> float:
    """By the highest ids, which says nothing of the rows below them; more than 0 counts as success."""
    there = here = 0
    for table in tables:
        what = "COALESCE(MAX(id), 0)" if _has_ids(table) else "COUNT(*)"
        if _has_ids(table) or table in _WITHOUT_IDS:
            there += _only(ask, f"SELECT {what} FROM `{table}`")
            with suppress(sqlite3.OperationalError):  # the copy has no such table
                here += copy.execute(f'SELECT {what} FROM "{table}"').fetchone()[0]
    return 100 * here / there


def _only(ask: Any, question: str) -> Any:
    ask.execute(question)
    return ask.fetchone()[0]


@contextmanager
def busy_daemon(server: Server, database: str, target: Path, stop_after: int | None = None) -> Iterator[None]:
    """A daemon in a process of its own: it copies again and again, or stops after so many rows, and is killed then."""
    rows = [] if stop_after is None else [str(stop_after)]
    command = [sys.executable, __file__, server.socket, database, str(target), *rows]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline() == b"writing\n"
            yield
            assert daemon.poll() is None, "the daemon ended by itself"
        finally:
            daemon.kill()


def _run(place: str, database: str, target: str, rows: str = "") -> None:
    left = int(rows) if rows else -1

    def after_row() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            print("writing", flush=True)  # noqa: T201 - what its starter waits for
            sys.stdin.read()  # until its starter is gone, however that ends

    daemon = Daemon(place, database, Path(target), after_row)
    if not rows:
        print("writing", flush=True)  # noqa: T201
    with closing(connect(place, database=database)) as device, device.cursor() as cursor:
        while True:
            daemon.cycle()
            cursor.execute("INSERT INTO ROI_1 (t, x, y) SELECT t + 500, x, y FROM ROI_1 ORDER BY id DESC LIMIT 300")
            device.commit()


if __name__ == "__main__":
    _run(*sys.argv[1:])
