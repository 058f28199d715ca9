"""A row that cannot be kept is set aside with its line, column, rule and text; a value that can be kept is kept, flagged
and counted; the rest of the file goes on."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from landing_folder import SMALLEST, LandingFolder, open_warehouse, week
from medimart import landing

# source: a row that is right in every column the cases below spoil, optional ones among them
GOOD: dict[str, dict[str, str]] = {
    "patients": {"patient_id": "", "nhs_number": "999 000 0018", "first_name": "Ada", "last_name": "Test", "dob": "28/02/1950",
                 "gender": "Female", "postcode": "LS1 4AP", "ethnicity": "White British", "risk_level": "low",
                 "imd_decile": "3", "death_date": "", "interpreter_needed": "Y"},
    "gp": {"gp_id": "", "name": "Dr A Test", "practice": "Testgate Surgery", "postcode": "LS1 4AP", "practice_code": "B81001"},
    "referrals": {"referral_id": "", "patient_id": "P1", "gp_id": "G1", "referral_date": "2025-11-03", "specialty": "Cardiology",
                  "reason": "chest pain", "referral_status": "Open", "trust_id": "T1", "notes": "none", "received_date": "05/11/2025",
                  "on_cancer_list": "No"},
    "appointments": {"appointment_id": "", "patient_id": "P1", "trust_id": "T1", "specialty": "Cardiology", "appt_date": "2025-12-01",
                     "appt_status": "Attended", "referral_date": "2025-11-03", "wait_weeks": "4.5"},
    "procedures": {"procedure_id": "", "patient_id": "P1", "procedure_name": "Angiogram", "planned_date": "2026-01-20",
                   "actual_date": "", "status": "Planned"},
    "sessions": {"session_id": "", "trust_id": "T1", "specialty": "Cardiology", "session_date": "2026-01-05", "session_type": "Clinic",
                 "planned_slots": "12", "session_status": "Planned", "cancel_reason": ""},
    "experience": {"response_id": "", "survey_date": "2026-01-02", "trust_id": "T1", "specialty": "Cardiology", "answer": "Good"},
}  # fmt: skip
KEYS = {source: next(iter(row)) for source, row in GOOD.items()}

# case: (source, what the row holds, typed column and rule of its entry in quarantine, the text kept there)
SET_ASIDE: dict[str, tuple[str, dict[str, str], str, str, str | None]] = {
    "key missing": ("referrals", {"referral_id": " "}, "referral_id", "missing_key", " "),
    "key beyond all length": ("referrals", {"referral_id": "R" * 5000}, "referral_id", "unreadable_key", "R" * 5000),
    "patient missing": ("referrals", {"patient_id": ""}, "patient_id", "missing_value", None),
    "required date missing": ("referrals", {"referral_date": ""}, "referral_date", "missing_value", None),
    "required date unreadable": ("referrals", {"referral_date": "3rd Nov 2025"}, "referral_date", "unreadable_date", "3rd Nov 2025"),
    "month in words": ("referrals", {"referral_date": "03-Nov-2025"}, "referral_date", "unreadable_date", "03-Nov-2025"),
    "year of two digits": ("referrals", {"referral_date": "03/11/25"}, "referral_date", "unreadable_date", "03/11/25"),
    "today": ("referrals", {"referral_date": "today"}, "referral_date", "unreadable_date", "today"),
    "now": ("referrals", {"referral_date": "now"}, "referral_date", "unreadable_date", "now"),
    "infinity": ("referrals", {"referral_date": "infinity"}, "referral_date", "unreadable_date", "infinity"),
    "a serial number": ("referrals", {"referral_date": "45964"}, "referral_date", "unreadable_date", "45964"),
    "31 February": ("referrals", {"referral_date": "31/02/2025"}, "referral_date", "impossible_date", "31/02/2025"),
    "31 February, ISO": ("referrals", {"referral_date": "2025-02-31"}, "referral_date", "impossible_date", "2025-02-31"),
    "29 February of no leap year": ("referrals", {"referral_date": "29/02/2025"}, "referral_date", "impossible_date", "29/02/2025"),
    "month 13": ("referrals", {"referral_date": "02/13/2025"}, "referral_date", "impossible_date", "02/13/2025"),
    "before 1900": ("referrals", {"referral_date": "1899-12-31"}, "referral_date", "impossible_date", "1899-12-31"),
    "after 2099": ("referrals", {"referral_date": "01/01/2100"}, "referral_date", "impossible_date", "01/01/2100"),
    "optional date impossible": ("referrals", {"received_date": "31/02/2025"}, "received_date", "impossible_date", "31/02/2025"),
    "optional date before 1900": ("patients", {"death_date": "1066-10-14"}, "death_date", "impossible_date", "1066-10-14"),
    "birth before 1900": ("patients", {"dob": "31/12/1899"}, "birth_date", "impossible_date", "31/12/1899"),
    "birth date unreadable": ("patients", {"dob": "unknown"}, "birth_date", "unreadable_date", "unknown"),
    "survey date unreadable": ("experience", {"survey_date": "in May"}, "survey_date", "unreadable_date", "in May"),
    "appointment date missing": ("appointments", {"appt_date": ""}, "appointment_date", "missing_value", None),
    "required number unreadable": ("appointments", {"wait_weeks": "four"}, "recorded_wait_weeks", "unreadable_number", "four"),
    "number with a comma": ("appointments", {"wait_weeks": "1,5"}, "recorded_wait_weeks", "unreadable_number", "1,5"),
    "not a number": ("appointments", {"wait_weeks": "NaN"}, "recorded_wait_weeks", "unreadable_number", "NaN"),
    "whole number with a fraction": ("sessions", {"planned_slots": "12.5"}, "planned_slots", "unreadable_number", "12.5"),
    "whole number past all bounds": ("sessions", {"planned_slots": "99999999999"}, "planned_slots", "unreadable_number", "99999999999"),
}  # fmt: skip

# case: (source, what the row holds, typed column, its value in history, rule of its flag or None, text kept in the flag)
KEPT: dict[str, tuple[str, dict[str, str], str, Any, str | None, str | None]] = {
    "ISO date": ("referrals", {"referral_date": "2025-04-03"}, "referral_date", "2025-04-03", None, None),
    "British date": ("referrals", {"referral_date": "03/04/2025"}, "referral_date", "2025-04-03", None, None),
    "British date, short": ("referrals", {"referral_date": " 3/4/2025 "}, "referral_date", "2025-04-03", None, None),
    "29 February": ("referrals", {"referral_date": "29/02/2024"}, "referral_date", "2024-02-29", None, None),
    "first day of 1900": ("patients", {"dob": "1900-01-01"}, "birth_date", "1900-01-01", None, None),
    "birth date missing": ("patients", {"dob": ""}, "birth_date", None, None, None),
    "optional date unreadable": ("referrals", {"received_date": "next week"}, "received_date", None, "unreadable", "next week"),
    "word for a code": ("patients", {"gender": "FEMALE"}, "gender_code", "2", None, None),
    "code itself": ("patients", {"gender": "2"}, "gender_code", "2", None, None),
    "unmapped word": ("patients", {"gender": "Lady"}, "gender_code", None, "unmapped", "Lady"),
    "unmapped code": ("patients", {"ethnicity": "ZZ9"}, "ethnic_category_code", None, "unmapped", "ZZ9"),
    "blank code": ("patients", {"ethnicity": " "}, "ethnic_category_code", None, None, None),
    "specialty in capitals": ("referrals", {"specialty": "  CARDIOLOGY "}, "treatment_function_code", "320", None, None),
    "specialty spelt otherwise": ("referrals", {"specialty": "Trauma & Orthopaedics"}, "treatment_function_code", "110", None, None),
    "unmapped specialty": ("referrals", {"specialty": "Phrenology"}, "treatment_function_code", None, "unmapped", "Phrenology"),
    "status spelt otherwise": ("appointments", {"appt_status": "NO-SHOW"}, "appointment_status", "no_show", None, None),
    "NHS number with spaces": ("patients", {"nhs_number": "999 000 0018"}, "nhs_number", "9990000018", None, None),
    "NHS number that fails its check": ("patients", {"nhs_number": "9990000019"}, "nhs_number", "9990000019", "invalid", "9990000019"),
    "NHS number whose check digit is ten": ("patients", {"nhs_number": "9990000020"}, "nhs_number", "9990000020", "invalid", "9990000020"),
    "NHS number too short": ("patients", {"nhs_number": "999-0018"}, "nhs_number", "9990018", "invalid", "999-0018"),
    "NHS number of letters": ("patients", {"nhs_number": "unknown"}, "nhs_number", None, "invalid", "unknown"),
    "NHS number missing": ("patients", {"nhs_number": ""}, "nhs_number", None, None, None),
    "postcode without space": ("patients", {"postcode": "ls14ap"}, "postcode", "LS1 4AP", None, None),
    "unreadable postcode": ("patients", {"postcode": "Leeds"}, "postcode", None, "unreadable", "Leeds"),
    "yes": ("patients", {"interpreter_needed": "1"}, "interpreter_needed", True, None, None),
    "neither yes nor no": ("patients", {"interpreter_needed": "maybe"}, "interpreter_needed", None, "unmapped", "maybe"),
    "number out of range": ("patients", {"imd_decile": "11"}, "imd_decile", None, "out_of_range", "11"),
    "optional number unreadable": ("patients", {"imd_decile": "most deprived"}, "imd_decile", None, "unreadable", "most deprived"),
    "required number out of range": ("sessions", {"planned_slots": "-1"}, "planned_slots", None, "out_of_range", "-1"),
    "number missing": ("appointments", {"wait_weeks": ""}, "recorded_wait_weeks", None, None, None),
    "format unexpected": ("gp", {"practice_code": "B8100"}, "practice_code", "B8100", "unexpected_format", "B8100"),
    "answer in words": ("experience", {"answer": "very GOOD"}, "answer_code", "1", None, None),
    "answer as a number": ("experience", {"answer": " 5 "}, "answer_code", "5", None, None),
    "answer with its number": ("experience", {"answer": "3 - Neither good nor poor"}, "answer_code", "3", None, None),
    "answer that knows not": ("experience", {"answer": "Don\u2019t know"}, "answer_code", "6", None, None),
    "answer in the patient's own words": ("experience", {"answer": "Kind nurses"}, "answer_code", None, "unmapped", "Kind nurses"),
    "answer to the question of before 2020": ("experience", {"answer": "Extremely likely"}, "answer_code", None, "unmapped", "Extremely likely"),
    "answer out of range": ("experience", {"answer": "7"}, "answer_code", None, "unmapped", "7"),
    "answer skipped": ("experience", {"answer": ""}, "answer_code", None, None, None),
    "orphan patient": ("referrals", {"patient_id": "P-nobody"}, "patient_id", "P-nobody", None, None),
    "orphan trust": ("appointments", {"trust_id": "T-nowhere"}, "trust_id", "T-nowhere", None, None),
    "completion in the future": ("procedures", {"actual_date": "2027-01-01", "status": "Completed"}, "actual_date", "2027-01-01", None, None),
    "spaces around text": ("referrals", {"notes": "\u00a0 see letter\t"}, "notes", "see letter", None, None),
    "comma and quote in text": ("referrals", {"notes": 'said "no", twice'}, "notes", 'said "no", twice', None, None),
    "two lines of text": ("referrals", {"notes": "one\ntwo"}, "notes", "one\ntwo", None, None),
}  # fmt: skip


def key_of(case: str) -> str:
    """The key that a case's row bears, unless the case is about the key."""
    return "K " + case


