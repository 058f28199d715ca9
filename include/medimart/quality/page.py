"""The on-call report: a page per run, an index of them, and the rejected rows for whoever sent them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg

from medimart.errors import InputError
from medimart.landing import contract
from medimart.landing.contract import Contract
from medimart.landing.typing import RECORD
from medimart.pages import layout
from medimart.quality import evidence, masking, places, rejects, report
from medimart.quality.checkpoint import Verdict
from medimart.quality.evidence import Flag, Look, Outcome, Reject, Step
from medimart.quality.report import STATUSES
from medimart.quality.rules import FAULTS, FLAGS
from medimart.quality.suites import SEVERITIES

Connection = psycopg.Connection[Any]
TEMPLATES = Path(__file__).parent
TITLES = {"waiting_list": "Waiting list", "rtt_publication": "Monthly RTT publication"}
EXAMPLES = 3
REASONS = {
    "InputError": "a file cannot be loaded",
    "CriticalFailure": "rows do not add up, or too many of them are set aside",
    "CheckBroken": "a check could not be carried out, which says nothing about the data",
    "InputsChanged": "what it read has changed while it ran",
    "SettingError": "a setting or a server is not as it must be",
}


@dataclass(frozen=True)
class Line:
    """The verdict on a run in one line. kind: good, doubt, bad, broken or plain."""

    kind: str
    text: str


@dataclass(frozen=True)
class Mark:
    """A symbol with the word it stands for, and the class of its colour."""

    kind: str
    symbol: str
    word: str


@dataclass(frozen=True)
class Finding:
    """A check that did not pass, with all that on-call asks about it."""

    verdict: Verdict
    mark: Mark
    samples: tuple[str, ...]
    extent: str
    since: str
    blocks: str


@dataclass(frozen=True)
class Trend:
    """A check over the last runs: what it found, alike ones together, and where it measures something a line to draw.

    bad: in how many runs it did not pass.
    """

    model: str
    check: str
    severity: str
    marks: tuple[tuple[Mark, int], ...]
    bad: int
    curve: str
    latest: str


@dataclass(frozen=True)
class Aside:
    """Rows of a file in quarantine for one rule and column. examples: (line, its fields in words, masked text)."""

    source: str
    extract_date: date
    file_name: str
    column: str
    meaning: str
    action: str
    rows: int
    examples: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Kept:
    """Values of a column kept with a flag: in the newest of its files that had any, and in all files together."""

    source: str
    column: str
    meaning: str
    newest: Flag
    total: int


@dataclass(frozen=True)
class Stage:
    """A stage's finished steps."""

    name: str
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        """Work of its steps, side by side or not."""
        return sum(step.seconds for step in self.steps)


MARKS = {
    ("critical", "failed"): Mark("bad", "✕", "critical, failed"),
    ("warning", "failed"): Mark("doubt", "▲", "warning"),
    ("info", "failed"): Mark("plain", "●", "for information"),
}
PASSED, BROKEN, ABSENT = (
    Mark("good", "✓", "passed"),
    Mark("broken", "⊘", "check broken"),
    Mark("plain", "·", "not checked"),
)


def write(conn: Connection, run_id: str) -> Path | None:
    """Write a run's page and rejects, and the index; returns the page. None when nothing is known of such a run."""
    found = evidence.outcomes(conn, run_id)
    if not found:
        return None
    aside = evidence.rejects(conn, found[0]) if found[0].census else []
    files = rejects.write(places.rejects(run_id), aside)
    page = layout.write(places.page(run_id), _run_page(conn, found[0], aside, sorted(files)))
    write_index(conn)
    return page


def known(conn: Connection) -> list[str]:
    """The runs that something is known of, newest first."""
    return [outcome.run_id for outcome in evidence.outcomes(conn)]


def find(conn: Connection, run_id: str | None) -> str:
    """A run by its id; without one the newest. Raises InputError naming those there are when there is none such."""
    runs = known(conn)
    if run_id is None and runs:
        return runs[0]
    if run_id in runs:
        return str(run_id)
    if not runs:
        raise InputError("Nothing has run yet, so there is nothing to report: medimart run")
    raise InputError(f"There is no run {run_id!r}; the newest are {', '.join(runs[:3])}.")


