"""Every row of every file is accounted for: rows that are lost, or too many set aside, stop the run."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conditions import deliver, load
from landing_folder import LandingFolder, week
from medimart import landing, pipeline
from medimart.errors import CriticalFailure
from published_file import published

GOOD = " ".join(f"{letter}1" for letter in "abcdefghijklmnopqrs")  # nineteen: one more set aside is 5%, the limit


def test_rows_that_add_up_are_recorded(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    deliver(folder, 1, f"full {GOOD} t?")
    load(conn, folder, 1)
    found = landing.reconcile(conn, week(1))
    [counted] = found.loads
    assert (counted.rows, counted.current, counted.quarantined, found.quarantined) == (20, 19, 1, 1)
    assert conn.execute(
        "select row_count, current_count, superseded_count, deleted_count, absent_count, quarantined_count, "
        "counted_as_of from quality.load_audit"
    ).fetchall() == [(20, 19, 0, 0, 0, 1, week(1))]


# What is done behind the loader's back, and what the message says of the 20 rows then.
LOST = {
    "a version": ("delete from history.conditions where condition_id = 'a'", "found 19 (current 18,"),
    "a quarantined row": ("delete from quality.quarantine", "found 19 (current 19,"),
    "a row counted twice": ("update quality.load_audit set duplicate_count = 1", "found 21 (current 19, superseded 1,"),
    "a row of the file": ("update quality.load_audit set row_count = 21", "its 21 rows to add up; found 20"),
    "a row in raw": ("delete from raw.conditions where condition_id = 'a'", "20 rows in raw; found 19"),
    "a version closed by nothing": (
        f"update history.conditions set valid_to = '{week(1)}' where condition_id = 'a'",
        "found 19 (current 18,",
    ),
}


@pytest.mark.parametrize("what", LOST)
def test_rows_that_do_not_add_up_are_critical(what: str, conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    planted, message = LOST[what]
    deliver(folder, 1, f"full {GOOD} t?")
    load(conn, folder, 1)
    conn.execute(planted)
    with pytest.raises(CriticalFailure) as error:
        landing.reconcile(conn, week(1))
    assert str(error.value).startswith(f"{week(1)}/conditions.csv: expected its ")
    assert message in str(error.value)
    assert str(error.value).endswith(("Rebuild the history of conditions and report it.", "restore it from a backup."))


def test_rebuilding_mends_what_was_lost(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    deliver(folder, 1, f"full {GOOD} t?")
    load(conn, folder, 1)
    conn.execute("delete from history.conditions where condition_id = 'a'")
    conn.execute("delete from quality.quarantine")
    landing.rebuild_history(conn, "conditions")
    assert landing.reconcile(conn, week(1)).quarantined == 1


def test_more_rows_set_aside_than_the_limit_are_critical(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    deliver(folder, 1, f"full {GOOD} t? ?")
    load(conn, folder, 1)
    with pytest.raises(CriticalFailure) as error:
        landing.reconcile(conn, week(1))
    assert str(error.value) == (
        f"{week(1)}/conditions.csv: expected at most 5.0% of its rows in quarantine; found 2 of 21 (9.5%). "
        "See quality.quarantine, and ask its sender for a corrected file, or raise quarantine_limit in conditions.yaml."
    )
    deliver(folder, 1, f"full {GOOD} t1 u1")
    load(conn, folder, 1)
    assert landing.reconcile(conn, week(1)).quarantined == 0


def test_a_later_mended_file_is_no_longer_critical_from_then_on(
    conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    deliver(folder, 1, "full a? b1")
    deliver(folder, 2, "full a1 b1")
    load(conn, folder, 2)
    with pytest.raises(CriticalFailure, match="found 1 of 2"):
        landing.reconcile(conn, week(1))
    assert landing.reconcile(conn, week(2)).quarantined == 0


def test_each_pipeline_counts_its_own_sources(
    conn: psycopg.Connection[Any], folder: LandingFolder, tmp_path: Path
) -> None:
    deliver(folder, 1, "full a? b1")
    load(conn, folder, 1)
    path = published(tmp_path / "month.csv", "December-2025", "7", "9")
    landing.load_file(conn, "rtt_published", path, date(2025, 12, 31))
    counted = landing.reconcile(conn, date(2026, 1, 31), ["rtt_published"]).loads
    assert [(load.source, load.rows, load.current) for load in counted] == [("rtt_published", 2, 2)]
    with pytest.raises(CriticalFailure) as error:
        landing.reconcile(conn, date(2026, 1, 31))
    assert "conditions.csv" in str(error.value)
    assert "month.csv" not in str(error.value)


def test_one_line_set_aside_is_too_many_for_the_publication(conn: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = published(tmp_path / "month.csv", "December-2025", "7", "*", "9")
    landing.load_file(conn, "rtt_published", path, date(2025, 12, 31))
    with pytest.raises(CriticalFailure, match=r"month\.csv: expected at most 0\.0% of its rows .* found 1 of 3"):
        landing.reconcile(conn, date(2025, 12, 31), ["rtt_published"])
    faults = conn.execute(
        "select line_no, column_name, rule, source_text from quality.quarantine order by 2"
    ).fetchall()
    assert faults == [
        (3, "band_counts", "unreadable_number", "*" + "," * 104),
        (3, "total_all_count", "unreadable_number", "*"),
    ]


def test_a_line_of_the_publication_that_is_lost_is_critical(conn: psycopg.Connection[Any], tmp_path: Path) -> None:
    landing.load_file(
        conn, "rtt_published", published(tmp_path / "month.csv", "December-2025", "7", "9"), date(2025, 12, 31)
    )
    conn.execute("delete from history.rtt_published where total_all_count = 7")
    with pytest.raises(CriticalFailure, match=r"expected its 2 rows to add up; found 1 \(current 1"):
        landing.reconcile(conn, date(2025, 12, 31), ["rtt_published"])


def test_the_publication_run_stops_where_a_line_is_lost(
    conn: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIMART_LANDING", str(tmp_path / "landing"))
    path = published(tmp_path / "month.csv", "December-2025", "7", "9")
    run = pipeline.Run("lost line", pipeline.PUBLICATION, input=path)
    assert pipeline.begin(conn, run) == "2025-12-31"
    assert pipeline.load_publication(conn, run) == 2
    conn.execute("delete from history.rtt_published where total_all_count = 7")
    with pytest.raises(CriticalFailure, match=r"month\.csv: expected its 2 rows to add up"):
        pipeline.pin(conn, run)
    landing.rebuild_history(conn, "rtt_published")
    assert pipeline.pin(conn, run).startswith("build_20251231_")


def test_inputs_are_pinned_with_their_bytes(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    deliver(folder, 1, "full a1")
    deliver(folder, 2, "changes a2")
    load(conn, folder, 1)
    first = landing.inputs(conn, week(1), ["conditions"])
    load(conn, folder, 2)
    assert landing.inputs(conn, week(1), ["conditions"]).fingerprint == first.fingerprint, "a later week is not read"
    both = landing.inputs(conn, week(2), ["conditions"])
    assert [(pin.extract_date, pin.delivery) for pin in both.loads] == [(week(1), "full"), (week(2), "changes")]
    deliver(folder, 1, "full a1 b1")
    load(conn, folder, 1)
    assert landing.inputs(conn, week(1), ["conditions"]).fingerprint != first.fingerprint
    deliver(folder, 1, "full a1")
    load(conn, folder, 1)
    assert landing.inputs(conn, week(1), ["conditions"]).fingerprint == first.fingerprint, "the same bytes again"
