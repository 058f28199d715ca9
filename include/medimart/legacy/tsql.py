"""Transact-SQL as SQL Server takes it, in PostgreSQL.

sqlglot parses and writes the SQL. What the two servers understand differently is put right here, faults included:
a legacy figure must come out as it did. What is not known to mean the same is refused, never guessed.

- `DATEDIFF` counts the boundaries crossed, not the time gone by: midnights, Sundays, New Years. (Left to sqlglot, a
  year is a year of age, and the legacy fault is silently mended.)
- A column is compared with a word as by SQL Server's usual collation, blind to case and trailing spaces. Columns are
  compared with each other as they are: these are identifiers.
- `TOP (100) PERCENT … ORDER BY` in a view orders nothing, and is left out.
- `+` between texts joins them. `GETDATE()` is the census. Names are blind to case; `[dbo].[X]` is `dbo_x`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from medimart.errors import MedimartError

_CROSSED = {
    "day": "end_day - start_day",
    "week": """
        cast(floor((end_day - date '1899-12-31') / 7.0) - floor((start_day - date '1899-12-31') / 7.0) as int)
    """,  # that day was a Sunday
    "year": "cast(extract(year from end_day) - extract(year from start_day) as int)",
}
# Functions whose meaning is proved by tests/legacy/test_tsql.py; `and` and `or` are functions to sqlglot.
_PROVED = (exp.And, exp.Or, exp.Coalesce, exp.Convert, exp.Count, exp.CurrentTimestamp, exp.DateDiff, exp.If)
_DMY = "103"


@dataclass(frozen=True)
class Query:
    """A query in PostgreSQL. name: of the view that it defines; empty for one that stands alone."""

    name: str
    sql: str


def translate(text: str, today: date) -> Query:
    """Translate a `create view`, or a query with its `declare`s, as it would run on the day `today`.

    Raises MedimartError for what does not parse, and for what is not known to mean the same in PostgreSQL.
    """
    try:
        parsed: list[exp.Expr] = [found for found in sqlglot.parse(text, read="tsql") if found]
        *declared, statement = parsed
    except (SqlglotError, ValueError) as error:
        raise MedimartError(f"This is no Transact-SQL that can be read: {error}") from None
    _refuse_unproved(statement)
    name = ""
    if isinstance(statement, exp.Create):
        name = _name(statement.this)
        statement = statement.expression
    defaults = {item.this[0].name.lower(): item for one in declared for item in one.find_all(exp.DeclareItem)}
    for parameter in list(statement.find_all(exp.Parameter)):
        parameter.replace(_value(parameter, defaults))
    for clock in list(statement.find_all(exp.CurrentTimestamp)):
        clock.replace(exp.cast(exp.Literal.string(today.isoformat()), "timestamp"))
    for node in list(statement.find_all(exp.Add, exp.Convert, exp.DateDiff)):
        node.replace(_as_postgres(node))
    for comparison in list(statement.find_all(exp.EQ, exp.NEQ, exp.In)):
        _fold_words(comparison)
    for select in statement.find_all(exp.Select):
        _leave_out_top(select)
    for table in statement.find_all(exp.Table):
        table.set("this", exp.to_identifier(_name(table)))
        table.set("db", None)
        table.set("hints", None)
    for identifier in statement.find_all(exp.Identifier):
        identifier.set("this", identifier.name.lower())
    return Query(name, statement.sql(dialect="postgres", identify=True, comments=False, pretty=True))


def _refuse_unproved(statement: exp.Expr) -> None:
    for node in statement.walk():
        is_wrapper = isinstance(node, exp.TimeStrToTime) and isinstance(node.parent, exp.DateDiff)
        if isinstance(node, exp.Func) and not isinstance(node, _PROVED) and not is_wrapper:
            raise _unproved(node)
        if isinstance(node, exp.Like | exp.Group | exp.Distinct):
            raise _unproved(node)


def _unproved(node: exp.Expr) -> MedimartError:
    return MedimartError(
        f"`{node.sql(dialect='tsql')}` is not proved to mean the same in PostgreSQL as in SQL Server: "
        "add its meaning to medimart.legacy.tsql, with worked examples as its test."
    )


def _value(parameter: exp.Parameter, declared: dict[str, exp.DeclareItem]) -> exp.Expr:
    item = declared.get(parameter.name.lower())
    if item is None or not item.args.get("default"):
        raise MedimartError(f"@{parameter.name} has no value: write `DECLARE @{parameter.name} … = …;` before it.")
    return exp.cast(item.args["default"].copy(), item.args["kind"].copy())


def _as_postgres(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.DateDiff():
            return _boundaries_crossed(node)
        case exp.Convert():
            style = node.args.get("style")
            if node.this.sql(dialect="tsql").lower() != "varchar(10)" or style is None or style.name != _DMY:
                raise _unproved(node)
            return exp.Anonymous(this="to_char", expressions=[node.expression, exp.Literal.string("DD/MM/YYYY")])
        case exp.Add() if any(side.is_string or isinstance(side, exp.Convert) for side in (node.left, node.right)):
            return exp.DPipe(this=node.left, expression=node.right)
    return node


def _boundaries_crossed(node: exp.DateDiff) -> exp.Expr:
    """The midnights, Sundays or New Years between two dates; SQL Server's weeks begin on Sunday, whatever DATEFIRST."""
    counted = _CROSSED.get(node.args["unit"].name.lower())
    if counted is None:
        raise _unproved(node)
    end, start = (exp.cast(side.this.copy(), "date") for side in (node.this, node.expression))
    return exp.paren(exp.maybe_parse(counted, dialect="postgres", copy=False).transform(_put, end, start))


def _put(node: exp.Expr, end: exp.Expr, start: exp.Expr) -> exp.Expr:
    return {"end_day": end, "start_day": start}.get(node.name, node) if isinstance(node, exp.Column) else node


def _fold_words(comparison: exp.Expr) -> None:
    sides = list(comparison.iter_expressions())
    if not any(side.is_string for side in sides):
        return
    for side in sides:
        if side.is_string:
            side.set("this", side.name.rstrip().lower())
        else:
            side.replace(exp.Lower(this=exp.Anonymous(this="rtrim", expressions=[side.copy()])))


def _leave_out_top(select: exp.Select) -> None:
    if limit := select.args.get("limit"):
        options = limit.args.get("limit_options")
        if not (options and options.args.get("percent") and limit.expression.name == "100"):
            raise _unproved(limit)
        select.set("limit", None)
        select.set("order", None)


def _name(table: exp.Table) -> str:
    return "_".join(part.name.lower() for part in table.parts)
