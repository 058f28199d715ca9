"""A seed is ours: a fault in it names file, line and column, and no seed of that run is loaded."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conditions import deliver, load
from landing_folder import LandingFolder, open_warehouse, week
from medimart import landing
from medimart import settings as places
from medimart.errors import InputError, SettingError
from medimart.landing.typing import typing_sha256

AGES = "age_band,age_from,age_to\n0-17,0,17\n18+,18,120\n"

# case: (the seed, what its file holds, what the message says)
FAULTS: dict[str, tuple[str, str | bytes | None, str]] = {
    "missing": ("age_band", None, "age_band.csv: expected the seed of the contract age_band.yaml; it is missing."),
    "empty": ("age_band", "", "age_band.csv, line 1: the column age_band is missing; the column age_from is missing;"),
    "a header alone": ("age_band", "age_band,age_from,age_to\n", "age_band.csv: expected at least one row; found a header alone."),
    "not UTF-8": ("age_band", AGES.encode() + b"\xe9", "age_band.csv: expected UTF-8; found the byte 0xe9."),
    "a column missing": ("age_band", AGES.replace(",age_to", ",upto"), "age_band.csv, line 1: the column age_to is missing; the header upto is not in its contract;"),
    "a column twice": ("age_band", AGES.replace(",age_to", ",age_to,age_to"), "age_band.csv, line 1: the header age_to comes twice"),
    "a field too many": ("age_band", AGES + "\n0,1,2,3\n", "age_band.csv, line 5: expected 3 fields; found 4."),
    "a quote in a field": ("age_band", AGES + '"0"x,1,2\n', "age_band.csv, line 4: "),
    "no value": ("age_band", AGES.replace("0-17", " "), "age_band.csv, line 2, age_band: expected a value; found none."),
    "no whole number": ("age_band", AGES.replace(",17", ",seventeen"), "age_band.csv, line 2, age_to: expected a whole number; found 'seventeen'."),
    "too small": ("age_band", AGES.replace(",0,", ",-1,"), "age_band.csv, line 2, age_from: expected at least 0; found -1."),
    "too large": ("age_band", AGES.replace("120", "1200"), "age_band.csv, line 3, age_to: expected at most"),
    "the key twice": ("age_band", AGES + '"0-17",5,6\n', "age_band.csv, line 4: the key 0-17 is on line 2 already."),
    "two faults": ("age_band", AGES.replace(",17", ",x").replace(",18", ",y"), "age_band.csv, line 3, age_from: expected a whole number; found 'y'."),
    "no number": ("rtt_standard", "standard_code,measure,level,threshold_days,target_rate,minimum_rise,valid_from,valid_to,source\na,within,any,126,most,,2012-04-01,,law\n", "rtt_standard.csv, line 2, target_rate: expected a number; found 'most'."),
    "not finite": ("rtt_standard", "standard_code,measure,level,threshold_days,target_rate,minimum_rise,valid_from,valid_to,source\na,within,any,126,NaN,,2012-04-01,,law\n", "rtt_standard.csv, line 2, target_rate: expected a number; found 'NaN'."),
    "no date": ("rtt_standard", "standard_code,measure,level,threshold_days,target_rate,minimum_rise,valid_from,valid_to,source\na,within,any,126,,,01/04/2012,,law\n", "rtt_standard.csv, line 2, valid_from: expected a date such as 2026-01-31; found '01/04/2012'."),
    "another form": ("rtt_standard", "standard_code,measure,level,threshold_days,target_rate,minimum_rise,valid_from,valid_to,source\na,during,any,126,,,2012-04-01,,law\n", "rtt_standard.csv, line 2, measure: expected the pattern within|over|first_appointment; found 'during'."),
    "neither true nor false": ("treatment_function", "treatment_function_code,treatment_function_name,is_published,published_code,sort_order\n100,General Surgery,perhaps,100,1\n", "treatment_function.csv, line 2, is_published: expected true or false; found 'perhaps'."),
    "an alias of two codes": ("value_alias", "domain,source_text,code\nseverity,stage 3,moderate\nseverity,Stage-3,severe\n", "value_alias.csv: the text 'stage 3' of severity means several codes (moderate, severe); keep one."),
}  # fmt: skip


@pytest.fixture
def reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the seeds to spoil."""
    folder = tmp_path / "reference"
    shutil.copytree(places.REFERENCE, folder)
    monkeypatch.setattr(places, "REFERENCE", folder)
    return folder


