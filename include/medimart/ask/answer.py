"""The answer to a question: its figures, what they mean, the SQL they came from; hidden ones with the reason.

A figure is made of cells of a shared view. One that any of its cells is hidden from is hidden too, and what the shown
ones add up to is told beside it. A group of cells that disclosure control withholds whole leaves no row: whoever is
missing is named, since nobody there and too few to show look alike, and must.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

from medimart.ask import query, reader
from medimart.ask.catalogue import Catalogue, catalogue
from medimart.ask.members import Members, Trust, members
from medimart.ask.plan import Plan
from medimart.ask.words import Dictionary, dictionary, read

_TOO_FEW = "too few to show"
_WITHHELD = "nobody there, or too few to show"
_NAMED = 4


@dataclass(frozen=True)
class Row:
    """One figure. step: of a series, its day. groups: labels by dimension. value: None where it is hidden, with the
    reason; shown: then, of a number that adds up, what the shown cells alone come to."""

    step: date | None
    groups: dict[str, str]
    value: float | int | None
    shown: int | None
    reason: str | None


@dataclass(frozen=True)
class Answer:
    """Figures with all that is needed to read them."""

    question: str
    metric: str
    name: str
    unit: str
    meaning: str
    filters: dict[str, list[str]]
    groups: list[str]
    when: str
    days: list[date]
    rows: list[Row]
    notes: list[str]
    mart: str
    sql: str


@dataclass(frozen=True)
class Context:
    """What questions are understood by at one moment: the catalogue, the members and what is published."""

    catalogue: Catalogue
    members: Members
    words: Dictionary
    published: list[date]

    @property
    def newest(self) -> date:
        """The newest published census."""
        return self.published[-1]


def context(conn: reader.Connection) -> Context:
    """The words of today's warehouse, of a session of `reader.reading`."""
    published = reader.published(conn)
    return Context(*_vocabulary(tuple(reader.trusts(conn))), published)


@functools.cache
def _vocabulary(trusts: tuple[Trust, ...]) -> tuple[Catalogue, Members, Dictionary]:
    found = catalogue()
    named = members(found, trusts)
    return found, named, dictionary(found, named)


def plan(at: Context, question: str) -> Plan:
    """A question as it is understood. Raises Refusal."""
    return read(question, at.catalogue, at.members, at.words, at.published)


def listed(found: Catalogue) -> list[dict[str, Any]]:
    """What can be asked: each metric's code, name, unit, meaning and dimensions."""
    return [
        {
            "metric": metric.code,
            "name": metric.name,
            "unit": metric.unit,
            "meaning": metric.meaning,
            "dimensions": [found.dimensions[dimension].name.lower() for dimension in metric.dimensions],
        }
        for metric in found.metrics.values()
    ]


def sql_of(at: Context, planned: Plan) -> str:
    """The SQL a plan would run."""
    return query.figures(planned, at.members, at.newest).text


def answer(conn: reader.Connection, question: str) -> Answer:
    """Answer a question, in a session of `reader.reading`. Raises Refusal."""
    at = context(conn)
    planned = plan(at, question)
    asked = query.figures(planned, at.members, at.newest)
    found = reader.run(conn, asked)
    missing = _missing(conn, at, planned)
    rows = _rows(at, planned, found, missing)
    metric = planned.metric
    return Answer(
        question=question,
        metric=metric.code,
        name=metric.name,
        unit=metric.unit,
        meaning=metric.meaning,
        filters={d: [at.members.of[d][code].label for code in codes] for d, codes in planned.filters.items()},
        groups=[*planned.groups],
        when=planned.when.text,
        days=[*planned.when.days],
        rows=rows,
        notes=_notes(at, planned, found, rows, missing),
        mart=metric.subject.mart,
        sql=asked.text,
    )


