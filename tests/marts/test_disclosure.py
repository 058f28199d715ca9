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
from random import Random
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
from scipy.optimize import linprog

MODELS = read_models()[0]
SHARED = sorted(name for name, model in MODELS.items() if model.disclosure and model.disclosure.counts)
Row = dict[str, Any]
STEPS = ("52-65", "65-78", "78-104", "104+")
HIGH = ("high", "very_high")


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
    whole = {*rule.counts, rule.of, *rule.values, *(part for parts in rule.ratios.values() for part in parts)}
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


def crossing() -> Model:
    """A mart whose count is a part of another, which is known by row, as the count is by group."""
    return Model(
        name="crossing",
        layer="marts",
        path="marts/crossing.sql",
        description="A breakdown that is crossed with another.",
        kind="snapshot",
        grain=("total_of", "row"),
        sha256="",
        columns=tuple(Column(name, name) for name in ("total_of", "row", "whole", "part")),
        disclosure=Disclosure(counts=("part",), within=("total_of",), of="whole"),
    )


def shown_parts(
    conn: psycopg.Connection[Any], wholes: list[tuple[int, ...]], parts: list[tuple[int, ...]]
) -> list[tuple[int | None, ...]]:
    """The parts that the real view shows, table by table: exactly where it shows anything of them, None elsewhere."""
    rows = [
        {"total_of": case, "row": place, "whole": whole, "part": part}
        for case, table in enumerate(zip(wholes, parts, strict=True))
        for place, (whole, part) in enumerate(zip(*table, strict=True))
        if whole
    ]
    found = seen(conn, crossing(), rows, "total_of")
    looks = []
    for case, filling in enumerate(parts):
        cells = {int(row["row"]): row["part"] for row in found.get(case, [])}
        assert all(cells[place] in (None, hes(filling[place])) for place in cells)
        looks.append(tuple(n if cells.get(place) is not None else None for place, n in enumerate(filling)))
    return looks


Table = tuple[tuple[int, ...], tuple[int, ...]]


def tables_of(wholes: Iterable[tuple[int, ...]]) -> list[Table]:
    """Every way of filling tables with these rows: the rows' totals, and the part of each."""
    return [(whole, part) for whole in wholes for part in product(*(range(n + 1) for n in whole))]


def is_small(whole: int, part: int) -> bool:
    return 1 <= part <= 7 or 1 <= whole - part <= 7


def given_away(tables: list[Table], looks: list[Any]) -> list[tuple[Any, int, int]]:
    """The parts that are known, or whose rest is, and of whom it is 1 to 7: (what is known, place, value).

    Known are each row's total, the sum of the parts and what is shown. What the totals alone tell is left out.
    """
    by_totals: dict[Any, list[set[int]]] = {}
    by_look: dict[Any, list[set[int]]] = {}
    for (whole, part), look in zip(tables, looks, strict=True):
        for known, key in ((by_totals, (whole, sum(part))), (by_look, (whole, sum(part), look))):
            for place, values in enumerate(known.setdefault(key, [set() for _ in part])):
                values.add(part[place])
    return [
        (key, place, min(values))
        for key, cells in by_look.items()
        for place, values in enumerate(cells)
        if len(values) == 1 and is_small(key[0][place], min(values)) and len(by_totals[key[:2]][place]) > 1
    ]


@pytest.mark.parametrize(
    "wholes",
    [
        [*product(range(6, 22), repeat=2)],
        [w for w in product((3, 7, 8, 9, 16), repeat=3) if sum(w) >= 24],
        [(3, 5, 8, 20), (2, 7, 9, 18), (6, 8, 8, 12), (1, 7, 7, 19), (8, 8, 8, 8)],
        [(2, 3, 6, 6, 24), (4, 4, 4, 9, 19)],
    ],
    ids=["two rows", "three rows", "four rows", "five rows"],
)
def test_no_crossing_is_recovered_from_totals_both_ways(
    conn: psycopg.Connection[Any], wholes: list[tuple[int, ...]]
) -> None:
    """Known beside the rule: each row's total, the sum of the parts, and the shown parts exactly."""
    tables = tables_of(wholes)
    looks = shown_parts(conn, [whole for whole, _ in tables], [part for _, part in tables])
    assert any(n is not None for look in looks for n in look)
    assert any(n is None for look in looks for n in look)
    assert given_away(tables, looks) == []
    for (whole, part), look in zip(tables, looks, strict=True):
        assert not any(is_small(*cell) for *cell, n in zip(whole, part, look, strict=True) if n is not None)


def test_hiding_the_small_rows_and_one_more_would_not_do() -> None:
    """The attack is a real one: two rows that are hidden because each is small, and hold 2 together, hold 1 each."""
    tables = tables_of([(8, 9, 12, 20)])
    looks = []
    for whole, part in tables:
        hidden = {place for place, cell in enumerate(zip(whole, part, strict=True)) if is_small(*cell)}
        if len(hidden) == 1:
            hidden.add(min({*range(len(whole))} - hidden))
        looks.append(tuple(None if place in hidden else n for place, n in enumerate(part)))
    assert given_away(tables, looks)


