"""From a blank Metabase to finished dashboards, and again: only what differs is written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from medimart.dashboards.cards import Card, Dashboards, Filter
from medimart.dashboards.metabase import access, payloads
from medimart.dashboards.metabase.client import Client
from medimart.dashboards.metabase.entities import (
    CARD,
    COLLECTION,
    DASHBOARD,
    DATABASE,
    NEW,
    Change,
    Entity,
    Kind,
    Work,
    archive,
    found_or_made,
    settle,
    write,
)
from medimart.dashboards.metabase.ledger import Ledger, Note
from medimart.errors import SettingError
from medimart.models.publish import published
from medimart.settings import Metabase

Connection = psycopg.Connection[Any]
Column = tuple[str, str, str]  # schema, table, column

READERS = ("shared", "clinical")
SCHEMAS = "marts,shared_marts"  # both roles use both; which tables Metabase sees there is the role's right
SYNC_SECONDS = 180.0
OWN = "Questions and dashboards of your own. What stands beside this collection is written by MediMart."


def apply(
    conn: Connection,
    client: Client,
    target: Metabase,
    files: Dashboards,
    *,
    plan: bool = False,
    overwrite: bool = False,
    seconds: float = SYNC_SECONDS,
) -> tuple[Change, ...]:
    """Bring a Metabase to what the files say; with `plan` tell what would be done, and write nothing.

    conn: the warehouse, which keeps the notes. overwrite: people's edits too. seconds: how long Metabase may take to
    see the warehouse's columns. Until the warehouse has published, cards wait. Returns what became of each entity.
    Raises SettingError with the endpoint or the setting that is in the way.
    """
    work = Work(client, Ledger(conn, target.url, keeps=not plan), writes=not plan, overwrite=overwrite)
    wanted = tuple(files.collections.values())
    databases = {one: settle(work, DATABASE, one, _database(target, one)) for one in READERS}
    groups = {one.id: access.group(work, one) for one in wanted}
    collections, own = {}, {}
    for one in wanted:
        body: Entity = {"name": one.name, "description": one.description, "parent_id": None}
        collections[one.id] = settle(work, COLLECTION, one.id, body)
        body = {**body, "name": f"{one.name}: your own", "parent_id": collections[one.id], "description": OWN}
        own[one.id] = settle(work, COLLECTION, f"{one.id}/own", body)
    access.permit(work, access.COLLECTIONS, access.of_collections(wanted, groups, collections, own))
    access.permit(work, access.DATABASES, access.of_databases(wanted, groups, databases))
    if not published(conn):
        work.report("card", "all", "waiting", "for the first publication")
        return tuple(work.changes)
    columns = {one: _columns(work, databases[one], one, files, seconds) for one in READERS}
    cards = {}
    for card in files.cards.values():
        place = files.collection_of(card.id)
        body = payloads.card_body(card, collections[place.id], databases[place.readers], columns[place.readers])
        cards[card.id] = (card, settle(work, CARD, card.id, body))
    dashboards = _dashboards(work, files, collections, cards)
    archive(work, CARD, files.cards)
    archive(work, DASHBOARD, files.dashboards)
    if target.recipients:
        _subscriptions(work, target, files, dashboards)
        _alerts(work, target, files, cards)
    return tuple(work.changes)


def reader_of(target: Metabase, readers: str) -> dict[str, Any]:
    """A reader's host, port, dbname, user and password, from its URL. Raises SettingError naming what is missing."""
    setting = f"MEDIMART_METABASE_{readers.upper()}_URL"
    example = f"postgresql://metabase_{readers}:PASSWORD@HOST/medimart"
    try:
        given: dict[str, Any] = dict(conninfo_to_dict(target.readers.get(readers, "")))
    except psycopg.ProgrammingError:
        raise SettingError(f"{setting} is no database URL; write it {example}.") from None
    if missing := [name for name in ("host", "dbname", "user", "password") if not given.get(name)]:
        raise SettingError(f"{setting} names no {' and no '.join(missing)}; write it {example}.")
    return {"port": 5432, **given}


def _database(target: Metabase, readers: str) -> Entity:
    """A connection as a reader. That it only reads, and for how long, is the login's own: `quality.admit`."""
    reader = reader_of(target, readers)
    mode = reader.get("sslmode", "disable")
    return {
        "name": f"MediMart {readers}",
        "engine": "postgres",
        "details": {
            **{name: reader[name] for name in ("host", "dbname", "user", "password")},
            "port": int(reader["port"]),
            **({"ssl": False} if mode == "disable" else {"ssl": True, "ssl-mode": mode}),
            "schema-filters-type": "inclusion",
            "schema-filters-patterns": SCHEMAS,
        },
    }


