"""What shared readers see cannot be turned back into what is hidden: not from totals, not from two marts together.

The attacker here knows the rule, every shown figure and, what nobody is shown, the EXACT total of each group. All that
could be is laid out: every way of filling the cells, each put through the real SQL of the real headers. A cell is
recovered when all ways of filling that look alike to readers give it one value. None may be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.local.postgres import PostgresServer
from medimart.models import disclosure
from medimart.models.graph import read_models
from medimart.models.header import ModelError, parse
from medimart.models.manifest import Column, Disclosure, Model
from medimart.settings import SQL
from psycopg import sql

MODELS = read_models()[0]
SHARED = sorted(name for name, model in MODELS.items() if model.disclosure)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def conn(server: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """A database with the functions of the rule and the schema of the views."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database disclosure")
    with psycopg.connect(server.url("disclosure"), autocommit=True) as conn:
        conn.execute("create schema reference")
        for name in ("12_statistics.sql", "60_shared.sql"):
            conn.execute((SQL / "setup" / name).read_text())  # type: ignore[arg-type]
        yield conn
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("drop database disclosure with (force)")


def seen(conn: psycopg.Connection[Any], model: Model, rows: Iterable[Row], case: str) -> dict[int, list[Row]]:
    """What the shared view of a mart shows of rows, by case: each case is a group of rows of its own.

    The column `case` must be one that tells groups apart; columns that the rows leave out are null.
    """
    rule = model.disclosure
    assert rule
    whole = {*rule.counts, *rule.values, *(part for parts in rule.ratios.values() for part in parts)}
    types = {name: "bigint" if name in {*whole, case} else "text" for name in (c.name for c in model.columns)}
    table = sql.Identifier(f"exact_{model.name}")
    with conn.transaction(force_rollback=True):
        columns = [sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(t)) for n, t in types.items()]  # type: ignore[arg-type]
        conn.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(columns)))
        names: list[str] = []
        with conn.cursor() as cursor:
            rows = list(rows)
            names = list(rows[0])
            copy_sql = sql.SQL("copy {} ({}) from stdin").format(table, sql.SQL(", ").join(map(sql.Identifier, names)))
            with cursor.copy(copy_sql) as copy:
                for row in rows:
                    copy.write_row([row[name] for name in names])
        conn.execute(disclosure.view(model, table))
        kept = [name for name in disclosure.columns(model) if name in {*names, *rule.counts}]
        query = sql.SQL("select {} from {} order by {}").format(
            sql.SQL(", ").join(map(sql.Identifier, kept)),
            sql.Identifier(disclosure.SCHEMA, model.name),
            sql.SQL(", ").join(map(sql.Identifier, kept)),
        )
        found: dict[int, list[Row]] = defaultdict(list)
        for values in conn.execute(query).fetchall():
            row = dict(zip(kept, values, strict=True))
            found[row.pop(case)].append(row)
    return found


def recovered(fillings: list[tuple[int, ...]], looks: list[Any]) -> list[tuple[Any, int, int]]:
    """The cells of 1 to 7 that all fillings of one look agree on: (look, place, value)."""
    alike: dict[Any, list[tuple[int, ...]]] = defaultdict(list)
    for filling, look in zip(fillings, looks, strict=True):
        alike[look].append(filling)
    return [
        (look, place, values[0])
        for look, group in alike.items()
        for place, values in enumerate(zip(*group, strict=True))
        if len(set(values)) == 1 and 1 <= values[0] <= 7
    ]


def hes(count: int) -> int | None:
    """A count as the rule shows it."""
    return None if 1 <= count <= 7 else 5 * round(count / 5)


def frozen(rows: list[Row]) -> tuple[Any, ...]:
    return tuple(tuple(sorted(row.items(), key=str)) for row in rows)


def breakdown(counts: tuple[str, ...], within: tuple[str, ...] = ("total_of",)) -> Model:
    """A mart of parts, whose totals are shown elsewhere."""
    return Model(
        name="parts",
        layer="marts",
        path="marts/parts.sql",
        description="A breakdown.",
        kind="snapshot",
        grain=("total_of", "part"),
        sha256="",
        columns=tuple(Column(name, name) for name in ("total_of", "part", *counts)),
        disclosure=Disclosure(counts=counts, within=within),
    )


