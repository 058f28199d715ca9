"""What there is as of each week: full deliveries and changes, deletions, repeated keys, rows set aside and mended."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conditions import HEADER, counts, deliver, line_of, load, selection
from landing_folder import SMALLEST, LandingFolder, week
from medimart import landing
from medimart.errors import InputError

# case: the deliveries week by week (see conditions.py), and what there is as of each week
DELIVERIES: dict[str, list[tuple[str, str]]] = {
    "a later full holds all there is": [("full a1 b1", "a1 b1"), ("full a2 c1", "a2 c1")],
    "changes leave the rest as it was": [("full a1 b1", "a1 b1"), ("changes a2 c1", "a2 b1 c1")],
    "changes without a full before": [("changes a1", "a1"), ("changes b1", "a1 b1")],
    "changes of nothing": [("full a1", "a1"), ("changes", "a1")],
    "a full after changes": [("full a1", "a1"), ("changes b1", "a1 b1"), ("full a1", "a1")],
    "back after an absence": [("full a1 b1", "a1 b1"), ("full b1", "b1"), ("full a1 b1", "a1 b1")],
    "a deletion": [("full a1 b1", "a1 b1"), ("changes -a", "b1")],
    "a deletion in a full": [("full a1 b1", "a1 b1"), ("full -a b1", "b1")],
    "a deletion of what never was": [("full a1", "a1"), ("changes -z", "a1")],
    "back after a deletion": [("full a1", "a1"), ("changes -a", ""), ("changes a3", "a3")],
    "twice in one file: the last line": [("full a1 b1 a2", "a2 b1")],
    "deleted further down the file": [("full a1 b1 -a", "b1")],
    "set aside: the last good one goes on": [
        ("full a1 b1", "a1 b1"),
        ("full a? b2", "a1* b2"),
        ("changes b3", "a1* b3"),
    ],
    "set aside in changes": [("full a1", "a1"), ("changes a?", "a1*"), ("changes b1", "a1* b1")],
    "mended by a later version": [("full a1", "a1"), ("changes a?", "a1*"), ("changes a3", "a3")],
    "set aside again and again": [
        ("full a1 b1", "a1 b1"),
        ("full a? b1", "a1* b1"),
        ("full a? b1", "a1* b1"),
        ("full b1", "b1"),
    ],
    "set aside, then absent": [("full a1 b1", "a1 b1"), ("changes a?", "a1* b1"), ("full b1", "b1")],
    "set aside, then deleted": [("full a1 b1", "a1 b1"), ("changes a?", "a1* b1"), ("changes -a", "b1")],
    "never a good one": [("full a? b1", "b1"), ("full a? b1", "b1"), ("changes a1", "a1 b1")],
    "set aside after a deletion": [("full a1", "a1"), ("changes -a", ""), ("changes a?", "")],
    "a broken record holds its key": [("full a1 b1", "a1 b1"), ("full a! b2", "a1* b2")],
    "a row without a key holds none": [("full a1", "a1"), ("full ? b1", "b1")],
    "bad below good in one file": [("full a1 b1 a?", "a1* b1")],
    "good below bad in one file": [("full a? b1 a1", "a1 b1")],
}


# case: the deliveries, and what became of the rows of each as of the last week:
# rows = current + superseded + deleted + absent + quarantined
COUNTS: dict[str, list[tuple[str, str]]] = {
    "superseded and absent": [("full a1 b1 c1", "3 = 0 + 2 + 0 + 1 + 0"), ("full a1 b2", "2 = 2 + 0 + 0 + 0 + 0")],
    "a repeated key": [("full a1 a2 a3", "3 = 1 + 2 + 0 + 0 + 0")],
    "a deletion and what it closed": [("full a1 b1", "2 = 1 + 0 + 1 + 0 + 0"), ("changes -a", "1 = 0 + 0 + 1 + 0 + 0")],
    "set aside": [("full a? b1", "2 = 1 + 0 + 0 + 0 + 1")],
    "carried on": [("full a1", "1 = 1 + 0 + 0 + 0 + 0"), ("changes a?", "1 = 0 + 0 + 0 + 0 + 1")],
    "released by a later version": [("changes a?", "1 = 0 + 1 + 0 + 0 + 0"), ("changes a2", "1 = 1 + 0 + 0 + 0 + 0")],
    "released by a deletion": [("changes a?", "1 = 0 + 1 + 0 + 0 + 0"), ("changes -a", "1 = 0 + 0 + 1 + 0 + 0")],
    "released by a later full": [("changes a? ? b1", "3 = 0 + 2 + 0 + 1 + 0"), ("full c2", "1 = 1 + 0 + 0 + 0 + 0")],
    "released further down the file": [("full a? a1", "2 = 1 + 1 + 0 + 0 + 0")],
    "not released further up the file": [("full a1 a?", "2 = 1 + 0 + 0 + 0 + 1")],
    "without a key": [("changes ?", "1 = 0 + 0 + 0 + 0 + 1"), ("changes a1", "1 = 1 + 0 + 0 + 0 + 0")],
    "flagged, and kept": [("full a1~ b1", "2 = 2 + 0 + 0 + 0 + 0")],
}


@pytest.mark.parametrize("case", DELIVERIES)
def test_what_there_is_each_week(case: str, conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    weeks = DELIVERIES[case]
    for number, (delivery, _) in enumerate(weeks, 1):
        deliver(folder, number, delivery)
    load(conn, folder, len(weeks))
    for number, (_, expected) in enumerate(weeks, 1):
        assert selection(conn, number) == expected, f"week {number}"
        current = sum(int(line.split()[2]) for line in counts(conn, number))
        assert current == len(expected.split()), f"week {number}"


@pytest.mark.parametrize("case", COUNTS)
def test_what_became_of_every_row(case: str, conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    weeks = COUNTS[case]
    for number, (delivery, _) in enumerate(weeks, 1):
        deliver(folder, number, delivery)
    load(conn, folder, len(weeks))
    assert counts(conn, len(weeks)) == [expected for _, expected in weeks]


def test_a_count_is_as_of_its_week(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    for number, delivery in enumerate(["full a? b1", "changes a2", "full b2"], 1):
        deliver(folder, number, delivery)
    load(conn, folder, 3)
    assert counts(conn, 1) == ["2 = 1 + 0 + 0 + 0 + 1"]
    assert counts(conn, 2) == ["2 = 1 + 1 + 0 + 0 + 0", "1 = 1 + 0 + 0 + 0 + 0"]
    assert counts(conn, 3) == ["2 = 0 + 2 + 0 + 0 + 0", "1 = 0 + 0 + 0 + 1 + 0", "1 = 1 + 0 + 0 + 0 + 0"]


def test_what_released_a_row_is_said(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    for number, delivery in enumerate(["full a? b1 c?", "changes a2", "full b2"], 1):
        deliver(folder, number, delivery)
    load(conn, folder, 3)
    released = conn.execute(
        "select q.record_key, l.extract_date from quality.quarantine q "
        "join quality.load_audit l on l.load_id = q.released_by_load order by 1"
    ).fetchall()
    assert released == [("a", week(2)), ("c", week(3))]


def audit(conn: psycopg.Connection[Any]) -> list[tuple[str, str, int]]:
    """The loads of conditions: file, status, rows; in the order they were made."""
    return conn.execute(
        "select file_name, status, row_count from quality.load_audit where source = 'conditions' order by load_id"
    ).fetchall()


def touch(path: Path) -> Path:
    os.utime(path, ns=(1, 1))
    return path


def rename(path: Path) -> Path:
    return path.rename(path.with_name("CONDITIONS.CSV"))


def rewrite(path: Path) -> Path:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("change", [touch, rename, rewrite])
def test_the_same_bytes_are_recognised(change: Any, conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    deliver(folder, 1, "full a1 b1")
    [first] = load(conn, folder, 1)
    change(folder.path / str(week(1)) / "conditions.csv")
    assert load(conn, folder, 1) == []
    assert load(conn, folder, 1) == []
    assert audit(conn) == [("conditions.csv", "typed", 2)]
    assert conn.execute("select distinct load_id from history.conditions").fetchall() == [(first.load_id,)]


def test_the_same_rows_packed_otherwise_take_the_place_of_the_first(
    conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    deliver(folder, 1, "full a1 b1")
    load(conn, folder, 1)
    path = folder.path / str(week(1)) / "conditions.csv"
    (path.parent / "conditions.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    load(conn, folder, 1)
    assert audit(conn) == [("conditions.csv", "superseded", 2), ("conditions.csv.gz", "typed", 2)]
    assert selection(conn, 1) == "a1 b1"


def test_a_corrected_file_supersedes(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    deliver(folder, 1, "full a1 b? c1")
    deliver(folder, 2, "changes c2")
    [first, _] = load(conn, folder, 2)
    raw = f'select * from raw."conditions_{first.load_id}" order by line_no'
    before = conn.execute(raw).fetchall()
    deliver(folder, 1, "full a5 b5")
    [second] = load(conn, folder, 2)
    assert audit(conn) == [
        ("conditions.csv", "superseded", 3),
        ("conditions.csv", "typed", 1),
        ("conditions.csv", "typed", 2),
    ]
    assert conn.execute(raw).fetchall() == before, "a load never changes"
    assert (selection(conn, 1), selection(conn, 2)) == ("a5 b5", "a5 b5 c2")
    assert counts(conn, 2) == ["2 = 2 + 0 + 0 + 0 + 0", "1 = 1 + 0 + 0 + 0 + 0"]
    assert conn.execute(
        "select superseded_by from quality.load_audit where load_id = %s", (first.load_id,)
    ).fetchone() == (second.load_id,)
    evidence = conn.execute("select load_id, record_key, released_by_load from quality.quarantine").fetchall()
    assert evidence == [(first.load_id, "b", second.load_id)]


def test_a_correction_takes_its_release_with_it(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    for number, delivery in enumerate(["full a1 b?", "changes b2", "changes b3"], 1):
        deliver(folder, number, delivery)
    load(conn, folder, 3)
    deliver(folder, 2, "changes c1")
    load(conn, folder, 3)
    assert (selection(conn, 2), selection(conn, 3)) == ("a1 c1", "a1 b3 c1")
    assert counts(conn, 2) == ["2 = 1 + 0 + 0 + 0 + 1", "1 = 1 + 0 + 0 + 0 + 0"]
    assert counts(conn, 3)[0] == "2 = 1 + 1 + 0 + 0 + 0"


def test_another_delivery_of_the_same_bytes_is_another_load(
    conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    deliver(folder, 1, "full a1 b1")
    deliver(folder, 2, "full b2")
    load(conn, folder, 2)
    assert selection(conn, 2) == "b2"
    deliver(folder, 2, "changes b2")
    load(conn, folder, 2)
    assert selection(conn, 2) == "a1 b2"


def test_a_correction_that_cannot_be_loaded_leaves_the_first_in_force(
    conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    deliver(folder, 1, "full a1 b1")
    load(conn, folder, 1)
    (folder.path / str(week(1)) / "conditions.csv").write_text("")
    with pytest.raises(InputError, match="an empty file"):
        load(conn, folder, 1)
    assert audit(conn) == [("conditions.csv", "typed", 2)]
    assert selection(conn, 1) == "a1 b1"


def test_a_loaded_file_may_be_archived(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    deliver(folder, 1, "full a1")
    for contract in landing.folder_contracts():
        landing.load_source(conn, folder.path, contract.source, week(1))
    (folder.path / str(week(1)) / "conditions.csv").unlink()
    deliver(folder, 2, "changes b1")
    load(conn, folder, 2)
    assert selection(conn, 2) == "a1 b1"


def test_a_header_that_the_contract_learns_later(
    conn: psycopg.Connection[Any], folder: LandingFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown column is kept in raw; once its header is an alias, the loads are typed from it as if it always were."""
    header = HEADER.replace("diagnosed_date", "First noted").replace("condition_name", "condition name")
    folder.extract(files={"conditions.csv": header + "a,P1,1,Mild,Yes,03/04/2025,\nb,P1,1,Mild,Yes,31/02/2025,\n"})
    load(conn, folder, 1)
    assert conn.execute("select condition_id, diagnosed_date from history.conditions order by 1").fetchall() == [
        ("a", None),
        ("b", None),
    ]
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    for path in landing.contract.CONTRACTS.glob("*.yaml"):
        text = path.read_text().replace("aliases: [date of diagnosis", "aliases: [first noted, date of diagnosis")
        (contracts / path.name).write_text(text)
    monkeypatch.setattr(landing.contract, "CONTRACTS", contracts)
    assert load(conn, folder, 1) == []
    assert conn.execute("select condition_id, diagnosed_date::text from history.conditions").fetchall() == [
        ("a", "2025-04-03")
    ]
    assert conn.execute("select record_key, rule, source_text from quality.quarantine").fetchall() == [
        ("b", "impossible_date", "31/02/2025")
    ]