def _columns(work: Work, database: int, readers: str, files: Dashboards, seconds: float) -> dict[Column, int]:
    """Metabase's numbers of the columns that filters are about, whose values it is to offer as a list.

    A server that doesn't see one yet is asked to look again, and waited for.
    """
    cards = [card for card in files.cards.values() if files.collection_of(card.id).readers == readers]
    wanted = {one.column: one for card in cards for one in card.filters}
    if database == NEW:
        return dict.fromkeys(wanted, NEW)
    joined = _joined(files, wanted.values())
    needed = {*wanted, *joined, *joined.values()}
    found = _fields(work.client, database)
    if work.writes and not needed <= found.keys():
        work.client.post(f"{DATABASE.path}/{database}/sync_schema")
        ends = time.monotonic() + seconds
        while missing := sorted(".".join(column) for column in needed if column not in found):
            if time.monotonic() > ends:
                raise SettingError(
                    f"Metabase's connection “MediMart {readers}” does not see {', '.join(missing)}: check that the "
                    f"login of MEDIMART_METABASE_{readers.upper()}_URL is admitted (medimart metabase admit), and that "
                    "this version has published (medimart run waiting_list --again)."
                )
            time.sleep(min(2.0, seconds / 10))
            found = _fields(work.client, database)
    for column, one in wanted.items():
        if one.kind == "category":
            _set_field(work, found, column, {"has_field_values": "list"}, "its values are offered as a list")
    for column, target in joined.items():
        key = int(found[target]["id"]) if target in found else NEW
        _set_field(work, found, target, {"semantic_type": "type/PK"}, "the key of its table")
        refers = {"semantic_type": "type/FK", "fk_target_field_id": key}
        _set_field(work, found, column, refers, f"refers to {'.'.join(target)}: by it filters are narrowed")
    return {column: int(found[column]["id"]) if column in found else NEW for column in wanted}


def _joined(files: Dashboards, filters: Iterable[Filter]) -> dict[Column, Column]:
    """The columns along which filters are narrowed by those of other tables, and the keys that they refer to.

    Views have no foreign keys for Metabase to find.
    """
    found = {}
    for one in filters:
        for other in (one, *(files.filters[name] for name in one.narrowed_by)):
            if one.along and other.key:
                found[*one.along, other.key] = (*other.column[:2], other.key)
    return found


def _set_field(work: Work, found: Mapping[Column, Entity], column: Column, body: Entity, meaning: str) -> None:
    """Tell Metabase what it is to know of a column, where it knows otherwise."""
    if column in found and any(found[column].get(name) != value for name, value in body.items()):
        work.report("field", ".".join(column), "changed", meaning)
        if work.writes:
            work.client.put(f"/api/field/{found[column]['id']}", body)


def _fields(client: Client, database: int) -> dict[Column, Entity]:
    return {
        (table["schema"], table["name"], column["name"]): column
        for table in client.get(f"{DATABASE.path}/{database}/metadata")["tables"]
        for column in table.get("fields") or ()
    }


def _dashboards(
    work: Work, files: Dashboards, collections: Mapping[str, int], cards: Mapping[str, tuple[Card, int]]
) -> dict[str, int]:
    """All of them empty first, for they open one another; then what is on them. Returns their numbers."""
    found = {
        one.id: found_or_made(work, DASHBOARD, one.id, payloads.dashboard_shell(one, collections[one.collection.id]))
        for one in files.dashboards.values()
    }
    numbers = {id_: one.id for id_, one in found.items()}
    for one in files.dashboards.values():
        before = found[one.id].entity or {}
        body = payloads.dashboard_body(one, collections[one.collection.id], cards, numbers, before)
        write(work, DASHBOARD, one.id, body, found[one.id])
    return numbers


def _subscriptions(work: Work, target: Metabase, files: Dashboards, dashboards: Mapping[str, int]) -> None:
    """A weekly e-mail of each shared dashboard."""
    for one in files.dashboards.values():
        if one.collection.readers == "shared":
            number = dashboards[one.id]
            placed = work.client.find(f"{DASHBOARD.path}/{number}") or {}
            body = payloads.subscription_body(one, number, placed, target.recipients)
            _once(work, "subscription", DASHBOARD, one.id, "/api/pulse", {"dashboard_id": number}, body)


def _alerts(work: Work, target: Metabase, files: Dashboards, cards: Mapping[str, tuple[Card, int]]) -> None:
    """An e-mail every morning as long as a card that alerts has rows."""
    for card, number in cards.values():
        if card.alert and files.collection_of(card.id).readers == "shared":
            body = payloads.alert_body(number, target.recipients)
            _once(work, "alert", CARD, card.id, "/api/notification", {"card_id": number}, body)


def _once(work: Work, kind: str, of: Kind, name: str, path: str, about: Mapping[str, int], body: Entity) -> None:
    """Make what sends e-mail of an entity once: from then on it is its recipients', to change or to end in Metabase.

    Nothing of a clinical collection is sent anywhere: an e-mail knows no permission.
    """
    note, entity = work.ledger.get(kind, name), work.ledger.get(of.name, name)
    is_new = NEW in about.values()
    if note and entity and note.mark == entity.mark and not is_new:
        return
    work.report(kind, name, "created", _reach(work.client))
    if work.writes and entity:
        there = work.client.get(path, **about) or [work.client.post(path, body)]
        work.ledger.save(Note(kind, name, int(there[0]["id"]), entity.mark, {}, {}))


def _reach(client: Client) -> str:
    """A warning where Metabase cannot send: it drops e-mails silently until it is given a server."""
    if client.get("/api/session/properties").get("email-configured?"):
        return ""
    return "nothing is sent yet: Metabase has no e-mail server (MB_EMAIL_SMTP_HOST)"