def write_index(conn: Connection) -> Path:
    """Write the list of all runs, newest first; those whose page is there are linked."""
    with conn.transaction():  # several runs end at once: what is written last shall be what was read last
        conn.execute("select pg_advisory_xact_lock(hashtext('medimart pages'))")
        runs = [(outcome, line(outcome), places.page(outcome.run_id)) for outcome in evidence.outcomes(conn)]
        text = layout.render(TEMPLATES / "index.html", runs=runs, titles=TITLES, **_WORDS)
        return layout.write(places.index(), text)


def line(outcome: Outcome) -> Line:
    """The verdict on a run: published or not, and why."""
    passed, every = outcome.count("passed"), outcome.count(*STATUSES)
    failed, broken = (outcome.count(status, severities=outcome.severities) for status in ("failed", "broken"))
    if outcome.is_published:
        notes = outcome.count("failed", "broken", severities=("info",))
        warnings = every - passed - notes
        doubts = [counted(warnings, "warning")] * bool(warnings) + [counted(notes, "note")] * bool(notes)
        if not doubts:
            return Line("good", f"Published: all {every:,} checks passed.")
        kind = "doubt" if warnings else "good"
        return Line(kind, f"Published, with {' and '.join(doubts)}: {passed:,} of {every:,} checks passed.")
    if failed:
        name = "check" if outcome.stop_on_warning else "critical check"
        also = f", and {counted(broken, 'check')} could not be carried out" if broken else ""
        return Line("bad", f"Not published: {counted(failed, name)} failed{also}.")
    if broken:
        return Line(
            "broken",
            f"Not published: {counted(broken, 'check')} could not be carried out. This says nothing about the data.",
        )
    if outcome.failures:
        first = outcome.failures[0]
        kind = "broken" if first == "CheckBroken" else "bad"
        return Line(kind, f"Not published: {REASONS.get(first, 'a step failed')}.")
    return Line("plain", "Not published, and nothing failed as yet: it is under way, or was ended from outside.")


def counted(number: int, noun: str) -> str:
    """`1 warning`, `2 warnings`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _run_page(conn: Connection, outcome: Outcome, aside: Sequence[Reject], files: Sequence[str]) -> str:
    known = outcome.census is not None
    runs = evidence.last_runs(conn, outcome)
    trends = list(_trends(evidence.trends(conn, [run_id for run_id, _ in runs]), [run_id for run_id, _ in runs]))
    loaded = evidence.file_names(conn)
    findings = [_finding(conn, outcome, v, loaded) for v in report.not_passed(conn, outcome.run_id, lately=True)]
    return layout.render(
        TEMPLATES / "page.html",
        outcome=outcome,
        title=TITLES.get(outcome.pipeline, outcome.pipeline),
        line=line(outcome),
        seen=evidence.seen(conn, outcome.pipeline),
        failures=evidence.failures(conn, outcome.run_id),
        findings=findings,
        runs=runs,
        unsteady=[trend for trend in trends if trend.bad],
        trends=[(model, list(of)) for model, of in itertools.groupby(trends, key=lambda trend: trend.model)],
        aside=list(_aside(aside)),
        rejects=[(source, f"rejects/{places.rejects(outcome.run_id).name}/{source}.csv") for source in files],
        kept=list(_kept(evidence.flags(conn, outcome) if known else [])),
        loads=evidence.loads(conn, outcome) if known else [],
        stages=list(_stages(evidence.steps(conn, outcome.run_id))),
        published=evidence.published(conn, outcome.run_id) if outcome.is_published else None,
        **_WORDS,
    )


def mark(severity: str, status: str) -> Mark:
    """How a check's result is shown."""
    if status == "broken":
        return BROKEN
    return PASSED if status == "passed" else MARKS[severity, status]


def _finding(conn: Connection, outcome: Outcome, verdict: Verdict, files: Mapping[int, str]) -> Finding:
    began = report.since(conn, outcome.run_id, verdict)
    if began.runs > 1:
        since = f"{counted(began.runs, 'run')} in a row, from census {day(began.census)} ({moment(began.at)})"
    else:
        since = "this run; before it the check passed, or was not there"
    if verdict.severity in outcome.severities:
        blocks = f"every mart of census {day(outcome.census)}, together; other censuses publish as usual"
    else:
        blocks = "nothing by itself"
    shown = mark(verdict.severity, verdict.status)
    samples = tuple(_sample(dict(keys), files) for keys in verdict.samples)
    return Finding(verdict, shown, samples, _extent(verdict), since, blocks)


