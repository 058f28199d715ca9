"""The local stack: PostgreSQL and Airflow's processes as one supervised group.

`Stack.start()` brings them up, `check()` tells whether all still run, `stop()` ends them in order: the
scheduler first, so that what its last tasks have to say still finds the API server. `airflow standalone`
isn't used: a SIGTERM to it orphans its children.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from medimart.errors import SettingError
from medimart.local import processes
from medimart.local.airflow import Airflow
from medimart.local.postgres import PostgresServer, free_port, is_free, write_secret
from medimart.local.processes import Child
from medimart.local.warehouse import DATABASE, Held, Home, ensure_database, holder, start_embedded
from medimart.settings import PROJECT_ROOT, Settings, settings

DEFAULT_PORT = 8080
USER = "admin"
# In the order they are started; stopped the other way round, with PostgreSQL last.
COMPONENTS: dict[str, tuple[str, ...]] = {
    "api-server": ("--host", "127.0.0.1"),
    "triggerer": ("--skip-serve-logs",),
    "dag-processor": (),
    "scheduler": ("--skip-serve-logs",),
}
START_SECONDS = 120.0
PATIENCE = 8.0  # seconds that a component may take to end by itself

Say = Callable[[str], None]


@dataclass
class Stack:
    """The running group; made by `stack()`.

    dags: folder of DAG files. any_port: take a free port for the UI when the usual one is busy. is_scheduling: start
    runs by the DAGs' own schedules too.
    """

    chosen: Settings
    dags: Path
    any_port: bool
    is_scheduling: bool
    say: Say
    timings: dict[str, float] = field(default_factory=dict)
    _children: list[Child] = field(default_factory=list)
    _server: PostgresServer | None = None
    _home: Home | None = None

    def start(self, purpose: str) -> None:
        """Start everything; returns when Airflow answers and its scheduler is well."""
        self.port = self._airflow_port()
        self._home = Home(self.chosen.home, purpose)
        self.say("Starting PostgreSQL")
        with self._timed("PostgreSQL"):
            self._start_database()
        self._write_secrets()
        self._env = environment(self)
        with self._timed("metadata"):
            self._migrate()
        self.say("Starting Airflow")
        with self._timed("Airflow"):
            for name, options in COMPONENTS.items():
                self._spawn(name, options)
            self._note()
            self.airflow.wait_until_healthy(START_SECONDS, self.check)
            self.airflow.ensure_pool(at_once())

    def check(self) -> None:
        """Raise SettingError when a process of the group has ended."""
        for child in self._children:
            if child.is_alive:
                continue
            code = child.process.returncode
            if code < 0:
                raise SettingError(f"{child.name} was killed (signal {-code}); its log: {child.log}")
            word = processes.last_lines(child.log) or "none"
            raise SettingError(f"{child.name} ended (exit code {code}); its last word: {word} (log: {child.log})")

    def stop(self) -> None:
        """End everything that was started; nothing is left behind."""
        if self._children:
            self.say("Stopping")
        airflow = [child for child in self._children if child.name in COMPONENTS]
        processes.stop((child for child in airflow if child.name == "scheduler"), PATIENCE)
        if any(child.name == "scheduler" for child in airflow):
            self._complete_backfills()
        processes.stop((child for child in airflow if child.name != "scheduler"), PATIENCE)
        if self._server:
            self._server.stop()
        self._children.clear()
        if self._home:
            self._home.release()
            self._home = None

    def _complete_backfills(self) -> None:
        """Mark the backfills whose runs have all ended as complete, as the scheduler would have.

        It looks every 30 s, which cannot be set, and is stopped as soon as the runs are over: the UI would show
        "Backfill in progress" at the next start, and a run by command would take the backfill for interrupted.
        """
        with suppress(psycopg.Error), psycopg.connect(metadata_url(self.database_url)) as conn:  # else it is done later
            conn.execute(
                """
                update backfill as b set completed_at = clock_timestamp()
                where
                    b.completed_at is null
                    and exists (select from backfill_dag_run as r where r.backfill_id = b.id)
                    and not exists (
                        select from dag_run as r where r.backfill_id = b.id and r.state in ('running', 'queued')
                    )
                """
            )

    @property
    def airflow_url(self) -> str:
        """Where Airflow's UI and REST API answer."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def airflow_home(self) -> Path:
        """Airflow's own folder: logs and generated configuration."""
        return self.chosen.home / "airflow"

    @property
    def password(self) -> str:
        """The generated password of the user `admin`."""
        return _password(self.secret)

    @property
    def secret(self) -> Path:
        """The folder of what only this user may read."""
        return self.chosen.home / "secret"

    @property
    def airflow(self) -> Airflow:
        """A client of the running Airflow."""
        return Airflow(self.airflow_url, USER, self.password)

    @property
    def database_url(self) -> str:
        """The warehouse, outside or embedded."""
        if self.chosen.database_url:
            return self.chosen.database_url
        if not self._server:
            raise SettingError("PostgreSQL has not been started.")
        return self._server.url(DATABASE)

    def _airflow_port(self) -> int:
        port = self.chosen.port or DEFAULT_PORT
        if is_free(port):
            return port
        if self.any_port and not self.chosen.port:
            return free_port()
        raise SettingError(
            f"Port {port}, wanted for Airflow, is in use: stop what listens there, or set MEDIMART_PORT to a free one."
        )

    def _start_database(self) -> None:
        if not self.chosen.database_url:
            self._server = start_embedded(self.chosen)
            if child := self._server.child():
                self._children.append(child)
        ensure_database(self.database_url, metadata_name(self.database_url))

    def _write_secrets(self) -> None:
        from base64 import urlsafe_b64encode

        for name, text in {
            "airflow-users.json": json.dumps({USER: secrets.token_urlsafe(12)}),
            "airflow-fernet.key": urlsafe_b64encode(os.urandom(32)).decode(),
            "airflow-api.key": secrets.token_urlsafe(48),
        }.items():
            if not (self.secret / name).exists():
                write_secret(self.secret / name, text)

    def _migrate(self) -> None:
        """Make or upgrade Airflow's tables, unless this version already has (asking Airflow takes 3 s)."""
        wanted = f"airflow {version('apache-airflow-core')}"
        url = metadata_url(self.database_url)
        with psycopg.connect(url, autocommit=True) as conn:
            row = conn.execute(
                "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
            ).fetchone()
            if row and row[0] == wanted:
                return
            self.say("Preparing Airflow's metadata")
            child = processes.spawn(
                "airflow db migrate", self._command("db", "migrate"), self._log("migrate"), env=self._env
            )
            if child.process.wait():
                reason = processes.last_lines(child.log)
                raise SettingError(f"Airflow's metadata cannot be prepared: {reason}\nIts log: {child.log}")
            conn.execute(
                sql.SQL("comment on database {} is {}").format(sql.Identifier(conn.info.dbname), sql.Literal(wanted))
            )

    def _spawn(self, name: str, options: tuple[str, ...]) -> None:
        self._children.append(
            processes.spawn(name, self._command(name, *options), self._log(name), env=self._env, cwd=self.airflow_home)
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]

    def _log(self, name: str) -> Path:
        return self.airflow_home / "logs" / f"{name}.log"

    def _note(self) -> None:
        if self._home:
            port = self._server.port if self._server else None
            sessions = tuple(child.process.pid for child in self._children)
            landing = str(self.chosen.landing)
            self._home.note(Held(os.getpid(), "the stack", port, self.airflow_url, landing, sessions))

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.timings[step] = time.monotonic() - begun


