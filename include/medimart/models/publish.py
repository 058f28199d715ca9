"""Publishes what a run built and validated, in one transaction; and tells what is published and what is stale."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from medimart import __version__, db
from medimart.errors import CheckBroken, CriticalFailure, InputsChanged, MedimartError
from medimart.landing import Inputs, inputs, seed_digests
from medimart.models import access, disclosure, tables
from medimart.models.build import (
    Build,
    as_json,
    build_model,
    close_build,
    open_build,
    plan,
    refuse_emptied,
    set_up,
    transaction,
    without_values,
)
from medimart.models.manifest import DEFAULT_PIPELINE, Manifest, Model, load_manifest

Connection = psycopg.Connection[Any]

LOCK = "medimart publish"  # one publish at a time
ATTEMPTS = 5  # how often the current tables are built again because their inputs changed meanwhile
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Publication:
    """The newest publication of one census: what readers see of it.

    census: for rtt_publication the period. row_counts: of the tables it wrote, the census's rows for a snapshot, else
    all. checks: how many by severity and status. is_code_changed: the models are no longer those it was made by.
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


def publish(conn: Connection, build: Build, run_id: str, manifest: Manifest | None = None) -> Publication:
    """Publish what a run built and validated, in one transaction; a no-op when the run did so already.

    Its snapshots become, or replace, those of its census. The current tables are a function of all extracts up to the
    newest published census: the run of an older one leaves them alone, unless something up to there has changed; then
    they are built as of there, and validated, first.

    Raises InputsChanged when what the run read is no longer so, CriticalFailure or CheckBroken when a critical check
    did not pass, MedimartError when a table would change its shape. Nothing is published then.
    """
    manifest = manifest or load_manifest()
    rebuilt: Build | None = None
    try:
        with _plainly(build):
            with transaction(conn):
                _checked(conn, build, run_id, manifest)
            _fit(conn, build, manifest)
            for _ in range(ATTEMPTS):
                with transaction(conn):
                    set_up(conn, build.schema)
                    conn.execute("select pg_advisory_xact_lock(hashtext(%s))", (LOCK,))
                    pins = _checked(conn, build, run_id, manifest)
                    due = _current_due(conn, build, pins, manifest)
                    current = _source(conn, due, (build, rebuilt), manifest)
                    if due is None or current is not None:
                        return _publish(conn, build, current, pins, manifest)
                if rebuilt:
                    close_build(conn, rebuilt)
                rebuilt = _rebuild_current(conn, build, due, manifest)
        raise InputsChanged(
            f"Extracts up to the newest published census kept coming in while census {build.census} was published, so "
            "it is not; the last published marts stay. Start the run again from its first task when they are all there."
        )
    except InputsChanged:
        with transaction(conn):
            mine = _own_commit(conn, build, code_sha256(manifest, build.pipeline))
        if mine:
            return mine  # what came in afterwards makes it stale, and does not undo it
        close_build(conn, build)  # nobody may go on from it
        raise
    finally:
        if rebuilt:
            close_build(conn, rebuilt)


def is_done(conn: Connection, run_id: str) -> bool:
    """Whether a run has published already and cleared its build away: all there is to do of its last step."""
    with transaction(conn):
        [(is_so,)] = conn.execute(
            """
            select
                exists (select from marts.publication where run_id = %(run)s)
                and not exists (select from quality.build where run_id = %(run)s)
            """,
            {"run": run_id},
        ).fetchall()
    return bool(is_so)


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
        elif census == newest.upto and _current_fingerprint(conn, pipeline) not in (None, fingerprint):
            found.append(Stale(census, ("the current tables hold what other inputs said",)))
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


def _checked(conn: Connection, build: Build, run_id: str, manifest: Manifest) -> Inputs:
    """The inputs of a build, proved to be what they were when it was opened, and its verdicts proved to be good."""
    pins = inputs(conn, build.census, manifest.sources(build.pipeline))
    row = conn.execute("select inputs from quality.build where schema_name = %s", (build.schema,)).fetchone()
    if row is None:
        raise MedimartError(f"The build of run {run_id} is gone. Start the run again from its first task.")
    refuse_emptied(conn, build)
    is_same = pins.fingerprint == build.fingerprint
    if not is_same or not _is_settled(conn, build, manifest):
        what = "; ".join(changes(row[0], pins)) or "a file or seed was replaced and put back meanwhile"
        raise InputsChanged(
            f"Census {build.census} is not published, for what it was built from has changed since: {what}. The last "
            "published marts stay. Start the run again from its first task."
        )
    _refuse(conn, build, run_id, manifest)
    return pins