def _sample(keys: dict[str, Any], files: Mapping[int, str]) -> str:
    """A row by its pseudonymous keys, and by file and line in place of load and line."""
    if "load_id" in keys and "line_no" in keys:
        load, at = keys.pop("load_id"), keys.pop("line_no")
        keys |= {"line": at, "of": files.get(load, f"load {load}")}
    return ", ".join(f"{name} {value}" for name, value in keys.items()).replace(", of ", " of ")


def _extent(verdict: Verdict) -> str:
    """How much of the table is not as expected."""
    rows = f"{verdict.rows or 0:,} rows"
    parts = [] if verdict.unexpected is None else [f"{verdict.unexpected:,} of {rows}"]
    if verdict.observed is not None:
        parts.append(f"measured {number(verdict.observed)}")
    return ", ".join(parts) or (f"of {rows}" if verdict.rows is not None else "")


def _trends(found: Mapping[tuple[str, str, str], Sequence[Look]], runs: Sequence[str]) -> Iterator[Trend]:
    for (model, check, severity), looks in found.items():
        by_run = {look.run_id: look for look in looks}
        marks = (mark(severity, by_run[run].status) if run in by_run else ABSENT for run in runs)
        measured = [look.observed for look in looks if look.observed is not None]
        yield Trend(
            model,
            check,
            severity,
            tuple((each, len(list(alike))) for each, alike in itertools.groupby(marks)),
            sum(look.status != "passed" for look in looks),
            curve(measured) if len(set(measured)) > 1 else "",
            number(measured[-1]) if measured else "",
        )


def curve(values: Sequence[float], width: int = 96, height: int = 20) -> str:
    """The path of a line through these values from left to right, scaled to a box; its end is at its last point."""
    low, high = min(values), max(values)
    step, scale = width / max(len(values) - 1, 1), height / ((high - low) or 1)
    points = (f"{index * step:.1f} {height - (value - low) * scale:.1f}" for index, value in enumerate(values))
    return "M" + "L".join(points)


def _aside(found: Sequence[Reject]) -> Iterator[Aside]:
    def of(reject: Reject) -> tuple[str, int, str, str]:
        return reject.source, -reject.extract_date.toordinal(), reject.column, reject.rule

    for _, group in itertools.groupby(sorted(found, key=of), key=of):
        rows = list(group)
        first, terms = rows[0], contract.load(rows[0].source)
        examples = {
            (_fields(terms, row), masking.shown(terms, row.column, row.text)): row.line for row in reversed(rows)
        }
        yield Aside(
            first.source,
            first.extract_date,
            first.file_name,
            first.column,
            FAULTS[first.rule].meaning,
            FAULTS[first.rule].action,
            len(rows),
            tuple(sorted((at, *words) for words, at in examples.items())[:EXAMPLES]),
        )


def _fields(terms: Contract, reject: Reject) -> str:
    if reject.column != RECORD:
        return ""
    count = masking.field_count(terms, reject.text or "")
    return "" if count is None else f"{counted(count, 'field')}, the header has {len(reject.columns)}"


def _kept(found: Sequence[Flag]) -> Iterator[Kept]:
    totals = Counter[tuple[str, str, str]]()
    newest: dict[tuple[str, str, str], Flag] = {}
    for flag in found:
        key = (flag.source, flag.column, flag.rule)
        totals[key] += flag.rows
        newest.setdefault(key, flag)
    for key, flag in sorted(newest.items()):
        yield Kept(flag.source, flag.column, FLAGS[flag.rule], flag, totals[key])


def _stages(found: Iterable[Step]) -> Iterator[Stage]:
    by_stage: dict[str, list[Step]] = {}
    for step in found:
        by_stage.setdefault(step.stage, []).append(step)
    for name, of in by_stage.items():
        yield Stage(name, tuple(sorted(of, key=lambda step: -step.seconds)))


def day(value: date | None) -> str:
    """`4 January 2026`."""
    return f"{value.day} {value:%B %Y}" if value else "unknown"


def moment(value: datetime) -> str:
    """`4 January 2026 06:00`, in London as the connection has it."""
    return f"{value.day} {value:%B %Y %H:%M}"


def number(value: float) -> str:
    """A measurement, to four figures."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def duration(seconds: float | None) -> str:
    """`0.3 s`, `42 s` or `3 min 5 s`."""
    if seconds is None:
        return "unknown"
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


_WORDS: dict[str, Any] = {
    "counted": counted, "day": day, "moment": moment, "duration": duration, "mark": mark, "severities": SEVERITIES,
}  # fmt: skip
