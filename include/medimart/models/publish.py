"""Publishes what a run built and validated, in one transaction; and tells what is published and what is stale."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg

from medimart import __version__
from medimart.landing import Inputs, inputs, seed_digests
from medimart.models.build import Build
from medimart.models.manifest import DEFAULT_PIPELINE, Manifest, load_manifest

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Publication:
    """The newest publication of one census: what readers see of it.

    census: for rtt_publication the period. row_counts: by table, the census's rows for a snapshot, else all.
    checks: how many by severity and status. is_code_changed: the models are no longer those it was made by.
    """

    census: date
    run_id: str
    published_at: datetime
    fingerprint: str
    row_counts: dict[str, int]
    checks: dict[str, dict[str, int]]
    code_version: str
    is_code_changed: bool


@dataclass(frozen=True)
class Stale:
    """A published census whose inputs are no longer those it was made from; changes: which, in words."""

    census: date
    changes: tuple[str, ...]


def publish(conn: Connection, build: Build, run_id: str) -> Publication:
    """Publish a build in one transaction."""
    raise NotImplementedError


def published(conn: Connection, pipeline: str = DEFAULT_PIPELINE) -> list[Publication]:
    """The newest publication of every census, by census; of a prepared warehouse."""
    rows = conn.execute(
        """
        select distinct on (census_date)
            census_date, run_id, published_at, fingerprint, row_counts, checks, code_version, code_sha256 <> %s
        from marts.publication
        where pipeline = %s
        order by census_date, publication_id desc
        """,
        (code_sha256(load_manifest(), pipeline), pipeline),
    )
    return [Publication(*row) for row in rows.fetchall()]


def stale(conn: Connection, pipeline: str = DEFAULT_PIPELINE) -> list[Stale]:
    """The published censuses whose fingerprint would differ today, by census, and which inputs changed.

    Counts what is loaded, and the seeds and contracts as they lie on disk. Changed models make nothing stale:
    see `Publication.is_code_changed`.
    """
    rows = conn.execute(
        """
        select distinct on (census_date) census_date, fingerprint, inputs
        from marts.publication
        where pipeline = %s
        order by census_date, publication_id desc
        """,
        (pipeline,),
    ).fetchall()
    if not rows:
        return []
    newest = inputs(conn, rows[-1][0], load_manifest().sources(pipeline))
    newest = replace(newest, seeds=tuple({**dict(newest.seeds), **seed_digests()}.items()))
    found = []
    for census, fingerprint, recorded in rows:
        loads = tuple(load for load in newest.loads if load.extract_date <= census)
        now = replace(newest, upto=census, loads=loads)
        if now.fingerprint != fingerprint:
            found.append(Stale(census, changes(recorded, now)))
    return found


def code_sha256(manifest: Manifest, pipeline: str) -> str:
    """SHA-256 over the SQL of a pipeline's models and the program's version."""
    parts = [f"{name} {manifest[name].sha256}" for name in sorted(manifest.pipeline(pipeline))]
    return hashlib.sha256("\n".join([__version__, *parts]).encode()).hexdigest()


def changes(recorded: dict[str, Any], now: Inputs) -> tuple[str, ...]:
    """What differs between inputs as they were recorded and as they are now, in words without any value."""
    before = {(load["source"], load["extract_date"]): load for load in recorded["loads"]}
    after = {(load.source, load.extract_date.isoformat()): load for load in now.loads}
    found = []
    for source, day in sorted(before.keys() | after.keys(), key=lambda load: (load[1], load[0])):
        old, new = before.get((source, day)), after.get((source, day))
        if old is None:
            found.append(f"{source} of {day} was loaded since")
        elif new is None:
            found.append(f"{source} of {day} is loaded no more")
        elif (old["sha256"], old["delivery"]) != (new.sha256, new.delivery):
            found.append(f"{source} of {day} was corrected since")
        elif old["typing_sha256"] != new.typing_sha256:
            found.append(f"{source} of {day} was read by other rules since")
    for kind, old_hashes, new_hashes in (
        ("seed", dict(recorded["seeds"]), dict(now.seeds)),
        ("contract", dict(recorded["contracts"]), dict(now.contracts)),
    ):
        different = (n for n in old_hashes.keys() | new_hashes.keys() if old_hashes.get(n) != new_hashes.get(n))
        found += [f"the {kind} {name} has changed" for name in sorted(different)]
    return tuple(found)
