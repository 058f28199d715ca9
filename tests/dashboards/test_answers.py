"""Every card asked of real marts, as the role of its readers: by Metabase's field filters as by the preview's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest
from medimart.dashboards.cards import Card, Choice, load_dashboards, sql_for
from medimart.dashboards.metabase import payloads
from medimart.settings import DASHBOARDS
from psycopg import sql
from published_weeks import CENSUSES

FOUND = load_dashboards(DASHBOARDS)
CARDS = list(FOUND.cards.values())
SHARED = [card for card in CARDS if FOUND.collection_of(card.id).readers == "shared"]


@pytest.fixture(scope="session")
def choices(published: psycopg.Connection[Any]) -> dict[str, Choice]:
    """A choice for each filter that goes with the others: a board, one of its trusts, a large specialty, a census."""
    [board, trust] = published.execute(
        "select icb_name, trust_name from marts.dim_trust where trust_id = 'T01'"
    ).fetchone() or ("", "")
    published.rollback()
    return {"icb": [board], "trust": [trust], "specialty": ["Ophthalmology", "Urology"], "census": CENSUSES[0]}


def ask(conn: psycopg.Connection[Any], card: Card, chosen: Mapping[str, Choice]) -> list[dict[str, Any]]:
    """A card's rows as its readers get them; the columns are the header's."""
    role = f"medimart_{FOUND.collection_of(card.id).readers}"
    with conn.transaction(force_rollback=True):
        conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        conn.execute("set local transaction read only")
        cursor = conn.execute(*sql_for(card, chosen))  # type: ignore[arg-type]
        assert cursor.description
        names = [column.name for column in cursor.description]
        assert names == [column.name for column in card.columns]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("card", CARDS, ids=[card.id for card in CARDS])
def test_a_card_answers_with_and_without_each_filter(
    card: Card, published: psycopg.Connection[Any], choices: dict[str, Choice]
) -> None:
    everything = ask(published, card, {})
    for name in choices:
        ask(published, card, {name: choices[name]})
    narrowed = ask(published, card, choices)
    assert len(narrowed) <= max(len(everything), 40)
    for column in card.role("series"):
        if column.values:
            assert {row[column.name] for row in everything} <= {*column.values}
    if card.chart != "table" and everything:
        for column in card.role("x"):
            assert all(row[column.name] is not None for row in everything)


def test_filters_narrow(published: psycopg.Connection[Any], choices: dict[str, Choice]) -> None:
    every = ask(published, FOUND.cards["trusts_now"], {})
    assert len(every) == 4
    assert [row["trust"] for row in ask(published, FOUND.cards["trusts_now"], {"trust": choices["trust"]})] == choices[
        "trust"
    ]
    weeks = [row["census_date"] for row in ask(published, FOUND.cards["list_size"], {})]
    assert tuple(weeks) == CENSUSES
    weeks = [row["census_date"] for row in ask(published, FOUND.cards["list_size"], {"census": CENSUSES[0]})]
    assert tuple(weeks) == CENSUSES[:1]
    urology = ask(published, FOUND.cards["worklist_specialties"], {"specialty": ["Urology"]})
    assert {row["specialty"] for row in urology} == {"Urology"}
    assert ask(published, FOUND.cards["trusts_now"], {"census": date(2020, 1, 5)}) == []


def test_whatever_trust_can_be_chosen_has_an_answer(published: psycopg.Connection[Any]) -> None:
    """The list that the filter offers holds no total, which no card is about; the unknown trust has rows to show."""
    schema, table, column = FOUND.filters["trust"].column
    with published.transaction(force_rollback=True):
        published.execute("set local role medimart_shared")
        offered = {
            name
            for (name,) in published.execute(
                sql.SQL("select {} from {}").format(sql.Identifier(column), sql.Identifier(schema, table))
            )
        }
    known = dict(published.execute("select trust_sk, trust_name from marts.dim_trust").fetchall())
    published.rollback()
    assert offered == set(known.values()) - {known[-1]}
    assert known[0] in offered
    for name in offered - {known[0]}:
        assert ask(published, FOUND.cards["trusts_now"], {"trust": [name]}), name


def test_what_is_of_no_trust_is_counted_where_none_is_chosen(
    published: psycopg.Connection[Any],
) -> None:
    """Patients are of no trust: their checks lie under the total, which no filter offers."""
    card = FOUND.cards["data_quality_over_time"]
    query = (
        "select round(sum(good_count) / sum(checked_count) filter (where good_count is not null), 4) "
        "from shared_marts.mart_data_quality where census_date = %s and quality_dimension = 'completeness' "
    )
    [(every,)] = published.execute(query, (CENSUSES[-1],)).fetchall()
    [(of_trusts,)] = published.execute(query + "and trust_sk <> -1", (CENSUSES[-1],)).fetchall()
    published.rollback()
    shown = {(row["census_date"], row["dimension"]): row["good_rate"] for row in ask(published, card, {})}
    assert shown[CENSUSES[-1], "Completeness"] == every
    assert every != of_trusts
    names = sorted(row["trust"] for row in ask(published, FOUND.cards["trusts_now"], {}))
    shown = {(row["census_date"], row["dimension"]): row["good_rate"] for row in ask(published, card, {"trust": names})}
    assert shown[CENSUSES[-1], "Completeness"] == of_trusts


UNFOLDED = [card for card in CARDS if payloads.given(card) != tuple(column.name for column in card.columns)]


@pytest.mark.parametrize("card", UNFOLDED, ids=[card.id for card in UNFOLDED])
def test_metabase_is_given_the_lines_that_the_preview_draws(
    card: Card, published: psycopg.Connection[Any], choices: dict[str, Choice]
) -> None:
    """It draws one column in several series: a target or a limit beside them is a series too, by its name."""
    [x], [y], [name] = card.role("x"), card.role("y"), card.role("series", "label")
    others = card.role("target", "lower", "upper", "mark")
    chosen = {"trust": choices["trust"]}
    rows = ask(published, card, chosen)
    wanted = {(row[x.name], row[name.name], row[y.name]) for row in rows}
    wanted |= {(row[x.name], other.label, row[other.name]) for row in rows for other in others}
    asked = replace(
        card,
        sql=payloads.query(card),
        columns=tuple(column for one in payloads.given(card) for column in card.columns if column.name == one),
    )
    given = [tuple(row.values()) for row in ask(published, asked, chosen)]
    assert len(given) == len(set(given))
    assert set(given) == wanted
    settings = payloads.card_body(card, 1, 1, {one.column: 1 for one in card.filters})["visualization_settings"]
    assert settings["graph.dimensions"] == [x.name, name.name]
    assert settings["graph.metrics"] == [y.name]
    assert settings["line.missing"] == "none"
    assert list(settings["series_settings"]) == [other.label for other in others]


def test_charts_with_series_and_a_target_are_among_them() -> None:
    assert {"within_18_weeks", "spc_starts", "spc_stops", "projection"} <= {card.id for card in UNFOLDED}


def test_clinical_cards_show_the_granted_trusts_alone(published: psycopg.Connection[Any]) -> None:
    granted = {
        name for (name,) in published.execute("select trust_name from marts.dim_trust where trust_id in ('T01', 'T02')")
    }
    published.rollback()
    rows = ask(published, FOUND.cards["worklist"], {}) + ask(published, FOUND.cards["worklist_priority_unknown"], {})
    assert {row["trust"] for row in rows} == granted
    [note] = ask(published, FOUND.cards["worklist_note"], {})
    assert note["note"].startswith("List as at 05/04/2026; ")
    assert "patients may be missing" in note["note"]


@pytest.mark.parametrize("card", SHARED, ids=[card.id for card in SHARED])
def test_shared_cards_show_no_small_number_and_no_person(card: Card, published: psycopg.Connection[Any]) -> None:
    """A count is 0, hidden, or at least 8; what may be less says nothing of patients."""
    of_no_patient = {"checks", "rank", "hidden", "days_before", "days_apart", "seconds"}
    of_no_patient |= {"distance", "apart", "decile", "districts"}
    for row in ask(published, card, {}):
        for column in card.columns:
            value = row[column.name]
            if column.format == "whole" and column.role not in ("lower", "upper") and column.name not in of_no_patient:
                assert value is None or value == 0 or value >= 8, column.name
    assert not {"patient", "period", "patient_sk", "period_sk"} & {column.name for column in card.columns}


def test_high_risk_by_specialty_is_the_mart_where_it_is_shown(published: psycopg.Connection[Any]) -> None:
    """Each figure is the exact one to the nearest 5; where a part or its rest is 1 to 7 there is none. Trusts thirty
    times as large, of one of whose specialties 3 are at high risk."""
    columns = {"within_18_weeks": "0-18", "from_18_to_52_weeks": "18-52", "over_52_weeks": "52+"}
    with published.transaction(force_rollback=True):
        published.execute(
            "update marts.mart_high_risk_waits as w set pathway_count = 30 * pathway_count, high_risk_count = case when"
            " (trust_sk, treatment_function_code, wait_group) = (select trust_sk, treatment_function_code, wait_group"
            " from marts.mart_high_risk_waits where census_date = w.census_date order by pathway_count desc limit 1)"
            " then 3 else 30 * high_risk_count end"
        )
        exact = {
            (specialty, trust, wait): (pathways, high_risk)
            for specialty, trust, wait, pathways, high_risk in published.execute(
                "select treatment_function_name, trust_name, wait_group, pathway_count, high_risk_count"
                " from marts.mart_high_risk_waits join marts.dim_trust using (trust_sk)"
                " join marts.dim_specialty using (treatment_function_code) where census_date = %s",
                [CENSUSES[1]],
            )
        }
        rows = ask(published, FOUND.cards["risk_by_specialty"], {})
    shown, hidden = [], 0
    for row in rows:
        for column, wait in columns.items():
            pathways, high_risk = exact.get((row["specialty"], row["trust"], wait), (0, 0))
            if row[column] is None:
                hidden += 1
                continue
            shown.append(high_risk)
            assert row[column] == 5 * round(high_risk / 5)
            assert not 1 <= high_risk <= 7
            assert not 1 <= pathways - high_risk <= 7
    assert any(shown)
    assert hidden
