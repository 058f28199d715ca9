"""The steps of a run, in the order the DAGs lay them out.

Every step may be done again: it finds its own earlier work and either keeps or replaces it. Steps share
nothing but the warehouse, so each can be a task of its own on any worker.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from medimart import db
from medimart.errors import InputError, MedimartError, NothingToDo, for_people
from medimart.models.manifest import LAST_WEEK, Manifest, load_manifest
from medimart.settings import settings
from medimart.warehouse import prepare

Connection = psycopg.Connection[Any]

LONDON = ZoneInfo("Europe/London")
SUNDAY = 7  # as date.isoweekday counts
WAITING_LIST = "waiting_list"
PUBLICATION = "rtt_publication"
PUBLISHED_FILE = "rtt_published"  # the contract of the monthly file


class NothingLanded(NothingToDo):
    """The week has no complete extract: the run is skipped, and this says why."""


@dataclass(frozen=True)
class Run:
    """What one run is about.

    run_id: unique over all pipelines. census: the Sunday the list is counted at; None lets the first step
    choose the newest landed week. input: the published file, for a run of `rtt_publication`.
    """

    run_id: str
    pipeline: str = WAITING_LIST
    census: date | None = None
    full_rebuild: bool = False
    stop_on_warning: bool = False
    input: Path | None = None


def census_of_interval(end: datetime) -> date:
    """The census of a data interval: the London date of its end, less one day."""
    return end.astimezone(LONDON).date() - timedelta(days=1)


def begin(conn: Connection, run: Run) -> str:
    """Fix what the run is about, bring set-up and seeds up to date, and check every file that is due.

    Returns the census as ISO text. Raises NothingLanded when the week has no complete extract, InputError
    naming every fault of a file that cannot be loaded; nothing of its extract is loaded then.
    """
    from medimart import landing
    from medimart.models import build

    with _timed(conn, run, "load", "check the files"):
        prepare(conn)
        conn.commit()
        census = _publication_period(run) if run.pipeline == PUBLICATION else _census(run)
        conn.execute(
            """
            insert into quality.run (run_id, pipeline, census_date, full_rebuild, stop_on_warning, input_file)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (run_id) do update set
                census_date = excluded.census_date, full_rebuild = excluded.full_rebuild,
                stop_on_warning = excluded.stop_on_warning, input_file = excluded.input_file,
                started_at = clock_timestamp()
            """,
            (
                run.run_id, run.pipeline, census, run.full_rebuild, run.stop_on_warning,
                str(run.input) if run.input else None,
            ),
        )  # fmt: skip
        conn.execute("delete from quality.run_failure where run_id = %s", (run.run_id,))
        conn.commit()
        build.sweep(conn)
        landing.load_seeds(conn)
        if run.pipeline == WAITING_LIST:
            landing.check_landing(conn, settings().landing, census)
    return census.isoformat()


def load(conn: Connection, run: Run, source: str) -> int:
    """Load and type every file of a source that is due and not yet loaded; returns the rows they hold."""
    from medimart import landing

    started = _started(conn, run)
    with _timed(conn, run, "load", source) as step:
        if started.full_rebuild:
            landing.rebuild_history(conn, source)
        loaded = landing.load_source(conn, settings().landing, source, started.census)
        step.rows = sum(result.rows for result in loaded)
    return step.rows


def load_publication(conn: Connection, run: Run) -> int:
    """Load and type the published file of the run; the same bytes again are recognised. Returns its rows."""
    from medimart import landing

    started = _started(conn, run)
    with _timed(conn, run, "load", PUBLISHED_FILE) as step:
        loaded = landing.load_file(conn, PUBLISHED_FILE, Path(started.input), started.census)
        step.rows = loaded.rows if loaded else 0
    return step.rows


def pin(conn: Connection, run: Run) -> str:
    """Prove that every row of every file is accounted for, and pin what this run reads.

    Returns the build schema. Raises CriticalFailure when rows are lost or a quarantine passes its limit.
    """
    from medimart import landing
    from medimart.models import build

    started = _started(conn, run)
    with _timed(conn, run, "load", "reconcile and pin"):
        manifest = load_manifest()
        landing.reconcile(conn, started.census, sources(manifest, started.pipeline))
        inputs = landing.inputs(conn, started.census, manifest.sources(started.pipeline))
        return build.open_build(conn, started.census, run.run_id, inputs, started.pipeline).schema


def build_model(conn: Connection, run: Run, model: str) -> int:
    """Build one model, or with the prefix `last_week_` the same of the week before; returns its rows."""
    from medimart.models import build

    layer = load_manifest()[model.removeprefix(LAST_WEEK)].layer
    with _timed(conn, run, layer, model) as step:
        step.rows = build.build_model(conn, build.find_build(conn, run.run_id), model).rows
    return step.rows


def build_last_week(conn: Connection, run: Run, layer: str) -> None:
    """Build what the run's models want of the week before, of one layer, model by model."""
    from medimart.models import build

    manifest = load_manifest()
    for name in build.plan(manifest, manifest.pipeline(run.pipeline)):
        if name.startswith(LAST_WEEK) and manifest[name.removeprefix(LAST_WEEK)].layer == layer:
            build_model(conn, run, name)


