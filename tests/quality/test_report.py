"""What on-call and the summary read, from verdicts of several runs."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from medimart import quality
from recorded import validated, verdict


@pytest.fixture
def history(warehouse: psycopg.Connection[Any]) -> str:
    """Four runs: the check passed, then failed three times; the last one's id."""
    validated(warehouse, 0, verdict("adds_up", "critical", "passed"))
    for week in (1, 2):
        validated(warehouse, week, verdict("adds_up", "critical", "failed", unexpected=1, rows=9))
    return validated(
        warehouse,
        3,
        verdict("adds_up", "critical", "failed", unexpected=2, rows=9, samples=({"trust_sk": 77},)),
        verdict("links", "critical", "broken", detail='relation "dim_trust" does not exist'),
        verdict("share", "warning", "failed", observed=0.25),
        verdict("other", "warning", "passed"),
    )


def test_summary_counts_by_severity_and_status(warehouse: psycopg.Connection[Any], history: str) -> None:
    assert quality.summary(warehouse, history) == {
        "critical": {"passed": 0, "failed": 1, "broken": 1},
        "warning": {"passed": 1, "failed": 1, "broken": 0},
        "info": {"passed": 0, "failed": 0, "broken": 0},
    }


def test_failure_message_says_all_that_on_call_needs(warehouse: psycopg.Connection[Any], history: str) -> None:
    message = quality.failure_message(warehouse, history)
    for words in (
        "waiting_list, census 2026-01-25: not published. Run scheduled__3.",
        "Critical check failed: fct_rtt_flow.adds_up (2 of 9 rows): adds_up matters.",
        "Since: census 2026-01-11,",
        "3 runs in a row",
        "For example: trust_sk 77.",
        "To do: Mend adds_up.",
        'Check broken: fct_rtt_flow.links: relation "dim_trust" does not exist.',
        "This says nothing about the data.",
        "Blocked: every mart of census 2026-01-25",
        "readers see nothing; there has been no publication yet.",
        "1 check of lesser severity did not pass",
    ):
        assert words in message
    assert "fct_rtt_flow.share" not in message


def test_a_warning_that_stopped_is_told(warehouse: psycopg.Connection[Any]) -> None:
    run_id = validated(warehouse, 0, verdict("share", "warning", "failed", observed=0.25), warnings_stop=True)
    message = quality.failure_message(warehouse, run_id)
    assert "Warning check failed: fct_rtt_flow.share (measured 0.25): share matters." in message
    assert "Since: this run" in message


def test_a_step_that_failed_is_not_blamed_on_a_check(warehouse: psycopg.Connection[Any]) -> None:
    run_id = validated(warehouse, 0, verdict("adds_up", "critical", "passed"))
    assert "No check stopped it" in quality.failure_message(warehouse, run_id)
    assert "failed before it had fixed its census" in quality.failure_message(warehouse, "unheard of")