@pytest.fixture
def seeded(conn: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """A warehouse whose seeds are the shipped ones, before the test and after."""
    shipped = places.REFERENCE
    landing.load_seeds(conn)
    yield conn
    conn.rollback()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "REFERENCE", shipped)
        landing.load_seeds(conn)


def state(conn: psycopg.Connection[Any]) -> list[Any]:
    return conn.execute("select seed, sha256, row_count, loaded_at from quality.seed_audit order by 1").fetchall()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_file_line_and_column(fault: str, seeded: psycopg.Connection[Any], reference: Path) -> None:
    seed, content, message = FAULTS[fault]
    path = reference / f"{seed}.csv"
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with (reference / "wait_threshold.csv").open("a") as good:  # another seed, with a good row more
        good.write("130,910,911\n")
    before = state(seeded)
    with pytest.raises(InputError) as error:
        landing.load_seeds(seeded)
    assert f"reference/{message}" in str(error.value)
    assert state(seeded) == before, "none of the seeds is loaded"
    assert not seeded.execute("select from reference.ref_wait_threshold where threshold_weeks = 130").fetchall()


def test_seeds_that_are_loaded_are_left_alone(seeded: psycopg.Connection[Any]) -> None:
    before = state(seeded)
    landing.load_seeds(seeded)
    assert state(seeded) == before
    assert {seed: sha256 for seed, sha256, *_ in before} == landing.seed_digests()


def test_a_changed_seed_takes_the_place_of_the_former(seeded: psycopg.Connection[Any], reference: Path) -> None:
    (reference / "age_band.csv").write_text(AGES)
    landing.load_seeds(seeded)
    assert seeded.execute("select * from reference.ref_age_band order by age_from").fetchall() == [
        ("0-17", 0, 17),
        ("18+", 18, 120),
    ]


def test_two_sessions_may_bring_seeds_up_to_date_at_once(seeded: psycopg.Connection[Any], url: str) -> None:
    with open_warehouse(url) as other:
        landing.load_seeds(other)
        landing.load_seeds(seeded)


def test_a_changed_alias_types_the_loads_again(
    seeded: psycopg.Connection[Any], folder: LandingFolder, reference: Path
) -> None:
    deliver(folder, 1, "full a1~ b1")
    deliver(folder, 2, "changes c1~")
    load(seeded, folder, 1)
    severities = (
        "select condition_id, severity_code, flags -> 'severity_code' ->> 'text' from history.conditions order by 1"
    )
    flagged = "select sum(f.row_count) from quality.load_flag f join quality.load_audit a using (load_id) where a.source = 'conditions'"
    assert seeded.execute(severities).fetchall() == [("a", None, "Whatever"), ("b", "mild", None)]
    before = landing.inputs(seeded, week(1)).fingerprint
    with (reference / "value_alias.csv").open("a") as aliases:
        aliases.write("severity,whatever,severe\n")
    landing.load_seeds(seeded)
    load(seeded, folder, 2)
    assert seeded.execute(severities).fetchall() == [("a", "severe", None), ("b", "mild", None), ("c", "severe", None)]
    assert seeded.execute(flagged).fetchone() == (None,)
    assert landing.inputs(seeded, week(1)).fingerprint != before


def test_an_alias_of_another_domain_types_nothing_again(
    seeded: psycopg.Connection[Any], folder: LandingFolder, reference: Path
) -> None:
    deliver(folder, 1, "full a1 b1")
    load(seeded, folder, 1)
    typed = "select typed_at from quality.load_audit where source = 'conditions'"
    before = seeded.execute(typed).fetchall()
    with (reference / "value_alias.csv").open("a") as aliases:
        aliases.write("gender,lady,2\n")
    landing.load_seeds(seeded)
    load(seeded, folder, 1)
    assert seeded.execute(typed).fetchall() == before


def test_without_aliases_nothing_is_typed(conn: psycopg.Connection[Any]) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("alter table reference.ref_value_alias rename to ref_other")
        with pytest.raises(SettingError, match="The seed value_alias is not loaded"):
            typing_sha256(conn, landing.load_contract("conditions"))