def _is_settled(conn: Connection, build: Build, manifest: Manifest) -> bool:
    """Whether nothing came in while a build read: a file replaced and put back leaves no other trace."""
    [(is_so,)] = conn.execute(
        """
        select
            not exists (
                select from quality.load_audit as a
                where
                    a.status = 'typed' and a.extract_date <= b.census_date and a.source = any(%s)
                    and a.loaded_at > b.opened_at
            )
            and not exists (select from quality.seed_audit as s where s.loaded_at > b.opened_at)
        from quality.build as b
        where b.schema_name = %s
        """,
        (manifest.sources(build.pipeline), build.schema),
    ).fetchall()
    return bool(is_so)


def _refuse(conn: Connection, build: Build, run_id: str, manifest: Manifest) -> None:
    """Raise when a model of the run was not validated since it was opened, or a verdict stops the publish."""
    from medimart.quality import checkpoint, report  # above the models; only the last step of a run wants it

    verdicts = conn.execute(
        """
        select v.model
        from quality.validation_result as v
        inner join quality.build as b on b.schema_name = v.build_schema
        where v.run_id = %s and b.schema_name = %s and v.validated_at >= b.opened_at
        """,
        (run_id, build.schema),
    )
    validated = {model for (model,) in verdicts.fetchall()}
    if unseen := [name for name in manifest.pipeline(build.pipeline) if name not in validated]:
        raise CheckBroken(
            f"Census {build.census} is not published: nothing was checked of {', '.join(unseen)}. Run the validation "
            "of their layers first; the last published marts stay."
        )
    checkpoint.judge(report.not_passed(conn, run_id), build.census, _stops_on_warning(conn, run_id))


def _stops_on_warning(conn: Connection, run_id: str) -> bool:
    row = conn.execute("select stop_on_warning from quality.run where run_id = %s", (run_id,)).fetchone()
    return bool(row and row[0])


def _fit(conn: Connection, build: Build, manifest: Manifest) -> None:
    """Give published tables what this publish needs of them beforehand.

    A partition for a census that is new; columns that a model has got since; policies where its readers changed.
    """
    statements: dict[str, list[sql.Composed]] = {}
    with transaction(conn):
        for model in manifest.marts(build.pipeline):
            if tables.exists(conn, tables.SCHEMA, model.name):
                added = tables.fit(conn, model, build)
                wanted = [*tables.widening(model, added), *access.policing(conn, model)]
                is_new = not tables.exists(conn, tables.PARTITIONS, tables.partition(model, build.census))
                if model.kind == "snapshot" and is_new:
                    wanted += tables.attaching(model, build.census)
                if wanted:
                    statements[model.name] = wanted
    for name, wanted in statements.items():
        tables.alter(conn, name, wanted, LOCK)


def _current_due(conn: Connection, build: Build, pins: Inputs, manifest: Manifest) -> Inputs | None:
    """What the current tables are to be made from in this publish; None when they are to be left alone."""
    current = [model for model in manifest.marts(build.pipeline) if model.kind != "snapshot"]
    if not current:
        return None
    [(newest,)] = conn.execute(
        "select max(census_date) from marts.publication where pipeline = %s", (build.pipeline,)
    ).fetchall()
    if newest is None or build.census >= newest:
        return pins
    wanted = inputs(conn, newest, manifest.sources(build.pipeline))
    is_there = all(tables.exists(conn, tables.SCHEMA, model.name) for model in current)
    return None if is_there and _current_fingerprint(conn, build.pipeline) == wanted.fingerprint else wanted


def _current_fingerprint(conn: Connection, pipeline: str) -> str | None:
    """The fingerprint of what the current tables were made from, empty while rows wait in them to be removed.

    None where no current table was ever published.
    """
    row = conn.execute(
        """
        select current_fingerprint
        from marts.publication
        where pipeline = %s and current_census_date is not null
        order by publication_id desc
        limit 1
        """,
        (pipeline,),
    ).fetchone()
    return None if row is None else row[0] or ""


def _source(conn: Connection, due: Inputs | None, builds: tuple[Build | None, ...], manifest: Manifest) -> Build | None:
    """The build that holds the current tables that are due."""
    for build in builds:
        if due and build and build.fingerprint == due.fingerprint and _is_settled(conn, build, manifest):
            return build
    return None


def _rebuild_current(conn: Connection, build: Build, due: Inputs, manifest: Manifest) -> Build:
    """Build all models as of the newest published census in a schema aside, and validate them."""
    from medimart import quality  # as above

    run_id = f"{build.run_id} (current tables as of {due.upto})"
    rebuilt = open_build(conn, due.upto, run_id, due, build.pipeline)
    names = manifest.pipeline(build.pipeline)
    for name in plan(manifest, names):
        build_model(conn, rebuilt, name, manifest)
    try:
        quality.validate(
            db.url_of(conn),
            rebuilt,
            names,
            run_id,
            stop_on_warning=_stops_on_warning(conn, build.run_id),
            manifest=manifest,
        )
    except (CriticalFailure, CheckBroken) as error:
        raise type(error)(
            f"{error}\nCensus {build.census} waits for it: it changes what the current tables hold as of {due.upto}."
        ) from None
    return rebuilt


