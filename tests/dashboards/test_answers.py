"""Every card asked of real marts, as the role of its readers: by Metabase's field filters as by the preview's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import psycopg
import pytest
from medimart.dashboards.cards import Card, Choice, load_dashboards, sql_for
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