def _missing(conn: reader.Connection, at: Context, planned: Plan) -> list[dict[str, Any]]:
    """The groups of cells of which nothing is shown, each by its columns."""
    columns = query.whole_columns(planned)
    subject = planned.metric.subject
    if not subject.within:
        return []
    shown = set(reader.run(conn, query.shown_groups(planned, at.members, at.newest)))
    by_column = {axis.column: dimension for dimension, axis in subject.axes.items() if axis.column in columns}
    choices: list[Iterable[Any]] = [planned.when.days]
    for column in columns[1:]:
        dimension = by_column[column]
        codes = planned.kept.get(dimension) or tuple(subject.axes[dimension].codes or _certain(at, dimension))
        choices.append(dict.fromkeys(query.codes_of(planned, at.members, dimension, codes)))
    return [dict(zip(columns, group, strict=True)) for group in product(*choices) if group not in shown]


def _certain(at: Context, dimension: str) -> Iterable[str]:
    """The members that are to be expected: all but the unknown trust, which most warehouses have no rows of."""
    return (code for code in at.members.of[dimension] if not (dimension == "trust" and code == "0"))


def _rows(at: Context, planned: Plan, found: list[tuple[Any, ...]], missing: list[dict[str, Any]]) -> list[Row]:
    metric, has_step = planned.metric, bool(planned.when.step)
    axes = [metric.subject.axes[dimension].column for dimension in planned.groups]
    found_rows = {}
    for row in found:
        step = row[0] if has_step else None
        found_rows[(step, *row[has_step : has_step + len(axes)])] = row[-3:]
    rows = []
    for key in {*found_rows, *_expected(at, planned, axes, missing)}:
        values = dict(zip(axes, key[1:], strict=True))
        is_lacking = any(_belongs(planned, group, key[0], values) for group in missing)
        figure, hidden, cells = found_rows.get(key, (None, 0, 0))
        rows.append((key, _row(at, planned, key, figure, hidden, cells, is_lacking)))
    order = {d: {m.codes[0]: place for place, m in enumerate(at.members.of[d].values())} for d in planned.groups}

    def place(entry: tuple[tuple[Any, ...], Row]) -> tuple[Any, ...]:
        (step, *values), row = entry
        places = [order[d].get(value, len(order[d])) for d, value in zip(planned.groups, values, strict=True)]
        if planned.order:
            sign = -1 if planned.order == "most" else 1
            return (step or date.min, row.value is None, sign * (row.value or 0), *places)
        return (step or date.min, False, 0, *places)

    return [row for _, row in sorted(rows, key=place)]