def test_hidden_parts_of_a_crossing_may_be_many(conn: psycopg.Connection[Any]) -> None:
    """In tables as large as a trust's, with what is known as above: a hidden part may be at least eight others, or as
    many as its row holds. The range is found by linear programming, not by the formula that the rule rests on."""
    chance = Random(5)
    wholes = [tuple(chance.randint(1, 120) for _ in range(chance.randint(5, 20))) for _ in range(60)]
    parts = [tuple(sum(chance.random() < chance.choice((0.03, 0.2)) for _ in range(n)) for n in w) for w in wholes]
    ranges = []
    for whole, part, look in zip(wholes, parts, shown_parts(conn, wholes, parts), strict=True):
        limits = [(0, n) if shown is None else (shown, shown) for n, shown in zip(whole, look, strict=True)]
        for place in range(len(whole)):
            if look[place] is None and any(n is not None for n in look):
                goal = [float(other == place) for other in range(len(whole))]
                ends = [
                    linprog([sign * n for n in goal], A_eq=[[1] * len(whole)], b_eq=[sum(part)], bounds=limits).fun
                    for sign in (1, -1)
                ]
                ranges.append((-ends[1] - ends[0], whole[place]))
    assert len(ranges) > 200
    assert all(width >= min(n, 8) - 1e-6 for width, n in ranges)


def test_a_crossing_gives_no_total_away_that_another_mart_hides(conn: psycopg.Connection[Any]) -> None:
    """Here the rows' totals are not known: another view breaks the group down by them, and hides some. The hidden rows
    of the crossing tell which totals are the smaller; no total of 1 to 7 may be known from both."""
    row = [(whole, part) for whole in range(21) for part in range(whole + 1)]
    tables = [tuple(zip(*table, strict=True)) for table in product(row, repeat=2)]
    wholes, parts = [whole for whole, _ in tables], [part for _, part in tables]
    rows = [
        {"total_of": case, "part": place, "n": n}
        for case, whole in enumerate(wholes)
        for place, n in enumerate(whole)
        if n
    ]
    shown = seen(conn, breakdown(("n",)), rows, "total_of")
    looks = [
        (sum(whole), sum(part), frozen(shown[case]), look)
        for case, (whole, part, look) in enumerate(zip(wholes, parts, shown_parts(conn, wholes, parts), strict=True))
    ]
    assert recovered(wholes, looks) == []


def test_no_high_risk_part_is_recovered_from_all_views_of_a_trust(conn: psycopg.Connection[Any]) -> None:
    """The other views know waits over 52 weeks in four steps. Known here: every pathway total by treatment function and
    step exactly (NHS England publishes it), the sum of those at high risk exactly, what the risk backlog shows by tier
    and step, and what mart_high_risk_waits shows. Each hidden part still has a range, found by linear programming."""
    chance = Random(52)
    trusts = range(12)
    cells = {  # pathways by trust, treatment function, step and tier; longer waits are fewer, tiers unlike in each
        (trust, function, step, tier): sum(chance.random() < 0.4 for _ in range(int(size * share / place)))
        for trust in trusts
        for function, size, high in [
            (str(100 + row), chance.choice((3, 20, 80, 200)), chance.choice((0.02, 0.1, 0.3))) for row in range(12)
        ]
        for place, step in enumerate(STEPS, start=1)
        for tier, share in (("low", 1 - high), ("high", high * 0.7), ("very_high", high * 0.3))
    }
    backlog = [
        {"trust_sk": t, "treatment_function_code": f, "wait_group": step, "risk_tier": tier, "pathway_count": n}
        for (t, f, step, tier), n in cells.items()
        if n
    ]
    tiers = seen(conn, MODELS["mart_risk_backlog"], backlog, "trust_sk")
    functions = sorted({f for _, f, _, _ in cells})
    waits = []
    for trust, function in product(trusts, functions):
        of = {tier: sum(cells[trust, function, step, tier] for step in STEPS) for tier in ("low", *HIGH)}
        if sum(of.values()):
            waits.append(
                {
                    "trust_sk": trust,
                    "treatment_function_code": function,
                    "wait_group": "52+",
                    "pathway_count": sum(of.values()),
                    "high_risk_count": of["high"] + of["very_high"],
                }
            )
    exact = {(row["trust_sk"], row["treatment_function_code"]): row for row in waits}
    ranges = []
    for trust, rows in seen(conn, MODELS["mart_high_risk_waits"], waits, "trust_sk").items():
        places = {key: at for at, key in enumerate(product(functions, STEPS, HIGH))}
        limits: list[tuple[list[int], float, float]] = []  # of these cells, at least and at most
        for function, step in product(functions, STEPS):
            whole = sum(cells[trust, function, step, tier] for tier in ("low", *HIGH))
            limits.append(([places[function, step, tier] for tier in HIGH], 0, whole))
        for row in tiers.get(trust, []):
            if row["risk_tier"] in HIGH:
                among = [places[function, row["wait_group"], row["risk_tier"]] for function in functions]
                shown = row["pathway_count"]
                limits.append((among, 1, 10**6) if shown is None else (among, shown - 2, shown + 2))
        part_of = {f: [places[f, step, tier] for step, tier in product(STEPS, HIGH)] for f in functions}
        for row in rows:
            if (shown := row["high_risk_count"]) is not None:
                limits.append((part_of[row["treatment_function_code"]], shown - 2, shown + 2))
        total = sum(row["high_risk_count"] for (of, _), row in exact.items() if of == trust)
        limits.append((list(places.values()), total, total))
        matrix = [[float(at in among) for at in range(len(places))] for among, _, _ in limits]
        bounds = [*([-n for n in line] for line in matrix), *matrix]
        ends = [*(-least for _, least, _ in limits), *(most for _, _, most in limits)]
        for row in rows:
            if row["high_risk_count"] is None:
                function = row["treatment_function_code"]
                goal = [float(at in part_of[function]) for at in range(len(places))]
                least, most = (sign * linprog([sign * n for n in goal], A_ub=bounds, b_ub=ends).fun for sign in (1, -1))
                ranges.append((most - least, exact[trust, function]["pathway_count"]))
    assert len(ranges) > 20
    assert all(width >= min(whole, 5) - 1e-6 for width, whole in ranges)


