"""What a manager asks after a run: how many wait and how long, how full the sessions were, what to trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from medimart import quality
from medimart.models import publish
from medimart.pipeline import PUBLICATION
from medimart.quality.checkpoint import describe

Connection = psycopg.Connection[Any]

WEEKS_SHOWN = 12
STAGES = ("load", "staging", "intermediate", "marts", "validate", "publish")


@dataclass(frozen=True)
class Census:
    """One published census. Rates 0 to 1, None where nothing is known; checks by severity and status."""

    census: date
    waiting: int
    people: int
    within_18_weeks_rate: float | None
    over_52_weeks: int
    fill_rate: float | None
    checks: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Period:
    """One published month of NHS England's figures: England's incomplete pathways."""

    period: date
    waiting: int
    within_18_weeks_rate: float | None
    over_52_weeks: int


@dataclass(frozen=True)
class Summary:
    """What is published, newest last, and what is doubtful about it.

    quarantined: rows set aside and not yet mended, by source. not_passed: checks of the newest census that failed or
    broke, gravest first, in words. stale: censuses whose inputs have changed since.
    """

    censuses: tuple[Census, ...]
    periods: tuple[Period, ...]
    quarantined: dict[str, int]
    not_passed: tuple[str, ...]
    stale: tuple[date, ...]


def summarise(conn: Connection, weeks_shown: int = WEEKS_SHOWN) -> Summary:
    """The newest published censuses and months; of a prepared warehouse."""
    published = publish.published(conn)
    return Summary(
        censuses=tuple(_census(conn, publication) for publication in published[-weeks_shown:]),
        periods=tuple(_period(conn, publication.census) for publication in publish.published(conn, PUBLICATION)[-2:]),
        quarantined=_quarantined(conn),
        not_passed=tuple(
            f"{verdict.severity}: {describe(verdict)}"
            for verdict in (quality.not_passed(conn, published[-1].run_id) if published else [])
        ),
        stale=tuple(found.census for found in publish.stale(conn)),
    )


def seconds_by_stage(conn: Connection, run_ids: Sequence[str]) -> dict[str, float]:
    """Seconds of work that runs took, by stage, in the order of the stages."""
    rows = conn.execute(
        "select stage, sum(seconds) from quality.run_step where run_id = any(%s) group by stage", (list(run_ids),)
    ).fetchall()
    spent = {str(stage): float(seconds) for stage, seconds in rows}
    return {stage: spent[stage] for stage in STAGES if stage in spent}


def failed_checks(conn: Connection, run_ids: Iterable[str]) -> int:
    """How many critical checks of these runs failed or broke."""
    counts = [quality.summary(conn, run_id)["critical"] for run_id in run_ids]
    return sum(count["failed"] + count["broken"] for count in counts)


def show(console: Console, summary: Summary) -> None:
    """Print a summary for people."""
    for part in _parts(summary):
        console.print(part)


def _parts(summary: Summary) -> Iterable[RenderableType]:
    if not summary.censuses:
        yield "No census is published yet."
    else:
        yield _headline(summary.censuses[-1], summary.censuses[-2] if len(summary.censuses) > 1 else None)
        yield _weeks(summary.censuses)
    for period in summary.periods:
        yield Text(
            f"Monthly publication {period.period:%B %Y}: {period.waiting:,} waiting, "
            f"{_rate(period.within_18_weeks_rate)} within 18 weeks, {period.over_52_weeks:,} over 52 weeks"
        )
    if summary.quarantined:
        by_source = ", ".join(f"{source} {count:,}" for source, count in summary.quarantined.items())
        yield Text(f"Rows in quarantine: {sum(summary.quarantined.values()):,} ({by_source})")
    elif summary.censuses:
        yield Text("Rows in quarantine: none")
    if summary.not_passed:
        newest = summary.censuses[-1].census
        yield Group(
            Text(f"Checks of census {newest} that did not pass:"),
            *(Text(f"  {line}") for line in summary.not_passed),
        )
    if summary.stale:
        yield Text(
            f"Stale, for what they read has changed: {', '.join(map(str, summary.stale))}. "
            "Redo them: medimart backfill --stale"
        )


def _headline(newest: Census, before: Census | None) -> Text:
    change = f" ({newest.waiting - before.waiting:+,} on the census before)" if before else ""
    return Text(
        f"Census {newest.census}: {newest.waiting:,} pathways of {newest.people:,} people are waiting{change}; "
        f"{_rate(newest.within_18_weeks_rate)} within 18 weeks, {newest.over_52_weeks:,} over 52 weeks; "
        f"{_rate(newest.fill_rate)} of the week's planned slots were filled",
        style="bold",
    )


def _weeks(censuses: Sequence[Census]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("census")
    for heading in ("waiting", "within 18 weeks", "over 52 weeks", "slots filled", "critical checks", "warnings"):
        table.add_column(heading, justify="right")
    for census in censuses:
        critical, warning = (_verdict(census.checks.get(name, {})) for name in ("critical", "warning"))
        table.add_row(
            str(census.census),
            f"{census.waiting:,}",
            _rate(census.within_18_weeks_rate),
            f"{census.over_52_weeks:,}",
            _rate(census.fill_rate),
            critical,
            warning,
        )
    return table


def _verdict(counts: dict[str, int]) -> str:
    passed, rest = counts.get("passed", 0), counts.get("failed", 0) + counts.get("broken", 0)
    return f"{passed} passed" if not rest else f"{rest} of {passed + rest} not"


def _rate(rate: float | None) -> str:
    return "unknown" if rate is None else f"{rate:.1%}"


def _census(conn: Connection, publication: publish.Publication) -> Census:
    [(waiting, people, within, over_52)] = conn.execute(
        """
        select
            count(*), count(distinct nullif(person_sk, 0)),
            (count(*) filter (where within_18_weeks))::double precision / nullif(count(within_18_weeks), 0),
            count(*) filter (where over_52_weeks)
        from marts.fct_waitlist
        where census_date = %s
        """,
        (publication.census,),
    ).fetchall()
    [(fill,)] = conn.execute(
        """
        select sum(filled_count)::double precision / nullif(sum(planned_count), 0)
        from marts.fct_capacity_audit
        where week_end_date = %s
        """,
        (publication.census,),
    ).fetchall()
    return Census(publication.census, waiting, people, within, over_52, fill, publication.checks)


def _period(conn: Connection, period: date) -> Period:
    rows = conn.execute(
        """
        select total_count, within_18_weeks_rate::double precision, over_52_weeks_count
        from marts.mart_rtt_published
        where period_date = %s and rtt_part_code = 'Part_2' and organisation_level = 'england'
            and treatment_function_code = 'C_999'
        """,
        (period,),
    ).fetchall()
    return Period(period, *rows[0]) if rows else Period(period, 0, None, 0)


def _quarantined(conn: Connection) -> dict[str, int]:
    rows = conn.execute(
        """
        select source, count(distinct (load_id, line_no))
        from quality.quarantine
        where released_by_load is null
        group by source
        order by source
        """
    ).fetchall()
    return {str(source): int(count) for source, count in rows}