@pytest.mark.parametrize(
    ("before", "after", "last"),
    [
        ("condition_name: {type: text,", "condition_name: {type: integer,", "3"),
        ("key: [condition_id]", "key: [condition_id, patient_id]", '"3"'),
        ("formats: [iso, dmy]", "formats: [iso]", '"3"'),
    ],
    ids=["a column of another type", "another key", "another format"],
)
def test_a_changed_contract_types_the_loads_again(
    before: str, after: str, last: str,
    conn: psycopg.Connection[Any], folder: LandingFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    deliver(folder, 1, "full a1 b2")
    load(conn, folder, 1)
    [(typed_by,)] = conn.execute("select typing_sha256 from quality.load_audit").fetchall()
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    for path in landing.contract.CONTRACTS.glob("*.yaml"):
        (contracts / path.name).write_text(path.read_text().replace(before, after))
    monkeypatch.setattr(landing.contract, "CONTRACTS", contracts)
    deliver(folder, 2, "changes c3")
    load(conn, folder, 2)
    assert conn.execute("select condition_name::text from history.conditions order by 1").fetchall() == [
        ("1",),
        ("2",),
        ("3",),
    ]
    assert conn.execute(
        "select to_jsonb(h) ->> 'condition_name', jsonb_typeof(to_jsonb(h) -> 'condition_name') = 'number' from history.conditions h where condition_id = 'c'"
    ).fetchone() == ("3", last == "3")
    hashes = {sha256 for (sha256,) in conn.execute("select typing_sha256 from quality.load_audit").fetchall()}
    assert len(hashes) == 1
    assert hashes != {typed_by}


def test_a_deletion_needs_its_key_alone(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract(files={"conditions.csv": HEADER + line_of("a1") + "b,,,,,31/02/2025, Deleted \n,P1,,,,,deleted\n"})
    load(conn, folder, 1)
    assert conn.execute("select condition_id, is_deleted from history.conditions order by 1").fetchall() == [
        ("a", False),
        ("b", True),
    ]
    assert conn.execute("select line_no, rule from quality.quarantine").fetchall() == [(4, "missing_key")]


def test_another_word_for_the_record_status_is_kept_and_flagged(
    conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    lines = [
        f"{key},P1,1,Mild,Yes,,{status}\n"
        for key, status in {"a": "active", "b": "", "c": "Struck off", "d": "DELETED"}.items()
    ]
    folder.extract(files={"conditions.csv": HEADER + "".join(lines)})
    load(conn, folder, 1)
    assert selection(conn, 1) == "a1 b1 c1"
    flagged = conn.execute("select condition_id, flags from history.conditions where flags is not null").fetchall()
    assert flagged == [("c", {"record_status": {"rule": "unmapped", "text": "Struck off"}})]


def test_an_answer_to_the_survey_may_be_withdrawn(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    """Its contract takes no column that it does not name, but the one by which rows are deleted."""
    survey = "response_id,survey_date,trust_id,specialty,answer,record_status\n"
    folder.extract(
        week(1), {"experience.csv": survey + "Q1,2026-01-02,T1,Cardiology,1,\nQ2,2026-01-02,T1,Cardiology,5,\n"}
    )
    folder.extract(week(2))
    folder.extract(week(3), {"experience.csv": survey + "Q2,,,,,deleted\n"})
    for number in (1, 3):
        landing.load_source(conn, folder.path, "experience", week(number))
    current = "select response_id from history.experience where not is_deleted and valid_to = 'infinity' order by 1"
    assert conn.execute(current).fetchall() == [("Q1",)]


def test_a_contract_decides_where_the_marker_is_silent(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    sessions = "session_id,trust_id,specialty,session_date,session_type,planned_slots,session_status,cancel_reason\n"
    folder.extract(files={"sessions.csv": sessions + "S1,T1,Cardiology,2026-01-05,Clinic,12,Planned,\n"})
    [of_sessions] = landing.load_source(conn, folder.path, "sessions", week(1))
    [of_trusts] = landing.load_source(conn, folder.path, "trusts", week(1))
    assert (of_sessions.delivery, of_trusts.delivery) == ("changes", "full")
    assert SMALLEST["trusts"].count("\n") - 1 == of_trusts.rows
