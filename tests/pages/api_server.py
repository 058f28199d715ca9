"""Airflow's API server by itself, with the plugin and people of several roles, under a prefix as behind a proxy."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from functools import cache
from http.client import HTTPConnection
from pathlib import Path

from medimart.settings import PROJECT_ROOT

PASSWORD = secrets.token_urlsafe(12)
ROLES = ("viewer", "user", "op", "admin")
PREFIX = "/trust"


@dataclass(frozen=True)
class Answer:
    """What the server says: status, headers and text."""

    status: int
    headers: Message
    text: str


@dataclass(frozen=True)
class Server:
    """A running API server."""

    port: int

    def ask(self, path: str, *, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        """Ask for a path exactly as it is written: nobody tidies it on the way."""
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request(method, f"{PREFIX}/{path}", body, headers)
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read().decode())
        connection.close()
        return found

    @cache  # noqa: B019
    def token(self, role: str) -> str:
        """What the log-in gives the person of this role."""
        body = json.dumps({"username": role, "password": PASSWORD})
        answer = self.ask("auth/token", method="POST", body=body, **{"Content-Type": "application/json"})
        return str(json.loads(answer.text)["access_token"])

    def page(self, path: str, role: str | None) -> Answer:
        """What the browser is shown in which the person of this role has logged in; without a role nobody has."""
        return self.ask(f"medimart/{path}", **({"Cookie": f"_token={self.token(role)}"} if role else {}))


@contextmanager
def api_server(home: Path, port: int, database: str) -> Iterator[Server]:
    """An API server on a database of its own, whose pages lie under this home."""
    home.mkdir(parents=True, exist_ok=True)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(ROLES, PASSWORD)))
    url = f"http://127.0.0.1:{port}{PREFIX}"
    settings = {
        "API__BASE_URL": url,
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__SECRET_KEY": secrets.token_urlsafe(48),
        "API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
        "CORE__LOAD_EXAMPLES": "false",
        "CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES),
        "DATABASE__SQL_ALCHEMY_CONN": database.replace("postgresql://", "postgresql+psycopg2://"),
    }
    environment = {
        **os.environ,
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        "AIRFLOW_HOME": str(home / "airflow"),
        "MEDIMART_HOME": str(home),
        "PYTHONPATH": str(PROJECT_ROOT / "include"),
    }
    airflow = (sys.executable, "-m", "airflow")
    subprocess.run([*airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    with (home / "api-server.log").open("w") as log:
        process = subprocess.Popen([*airflow, "api-server", "--workers", "1"], env=environment, stdout=log, stderr=log)
    try:
        running = Server(port)
        _await(process, running, home / "api-server.log")
        yield running
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], server: Server, log: Path) -> None:
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError):
            if server.ask("api/v2/version").status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text()[-4000:])
