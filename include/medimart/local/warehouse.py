"""The warehouse of this machine: an outside server by its URL, or the embedded one under MEDIMART_HOME."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from medimart.errors import SettingError
from medimart.local import processes
from medimart.local.postgres import START_SECONDS, PostgresServer, free_port, is_free
from medimart.settings import Settings, settings

DATABASE = "medimart"
DEFAULT_POSTGRES_PORT = 54320


@dataclass(frozen=True)
class Held:
    """Who holds a home folder: the supervisor's process id, what it is for, where things answer, the landing folder
    it works on, and the sessions of what it started (so that a later start can sweep up after one that was killed)."""

    pid: int
    purpose: str
    postgres_port: int | None = None
    airflow_url: str | None = None
    landing: str | None = None
    sessions: tuple[int, ...] = ()


class Home:
    """The state folder, held by one supervisor at a time.

    The lock is the kernel's (flock): it ends with its holder, however that ends, so no stale one is possible.
    The note beside it says who holds it.
    """

    def __init__(self, folder: Path, purpose: str) -> None:
        """Take the lock. Raises SettingError when the folder is not ours to write in, or held."""
        make_folder(folder)
        self.folder = folder
        self._note = folder / "stack.json"
        self._lock = os.open(folder / "stack.lock", os.O_CREAT | os.O_RDWR, 0o600)
        if not _acquired(self._lock):
            os.close(self._lock)
            raise _is_held(folder)
        if left := read_note(folder):
            processes.sweep(left.sessions, within=folder)
        self.note(Held(os.getpid(), purpose))

    def note(self, held: Held) -> None:
        """Write down who holds the folder now."""
        fresh = self._note.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(held)))
        fresh.rename(self._note)

    def release(self) -> None:
        """Give the folder up."""
        self._note.unlink(missing_ok=True)
        os.close(self._lock)


def _acquired(lock: int) -> bool:
    """Take the lock; a holder that is just going, or just looking, is given a second."""
    for _ in range(20):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.05)
    return False


def read_note(folder: Path) -> Held | None:
    """The note of who holds (or, if it was killed, last held) a home folder."""
    try:
        found = json.loads((folder / "stack.json").read_text())
        return Held(**{**found, "sessions": tuple(found["sessions"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def holder(folder: Path) -> Held | None:
    """Who holds a home folder at this moment; None when nobody does."""
    try:
        lock = os.open(folder / "stack.lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return read_note(folder)
    finally:
        os.close(lock)


def make_folder(folder: Path) -> None:
    """Make a folder that its owner alone can enter. Raises SettingError when that isn't permitted."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingError(
            f"The state folder {folder} cannot be made ({error.strerror}): "
            "set MEDIMART_HOME to a folder you may write in."
        ) from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise SettingError(
            f"The state folder {folder} cannot be written: make it yours (chown), "
            "or set MEDIMART_HOME to a folder you may write in."
        )


def embedded(chosen: Settings) -> PostgresServer:
    """The embedded server of a home folder, on the port asked for, else the usual one, else any free one."""
    port = chosen.postgres_port
    if port is None:
        port = DEFAULT_POSTGRES_PORT if is_free(DEFAULT_POSTGRES_PORT) else free_port()
    return PostgresServer(chosen.home / "postgres", port, chosen.home / "secret" / "postgres.password")


def start_embedded(chosen: Settings) -> PostgresServer:
    """Start the embedded server, ending one that a killed supervisor left, and see to its database."""
    server = embedded(chosen)
    if server.running_pid():
        server.stop()
    try:
        server.start(**tuning())
        if not server.password_file.exists():
            raise SettingError(
                f"{server.password_file}, the password of the server in {server.data}, is missing: "
                "put it back, or move that data directory away to begin anew."
            )
        ensure_database(server.url(), DATABASE)
    except BaseException:  # an interruption too leaves nothing behind
        server.stop()
        raise
    return server


def tuning() -> dict[str, str]:
    """Settings of the embedded server, sized for this machine."""
    import psutil

    memory = psutil.virtual_memory().total // 2**20
    return {
        "max_connections": "100",
        "shared_buffers": f"{max(128, min(1024, memory // 8))}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "work_mem": f"{max(16, min(64, memory // 256))}MB",
        "maintenance_work_mem": f"{max(64, min(256, memory // 32))}MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "synchronous_commit": "off",
        "jit": "off",
    }


def ensure_database(url: str, name: str) -> None:
    """Create a database on the server of `url` unless it is there. Raises SettingError when not permitted."""
    try:
        with psycopg.connect(url, autocommit=True) as admin:
            if not admin.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        raise SettingError(
            f"The role of MEDIMART_DATABASE_URL may not create the database {name}: "
            f"have an administrator run `create database {name} owner <that role>`."
        ) from None
    except psycopg.OperationalError as error:
        raise SettingError(
            f"The database server does not answer ({' '.join(str(error).split())}): check MEDIMART_DATABASE_URL."
        ) from None


@contextmanager
def warehouse() -> Iterator[str]:
    """The URL of the warehouse, for as long as it is needed.

    An outside server and a running stack are used as they are; otherwise the embedded server is started,
    and stopped when the last user has left.
    """
    chosen = settings()
    if chosen.database_url:
        yield chosen.database_url
        return
    if url := running_url(chosen):
        yield url
        return
    home = Home(chosen.home, "the warehouse")
    server = None
    try:
        server = start_embedded(chosen)
        home.note(Held(os.getpid(), "the warehouse", server.port))
        yield server.url(DATABASE)
    finally:
        with processes.uninterrupted():
            if server:
                server.stop(wait_for_clients=30)
            home.release()


def running_url(chosen: Settings) -> str | None:
    """The URL of the embedded warehouse that another process of ours has running."""
    until = time.monotonic() + START_SECONDS
    while (held := holder(chosen.home)) and held.postgres_port is None:  # it is just starting
        if time.monotonic() > until:
            raise _is_held(chosen.home)
        time.sleep(0.1)
    if not held or not held.postgres_port:
        return None
    return PostgresServer(
        chosen.home / "postgres", held.postgres_port, chosen.home / "secret" / "postgres.password"
    ).url(DATABASE)


def _is_held(folder: Path) -> SettingError:
    held = read_note(folder)
    who = f"process {held.pid} ({held.purpose})" if held else "another process"
    return SettingError(f"{folder} is in use by {who}: stop that one first, or set MEDIMART_HOME to another folder.")
