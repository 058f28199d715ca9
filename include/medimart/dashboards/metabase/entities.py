"""One entity of Metabase brought to what the files say: made, written over where it differs, kept, or archived.

An entity is ours by the note of its number and mark (`ledger`). Where the note is lost, or was never written because an
apply was killed, one of the same name in the same place is taken for it; it is written over only if it is as it was
made, else it counts as edited.

**People's edits.** What an entity shows is compared with what it showed when we last wrote it. If it differs, somebody
has edited it: it is kept and reported, and the files' version waits, until `overwrite`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from medimart.dashboards.metabase import payloads
from medimart.dashboards.metabase.client import Client
from medimart.dashboards.metabase.ledger import Digests, Ledger, Note, digests

Entity = dict[str, Any]
NEW = 0  # the number, in a plan, of what would be made


@dataclass(frozen=True)
class Change:
    """What became of an entity.

    action: created, changed, kept (somebody has edited it), archived, waiting or unchanged.
    """

    kind: str
    name: str
    action: str
    detail: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of entity.

    path: its endpoint. parts: by what it is compared. among: the numbers of those that, by name and place, may be the
    one that a body makes. mark: the field that tells it from a copy, or from a namesake on a server set up anew.
    keeps_edits: whether people's edits are kept.
    """

    name: str
    path: str
    parts: Callable[[Entity], dict[str, Any]]
    among: Callable[[Client, Entity], Iterable[int]]
    mark: str = "entity_id"
    keeps_edits: bool = True


@dataclass
class Work:
    """One apply, or the plan of one: then nothing is written."""

    client: Client
    ledger: Ledger
    writes: bool
    overwrite: bool
    changes: list[Change] = field(default_factory=list)

    def report(self, kind: str, name: str, action: str, detail: str = "") -> None:
        """Tell what became of an entity."""
        self.changes.append(Change(kind, name, action, detail))


@dataclass(frozen=True)
class Found:
    """An entity as the server shows it; none where a plan would make it. is_new: it was made just now."""

    entity: Entity | None
    is_new: bool

    @property
    def id(self) -> int:
        """Its number."""
        return int(self.entity["id"]) if self.entity else NEW


def settle(work: Work, kind: Kind, name: str, body: Entity) -> int:
    """See to it that an entity is there and as `body` says. Returns its number."""
    found = found_or_made(work, kind, name, body)
    write(work, kind, name, body, found)
    return found.id


def found_or_made(work: Work, kind: Kind, name: str, body: Entity) -> Found:
    """The entity of a name, which `body` makes if there is none."""
    note = work.ledger.get(kind.name, name)
    known = work.client.find(f"{kind.path}/{note.id}") if note else None
    if note and known and str(known.get(kind.mark)) == note.mark:
        return Found(known, is_new=False)
    made = digests(kind.parts(body))
    free = [id_ for id_ in kind.among(work.client, body) if not work.ledger.is_taken(kind.name, id_)]
    namesakes = [one for one in (work.client.find(f"{kind.path}/{id_}") for id_ in free) if one]
    if namesakes:
        likest = min(namesakes, key=lambda one: digests(kind.parts(one)) != made)
        _keep(work, kind, name, likest, {}, made)
        return Found(likest, is_new=False)
    work.report(kind.name, name, "created")
    if not work.writes:
        return Found(None, is_new=True)
    entity = work.client.get(f"{kind.path}/{work.client.post(kind.path, body)['id']}")
    _keep(work, kind, name, entity, made, digests(kind.parts(entity)))
    return Found(entity, is_new=True)


def write(work: Work, kind: Kind, name: str, body: Entity, found: Found) -> None:
    """Write `body` over an entity that differs from it, unless somebody has edited the entity."""
    entity, note = found.entity, work.ledger.get(kind.name, name)
    if entity is None or note is None:
        return
    shown, wanted = digests(kind.parts(entity)), digests(kind.parts(body))
    is_edited = shown not in (note.shown, wanted)
    if shown == wanted or (wanted == note.sent and not is_edited):
        _keep(work, kind, name, entity, wanted, shown)
        if not found.is_new:
            work.report(kind.name, name, "unchanged")
    elif is_edited and kind.keeps_edits and not work.overwrite:
        behind = "" if note.sent in ({}, wanted) else "; the files have changed since"
        work.report(kind.name, name, "kept", f"edited in Metabase: {_differing(shown, note.shown)}{behind}")
    else:
        if not found.is_new:
            work.report(kind.name, name, "changed", _differing(wanted, shown if is_edited else note.sent or shown))
        if work.writes:
            path = f"{kind.path}/{entity['id']}"
            work.client.put(path, {**body, "archived": False} if entity.get("archived") else body)
            entity = work.client.get(path)
            _keep(work, kind, name, entity, wanted, digests(kind.parts(entity)))


def archive(work: Work, kind: Kind, wanted: Collection[str]) -> None:
    """Archive what the files no longer have. What somebody has edited is kept."""
    for note in work.ledger.of_kind(kind.name):
        entity = work.client.find(f"{kind.path}/{note.id}") if note.name not in wanted else None
        if entity is None or str(entity.get(kind.mark)) != note.mark or entity.get("archived"):
            continue
        shown = digests(kind.parts(entity))
        if shown != note.shown and not work.overwrite:
            edits = _differing(shown, note.shown)
            work.report(kind.name, note.name, "kept", f"no longer in the files, but edited in Metabase: {edits}")
            continue
        work.report(kind.name, note.name, "archived", "no longer in the files")
        if work.writes:
            work.client.put(f"{kind.path}/{note.id}", {"archived": True})
            entity = work.client.find(f"{kind.path}/{note.id}") or entity
            _keep(work, kind, note.name, entity, {}, digests(kind.parts(entity)))


def _keep(work: Work, kind: Kind, name: str, entity: Entity, sent: Digests, shown: Digests) -> None:
    work.ledger.save(Note(kind.name, name, int(entity["id"]), str(entity.get(kind.mark)), sent, shown))


def _differing(one: Digests, other: Digests) -> str:
    return ", ".join(part for part in one if one[part] != other.get(part))


def _databases(client: Client, body: Entity) -> Iterable[int]:
    return [one["id"] for one in client.get("/api/database")["data"] if one["name"] == body["name"]]


def _collections(client: Client, body: Entity) -> Iterable[int]:
    there = [one for one in client.get("/api/collection") if one["name"] == body["name"]]
    return [one["id"] for one in there if payloads.parent_of(one) == body["parent_id"]]


def _beside(model: str) -> Callable[[Client, Entity], Iterable[int]]:
    def items(client: Client, body: Entity) -> Iterable[int]:
        if body["collection_id"] == NEW:
            return []
        there = client.get(f"/api/collection/{body['collection_id']}/items", models=model, limit=2000)
        return [one["id"] for one in there["data"] if one["name"] == body["name"]]

    return items


DATABASE = Kind("database", "/api/database", payloads.database_parts, _databases, mark="created_at", keeps_edits=False)
COLLECTION = Kind("collection", "/api/collection", payloads.collection_parts, _collections)
CARD = Kind("card", "/api/card", payloads.card_parts, _beside("card"))
DASHBOARD = Kind("dashboard", "/api/dashboard", payloads.dashboard_parts, _beside("dashboard"))