def file_of(source: str) -> tuple[str, dict[str, int]]:
    """A source's file with a row for each case, a good one after each; and the line of each case."""
    cases = {case: row for case, (of, row, *_) in (SET_ASIDE | KEPT).items() if of == source}
    buffer, lines, line = io.StringIO(newline=""), {}, 2
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(GOOD[source])
    for case, row in cases.items():
        for values in (row, {KEYS[source]: f"good after {case}"}):
            start = buffer.tell()
            writer.writerow({**GOOD[source], KEYS[source]: key_of(case), **values}.values())
            lines.setdefault(case, line)
            line += buffer.getvalue()[start:].count("\n")
    return buffer.getvalue(), lines


LINES = {source: file_of(source)[1] for source in GOOD}


@pytest.fixture(scope="module")
def loaded(kept_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """A warehouse into which every case was loaded."""
    folder = LandingFolder(tmp_path_factory.mktemp("rows"))
    folder.extract(files={f"{source}.csv": file_of(source)[0] for source in GOOD})
    with open_warehouse(kept_url) as conn:
        for source in GOOD:
            landing.load_source(conn, folder.path, source, week(1))
        yield conn
        conn.rollback()


@pytest.mark.parametrize("case", SET_ASIDE)
def test_a_row_that_cannot_be_kept(case: str, loaded: psycopg.Connection[Any]) -> None:
    source, _, column, rule, text = SET_ASIDE[case]
    key = None if rule in ("missing_key", "unreadable_key") else key_of(case)
    entries = loaded.execute(
        "select file_name, line_no, record_key, column_name, rule, source_text from quality.quarantine "
        "where source = %s and line_no = %s",
        (source, LINES[source][case]),
    ).fetchall()
    assert entries == [(f"{source}.csv", LINES[source][case], key, column, rule, text)]
    assert not loaded.execute(f"select from history.{source} where line_no = %s", (LINES[source][case],)).fetchall()


@pytest.mark.parametrize("case", KEPT)
def test_a_value_that_is_kept(case: str, loaded: psycopg.Connection[Any]) -> None:
    source, _, column, value, rule, text = KEPT[case]
    [(found, flags, line)] = loaded.execute(
        f"select to_jsonb({column}), flags, line_no from history.{source} where {KEYS[source]} = %s", (key_of(case),)
    ).fetchall()
    assert (found, line) == (value, LINES[source][case])
    assert flags == ({column: {"rule": rule, "text": text}} if rule else None)


@pytest.mark.parametrize("source", GOOD)
def test_the_rest_goes_on(source: str, loaded: psycopg.Connection[Any]) -> None:
    good = loaded.execute(
        f"select count(*) from history.{source} where {KEYS[source]} like 'good after %%' and flags is null"
    ).fetchone()
    assert good == (len(LINES[source]),)


@pytest.mark.parametrize("source", GOOD)
def test_flags_are_counted(source: str, loaded: psycopg.Connection[Any]) -> None:
    expected = Counter((column, rule) for of, _, column, _, rule, _ in KEPT.values() if of == source and rule)
    found = loaded.execute(
        "select f.column_name, f.rule, f.row_count from quality.load_flag f join quality.load_audit a using (load_id) "
        "where a.source = %s",
        (source,),
    ).fetchall()
    assert {(column, rule): count for column, rule, count in found} == expected


def test_the_whole_row_is_kept_beside_its_fault(loaded: psycopg.Connection[Any]) -> None:
    [(record,)] = loaded.execute("select record from quality.quarantine where source_text = 'today'").fetchall()
    assert record == {**GOOD["referrals"], "referral_id": key_of("today"), "referral_date": "today"}


def test_a_row_has_an_entry_for_each_of_its_faults(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    header = SMALLEST["referrals"].splitlines()[0]
    folder.extract(files={"referrals.csv": f"{header}\n,,G1,32/01/2025,Cardiology,,Open,T1,\nR1,P1,G1,today,,,,,\n"})
    [result] = landing.load_source(conn, folder.path, "referrals", week(1))
    assert (result.rows, result.versions, result.quarantined) == (2, 0, 2)
    faults = conn.execute(
        "select line_no, column_name, rule from quality.quarantine where source = 'referrals' order by 1, 2"
    ).fetchall()
    assert faults == [
        (2, "patient_id", "missing_value"),
        (2, "referral_date", "impossible_date"),
        (2, "referral_id", "missing_key"),
        (3, "referral_date", "unreadable_date"),
    ]


# A record that could not be split, and the key it is known by all the same.
BROKEN = {
    "too few fields": ("C1,P1,Asthma", "C1"),
    "too many fields": ("C1,P1,Asthma,Mild,Yes,again", "C1"),
    "quoted": ('"C1","P1","Asthma, mild","Mild","Yes","again"', "C1"),
    "a quote in the text": ('"C1","P1","so-called "asthma"","Mild","Yes"', "C1"),
    "a key in doubt": ('"C1,P1,Asthma,Mild,Yes', None),
    "no key": (",P1,Asthma", None),
    "a key beyond all length": ("C" * 5000 + ",P1,Asthma", None),
    "a comma in the key": ('"C1,a",P1,Asthma', None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_record_that_cannot_be_split(case: str, conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    text, key = BROKEN[case]
    folder.extract(
        files={"conditions.csv": SMALLEST["conditions"].replace("C1,", "C0,") + text + "\nC9,P1,Gout,Mild,No\n"}
    )
    [result] = landing.load_source(conn, folder.path, "conditions", week(1))
    assert (result.rows, result.versions, result.quarantined) == (3, 2, 1)
    [entry] = conn.execute(
        "select line_no, column_name, record_key, source_text, record from quality.quarantine"
    ).fetchall()
    assert entry[:4] == (3, "record", key, text)
    assert entry[4]["broken_text"] == text


def test_a_broken_record_has_no_key_where_the_key_is_not_first(
    conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    folder.extract(files={"conditions.csv": "patient_id,condition_id,condition_name,severity,active\nP1,C1,Asthma\n"})
    landing.load_source(conn, folder.path, "conditions", week(1))
    assert conn.execute("select record_key from quality.quarantine").fetchall() == [(None,)]


def test_columns_nobody_asked_for_are_kept_in_raw(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract(
        files={"trusts.csv": "Region,Trust ID,NAME,Beds (2026),region manager\nNorth,T1,Testshire,400,A. Test\n"}
    )
    landing.load_source(conn, folder.path, "trusts", week(1))
    assert conn.execute("select trust_id, name, extra_beds_2026, extra_region_manager from raw.trusts").fetchall() == [
        ("T1", "Testshire", "400", "A. Test")
    ]
    assert conn.execute("select columns from quality.load_audit").fetchall() == [
        ({"Region": "region", "Trust ID": "trust_id", "NAME": "name", "Beds (2026)": "extra_beds_2026",
          "region manager": "extra_region_manager"},)
    ]  # fmt: skip


def test_what_an_extract_cannot_say_is_null(conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract()
    landing.load_source(conn, folder.path, "referrals", week(1))
    [(row,)] = conn.execute("select to_jsonb(h) from history.referrals h").fetchall()
    optional = [column.name for column in landing.load_contract("referrals").columns if not column.required]
    assert {row[name] for name in optional} == {None}
    assert row["flags"] is None
