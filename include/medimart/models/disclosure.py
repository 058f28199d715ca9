"""Disclosure control: how readers without access to patients see an aggregate mart.

An aggregate mart holds exact figures. What its header says under `disclosure` becomes a view of the same name in the
schema `shared_marts`, made of the functions of sql/setup/12_statistics.sql, which hold the rule, and of nothing else:

    disclosure:
      counts: [pathway_count, undated_count]     # 1 to 7 hidden (null), others to the nearest 5, zero stays zero;
                                                 # where the first is hidden, nothing of the row is shown
      no_zeros: [undated_count]                  # counts whose zeros are hidden as 1 to 7 are
      within: [census_date, trust_sk]            # the groups of rows whose totals are shown by any other mart
      rates: {undated_rate: [undated_count, pathway_count], undated_upper: [undated_count, pathway_count, wilson_upper]}
      ratios: {queue_load: [start_count, end_count]}   # rates that may be over 1, or say nothing of a person
      by: [census_date, trust_sk]                # counts and values added up to these columns, where rows are too fine
      only: {level: [trust]}                     # these rows alone: shown levels must not add up to one another
      whole: true                                # with within: all of a group or nothing, for charts with limits
      of: pathway_count                          # with within: the count is a part of this one, whose cells others show
      absent_hidden: true                        # a row whose first count is hidden or zero is not there at all
      values: {mean_wait_weeks: pathway_count}         # shown where that count is
      shown: [target_rate]                             # as it is: nothing about patients

The grain and the references are shown; every other column is not. Of a table that shared readers see as it is, the rule
has `only` and `shown` alone: its view is what a reader chooses from, such as the trusts without their total.

Three things keep hidden cells hidden:

- Columns that could be added up are not shown beside their sum, unless the sum's own cell is in another mart. Two parts
  that leave out a third may be, with `no_zeros`: else of 28 in 29 the other part would be told to be 1, and not 0.
- Rows whose sum is shown elsewhere are a group (`within`). A group whose filled cells hold fewer than 8 on average is
  not shown at all, nor which of its rows exist. In any other, where a cell is hidden the smallest shown one is hidden
  too. The hidden cells can then change places without a shown figure being different, so that none can be worked out,
  whatever total is at hand.
- A group that is crossed with another breakdown (`of`: high-risk pathways by treatment function, where all pathways by
  treatment function are shown elsewhere, and the high-risk ones of the group as well) has totals both ways.

Why totals both ways need a rule of their own, and why this one holds
---------------------------------------------------------------------
Row i of a group has a total R_i, of which h_i is shown here or hidden, and the rest is o_i = R_i - h_i. Both are cells:
who knows R_i has each from the other. Say that somebody knows every R_i, the group's sum of h, every shown h_i exactly,
and this rule. A row is small when h_i or o_i is 1 to 7. With the rows in ascending order of R_i:

    Hidden are the rows up to the last small one, and on, until the hidden rows without the largest, the h of all that
    are hidden, and their o, come to 8 or more each. In a group without a small row nothing is hidden.

Let R, H and O be the sums over the hidden rows; all three are known. The tables that agree with what is known are those
with 0 <= h_i <= R_i and the sum H. So h_i may be anything from max(0, H - (R - R_i)) to min(R_i, H), a range of

    min(R_i, R - R_i, H, O), which is 8 or more, or R_i.

To know the rule tells little more: the last hidden row may have to be small, the others may hold anything. That is why
hidden rows aren't chosen one by one: two that are hidden because each is small, and hold 2 together, hold 1 each. The
order never changes, so it remains to find, for each small hidden row, a table that agrees, has another h_i and the same
last hidden row. Moving one pathway between row i and another before the last changes no sum that decides where hiding
ends. Where that cannot be (row i is alone there, or all there is h, or all is o) the sums there fall short of 8 before
and after, and one is moved between row i and the last. tests/marts/test_disclosure.py lays out all tables of some sizes
and finds it so.

Where the whole group falls short all rows are hidden; the totals alone may then tell a cell, and nothing shown here
does. Where other views know the same pathways in finer steps, they round and hide them: the tests take them along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

from medimart.models.manifest import Disclosure, Model

Connection = psycopg.Connection[Any]

SCHEMA = "shared_marts"
ROLES = ("medimart_shared", "medimart_clinical")


def share(conn: Connection, model: Model) -> None:
    """Make, replace or remove the shared view of a published mart, in the open transaction.

    A view that is as it must be is left alone, so that its readers are not waited for.
    """
    if model.disclosure is None:
        conn.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(SCHEMA, model.name)))
        return
    statement = view(model)
    digest = hashlib.sha256(statement.as_string(conn).encode()).hexdigest()
    mark = f"{' '.join(model.description.split())} [disclosure controlled, {digest[:16]}]"
    [(found,)] = conn.execute(
        "select obj_description(to_regclass(%s), 'pg_class')", (f"{SCHEMA}.{model.name}",)
    ).fetchall()
    if found != mark:
        conn.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(SCHEMA, model.name)))
        conn.execute(statement)
        conn.execute(sql.SQL("comment on view {} is {}").format(sql.Identifier(SCHEMA, model.name), mark))
        for name in columns(model):
            comment = sql.SQL("comment on column {}.{} is {}")
            column = sql.Identifier(SCHEMA, model.name), sql.Identifier(name), model.column(name).meaning
            conn.execute(comment.format(*column))
    for (role,) in conn.execute("select rolname from pg_roles where rolname = any(%s)", (list(ROLES),)).fetchall():
        conn.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(SCHEMA), sql.Identifier(role)))
        conn.execute(
            sql.SQL("grant select on {} to {}").format(sql.Identifier(SCHEMA, model.name), sql.Identifier(role))
        )


def columns(model: Model) -> tuple[str, ...]:
    """The columns of a mart's shared view, in the mart's order."""
    rule = _rule(model)
    keys = rule.by or (*model.grain, *(reference.column for reference in model.references))
    return tuple(column.name for column in model.columns if column.name in {*keys, *rule.columns})


def view(model: Model, table: sql.Composable | None = None) -> sql.Composed:
    """The statement that makes a mart's shared view, by default of the published table."""
    rule = _rule(model)
    table = table or sql.Identifier("marts", model.name)
    selected = [_column(model, rule, name) for name in columns(model)]
    return sql.SQL(
        "create view {view} as with exact as (select m.*{totals} from {table} as m{window}),"
        " cells as (select e.*{cells} from exact as e{where}),"
        " shown as (select c.*{rows} from cells as c)"
        " select {selected} from shown as s{present}"
    ).format(
        view=sql.Identifier(SCHEMA, model.name),
        totals=_known(rule),
        table=_rows(rule, table),
        window=_window(model, rule),
        cells=sql.Composed([_cell(rule, name) for name in rule.counts]),
        where=_withheld(rule),
        rows=sql.Composed([_row(rule, name) for name in rule.counts]),
        selected=sql.SQL(", ").join(selected),
        present=_present(rule),
    )


