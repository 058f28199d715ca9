"""What we last wrote to Metabase: the table `quality.metabase_applied`.

An entity of ours is known by its number together with the mark that the server gave it (its entity id), which no copy
of it bears. What is noted of its content is a digest per part, as we sent it and as the server then showed it: so that
a server's own way of writing a thing is never taken for a person's edit.

The notes lie in the warehouse and not in the entities: a mark in a description is wiped by whoever rewrites the
description, and one in a card's settings is copied along with the card.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]
Digests = dict[str, str]


@dataclass(frozen=True)
class Note:
    """One entity of ours. sent, shown: digest of each part of it, as we sent it and as the server showed it then."""

    kind: str
    name: str
    id: int
    mark: str
    sent: Digests
    shown: Digests


def digests(content: Mapping[str, Any]) -> Digests:
    """A digest of each part."""
    return {
        part: hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
        for part, value in content.items()
    }


class Ledger:
    """The notes of one server. With `keeps` false what is noted is forgotten afterwards, as a plan wants it."""

    def __init__(self, conn: Connection, server: str, *, keeps: bool = True) -> None:
        self._conn, self._server, self._keeps = conn, server, keeps
        rows = conn.execute(
            "select kind, name, id, mark, sent, shown from quality.metabase_applied where server = %s", (server,)
        ).fetchall()
        self._notes = {(row[0], row[1]): Note(*row) for row in rows}

    def get(self, kind: str, name: str) -> Note | None:
        """What is noted of an entity."""
        return self._notes.get((kind, name))

    def of_kind(self, kind: str) -> tuple[Note, ...]:
        """All notes of a kind, by name."""
        return tuple(note for key, note in sorted(self._notes.items()) if key[0] == kind)

    def is_taken(self, kind: str, id_: int) -> bool:
        """Whether an entity is noted already."""
        return any(note.kind == kind and note.id == id_ for note in self._notes.values())

    def save(self, note: Note) -> None:
        """Note an entity, for good and at once: the next may be interrupted."""
        is_news = self._notes.get((note.kind, note.name)) != note
        self._notes[note.kind, note.name] = note
        if self._keeps and is_news:
            self._conn.execute(
                """
                insert into quality.metabase_applied (server, kind, name, id, mark, sent, shown)
                values (%s, %s, %s, %s, %s, %s, %s)
                on conflict (server, kind, name) do update set
                    id = excluded.id, mark = excluded.mark, sent = excluded.sent, shown = excluded.shown,
                    applied_at = clock_timestamp()
                """,
                (self._server, note.kind, note.name, note.id, note.mark, Jsonb(note.sent), Jsonb(note.shown)),
            )
            self._conn.commit()
