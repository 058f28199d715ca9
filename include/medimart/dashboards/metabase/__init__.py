"""Dashboards as code: from a blank Metabase to finished dashboards, by its REST API alone.

`metabase-sync` is not used for it: it writes the server's ids into the files it applies, overwrites people's edits
unasked and archives nothing; set-up, permissions and alerts are outside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medimart import settings
from medimart.errors import NothingToDo

if TYPE_CHECKING:
    import psycopg

    from medimart.dashboards.metabase.check import Proof
    from medimart.dashboards.metabase.entities import Change

    Connection = psycopg.Connection[Any]


def provision(conn: Connection, *, plan: bool = False, overwrite: bool = False) -> tuple[Change, ...]:
    """Bring the Metabase of the settings to what `include/metabase` says; with `plan` only tell what would be done.

    overwrite: also what people have edited. Raises NothingToDo when no Metabase is set, SettingError when something is
    in the way, DashboardError when a file is not as it must be.
    """
    from medimart.dashboards.cards import load_dashboards
    from medimart.dashboards.metabase.apply import apply
    from medimart.dashboards.metabase.client import NewServer, NotBegun, connected

    target, files = _target(), load_dashboards(settings.DASHBOARDS)
    try:
        with connected(target, set_up=not plan) as client:
            return apply(conn, client, target, files, plan=plan, overwrite=overwrite)
    except NotBegun:
        return apply(conn, NewServer(), target, files, plan=True)


def prove(conn: Connection) -> tuple[Proof, ...]:
    """Look at all that was applied, on the live server. Raises as `provision` does."""
    from medimart.dashboards.cards import load_dashboards
    from medimart.dashboards.metabase.check import check
    from medimart.dashboards.metabase.client import connected

    target = _target()
    with connected(target, set_up=False) as client:
        return check(conn, client, target, load_dashboards(settings.DASHBOARDS))


def admit(conn: Connection) -> tuple[str, ...]:
    """Make the logins that Metabase asks the warehouse with, and admit them. Returns their names."""
    from medimart.dashboards.metabase import readers

    return readers.admit(conn, _target())


def key() -> str:
    """A new API key, made with the administrator's password. Raises SettingError."""
    from medimart.dashboards.metabase.client import connected, new_key

    with connected(_target(), set_up=False) as client:
        return new_key(client, "MediMart")


def _target() -> settings.Metabase:
    target = settings.metabase()
    if target is None:
        raise NothingToDo("No Metabase is set: MEDIMART_METABASE_URL says where it answers (docs/deployment.md).")
    return target