def _rule(model: Model) -> Disclosure:
    if model.disclosure is None:
        raise ValueError(f"{model.name} is not shared under disclosure control")
    return model.disclosure


def _rows(rule: Disclosure, table: sql.Composable) -> sql.Composable:
    """The rows that the rule is for: the mart's own, some of them, or added up."""
    wanted = [
        sql.SQL("{} in ({})").format(sql.Identifier(name), sql.SQL(", ").join(map(sql.Literal, values)))
        for name, values in rule.only.items()
    ]
    where = sql.SQL(" where {}").format(sql.SQL(" and ").join(wanted)) if wanted else sql.SQL("")
    if not rule.by:
        return sql.SQL("(select * from {}{})").format(table, where)
    by = sql.SQL(", ").join(map(sql.Identifier, rule.by))
    sums = [sql.SQL("sum({0}) as {0}").format(sql.Identifier(name)) for name in (*rule.counts, *rule.values)]
    return sql.SQL("(select {}, {} from {}{} group by {})").format(by, sql.SQL(", ").join(sums), table, where, by)


def _name(column: str, part: str) -> sql.Identifier:
    return sql.Identifier(f"{column}__{part}")


def _known(rule: Disclosure) -> sql.Composed:
    """What is to be known of the group that a row is in."""
    if rule.of:
        return _sums(rule.counts[0], rule.of)
    return sql.Composed([_totals(name) for name in rule.counts] if rule.within else [])


def _sums(count: str, of: str) -> sql.Composed:
    """What is to be known of a group with totals both ways, and of the rows before each, ordered by their totals."""
    part, whole = sql.Identifier("m", count), sql.Identifier("m", of)
    names = [_name(of, "total"), _name(of, "filled")]
    names += [_name(count, known) for known in ("small", "ahead", "apart", "part", "rest")]
    small = sql.SQL("({0} between 1 and 7 or {1} - {0} between 1 and 7)").format(part, whole)
    return sql.SQL(
        ", sum({whole}) over w as {}, count(*) filter (where {whole} > 0) over w as {}, bool_or({small}) over w as {},"
        " bool_or({small}) over (o rows between current row and unbounded following) as {},"
        " sum({whole}) over (o rows between unbounded preceding and 2 preceding) as {},"
        " sum({part}) over (o rows between unbounded preceding and 1 preceding) as {},"
        " sum({whole} - {part}) over (o rows between unbounded preceding and 1 preceding) as {}"
    ).format(*names, whole=whole, part=part, small=small)


