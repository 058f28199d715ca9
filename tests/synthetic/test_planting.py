"""Everything that is planted is found by the real pipeline, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import landing
from medimart.errors import InputError, SettingError
from medimart.local.postgres import PostgresServer
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from medimart.synthetic.planting import FILE_FAULTS, Planted, is_core, read_list
from medimart.synthetic.scenarios import INFERENCES, SCENARIOS
from synthetic_pipeline import build_all, expected, flagged, loaded, quarantined, rows_of, wanted_rows

TWO_OF_EACH = dict.fromkeys(SCENARIOS, 2)
CORE = {name: 2 for name, scenario in SCENARIOS.items() if is_core(scenario)}

Found = tuple[psycopg.Connection[Any], tuple[Planted, ...]]


@pytest.fixture(scope="module", params=["all columns", "core columns"])
def found(
    request: pytest.FixtureRequest, server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Found]:
    """Every scenario twice among a few ordinary patients, loaded and built."""
    core = request.param == "core columns"
    options = Options(patients=150, weeks=5, trusts=2, core_only=core, plant=CORE if core else TWO_OF_EACH)
    home = tmp_path_factory.mktemp("planting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_HOME", str(home / "home"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        name = f"planting_{'core' if core else 'all'}"
        with loaded(server, name, home / "landing", options) as (conn, planted):
            build_all(conn, options.until)
            yield conn, planted


def test_faults_are_quarantined_and_nothing_else(found: Found) -> None:
    conn, planted = found
    assert quarantined(conn) == expected(planted, "quarantine")


def test_doubtful_values_are_flagged_and_nothing_else(found: Found) -> None:
    conn, planted = found
    assert flagged(conn) == expected(planted, "flag")


def test_repeated_keys_are_counted_and_nothing_else(found: Found) -> None:
    conn, planted = found
    counted = conn.execute(
        "select extract_date || '/' || file_name, duplicate_count from quality.load_audit where duplicate_count > 0"
    )
    assert dict(counted.fetchall()) == Counter(p.file for p in planted if p.find["in"] == "duplicates")


def test_models_say_what_is_expected(found: Found) -> None:
    conn, planted = found
    wrong = []
    for one in (p for p in planted if "where" in p.find):
        said, wanted = (sorted(map(str, rows)) for rows in (rows_of(conn, one), wanted_rows(one)))
        if said != wanted:
            wrong.append(f"{one.name}, {one.find['where']}:\n  wanted {wanted}\n  found  {said}")
    assert not wrong, "\n".join(wrong)


def test_every_spoilt_file_is_refused_by_name(warehouse: psycopg.Connection[Any], tmp_path: Path) -> None:
    options = Options(
        patients=60, weeks=2, trusts=1, gzip=frozenset({"referrals"}), plant=dict.fromkeys(FILE_FAULTS, 1)
    )
    planted = generate(tmp_path / "landing", options).planted
    with pytest.raises(InputError) as refusal:
        landing.check_landing(warehouse, tmp_path / "landing", options.until)
    lines = str(refusal.value).splitlines()
    for one in planted:
        about = [line for line in lines if line.startswith(f"{one.file}:")]
        assert len(about) == 1, one
        assert one.find["text"] in about[0]
    assert len(lines) == len(planted)
    assert warehouse.execute("select count(*) from quality.load_audit").fetchone() == (0,)


def test_a_file_nobody_asked_for_is_reported(tmp_path: Path) -> None:
    planted = generate(tmp_path, Options(patients=20, weeks=2, trusts=1, plant={"unasked_file": 3})).planted
    reported = [f"{e.folder.name}/{name}" for e in landing.extracts(tmp_path) for name in e.unexpected]
    assert sorted(reported) == sorted(one.file for one in planted)
    assert landing.strays(tmp_path) == []


def test_the_list_is_written_beside_the_extracts(tmp_path: Path) -> None:
    planted = generate(tmp_path, Options(patients=20, weeks=1, trusts=1, plant={"missing_key": 2})).planted
    assert [one.name for one in planted] == ["missing_key", "missing_key"]
    assert read_list(tmp_path) == list(planted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(patients=1, plant={"gremlins": 1}), "there is nothing called 'gremlins' to plant"),
        (Options(patients=1, weeks=1, plant={"stop_learnt_late": 1}), "stop_learnt_late needs 2 extracts"),
        (Options(patients=1, core_only=True, plant={"died": 1}), "died needs optional columns"),
        (Options(patients=1, plant={"died": -1}), "0 times or more"),
        (Options(patients=1, weeks=1, plant={"empty_file": 8}), "1 weeks have 7"),
    ],
)
def test_what_cannot_be_planted_is_refused(options: Options, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=message):
        generate(tmp_path, options)
    assert list(tmp_path.iterdir()) == []


def test_every_row_of_the_inference_table_can_be_planted_without_optional_columns() -> None:
    assert set(INFERENCES) <= set(CORE)
