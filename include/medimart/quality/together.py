"""Several checks of a model as one query: the cheap first look, by which nearly all of them pass.

Great Expectations asks the server two or three questions a check, and takes a hundredth of a second each in
between. Not-null, uniqueness and query checks tell their wrong rows by plain SQL, so one query can look at all.
"""

from __future__ import annotations

from medimart.quality.suites import COMPOUND_UNIQUE, NOT_NULL, QUERY, UNIQUE, Check, columns_of

TOGETHER = "expect_checks_to_pass_together"


def can_go_together(check: Check) -> bool:
    """Whether a check's wrong rows are told by plain SQL: without tolerances and other arguments."""
    if check.expectation == QUERY:
        return isinstance(check.kwargs.get("unexpected_rows_query"), str)
    arguments = {NOT_NULL: {"column"}, UNIQUE: {"column"}, COMPOUND_UNIQUE: {"column_list"}}
    return check.kwargs.keys() == arguments.get(check.expectation)


def together(checks: list[Check]) -> Check:
    """One check for several of a model: a query with a row `check_id` for each of them that finds wrong rows.

    Where one of them fails, so does this; it is stricter by itself (two nulls are equal to it), so that what it
    names is yet to be looked into.
    """
    nulls = [check for check in checks if check.expectation == NOT_NULL]
    parts = [
        f"select '{check.id}' as check_id\nfrom (\n{_wrong_rows(check)}\n) as wrong\nhaving count(*) > 0"
        for check in checks
        if check.expectation != NOT_NULL
    ]
    if nulls:
        counts = ", ".join(f"count(*) - count(b.{check.kwargs['column']})" for check in nulls)
        ids = ", ".join(f"'{check.id}'" for check in nulls)
        parts.append(
            "select seen.check_id\n"
            f"from (select array[{ids}] as ids, array[{counts}] as counts from {{batch}} as b) as once\n"
            "cross join lateral unnest(once.ids, once.counts) as seen (check_id, null_count)\n"
            "where seen.null_count > 0"
        )
    first = checks[0]
    query = "\nunion all\n".join(parts)
    return Check(first.model, "together", TOGETHER, "info", "", "", first.origin, {"unexpected_rows_query": query})


def _wrong_rows(check: Check) -> str:
    """The query for a check's wrong rows."""
    if check.expectation == QUERY:
        return str(check.kwargs["unexpected_rows_query"]).rstrip("; \n")
    columns = ", ".join(f"b.{column}" for column in columns_of(check.kwargs))
    return f"select {columns} from {{batch}} as b group by {columns} having count(*) > 1"