def _expected(at: Context, planned: Plan, axes: list[str], missing: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """The rows there must be: of what is named in the question, and of groups withheld where they alone tell which."""
    keys: set[tuple[Any, ...]] = set()
    if all(dimension in planned.kept for dimension in planned.groups):
        steps = {_step(planned, {planned.metric.subject.time: day}) for day in planned.when.days}
        named = [query.codes_of(planned, at.members, d, planned.kept[d]) for d in planned.groups]
        keys |= set(product(steps, *named))
    if axes and all(column in group for group in missing for column in axes):
        keys |= {(_step(planned, group), *(group[column] for column in axes)) for group in missing}
    return keys


def _step(planned: Plan, group: dict[str, Any]) -> date | None:
    if not planned.when.step:
        return None
    day: date = group[planned.metric.subject.time]
    is_month = planned.when.step == "month" and planned.metric.subject.time != query.CENSUS
    return day.replace(day=1) if is_month else day


def _belongs(planned: Plan, group: dict[str, Any], step: date | None, values: dict[str, Any]) -> bool:
    if step != _step(planned, group):
        return False
    return all(group.get(column, value) == value for column, value in values.items())


def _row(
    at: Context, planned: Plan, key: tuple[Any, ...], figure: Any, hidden: int, cells: int, is_lacking: bool
) -> Row:
    metric = planned.metric
    step, *values = key
    groups = {d: query.label_of(planned, at.members, d, value) for d, value in zip(planned.groups, values, strict=True)}
    is_count = metric.form == "count"
    shown = int(figure) if is_count and figure is not None else None
    if hidden:
        reason = f"{_TOO_FEW}, in {hidden} of {cells} cells" if cells > 1 else _TOO_FEW
        return Row(step, groups, None, shown, reason)
    if is_lacking:
        reason = f"part of it is not shown: {_WITHHELD}" if cells else _WITHHELD
        return Row(step, groups, None, shown, reason)
    if not cells:
        return Row(step, groups, 0 if is_count else None, None, None if is_count else "nobody is counted")
    if figure is None:
        reason = "nobody or everybody, which is not told of people" if metric.form == "share" else "not known"
        return Row(step, groups, None, None, reason)
    return Row(step, groups, int(figure) if is_count else float(figure), None, None)


def _notes(
    at: Context, planned: Plan, found: list[tuple[Any, ...]], rows: list[Row], missing: list[dict[str, Any]]
) -> list[str]:
    metric = planned.metric
    notes = []
    cells = max((row[-1] for row in found), default=0)
    if metric.is_rounded:
        rounded = "Counts are rounded to the nearest 5"
        notes.append(f"{rounded}; a figure adds up to {cells} such cells." if cells > 1 else f"{rounded}.")
    if any(row[-2] for row in found):
        notes.append("Too few to show: 1 to 7, or hidden beside such a one so that it cannot be worked out.")
    if missing:
        notes.append(f"Nothing is shown of {'; '.join(_named(at, planned, missing))}: {_WITHHELD}.")
    if planned.order and any(row.value is None for row in rows):
        notes.append("What is hidden is listed last, wherever it would stand.")
    if metric.form == "count" and "trust" in metric.dimensions and not {"trust"} & {*planned.filters, *planned.groups}:
        notes.append("What is of no known trust is counted where it is enough to be shown.")
    if metric.unit == "pathways":
        notes.append("Pathways, not people: one person may wait on several.")
    return notes


def _named(at: Context, planned: Plan, missing: list[dict[str, Any]]) -> list[str]:
    """What is missing in words: of what, who. Days are named where several are asked for, or nothing else tells."""
    by_column = {axis.column: dimension for dimension, axis in planned.metric.subject.axes.items()}
    found: dict[str, list[str]] = {}
    for group in missing:
        names = [
            query.label_of(planned, at.members, by_column[column], value)
            for column, value in group.items()
            if column in by_column
        ]
        days = [value.isoformat() for value in group.values() if isinstance(value, date)]
        first, *rest = [*names, *(days if len(planned.when.days) > 1 or not names else [])]
        found.setdefault(first, []).append(", ".join(rest))
    alike: dict[tuple[str, ...], list[str]] = {}
    for first, parts in found.items():
        alike.setdefault(tuple(part for part in parts if part), []).append(first)
    return [
        _few(names, "{} in all") + (f" ({_few(parts, '{} of them')})" if parts else "")
        for parts, names in alike.items()
    ]


def _few(names: Sequence[str], more: str) -> str:
    return ", ".join(names if len(names) <= _NAMED else [*names[: _NAMED - 1], "…", more.format(len(names))])


def text(found: Answer) -> str:
    """An answer for people."""
    lines = [_headline(found)]
    if found.groups or _has_step(found):
        names = [", ".join([*([row.step.isoformat()] if row.step else []), *row.groups.values()]) for row in found.rows]
        width = max(map(len, names), default=0)
        lines += [f"  {n:<{width}}  {_figure(row, found.unit)}" for n, row in zip(names, found.rows, strict=True)]
    lines += ["", f"{found.name}: {found.meaning}"]
    if found.filters:
        lines.append("Of: " + "; ".join(" and ".join(labels) for labels in found.filters.values()))
    lines.append(f"When: {found.when}")
    lines += found.notes
    lines += ["", f"As {reader.ROLE}, read-only, at most {reader.SECONDS} s:", found.sql]
    return "\n".join(lines)


def _has_step(found: Answer) -> bool:
    return any(row.step for row in found.rows)


def _headline(found: Answer) -> str:
    if found.groups or _has_step(found):
        return f"{found.name} ({found.unit})" + ("" if found.rows else ": nothing is shown")
    return f"{found.name}: {_figure(found.rows[0], found.unit)}"


def _figure(row: Row, unit: str) -> str:
    if row.value is None:
        beside = f"; what is shown comes to {row.shown:,}" if row.shown else ""
        return f"hidden ({row.reason}{beside})"
    if unit == "share":
        return f"{row.value:.1%}"
    if unit == "ratio":
        return f"{row.value:,.2f}"
    return f"{row.value:,} {unit}" if isinstance(row.value, int) else f"{row.value:,.1f} {unit}"
