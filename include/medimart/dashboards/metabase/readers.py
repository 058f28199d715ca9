"""The two logins that Metabase asks the warehouse with."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from medimart.dashboards.metabase.apply import READERS, reader_of
from medimart.errors import SettingError
from medimart.settings import Metabase


def admit(conn: psycopg.Connection[Any], target: Metabase) -> tuple[str, ...]:
    """Make the logins that the settings name, or give them the passwords there, and admit them to their group roles.

    They read alone, for 60 seconds at most (`quality.admit`); the clinical one sees the trusts of the setting and no
    others. Run again at any time. Returns their names. Raises SettingError when the warehouse's own role is named.
    """
    logins = {readers: reader_of(target, readers) for readers in READERS}
    for readers, login in logins.items():
        name = login["user"]
        if name == conn.info.user or name in [one["user"] for other, one in logins.items() if other != readers]:
            raise SettingError(f"MEDIMART_METABASE_{readers.upper()}_URL must name a login of its own, not {name}.")
        trusts = list(target.trusts) if readers == "clinical" else []
        with conn.transaction():
            if not conn.execute("select from pg_roles where rolname = %s", (name,)).fetchall():
                conn.execute(sql.SQL("create role {} nologin").format(sql.Identifier(name)))
            secret = conn.pgconn.encrypt_password(login["password"].encode(), name.encode(), b"scram-sha-256")
            conn.execute(  # the password is hashed here: no server's log ever holds it
                sql.SQL("alter role {} login password {}").format(sql.Identifier(name), secret.decode())
            )
            conn.execute(
                "delete from quality.trust_access where role_name = %s and not trust_id = any(%s)", (name, trusts)
            )
            conn.execute("call quality.admit(%s, %s, %s)", (name, f"medimart_{readers}", trusts))
    return tuple(login["user"] for login in logins.values())
