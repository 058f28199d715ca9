"""Plan → SQL. Names come from the catalogue, values are parameters taken from its members: no word of a question is in
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import sql

from medimart.ask.members import Members
from medimart.ask.plan import Plan
from medimart.models.disclosure import SCHEMA

CENSUS = "census_date"


@dataclass(frozen=True)
class Query:
    """A statement with its parameters; `text` is the same with the values in it, as psql would run it."""

    statement: sql.Composed
    values: dict[str, Any]
    text: str


class _Values:
    """Hands out parameters, and literals where the statement is to be read."""

    def __init__(self, is_text: bool) -> None:
        self.is_text = is_text
        self.values: dict[str, Any] = {}

    def __call__(self, value: Any) -> sql.Composable:
        if self.is_text:
            if isinstance(value, date):
                return sql.SQL("date {}").format(sql.Literal(value.isoformat()))
            return sql.Literal(value)
        name = f"p{len(self.values) + 1}"
        self.values[name] = value
        return sql.Placeholder(name)


def figures(plan: Plan, members: Members, newest: date) -> Query:
    """The figures of a plan: a row per step of time and group.

    Columns: step (where it is a series), each group, figure (from the cells that are shown), hidden (cells of which it
    is hidden), cells (all of them).
    """
    return _query(lambda value: _figures(plan, members, newest, value))


def shown_groups(plan: Plan, members: Members, newest: date) -> Query:
    """Which of the groups that may be withheld whole are shown: a row per group, its columns as in `whole_columns`."""
    return _query(lambda value: _shown_groups(plan, members, newest, value))


def whole_columns(plan: Plan) -> tuple[str, ...]:
    """The columns that tell apart the groups which disclosure control withholds whole, and the mart's time."""
    subject = plan.metric.subject
    axes = {axis.column for axis in subject.axes.values()}
    return tuple(
        dict.fromkeys([subject.time, *(column for column in subject.within if column in axes - set(plan.where))])
    )


def _query(make: Any) -> Query:
    values, texts = _Values(is_text=False), _Values(is_text=True)
    statement, text = make(values), make(texts)
    return Query(statement, values.values, text.as_string(None))


def _figures(plan: Plan, members: Members, newest: date, value: _Values) -> sql.Composed:
    metric = plan.metric
    keys: list[tuple[sql.Composable, sql.Composable]] = []
    if plan.when.step:
        keys.append((_step(plan), sql.Identifier("step")))
    for dimension in plan.groups:
        keys.append((sql.Identifier(metric.subject.axes[dimension].column), sql.Identifier(f"by_{dimension}")))
    expression = sql.SQL("{}").format(sql.SQL(metric.sql))
    if metric.form == "share":  # nobody and everybody are not told, as reference.disclosed_rate doesn't
        expression = sql.SQL("nullif(nullif(round({}, 4), 0), 1)").format(expression)
    hidden = sql.SQL(" or ").join(sql.SQL("{} is null").format(sql.Identifier(column)) for column in metric.columns)
    selected: list[sql.Composable] = [sql.SQL("{} as {}").format(key, name) for key, name in keys]
    selected += [
        sql.SQL("{} as figure").format(expression),
        sql.SQL("count(*) filter (where {}) as hidden").format(hidden),
        sql.SQL("count(*) as cells"),
    ]
    text = sql.SQL("select\n    {}\nfrom {}\nwhere {}").format(
        sql.SQL(",\n    ").join(selected),
        sql.Identifier(SCHEMA, metric.subject.mart),
        _where(plan, members, newest, value, set(metric.subject.axes)),
    )
    if keys:
        numbers = sql.SQL(", ").join(key for key, _ in keys)
        text += sql.SQL("\ngroup by {}\norder by {}").format(numbers, numbers)
    return text


def _shown_groups(plan: Plan, members: Members, newest: date, value: _Values) -> sql.Composed:
    columns = whole_columns(plan)
    within = {code for code, axis in plan.metric.subject.axes.items() if axis.column in columns}
    return sql.SQL("select distinct {} from {} where {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier(SCHEMA, plan.metric.subject.mart),
        _where(plan, members, newest, value, within),
    )


def _step(plan: Plan) -> sql.Composable:
    column = sql.Identifier(plan.metric.subject.time)
    if plan.when.step == "month" and plan.metric.subject.time != CENSUS:
        return sql.SQL("date_trunc('month', {})::date").format(column)
    return column


def _where(plan: Plan, members: Members, newest: date, value: _Values, dimensions: set[str]) -> sql.Composed:
    subject = plan.metric.subject
    conditions = []
    if subject.time != CENSUS:
        conditions.append(_one_of(CENSUS, [newest], value))
    conditions.append(_one_of(subject.time, plan.when.days, value))
    conditions += [_one_of(column, [fixed], value) for column, fixed in plan.where.items()]
    for dimension, codes in plan.kept.items():
        if dimension in dimensions:
            conditions.append(_one_of(subject.axes[dimension].column, codes_of(plan, members, dimension, codes), value))
    return sql.SQL("\n    and ").join(conditions)


def codes_of(plan: Plan, members: Members, dimension: str, codes: Sequence[str]) -> list[Any]:
    """The values of the mart's column that members stand for."""
    axis = plan.metric.subject.axes[dimension]
    if axis.codes is not None:
        return [value for code in codes for value in axis.codes[code]]
    return [value for code in codes for value in members.of[dimension][code].codes]


def label_of(plan: Plan, members: Members, dimension: str, value: Any) -> str:
    """What people call a value of the mart's column."""
    axis = plan.metric.subject.axes[dimension]
    for code, own in (axis.codes or {}).items():
        if own == (value,):
            return members.of[dimension][code].label
    return members.label(dimension, value)


def _one_of(column: str, values: Sequence[Any], value: _Values) -> sql.Composed:
    if len(values) == 1:
        return sql.SQL("{} = {}").format(sql.Identifier(column), value(values[0]))
    return sql.SQL("{} in ({})").format(sql.Identifier(column), sql.SQL(", ").join(map(value, values)))