@pytest.mark.parametrize("cells", [2, 3])
def test_no_part_is_recovered_from_the_exact_total(conn: psycopg.Connection[Any], cells: int) -> None:
    fillings = list(product(range(31 if cells == 2 else 19), repeat=cells))
    rows = [
        {"total_of": case, "part": place, "n": n}
        for case, filling in enumerate(fillings)
        for place, n in enumerate(filling)
        if n  # a cell without anybody has no row
    ]
    shown = seen(conn, breakdown(("n",)), rows, "total_of")
    looks = [(sum(filling), frozen(shown[case])) for case, filling in enumerate(fillings)]
    assert recovered(fillings, looks) == []


def test_no_part_is_recovered_from_a_second_count_of_the_same_rows(conn: psycopg.Connection[Any]) -> None:
    """A second count never exceeds the first. Of the first the exact total is known, of the second what is shown of it:
    where one row is all of a group, its cell is the total."""
    cell = [(n, of_these) for n in range(12) for of_these in range(n + 1)]
    fillings = [(*one, *other) for one, other in product(cell, repeat=2)]
    rows = [
        {"total_of": case, "part": place, "n": filling[2 * place], "of_these": filling[2 * place + 1]}
        for case, filling in enumerate(fillings)
        for place in range(2)
        if filling[2 * place]
    ]
    shown = seen(conn, breakdown(("n", "of_these")), rows, "total_of")
    looks = [(f[0] + f[2], hes(f[1] + f[3]), frozen(shown[case])) for case, f in enumerate(fillings)]
    assert recovered(fillings, looks) == []


def test_no_answer_is_recovered_from_what_else_was_answered(conn: psycopg.Connection[Any]) -> None:
    """Positive and negative answers of two specialties of one trust and week, which never exceed the answers.
    Negative ones are shown of the trust alone; its exact total of answers is known."""
    model = MODELS["mart_patient_experience"]
    counts = ("answered_count", "positive_count", "trust_negative_count")
    cell = [(n, up, down) for n in (0, 8, 9, 10) for up in range(n + 1) for down in range(n + 1 - up)]
    fillings = [(*one, *other) for one, other in product(cell, repeat=2)]
    shown: dict[str, dict[int, list[Row]]] = {}
    for level, parts in (("trust_function", 2), ("trust", 1)):
        rows = [
            {"level": level, "trust_sk": case, "treatment_function_code": str(place)}
            | dict(zip(counts, (*filling[3 * place : 3 * place + 2], None) if parts == 2 else both, strict=True))
            for case, filling in enumerate(fillings)
            for both in [tuple(map(sum, zip(filling[:3], filling[3:], strict=True)))]
            for place in range(parts)
            if (filling[3 * place] if parts == 2 else both[0])
        ]
        shown[level] = seen(conn, model, rows, "trust_sk")
    looks = [
        (f[0] + f[3], frozen(shown["trust"][case]), frozen(shown["trust_function"][case]))
        for case, f in enumerate(fillings)
    ]
    assert recovered(fillings, looks) == []


def test_no_tier_is_recovered_from_the_backlog_and_the_queue_together(conn: psycopg.Connection[Any]) -> None:
    """Two marts of the same pathways: one breaks a trust down by treatment function, the other by tier and wait."""
    keys = list(product(("110", "120"), ("low", "high")))
    fillings = [f for f in product(range(23), repeat=len(keys)) if sum(f) <= 22]  # every filling of each total
    backlog = [
        {
            "trust_sk": case,
            "treatment_function_code": function,
            "wait_group": "0-18",
            "risk_tier": tier,
            "pathway_count": n,
        }
        for case, filling in enumerate(fillings)
        for (function, tier), n in zip(keys, filling, strict=True)
        if n
    ]
    queues = [
        {"trust_sk": case, "treatment_function_code": function, "queue_size": sum(filling[place : place + 2])}
        for case, filling in enumerate(fillings)
        for function, place in (("110", 0), ("120", 2))
    ]
    parts = seen(conn, MODELS["mart_risk_backlog"], backlog, "trust_sk")
    totals = seen(conn, MODELS["mart_queue_health"], queues, "trust_sk")
    looks = [(sum(filling), frozen(totals[case]), frozen(parts[case])) for case, filling in enumerate(fillings)]
    by_tier = [(f[0] + f[2], f[1] + f[3]) for f in fillings]
    by_function = [(f[0] + f[1], f[2] + f[3]) for f in fillings]
    assert recovered(fillings, looks) == []
    assert recovered(by_tier, looks) == []
    assert recovered(by_function, looks) == []