def validate(conn: Connection, run: Run, layer: str) -> None:
    """Run the suites of one layer; raises CriticalFailure or CheckBroken once the verdicts are recorded."""
    from medimart import quality
    from medimart.models import build

    started = _started(conn, run)
    manifest = load_manifest()
    names = [name for name in manifest.pipeline(started.pipeline) if manifest[name].layer == layer]
    with _timed(conn, run, "validate", layer):
        built = build.find_build(conn, run.run_id)
        quality.validate(db.url_of(conn), built, names, run.run_id, stop_on_warning=started.stop_on_warning)


def publish(conn: Connection, run: Run) -> None:
    """Publish what was built and validated, in one transaction, and drop the build."""
    from medimart.models import build
    from medimart.models import publish as publishing

    with _timed(conn, run, "publish", "publish"):
        if publishing.is_done(conn, run.run_id):
            return
        built = build.find_build(conn, run.run_id)
        publishing.publish(conn, built, run.run_id)
        build.close_build(conn, built)


def report(conn: Connection, run: Run) -> str:
    """Write the run's data-quality page and the rejects for its senders, whatever came before; returns its place.

    Raises NothingLanded when there is nothing to say of the run: its week had no extract.
    """
    from medimart.quality import page, places

    prepare(conn)
    conn.commit()
    if page.write(conn, run.run_id) is None:
        raise NothingLanded(f"Run {run.run_id} did nothing that a page could tell.")
    return places.link(run.run_id)


def sources(manifest: Manifest, pipeline: str) -> list[str]:
    """The sources that a pipeline's runs load: those its models read, less what the other pipeline loads for both."""
    return [s for s in manifest.sources(pipeline) if s != PUBLISHED_FILE or pipeline == PUBLICATION]


def provision_metabase(conn: Connection, _run: Run) -> str:
    """Bring Metabase's dashboards to what their files say; people's own edits are kept. Returns what became of them.

    Raises NothingToDo where no Metabase is set.
    """
    from medimart.dashboards import metabase

    prepare(conn)
    changes = [one for one in metabase.provision(conn) if one.action != "unchanged"]
    told = (f"{one.action} {one.kind} {one.name} {one.detail}".rstrip() for one in changes)
    return "; ".join(told) or "Metabase is as its files say."


def run_through(conn: Connection, run: Run) -> None:
    """All steps of a run one after the other, without a scheduler: for tests and benchmarks. Its page is written
    whatever comes of it."""
    try:
        _steps(conn, run)
    except Exception:
        with suppress(Exception):  # what made the run fail is told, whatever comes of its page
            conn.rollback()
            report(conn, run)
        raise
    report(conn, run)