def test_no_function_is_recovered_from_two_alternatives_together(conn: psycopg.Connection[Any]) -> None:
    """The same pathways stand under two alternatives, of which one reaches all and the other only some. The attacker
    knows exactly how many wait, knows who reaches all, and sees both at both levels."""
    cell = [(near, all_) for all_ in range(15) for near in range(all_ + 1)]
    fillings = [(*one, *other) for one, other in product(cell, repeat=2) if one[0] + other[0]]
    rows = [
        {
            "level": "pair_function",
            "trust_sk": case,
            "alternative_trust_sk": alternative,
            "treatment_function_code": function,
            "waiting_count": filling[2 * place + 1],
            "within_distance_count": filling[2 * place + alternative],
        }
        for case, filling in enumerate(fillings)
        for alternative in (0, 1)
        for place, function in enumerate(("110", "120"))
        if filling[2 * place + 1]
    ]
    shown = seen(conn, MODELS["mart_mutual_aid"], rows, "trust_sk")
    looks = [(hes(f[0] + f[2]), f[1] + f[3], frozen(shown[case])) for case, f in enumerate(fillings)]
    assert recovered(fillings, looks) == []


def test_a_place_is_named_only_where_enough_wait(conn: psycopg.Connection[Any]) -> None:
    """Of districts the row itself would tell: hidden ones, and the one hidden for their sake, are not there."""
    waiting = {"LS1": 40, "LS8": 30, "LS9": 20, "PL1": 3, "TQ1": 0}
    rows = [
        {"level": level, "trust_sk": 1, "postcode_district": district, "known_start_count": n, "latitude": district}
        for level in ("site_district", "trust")
        for district, n in waiting.items()
    ]
    [shown] = seen(conn, MODELS["mart_spatial_access"], rows, "trust_sk").values()
    assert {row["postcode_district"]: row["known_start_count"] for row in shown} == {"LS1": 40, "LS8": 30}
    assert {row["level"] for row in shown} == {"site_district"}


def test_no_district_is_recovered_from_the_exact_list_of_its_trust(conn: psycopg.Connection[Any]) -> None:
    fillings = list(product(range(21), repeat=3))
    rows = [
        {"level": "site_district", "trust_sk": case, "postcode_district": district, "known_start_count": n}
        for case, filling in enumerate(fillings)
        for district, n in zip(("LS1", "LS8", "LS9"), filling, strict=True)
        if n
    ]
    shown = seen(conn, MODELS["mart_spatial_access"], rows, "trust_sk")
    looks = [(sum(filling), frozen(shown[case])) for case, filling in enumerate(fillings)]
    assert recovered(fillings, looks) == []


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
        ("readers: shared\ndisclosure: {counts: [n]}", "that shared readers see as it is gives only and shown"),
        ("disclosure: {counts: [n], within: [day], of: m}", "disclosure needs column m"),
        ("disclosure: {counts: [n], of: r}", "disclosure.of needs within and one count"),
        ("disclosure: {counts: [n], within: [day], of: r, rates: {r: [n, r]}}", "goes with only and shown alone"),
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
