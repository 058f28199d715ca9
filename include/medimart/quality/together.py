"""Many checks of a model as one query: the cheap first look, by which nearly all of them pass.

Great Expectations takes a hundredth of a second and two or three questions to the server for each check. Most checks
tell their wrong rows by plain SQL, so that one query can count them for all; only what it cannot clear is then
carried out by itself. A check that it cleared by mistake would be a fault unseen: that none is, the planted faults
prove (tests/quality).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from psycopg import sql

from medimart.quality.suites import COMPOUND_UNIQUE, NOT_NULL, QUERY, UNIQUE, Check, columns_of

ALL = "expect_checks_to_pass_together"
_Condition = Callable[[str, Mapping[str, Any]], str]

# What makes a value a wrong one, by expectation, and the arguments that are understood here.
_WRONG: dict[str, tuple[_Condition, frozenset[str]]] = {
    NOT_NULL: (lambda c, _: f"{c} is null", frozenset()),
    "expect_column_values_to_be_null": (lambda c, _: f"{c} is not null", frozenset()),
    "expect_column_values_to_be_in_set": (
        lambda c, kwargs: f"{c} not in ({_literals(kwargs['value_set'])})",
        frozenset({"value_set"}),
    ),
    "expect_column_values_to_not_be_in_set": (
        lambda c, kwargs: f"{c} in ({_literals(kwargs['value_set'])})",
        frozenset({"value_set"}),
    ),
    "expect_column_values_to_match_regex": (
        lambda c, kwargs: f"{c} !~ {_literals([kwargs['regex']])}",
        frozenset({"regex"}),
    ),
    "expect_column_values_to_be_between": (
        lambda c, kwargs: " or ".join(
            f"{c} {sign} {_literals([kwargs[bound]])}"
            for bound, sign in (("min_value", "<"), ("max_value", ">"))
            if kwargs.get(bound) is not None
        ),
        frozenset({"min_value", "max_value"}),
    ),
}
_ABOUT_NULLS = (NOT_NULL, "expect_column_values_to_be_null")


def can_go_together(check: Check) -> bool:
    """Whether plain SQL tells the wrong rows of a check, with all of its arguments."""
    given = check.kwargs.keys()
    if check.expectation == QUERY:
        return isinstance(check.kwargs.get("unexpected_rows_query"), str)
    if check.expectation in (UNIQUE, COMPOUND_UNIQUE):
        return given <= {"column", "column_list"}
    known = _WRONG.get(check.expectation)
    return known is not None and given - {"column", "mostly"} <= known[1] and bool(_condition(check))


def together(checks: list[Check]) -> Check:
    """One check for several of a model: a query with the columns check_id, wrong_count and asked_count.

    It has a row for each check with a tolerance, and for each other one that finds wrong rows. asked_count is the
    number of values that were looked at, null where a check looks at rows. It may count more than a check by itself
    would (two nulls are equal to it), never less.
    """
    about_values = [check for check in checks if check.expectation in _WRONG]
    parts = [
        f"select '{check.id}' as check_id, count(*) as wrong_count, null::bigint as asked_count\n"
        f"from (\n{_wrong_rows(check)}\n) as wrong\nhaving count(*) > 0"
        for check in checks
        if check not in about_values
    ]
    if about_values:
        parts.append(_counts(about_values))
    first = checks[0]
    query = "\nunion all\n".join(parts)
    return Check(first.model, "together", ALL, "info", "", "", first.origin, {"unexpected_rows_query": query})


def _counts(checks: list[Check]) -> str:
    """All counts of values by one look at the table."""
    ids = ", ".join(f"'{check.id}'" for check in checks)
    wrong = ", ".join(f"count(*) filter (where {_condition(check)})" for check in checks)
    asked = ", ".join(
        "count(*)" if check.expectation in _ABOUT_NULLS else f"count(b.{check.kwargs['column']})" for check in checks
    )
    tolerant = ", ".join(f"'{check.id}'" for check in checks if "mostly" in check.kwargs) or "null"
    return (
        "select seen.check_id, seen.wrong_count, seen.asked_count\n"
        f"from (select array[{ids}] as ids, array[{wrong}] as wrong, array[{asked}] as asked from {{batch}} as b)"
        " as once\n"
        "cross join lateral unnest(once.ids, once.wrong, once.asked) as seen (check_id, wrong_count, asked_count)\n"
        f"where seen.wrong_count > 0 or seen.check_id in ({tolerant})"
    )


def _condition(check: Check) -> str:
    """What is true of a wrong value and of no other; empty when the check asks for nothing."""
    wrong, _ = _WRONG[check.expectation]
    return wrong(f"b.{check.kwargs['column']}", check.kwargs)


def _wrong_rows(check: Check) -> str:
    """The query for a check's wrong rows."""
    if check.expectation == QUERY:
        return str(check.kwargs["unexpected_rows_query"]).rstrip("; \n")
    columns = ", ".join(f"b.{column}" for column in columns_of(check.kwargs))
    return f"select {columns} from {{batch}} as b group by {columns} having count(*) > 1"


def _literals(values: Iterable[Any]) -> str:
    """Values as SQL, in a query that is formatted (braces) and read for parameters (colons) on its way."""
    text = ", ".join(sql.Literal(value).as_string() for value in values)
    return text.replace("{", "{{").replace("}", "}}").replace(":", "\\:")