def _publish(conn: Connection, build: Build, current: Build | None, pins: Inputs, manifest: Manifest) -> Publication:
    """Publish in the open transaction: the snapshots from the build, the current tables from theirs."""
    code = code_sha256(manifest, build.pipeline)
    mine = _own_commit(conn, build, code)
    if mine and (current is None or _current_fingerprint(conn, build.pipeline) == current.fingerprint):
        return mine
    if missing := access.advice(conn):
        _log.warning(missing)
    marts = manifest.marts(build.pipeline)
    is_new_code = _newest_code(conn, build.pipeline) != code
    access.begin(conn)
    counted: dict[str, sql.Identifier] = {}
    gone: dict[str, int] = {}
    for model in marts:
        source = build if model.kind == "snapshot" else current
        if source:
            counted[model.name], gone[model.name] = _write(conn, model, source, is_new_code)
        access.grant(conn, model)
        disclosure.share(conn, model)
    staying = tables.remove_gone(conn, manifest, gone, build.pipeline)
    access.settle(conn, marts)
    if current and "dim_patient" in counted:
        access.identify(conn, current)
    return _record(
        conn,
        build,
        row_counts={name: tables.count(conn, table) for name, table in counted.items()},
        pins=pins,
        code=code,
        current=(current.census if current else None, current.fingerprint if current and not staying else None),
    )


def _write(conn: Connection, model: Model, build: Build, is_new_code: bool) -> tuple[sql.Identifier, int]:
    """Write one mart; returns what its rows are counted in, and how many rows the build has no more."""
    table = tables.published(model.name)
    is_new = not tables.exists(conn, tables.SCHEMA, model.name)
    if is_new:
        tables.create(conn, model, build)
        for statement in access.policing(conn, model):
            conn.execute(statement)
    elif is_new_code:
        tables.keep_up(conn, model)
    if model.kind == "snapshot":
        name = tables.partition(model, build.census)
        table = sql.Identifier(tables.PARTITIONS, name)
        if not tables.exists(conn, tables.PARTITIONS, name):  # the whole table is new: nobody has planned to read it
            for statement in tables.attaching(model, build.census):
                conn.execute(statement)
        is_new = tables.is_empty(conn, table)
        if is_new:
            tables.fill(conn, model, build)
    if is_new:
        access.note_all(conn, model, build)
        return table, 0
    merged = tables.merge(conn, table, model, build)
    access.note_changed(conn, model)
    if model.kind == "snapshot":
        tables.enforce(conn, model, build.census)
    if model.kind != "current" or not merged.gone:
        return table, 0
    tables.keep_gone(conn, model)
    return table, merged.gone


def _own_commit(conn: Connection, build: Build, code: str) -> Publication | None:
    """What the run published at an earlier try, when that is what readers see of its census still."""
    row = conn.execute(
        """
        select census_date, run_id, published_at, fingerprint, row_counts, checks, code_version, false, code_sha256
        from marts.publication
        where pipeline = %s and census_date = %s
        order by publication_id desc
        limit 1
        """,
        (build.pipeline, build.census),
    ).fetchone()
    if row is None:
        return None
    *found, code_then = row
    mine = Publication(*found)
    is_same = (mine.run_id, mine.fingerprint, code_then) == (build.run_id, build.fingerprint, code)
    return mine if is_same else None


def _newest_code(conn: Connection, pipeline: str) -> str | None:
    row = conn.execute(
        "select code_sha256 from marts.publication where pipeline = %s order by publication_id desc limit 1",
        (pipeline,),
    ).fetchone()
    return None if row is None else row[0]


def _record(
    conn: Connection,
    build: Build,
    *,
    row_counts: dict[str, int],
    pins: Inputs,
    code: str,
    current: tuple[date | None, str | None],
) -> Publication:
    from medimart.quality import report  # as above

    checks = report.summary(conn, build.run_id)
    [(at,)] = conn.execute(
        """
        insert into marts.publication (
            pipeline, census_date, run_id, fingerprint, inputs, row_counts, checks,
            code_sha256, code_version, current_census_date, current_fingerprint
        ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        returning published_at
        """,
        (
            *(build.pipeline, build.census, build.run_id, build.fingerprint, as_json(pins)),
            *(Jsonb(row_counts), Jsonb(checks), code, __version__, *current),
        ),
    ).fetchall()
    return Publication(build.census, build.run_id, at, build.fingerprint, row_counts, checks, __version__, False)


@contextmanager
def _plainly(build: Build) -> Iterator[None]:
    """Turn a server's error into one that says what was to be published and holds no data."""
    try:
        yield
    except psycopg.Error as error:
        if db.is_transient(error):
            raise
        raise MedimartError(
            f"Census {build.census} is not published: {without_values(error)} (SQLSTATE {error.sqlstate}). The last "
            "published marts stay. The models and the published tables do not agree; mend the model, then run the "
            "whole run again."
        ) from None
