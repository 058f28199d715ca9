"""What an operator proves on a live server: cards answer, dashboards show them, permissions are as written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from medimart.dashboards.cards import Card, Dashboard, Dashboards, Filter
from medimart.dashboards.metabase import access, payloads
from medimart.dashboards.metabase.apply import READERS
from medimart.dashboards.metabase.client import Client
from medimart.dashboards.metabase.entities import CARD, COLLECTION, DASHBOARD, DATABASE
from medimart.dashboards.metabase.ledger import Ledger, Note
from medimart.errors import SettingError
from medimart.settings import Metabase

Connection = psycopg.Connection[Any]

NOT_APPLIED = "not applied yet (medimart metabase apply)"


@dataclass(frozen=True)
class Proof:
    """One thing that was looked at. fault: what is wrong with it, empty when nothing is. seconds: a query's."""

    kind: str
    name: str
    fault: str
    seconds: float | None = None


def check(conn: Connection, client: Client, target: Metabase, files: Dashboards) -> tuple[Proof, ...]:
    """Look at all that was applied. Writes nothing, and shows no value of any row."""
    ledger = Ledger(conn, target.url, keeps=False)
    used = {one.id: one for card in files.cards.values() for one in card.filters}
    choices = {id_: value for id_, one in used.items() if (value := _choice(conn, one)) is not None}
    return (
        *(_card(client, ledger, card, choices) for card in files.cards.values()),
        *(_dashboard(client, ledger, one) for one in files.dashboards.values()),
        *_permissions(client, ledger, files),
    )


def _choice(conn: Connection, filter_: Filter) -> date | str | None:
    """A value that a filter can be set to: the newest date, the first text. None where there is none yet."""
    schema, table, column = map(sql.Identifier, filter_.column)
    ends = sql.SQL("max" if filter_.kind == "date" else "min")
    [(value,)] = conn.execute(sql.SQL("select {}({}) from {}.{}").format(ends, column, schema, table)).fetchall()
    found: date | str | None = value
    return found


def _card(client: Client, ledger: Ledger, card: Card, choices: Mapping[str, date | str]) -> Proof:
    """Its query runs as its reader, whole and with every filter set, and gives the columns that its settings name."""
    note = ledger.get(CARD.name, card.id)
    if note is None:
        return Proof(CARD.name, card.id, NOT_APPLIED)
    chosen = [payloads.chosen(one, choices[one.id]) for one in card.filters if one.id in choices]
    slowest = 0.0
    for parameters in ([], chosen) if chosen else ([],):
        began = time.monotonic()
        try:
            result = client.post(f"{CARD.path}/{note.id}/query", {"parameters": parameters})
        except SettingError as error:
            return Proof(CARD.name, card.id, str(error))
        slowest = max(slowest, time.monotonic() - began)
        how = " with its filters set" if parameters else ""
        if result.get("status") != "completed":  # what the database says may quote a row: it is read in Metabase
            return Proof(CARD.name, card.id, f"its query{how} fails: see /question/{note.id}", slowest)
        given = [column["name"] for column in result["data"]["cols"]]
        named = list(payloads.given(card))
        if given != named:
            fault = f"gives the columns {', '.join(given)} and not {', '.join(named)}{how}"
            return Proof(CARD.name, card.id, fault, slowest)
    return Proof(CARD.name, card.id, "", slowest)


def _dashboard(client: Client, ledger: Ledger, dashboard: Dashboard) -> Proof:
    note = ledger.get(DASHBOARD.name, dashboard.id)
    found = client.find(f"{DASHBOARD.path}/{note.id}") if note else None
    if found is None:
        return Proof(DASHBOARD.name, dashboard.id, NOT_APPLIED)
    shown = {one.get("card_id") for one in found["dashcards"]}
    wanted = {one.card: ledger.get(CARD.name, one.card) for one in dashboard.placed if one.card}
    missing = [name for name, card in wanted.items() if card is None or card.id not in shown]
    tabs = [name for name in dashboard.tabs if name not in {tab["name"] for tab in found.get("tabs") or ()}]
    faults = (
        f"does not show {', '.join(missing)}" if missing else "",
        f"has not the tab {', '.join(tabs)}" if tabs else "",
    )
    return Proof(DASHBOARD.name, dashboard.id, "; ".join(filter(None, faults)))


def _permissions(client: Client, ledger: Ledger, files: Dashboards) -> Iterator[Proof]:
    """Every group may do what is written, and no more."""
    wanted = tuple(files.collections.values())
    collections = {one.id: ledger.get(COLLECTION.name, one.id) for one in wanted}
    own = {one.id: ledger.get(COLLECTION.name, f"{one.id}/own") for one in wanted}
    databases = {one: ledger.get(DATABASE.name, one) for one in READERS}
    names = {one["name"]: one["id"] for one in client.get(access.GROUPS)}
    groups = {one.id: names[access.name_of(one)] for one in wanted if access.name_of(one) in names}
    if None in (*collections.values(), *own.values(), *databases.values()) or len(groups) < len(wanted):
        yield Proof("permissions", "all", NOT_APPLIED)
        return
    graphs = {
        access.COLLECTIONS: access.of_collections(wanted, groups, _numbers(collections), _numbers(own)),
        access.DATABASES: access.of_databases(wanted, groups, _numbers(databases)),
    }
    for path, graph in graphs.items():
        should, there, _ = access.compared(client, path, graph)
        for name, id_ in sorted(names.items()):
            if str(id_) in should:
                fault = "" if should[str(id_)] == there[str(id_)] else "is not what is written: apply again"
                yield Proof("permissions", f"{name}: {access.WHAT[path]}", fault)


def _numbers(notes: Mapping[str, Note | None]) -> dict[str, int]:
    return {name: note.id for name, note in notes.items() if note}