def _totals(count: str) -> sql.Composed:
    """What is to be known of a count's group."""
    return sql.SQL(
        ", sum(m.{0}) over w as {1}, count(*) filter (where m.{0} > 0) over w as {2},"
        " coalesce(bool_or(m.{0} between 1 and 7) over w, false) as {3},"
        " min(m.{0}) filter (where m.{0} > 7) over w as {4}"
    ).format(sql.Identifier(count), *(_name(count, part) for part in ("total", "filled", "small", "least")))


def _window(model: Model, rule: Disclosure) -> sql.Composed:
    if not rule.within:
        return sql.Composed([])
    window = sql.SQL(" window w as (partition by {})").format(_of_row(rule.within))
    if rule.of:
        order = (rule.of, *(name for name in model.grain if name not in rule.within))
        window += sql.SQL(", o as (w order by {})").format(_of_row(order))
    return window


def _of_row(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("m", name) for name in names)


def _withheld(rule: Disclosure) -> sql.Composed:
    """Rows of a group that is withheld do not exist."""
    if not rule.within:
        return sql.Composed([])
    if rule.whole:
        small = [sql.SQL("e.{}").format(_name(count, "small")) for count in rule.counts]
        return sql.SQL(" where not ({})").format(sql.SQL(" or ").join(small))
    base = rule.of or rule.counts[0]
    return sql.SQL(" where not e.{} < 8 * e.{}").format(_name(base, "total"), _name(base, "filled"))


def _present(rule: Disclosure) -> sql.Composable:
    """Rows that are there at all: where a row's name, such as a place, would tell that somebody is behind it."""
    if not rule.absent_hidden:
        return sql.SQL("")
    return sql.SQL(" where s.{} > 0").format(_name(rule.counts[0], "shown"))


def _cell(rule: Disclosure, count: str) -> sql.Composed:
    """A count after the rule of its own cell and group."""
    if rule.of:
        known = [_name(count, part) for part in ("small", "ahead", "apart", "part", "rest")]
        return sql.SQL(
            ", reference.disclosed_crossing(e.{}::bigint, e.{}, e.{}, e.{}::bigint, e.{}::bigint, e.{}::bigint) as {}"
        ).format(sql.Identifier(count), *known, _name(count, "cell"))
    if not rule.within or rule.whole:
        cell = sql.SQL("reference.disclosed_count(e.{}::bigint)").format(sql.Identifier(count))
    else:
        parts = [_name(count, part) for part in ("total", "filled", "small", "least")]
        cell = sql.SQL("reference.disclosed_part(e.{}::bigint, e.{}::bigint, e.{}::bigint, e.{}, e.{}::bigint)").format(
            sql.Identifier(count), *parts
        )
    if count in rule.no_zeros:
        cell = sql.SQL("nullif({}, 0)").format(cell)
    return sql.SQL(", {} as {}").format(cell, _name(count, "cell"))


def _row(rule: Disclosure, count: str) -> sql.Composed:
    """A count after the rule of its row: hidden where what the row is about is."""
    return sql.SQL(", case when c.{} is not null then c.{} end as {}").format(
        _name(rule.counts[0], "cell"), _name(count, "cell"), _name(count, "shown")
    )


def _column(model: Model, rule: Disclosure, name: str) -> sql.Composed:
    column = sql.Identifier(name)
    if name in rule.counts:
        return sql.SQL("s.{} as {}").format(_name(name, "shown"), column)
    if name in rule.rates:
        return _made(rule, name, rule.rates[name], "disclosed_rate")
    if name in rule.ratios:
        return _made(rule, name, rule.ratios[name], "disclosed_ratio")
    if name in rule.values:
        return sql.SQL("case when s.{} is not null then s.{} end as {}").format(
            _name(rule.values[name], "shown"), column, column
        )
    return sql.SQL("s.{} as {}").format(column, column)


def _made(rule: Disclosure, name: str, parts: tuple[str, ...], function: str) -> sql.Composed:
    """A rate or ratio from what is shown; with a function of its own, where the plain one is shown."""
    events, trials = (_name(part, "shown") if part in rule.counts else sql.Identifier(part) for part in parts[:2])
    plain = sql.SQL("reference.{}(s.{}::bigint, s.{}::bigint)").format(sql.Identifier(function), events, trials)
    if len(parts) == 3:
        own = sql.SQL("round(reference.{}(s.{}, s.{})::numeric, 4)").format(sql.Identifier(parts[2]), events, trials)
        plain = sql.SQL("case when {} is not null then {} end").format(plain, own)
    return sql.SQL("{} as {}").format(plain, sql.Identifier(name))
