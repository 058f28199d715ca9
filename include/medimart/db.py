"""Connections to the warehouse, made ready the same way for the command line, tasks and tests."""

from __future__ import annotations

import os
import secrets
from typing import Any
from urllib.parse import quote, urlencode

import psycopg

from medimart.errors import SettingError
from medimart.settings import settings

BLOCK = 64  # bytes in a block of SHA-256, as HMAC pads its key (RFC 2104)


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a connection to the warehouse at a libpq URL, ready for models and loads.

    Raises SettingError when the server cannot be reached.
    """
    try:
        conn = psycopg.connect(url)
    except psycopg.OperationalError as error:
        raise SettingError(
            f"The warehouse does not answer ({' '.join(str(error).split())}). "
            "Start it with `medimart up`, or check MEDIMART_DATABASE_URL."
        ) from None
    return ready(conn)


def ready(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Give an open connection the session settings that models rely on."""
    inner, outer = _hmac_pads(pseudonym_key())
    for name, value in {
        "timezone": "Europe/London",
        "datestyle": "ISO, DMY",
        "client_min_messages": "warning",
        "default_transaction_isolation": "read committed",  # readers' default is another: sql/setup/50_roles.sql
        "medimart.inner_key": inner.hex(),
        "medimart.outer_key": outer.hex(),
    }.items():
        conn.execute("select set_config(%s, %s, false)", (name, value))
    conn.commit()
    return conn


def is_transient(error: psycopg.Error) -> bool:
    """Whether what PostgreSQL refused may pass by itself: a connection lost, a deadlock, a lock, a full or stopped
    server (SQLSTATE classes 08, 40, 53, 55, 57, and none at all where the connection broke)."""
    return (error.sqlstate or "08")[:2] in ("08", "40", "53", "55", "57")


def url_of(conn: psycopg.Connection[Any]) -> str:
    """The libpq URL an open connection was made with, password included: for SQLAlchemy, never for a log."""
    given: dict[str, str] = dict(conn.info.get_parameters())
    parts = {"user": conn.info.user, "password": conn.info.password, "dbname": conn.info.dbname}
    user, password, database = (quote(parts[name], safe="") for name in ("user", "password", "dbname"))
    wanted = {"sslmode", "sslrootcert"} & given.keys()
    options = urlencode({name: given[name] for name in sorted(wanted)})
    return f"postgresql://{user}:{password}@{conn.info.host}:{conn.info.port}/{database}?{options}".rstrip("?")


def pseudonym_key() -> bytes:
    """The secret that turns identifiers into keys: MEDIMART_PSEUDONYM_KEY (hex), else a file made once.

    Losing it makes every surrogate key of a rebuild another one; leaking it lets NHS numbers be enumerated.
    """
    given = os.environ.get("MEDIMART_PSEUDONYM_KEY")
    path = settings().home / "secret" / "pseudonym.key"
    if not given and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        except FileExistsError:
            pass  # another process of this first start was quicker: its key is the key
    text = (given or path.read_text()).strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < 32:
        where = "MEDIMART_PSEUDONYM_KEY" if given else str(path)
        raise SettingError(f"{where} must hold at least 64 hexadecimal digits; make one with `openssl rand -hex 32`.")
    return key


def _hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    padded = key.ljust(BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded)