def _steps(conn: Connection, run: Run) -> None:
    from medimart.models import build

    begin(conn, run)
    manifest = load_manifest()
    names = manifest.pipeline(run.pipeline)
    if run.pipeline == PUBLICATION:
        load_publication(conn, run)
    else:
        for source in sources(manifest, run.pipeline):
            load(conn, run, source)
    pin(conn, run)
    for name in build.plan(manifest, names):
        build_model(conn, run, name)
    for layer in ("staging", "intermediate", "marts"):
        validate(conn, run, layer)
    publish(conn, run)


def _census(run: Run) -> date:
    from medimart import landing

    extracts = landing.extracts(settings().landing)
    complete = {extract.census for extract in extracts if extract.is_complete}
    if not complete:
        raise NothingLanded(
            f"{settings().landing} holds no complete extract. File one with `medimart land FOLDER --date DATE`."
        )
    census = run.census or max(complete)
    if census.isoweekday() != SUNDAY:
        before = census - timedelta(days=census.isoweekday())
        raise InputError(
            f"The census must be a Sunday, and {census} is a {census:%A}: use {before} or {before + timedelta(days=7)}."
        )
    if census not in complete:
        why = "; ".join(f"{e.date} is not complete: {', '.join(e.problems)}" for e in extracts if e.census == census)
        raise NothingLanded(
            f"No complete extract is dated {census - timedelta(days=6)} to {census}, so census {census} is not built. "
            f"{why or f'{settings().landing} has no folder for that week.'}"
        )
    return census


def _publication_period(run: Run) -> date:
    from medimart.landing.publication import period_of

    if run.input is None:
        raise InputError("rtt_publication needs the published file: give `--input FILE` or the parameter `input`.")
    return period_of(run.input)


@dataclass(frozen=True)
class _Started:
    pipeline: str
    census: date
    full_rebuild: bool
    stop_on_warning: bool
    input: str


def _started(conn: Connection, run: Run) -> _Started:
    """What the first step of the run fixed."""
    row = conn.execute(
        """
        select pipeline, census_date, full_rebuild, stop_on_warning, coalesce(input_file, '')
        from quality.run where run_id = %s
        """,
        (run.run_id,),
    ).fetchone()
    if row is None:
        raise MedimartError(f"Run {run.run_id} has not begun: clear its first task to start it again.")
    return _Started(*row)


@dataclass
class _Step:
    rows: int = 0


@contextmanager
def _timed(conn: Connection, run: Run, stage: str, name: str) -> Iterator[_Step]:
    """Record how long a step took, once it has done its work, or what made it fail, until it succeeds."""
    step, began = _Step(), time.monotonic()
    try:
        yield step
    except NothingLanded:
        raise
    except Exception as error:
        with suppress(psycopg.Error):  # what failed matters more than that it could not be recorded
            conn.rollback()
            _record_failure(conn, run, stage, name, error)
        raise
    conn.execute(
        """
        insert into quality.run_step (run_id, stage, step, row_count, seconds) values (%s, %s, %s, %s, %s)
        on conflict (run_id, stage, step) do update set
            row_count = excluded.row_count, seconds = excluded.seconds, finished_at = clock_timestamp()
        """,
        (run.run_id, stage, name, step.rows, time.monotonic() - began),
    )
    conn.execute(
        "delete from quality.run_failure where run_id = %s and stage = %s and step = %s", (run.run_id, stage, name)
    )
    conn.commit()


def _record_failure(conn: Connection, run: Run, stage: str, name: str, error: Exception) -> None:
    kind = type(error).__name__
    words = for_people(error) or f"A fault of the program ({kind}): report it, with the last lines of the task's log."
    conn.execute(
        """
        insert into quality.run_failure (run_id, pipeline, stage, step, kind, message) values (%s, %s, %s, %s, %s, %s)
        on conflict (run_id, stage, step) do update set
            kind = excluded.kind, message = excluded.message, failed_at = clock_timestamp()
        """,
        (run.run_id, run.pipeline, stage, name, kind, words),
    )
    conn.commit()