@contextmanager
def stack(
    purpose: str = "the stack",
    *,
    chosen: Settings | None = None,
    dags: Path = PROJECT_ROOT / "dags",
    any_port: bool = False,
    is_scheduling: bool = True,
    say: Say = lambda _: None,
) -> Iterator[Stack]:
    """A running stack, stopped whatever happens inside.

    Raises SettingError when something of this machine is in the way: a busy port, a missing permission, a
    holder of the same home folder, an unusable data directory.
    """
    group = Stack(chosen or settings(), dags, any_port, is_scheduling, say)
    try:
        group.start(purpose)
        yield group
    finally:
        with processes.uninterrupted():
            group.stop()


def at_once() -> int:
    """How many tasks may run at one time on this machine: they wait for the database more than they compute."""
    return max(4, min(8, 4 * (os.cpu_count() or 2)))


def running_airflow(chosen: Settings) -> Airflow | None:
    """A client of the Airflow that another process of ours keeps up on this home folder, if one does."""
    held = holder(chosen.home)
    if not held or not held.airflow_url:
        return None
    if held.landing != str(chosen.landing):
        raise SettingError(
            f"The stack that is up (process {held.pid}) works on {held.landing}, and MEDIMART_LANDING is "
            f"{chosen.landing}: stop that one first, or leave MEDIMART_LANDING as it was."
        )
    return Airflow(held.airflow_url, USER, _password(chosen.home / "secret"))