def test_rounding_alone_would_not_do(conn: psycopg.Connection[Any]) -> None:
    """The attack is a real one: without groups the same total gives hidden cells away."""
    bare = breakdown(("n",), within=())
    fillings = list(product(range(31), repeat=2))
    rows = [
        {"total_of": case, "part": place, "n": n}
        for case, filling in enumerate(fillings)
        for place, n in enumerate(filling)
    ]
    shown = seen(conn, bare, rows, "total_of")
    looks = [(sum(filling), frozen(shown[case])) for case, filling in enumerate(fillings)]
    assert recovered(fillings, looks)


@pytest.mark.parametrize("name", SHARED)
def test_shared_marts_show_no_count_of_one_to_seven(conn: psycopg.Connection[Any], name: str) -> None:
    """Every count of every shared mart, in rows of its own and in groups of forty."""
    model = MODELS[name]
    rule = model.disclosure
    assert rule
    case = next(key for key in disclosure.columns(model) if key not in {*rule.counts, *rule.ratios, *rule.rates})
    rows = [{case: n, **dict.fromkeys(rule.counts, n)} for n in range(40)]
    for found in seen(conn, model, rows, case).values():
        for row in found:
            for count in rule.counts:
                value = row[count]
                assert value is None or value == 0 or (value >= 10 and value % 5 == 0)


@pytest.mark.parametrize("name", SHARED)
def test_shared_views_hold_nothing_that_is_not_named(name: str) -> None:
    model = MODELS[name]
    assert model.disclosure
    named = {*model.grain, *(reference.column for reference in model.references), *model.disclosure.columns}
    shown = disclosure.columns(model)
    assert set(shown) <= named
    assert not {"patient_sk", "person_sk", "period_sk", "referral_sk"} & set(shown)


def test_patient_level_marts_are_not_shared() -> None:
    for model in MODELS.values():
        keys = {column.name for column in model.columns} & {"patient_sk", "person_sk", "period_sk", "referral_sk"}
        if keys and model.is_mart:
            assert model.disclosure is None
            assert model.readers != "shared"


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("disclosure: {within: [day]}", "disclosure must give counts"),
        ("disclosure: {counts: [n], rates: {r: n}}", "disclosure.rates.r must be [events, trials]"),
        ("disclosure: {counts: [n], values: {r: [n]}}", "disclosure.values.r must name a count"),
        ("disclosure: {counts: [n], by: [day], shown: [r]}", "disclosure.by adds rows up"),
        ("disclosure: {counts: [n], no_zeros: [r]}", "disclosure.no_zeros must be of its counts"),
        ("disclosure: {counts: [m]}", "disclosure needs column m"),
        ("readers: shared\ndisclosure: {counts: [n]}", "do not see as it is"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused(tmp_path: Path, rule: str, says: str) -> None:
    path = tmp_path / "marts" / "mart_x.sql"
    path.parent.mkdir()
    path.write_text(
        f"/*\nA row.\n\n---\nkind: snapshot\ngrain: [day]\nowner: Me\n{rule}\n*/\n"
        "select\n    d.day, -- Day\n    d.n, -- Number\n    d.r -- Rate\nfrom dim_day as d\n"
    )
    with pytest.raises(ModelError, match=says.replace("[", r"\[").replace("]", r"\]")):
        parse(path)
