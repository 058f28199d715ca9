"""Whatever words are put together, there is an answer or a refusal: nothing else, and no word that slips in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from medimart.ask.answer import answer, context, plan, text
from medimart.ask.catalogue import catalogue
from medimart.ask.members import members
from medimart.ask.plan import Refusal
from medimart.ask.words import dictionary

FOUND = catalogue()
PHRASES = sorted(
    " ".join(phrase)
    for phrase, meanings in dictionary(FOUND, members(FOUND)).meanings.items()
    if meanings[0].kind != "refused"
)
MEASURES = sorted(word for metric in FOUND.metrics.values() for word in (*metric.words, *metric.nouns))
DIMENSIONS = sorted(f"by {dimension.words[0]}" for dimension in FOUND.dimensions.values())
TIMES = ["in March", "last week", "since February", "by month", "by June", "in 12 weeks", "on 2026-03-29", "now"]
KNOWN = st.tuples(
    st.sampled_from(["", "how many", "what share of"]),
    st.sampled_from(MEASURES),
    st.lists(st.one_of(st.sampled_from(DIMENSIONS), st.sampled_from(PHRASES)), max_size=3).map(" ".join),
    st.sampled_from(["", *TIMES]),
).map(" ".join)
RULES = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@RULES
@given(question=KNOWN)
def test_known_words_are_answered_or_refused(shared: psycopg.Connection[Any], question: str) -> None:
    try:
        found = answer(shared, question)
    except Refusal:
        return
    assert text(found)
    assert found.rows or found.groups
    assert all(row.value is not None or row.reason for row in found.rows)


@RULES
@given(question=st.text(max_size=60))
def test_any_text_is_refused_or_understood(shared: psycopg.Connection[Any], question: str) -> None:
    with suppress(Refusal):
        assert plan(context(shared), question).metric.code in FOUND.metrics
