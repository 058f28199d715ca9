"""The commands at work on a small warehouse, and what they say when something is in the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CENSUS, NEXT, Cli
from medimart.local.postgres import free_port


def test_status_tells_how_far_each_week_has_come(small: Cli) -> None:
    found = small.json("status")
    assert [(week["date"], week["state"]) for week in found["weeks"]] == [
        (str(CENSUS), "published"),
        (str(NEXT), "landed"),
    ]
    assert found["stale"] == []
    assert all(part["is_fit"] for part in found["machine"] if part["name"] in ("Python", "warehouse"))
    for_people = small("status").stdout
    assert "Not published yet: medimart run" in for_people
    assert str(CENSUS) in for_people


def test_status_before_the_first_run_makes_nothing(bare: Cli, tmp_path: Path) -> None:
    done = bare("status")
    assert "not made yet" in done.stdout
    assert "holds no extract" in done.stdout
    assert not (tmp_path / "home").exists()


def test_a_model_is_built_and_its_first_rows_shown(small: Cli) -> None:
    found = small.json("build", "stg_trusts", "--census", str(CENSUS), "--limit", "2")
    assert found["row_count"] == 4
    assert len(found["rows"]) == 2
    assert {"trust_id"} <= found["rows"][0].keys()
    assert "2 of 4 rows" in small("build", "stg_trusts", "--limit", "2").stdout  # by default the newest that landed


def test_a_row_is_explained_down_to_its_lines(small: Cli) -> None:
    keys = small("psql", "-c", "copy (select period_sk from fct_waitlist order by 1 limit 1) to stdout").stdout.split()
    explained = small.json("explain", keys[0])  # the smallest key: it begins with a minus
    assert explained["census"] == str(CENSUS)
    assert explained["on_list"]["period_sk"] == int(keys[0])
    assert explained["events"]
    assert {line["file_name"] for line in explained["lines"]} & {"referrals.csv", "procedures.csv"}
    assert "nhs_number" not in json.dumps(explained)
    assert "The lines it rests on" in small("explain", keys[0]).stdout


def test_legacy_figures_stand_beside_the_marts(small: Cli) -> None:
    found = small.json("legacy")
    assert found["census"] == str(CENSUS)
    waiting = found["figures"][0]
    listed = small("psql", "-c", f"copy (select count(*) from fct_waitlist where census_date = '{CENSUS}') to stdout")
    assert (waiting["figure"], waiting["current"]) == ("Waiting", int(listed.stdout))
    home = Path(small.environment["MEDIMART_HOME"]) / "legacy" / str(CENSUS)
    assert found["written"] == [str(home / name) for name in ("legacy.md", "spreadsheet.csv", "differences.csv")]
    assert (home / "differences.csv").read_text().startswith("figure,reason,change,period_sk,")
    for_people = small("legacy", "--census", str(CENSUS)).stdout
    assert f"Waiting              | {waiting['legacy']}" in for_people
    refused = small("legacy", "--census", str(NEXT))
    assert refused.returncode == 1
    assert f"Census {NEXT} is not published" in refused.stderr


def test_a_period_that_nobody_knows(small: Cli) -> None:
    done = small("explain", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("medimart: No RTT period has the key 1 at census")


def test_the_report_is_written_again(small: Cli) -> None:
    pages = Path(small.environment["MEDIMART_HOME"]) / "pages" / "quality"
    shutil.rmtree(pages)
    done = small("report")
    assert done.returncode == 0, done.stderr
    page, index = map(Path, done.stdout.split())
    assert (page.parent, index) == (pages, pages / "index.html")
    assert f"{CENSUS.day} {CENSUS:%B %Y}" in page.read_text()
    assert page.name in index.read_text()
    assert small("report", "cli").stdout == small("report", "--all").stdout == done.stdout
    assert "There is no run 'Monday'; the newest are cli." in small("report", "Monday").stderr


def test_data_docs_are_built_on_demand_from_what_was_recorded(small: Cli) -> None:
    done = small("report", "--data-docs")
    assert done.returncode == 0, done.stderr
    index = Path(done.stdout.split()[-1])
    assert index.parent.parent == Path(small.environment["MEDIMART_HOME"]) / "pages" / "quality" / "data-docs"
    assert "fct_waitlist" in index.read_text()
    [found] = [path for path in index.parent.rglob("*.html") if path.match("validations/fct_waitlist/*/*/*")]
    assert "A row without" in found.read_text() or "values must never be null" in found.read_text()
    assert "unexpected Exception" not in done.stderr


def test_psql_answers_and_fails_as_psql_does(small: Cli) -> None:
    assert "(1 row)" in small("psql", "-c", "select census_date from publication").stdout
    assert small("psql", "-c", "select nonsense").returncode == 1


def test_a_run_with_nothing_new_says_so_without_airflow(small: Cli) -> None:
    done = small("run", "waiting_list", "--census", str(CENSUS))
    assert done.returncode == 0
    assert done.stdout.startswith("Nothing new")
    assert "pathways of" in done.stdout
    assert "Airflow" not in done.stdout


def test_a_census_without_an_extract_is_refused_before_airflow_starts(small: Cli) -> None:
    done = small("run", "waiting_list", "--census", "2026-03-15")
    assert done.returncode == 1
    assert "No complete extract is dated 2026-03-09 to 2026-03-15" in done.stderr


def test_nothing_is_stale(small: Cli) -> None:
    done = small("backfill", "--stale")
    assert done.returncode == 0
    assert done.stdout.startswith("Nothing")


def test_an_extract_is_filed_whole_and_once(bare: Cli, small: Cli, tmp_path: Path) -> None:
    sent, landing = tmp_path / "sent", tmp_path / "landing"
    shutil.copytree(Path(small.environment["MEDIMART_LANDING"]) / str(CENSUS), sent)
    (sent / "staff.csv").write_text("name\n")
    (sent / "_complete.json").unlink()

    first = bare("land", sent, "--date", "2026-04-05")
    assert first.returncode == 0
    assert "no contract asks for it: staff.csv" in first.stdout
    marker = json.loads((landing / "2026-04-05" / "_complete.json").read_text())
    assert set(marker["files"]) == {path.name for path in (landing / "2026-04-05").glob("*.csv")}
    assert not (landing / "2026-04-05" / "staff.csv").exists()
    assert "nothing to do" in bare("land", sent, "--date", "2026-04-05").stdout

    with (sent / "gp.csv").open("a") as file:
        file.write('"G99999","A Practice","Dr A","LS1 1AA"\n')
    refused = bare("land", sent, "--date", "2026-04-05")
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    assert bare("land", sent, "--date", "2026-04-05", "--replace").returncode == 0
    assert (landing / "2026-04-05" / "gp.csv").read_bytes() == (sent / "gp.csv").read_bytes()
    assert sorted(path.name for path in landing.iterdir()) == ["2026-04-05"]


def test_a_faulty_extract_is_not_filed(bare: Cli, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.mkdir()
    (sent / "patients.csv").write_text("patient_id;nhs_number\n1;9990000018\n")
    done = bare("land", sent, "--date", "2026-04-05")
    assert done.returncode == 1
    assert "sent/patients.csv: expected fields separated by commas; found fields separated by semicolons" in done.stderr
    assert "sent/trusts.csv: expected the file" in done.stderr
    assert "Nothing has been filed." in done.stderr
    assert "9990000018" not in done.stderr
    assert not (tmp_path / "landing").exists()


def test_generated_extracts_land_and_are_the_same_again(bare: Cli, tmp_path: Path) -> None:
    options = ["--patients", "20", "--weeks", "1", "--plant", "unasked_file=1", "--gzip", "appointments"]
    made = bare.json("generate", tmp_path / "made", *options)
    assert [Path(folder).name for folder in made["folders"]] == ["2026-04-05"]
    assert (tmp_path / "made" / "2026-04-05" / "appointments.csv.gz").exists()
    assert bare("land", tmp_path / "made" / "2026-04-05", "--date", "2026-04-05").returncode == 0
    again = bare("generate", tmp_path / "made", *options)
    assert again.returncode == 1
    assert "never overwrite" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["status"], {"MEDIMART_PORT": "eighty"}, "MEDIMART_PORT is 'eighty'; it must be a port number"),
        (["up"], {"MEDIMART_HOME": "/proc/home"}, "The state folder /proc/home cannot be made"),
        (["up"], {"MEDIMART_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "The database server does not"),
        (["run"], {"MEDIMART_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "The warehouse does not answer"),
        (["build", "fct_nonsense"], {}, "There is no model 'fct_nonsense'"),
        (["run", "rtt_publication", "--input", "none.zip"], {}, "none.zip does not exist"),
    ],
)
def test_a_fault_is_one_clear_line(small: Cli, arguments: list[str], variables: dict[str, str], expected: str) -> None:
    done = small(*arguments, **{"MEDIMART_PORT": str(free_port()), **variables})
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_dashboards_are_drawn_without_a_server(small: Cli) -> None:
    page = Path(small("preview").stdout.strip())
    assert "Waiting lists as at 29 Mar 2026" in page.read_text()
    assert small.json("preview") == {"page": str(page)}
    refused = small("preview", "--clinical", "nobody_here")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "The role nobody_here is not there" in refused.stderr


@pytest.mark.parametrize(
    ("at_terminal", "screen", "opens"), [(True, ":9", True), (True, "", False), (False, ":9", False)]
)
def test_the_preview_is_opened_for_whoever_sits_before_a_screen(
    tmp_path: Path, at_terminal: bool, screen: str, opens: bool
) -> None:
    browser, opened, page = tmp_path / "browser", tmp_path / "opened", tmp_path / "index.html"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    ours, theirs = os.openpty() if at_terminal else os.pipe()
    inherited = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    subprocess.run(
        [sys.executable, "-c", f"from medimart.cli import open_page, Path; open_page(Path({str(page)!r}))"],
        env={**inherited, "DISPLAY": screen, "BROWSER": f"{browser} %s"},
        stdout=theirs,
        check=True,
    )
    os.close(ours)
    os.close(theirs)
    assert opened.exists() == opens
    assert not opens or opened.read_text().strip() == page.as_uri()
