"""A real PostgreSQL for the suite: its own server in its own directory, on a free port, gone with the suite.

PostgreSQL refuses to run as root, so root hands the server to an unprivileged user. The kernel ends the server when
the process that started it dies, however it dies (PR_SET_PDEATHSIG, set after the change of user, which would clear
it). Under pytest-xdist every worker starts its own.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

USER = "acd"
PASSWORD = "a-password-of-the-suite"
START_LIMIT_S = 30.0

_PR_SET_PDEATHSIG = 1
_UNPRIVILEGED = ("postgres", "nobody")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "50",
    "shared_buffers": "16MB",
}


class Postgres:
    """One server. `stop` and `start` play an outage; the data stays."""

    def __init__(self, programs: Path, home: Path) -> None:
        self._programs = programs
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = _free_port()
        self._as_user = _other_user()
        self._initialise()

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql+asyncpg://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it takes connections. From the main thread: the server dies with the caller's."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the kernel would end PostgreSQL together with this thread")
        libc = ctypes.CDLL(None, use_errno=True)  # before the fork: nothing may be loaded after it
        parent = os.getpid()

        def die_with_parent() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

        settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self._home)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._home / "data", *options],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls one C function that is loaded already
                **self._as_user,
            )
        deadline = time.monotonic() + START_LIMIT_S
        while self._run("pg_isready", "-q", check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start:\n" + (self._home / "log").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once, with every connection."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(START_LIMIT_S)
            self._process = None

    def create_database(self) -> str:
        """The name of a fresh, empty database."""
        self._databases += 1
        name = f"acd_{self._databases}"
        self._run("createdb", name)
        return name

    def drop_database(self, name: str) -> None:
        self._run("dropdb", "--force", name)

    def sql(self, database: str, statement: str) -> str:
        """Run a statement as the owner of the server; what it printed."""
        return self._run("psql", "-Atqc", statement, database).stdout.decode()

    def _initialise(self) -> None:
        password_file = self._home / "password"
        password_file.write_text(PASSWORD)
        if self._as_user:
            for path in (self._home, password_file):
                os.chown(path, self._as_user["user"], self._as_user["group"])
        self._run(
            "initdb", "-D", str(self._home / "data"), "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync",
            "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password_file}",
        )  # fmt: skip

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C",
            "PGHOST": str(self._home),
            "PGPORT": str(self.port),
            "PGUSER": USER,
        }
        done = subprocess.run(
            [self._programs / program, *arguments],
            env=environment,
            cwd=self._home,
            capture_output=True,
            timeout=START_LIMIT_S,
            check=False,
            **self._as_user,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr.decode()}")
        return done


def find_programs() -> Path | None:
    """The directory of PostgreSQL's server programs: `ACD_POSTGRES_BIN`, on PATH, or where Debian hides them."""
    named = os.environ.get("ACD_POSTGRES_BIN")
    if named:
        return Path(named)
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The suite's server. Whoever stops it starts it again."""
    programs = find_programs()
    if programs is None:
        pytest.fail("no PostgreSQL server here: `make test` installs one, or apt-get install postgresql")
    home = Path(tempfile.mkdtemp(prefix="acd-postgres-"))  # not pytest's own: that is closed to other users
    try:
        server = Postgres(programs, home)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The address of an empty database of the test's own."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


def _other_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    for name in _UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL will not run as root, and there is no other user to run it")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
