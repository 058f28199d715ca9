"""Questions in words: each is understood as it should be and its figure is what hand-written SQL finds; or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import small_warehouse
import yaml
from medimart.ask import answer as answering
from medimart.ask import reader
from medimart.ask.answer import Answer, answer, context, plan, sql_of, text
from medimart.ask.plan import Refusal

HERE = Path(__file__).parent
QUESTIONS = yaml.safe_load((HERE / "questions.yaml").read_text())
REFUSED = yaml.safe_load((HERE / "refused.yaml").read_text())
Connection = psycopg.Connection[Any]


def asked(case: Mapping[str, Any]) -> str:
    return str(case["ask"])


def days_of(case: Mapping[str, Any]) -> list[date]:
    if "from" in case:
        weeks = (case["to"] - case["from"]).days // 7
        return [case["from"] + timedelta(days=7 * week) for week in range(weeks + 1)]
    return [date.fromisoformat(day) for day in case.get("days", [small_warehouse.NEWEST.isoformat()])]


def plain(value: Any) -> Any:
    return round(float(value), 4) if isinstance(value, int | float | Decimal) else value


def rows_of(found: Answer) -> list[tuple[Any, ...]]:
    return [(*([row.step] if row.step else []), *row.groups.values(), plain(row.value)) for row in found.rows]


def test_there_are_enough() -> None:
    assert len({asked(case) for case in QUESTIONS}) == len(QUESTIONS) >= 80
    assert len({asked(case) for case in REFUSED}) == len(REFUSED) >= 40


@pytest.mark.parametrize("case", QUESTIONS, ids=asked)
def test_a_question_is_understood_and_answered(case: dict[str, Any], shared: Connection, owner: Connection) -> None:
    planned = plan(context(shared), case["ask"])
    assert planned.metric.code == case["metric"]
    assert dict(planned.filters) == {dimension: tuple(codes) for dimension, codes in case.get("filters", {}).items()}
    assert list(planned.groups) == case.get("groups", [])
    assert list(planned.when.days) == days_of(case)
    assert (planned.when.step, planned.order) == (case.get("step", ""), case.get("order", ""))

    found = answer(shared, case["ask"])
    by_hand = [tuple(map(plain, row)) for row in owner.execute(case["sql"]).fetchall()]
    rows = rows_of(found)
    assert rows == by_hand if planned.order else sorted(rows, key=str) == sorted(by_hand, key=str)
    assert all(row.reason for row in found.rows if row.value is None)
    assert not any(row.reason for row in found.rows if row.value is not None)
    shown = text(found)
    assert found.meaning in shown
    assert found.sql in shown


@pytest.mark.parametrize("case", REFUSED, ids=asked)
def test_a_question_is_refused(case: dict[str, Any], shared: Connection) -> None:
    with pytest.raises(Refusal) as caught:
        answer(shared, case["ask"])
    refusal = caught.value
    assert refusal.kind == case["kind"], str(refusal)
    assert set(case.get("words", [])) <= set(refusal.words)
    assert case.get("says", "") in refusal.text
    assert case.get("can", "") in "\n".join(refusal.can)
    assert "silent" not in case or case["silent"] not in f"{refusal} {refusal.words}"


@pytest.mark.parametrize("case", QUESTIONS, ids=asked)
def test_the_sql_that_is_shown_is_what_ran(case: dict[str, Any], shared: Connection) -> None:
    at = context(shared)
    planned = plan(at, case["ask"])
    shown = shared.execute(sql_of(at, planned).encode()).fetchall()
    asked_for = answering.query.figures(planned, at.members, at.newest)
    assert shown == reader.run(shared, asked_for)


@pytest.mark.parametrize("case", QUESTIONS, ids=asked)
def test_a_word_more_is_a_refusal(case: dict[str, Any], shared: Connection) -> None:
    """Nothing is left out: with one unknown word anywhere in it no question is answered."""
    at = context(shared)
    words = case["ask"].split()
    for place in (0, len(words) // 2, len(words)):
        with pytest.raises(Refusal, match="xyzzy"):
            plan(at, " ".join([*words[:place], "xyzzy", *words[place:]]))