def environment(group: Stack) -> dict[str, str]:
    """The environment of Airflow's processes and of the tasks they run."""
    secret = {name: (group.secret / name).read_text() for name in ("airflow-fernet.key", "airflow-api.key")}
    airflow = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": str(at_once()),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "CORE__DAGS_FOLDER": str(group.dags),
        "CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "CORE__LOAD_EXAMPLES": "false",
        "CORE__FERNET_KEY": secret["airflow-fernet.key"],
        "CORE__EXECUTION_API_SERVER_URL": f"{group.airflow_url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(group.secret / "airflow-users.json"),
        "CORE__DEFAULT_TIMEZONE": "Europe/London",
        "DATABASE__SQL_ALCHEMY_CONN": _sqlalchemy_url(metadata_url(group.database_url)),
        "API__HOST": "127.0.0.1",
        "API__PORT": str(group.port),
        "API__BASE_URL": group.airflow_url,
        "API__WORKERS": "1",
        "API__MAXIMUM_PAGE_LIMIT": "1000",
        "API__SECRET_KEY": secret["airflow-api.key"],
        "API_AUTH__JWT_SECRET": secret["airflow-api.key"],
        "SCHEDULER__USE_JOB_SCHEDULE": str(group.is_scheduling),
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "WORKERS__EXECUTION_API_RETRIES": "3",  # the server is here or gone: tasks of a stack that was killed end soon
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",  # what a killed scheduler left is taken up soon
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "LOGGING__COLORED_CONSOLE_LOG": "false",
        "USAGE_DATA_COLLECTION__ENABLED": "false",
    }
    return {
        **os.environ,
        **{f"AIRFLOW__{name}": value for name, value in airflow.items()},
        "AIRFLOW_HOME": str(group.airflow_home),
        "AIRFLOW_CONN_MEDIMART": json.dumps(airflow_connection(group.database_url)),
        "MEDIMART_DATABASE_URL": group.database_url,
        "MEDIMART_HOME": str(group.chosen.home),
        "MEDIMART_LANDING": str(group.chosen.landing),
        # By way of Airflow's own page, which asks for a log-in where there is none.
        "MEDIMART_PAGES_URL": group.chosen.pages_url or f"{group.airflow_url}/plugin/data-quality/medimart",
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: forked task processes may use its libraries
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def airflow_connection(url: str) -> dict[str, Any]:
    """A libpq URL as the fields of an Airflow connection."""
    parts = {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    named = {"host": "host", "login": "user", "password": "password", "schema": "dbname", "port": "port"}
    fields: dict[str, Any] = {field: parts.pop(key) for field, key in named.items() if key in parts}
    if "port" in fields:
        fields["port"] = int(fields["port"])
    return {"conn_type": "postgres", **fields, "extra": parts}


def metadata_name(url: str) -> str:
    """The name of Airflow's own database: beside the warehouse it serves, on the same server."""
    return f"{conninfo_to_dict(url).get('dbname') or DATABASE}_airflow"


def metadata_url(url: str) -> str:
    """The connection string of Airflow's own database."""
    return make_conninfo(url, dbname=metadata_name(url))


def _password(secret: Path) -> str:
    return str(json.loads((secret / "airflow-users.json").read_text())[USER])


def _sqlalchemy_url(conninfo: str) -> str:
    from sqlalchemy import URL

    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    host, port = parts.pop("host", None), parts.pop("port", None)
    return URL.create(
        "postgresql+psycopg2",
        username=parts.pop("user", None),
        password=parts.pop("password", None),
        host=host,
        port=int(port) if port else None,
        database=parts.pop("dbname", None),
        query=parts,
    ).render_as_string(hide_password=False)
