"""What is landed, loaded, published and stale."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from medimart import landing
from medimart.models import publish

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Week:
    """One dated extract of the landing folder, and how far it has come.

    date: of the folder. census: the Sunday that ends its week, whose run takes it in.
    state: not complete, landed, loaded, published or stale; what is landed or stale wants a run of its census.
    detail: why, in words for people.
    unexpected: files of the folder that no contract asks for.
    """

    date: dt.date
    census: dt.date
    state: str
    detail: str
    unexpected: tuple[str, ...]


def weeks(conn: Connection, folder: Path) -> list[Week]:
    """Every dated extract of the landing folder with how far it has come, by date; of a prepared warehouse.

    A published census is stale as well while an extract up to it waits to be loaded.
    """
    published = {found.census: found for found in publish.published(conn)}
    stale = {found.census: "; ".join(found.changes) for found in publish.stale(conn)}
    loaded = _loaded(conn)
    conn.commit()
    found: list[Week] = []
    waiting: list[str] = []
    for extract in landing.extracts(folder):
        census = extract.census
        if not extract.is_complete:
            state, detail = "not complete", "; ".join(extract.problems)
        elif names := _not_loaded(extract, loaded):
            state, detail = "landed", f"not loaded: {', '.join(names)}"
            waiting.append(f"{extract.date} is landed and not loaded")
        elif census not in published:
            state, detail = "loaded", f"census {census} is not published"
        elif reasons := [*waiting, *([stale[census]] if census in stale else [])]:
            state, detail = "stale", "; ".join(reasons)
        else:
            state, detail = "published", _when(published[census])
        found.append(Week(extract.date, census, state, detail, extract.unexpected))
    return found


def _when(publication: publish.Publication) -> str:
    code = "; the models have changed since" if publication.is_code_changed else ""
    return f"published {publication.published_at:%Y-%m-%d %H:%M}{code}"


def _loaded(conn: Connection) -> dict[tuple[str, dt.date], tuple[str, int, int, str]]:
    rows = conn.execute(
        "select source, extract_date, delivery, file_size, file_modified, file_sha256 from quality.load_audit "
        "where status = 'typed'"
    )
    return {(source, day): (delivery, size, modified, sha256) for source, day, delivery, size, modified, sha256 in rows}


def _not_loaded(extract: landing.Extract, loaded: dict[tuple[str, dt.date], tuple[str, int, int, str]]) -> list[str]:
    """Names of the files of a complete extract that are not loaded as they lie there."""
    names = []
    for source, path in sorted(extract.files.items()):
        wanted, stat = extract.delivery(landing.load_contract(source)), path.stat()
        delivery, size, modified, sha256 = loaded.get((source, extract.date), ("", -1, -1, ""))
        is_same = delivery == wanted and size == stat.st_size
        if not is_same or (modified != stat.st_mtime_ns and sha256 != _sha256(path)):
            names.append(path.name)
    return names


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
