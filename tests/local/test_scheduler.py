"""Runs through the real scheduler of `medimart up`: good weeks, a week without an extract, one that fails."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from medimart.local.airflow import logical_date
from medimart.local.runs import Outcome, Running, run_censuses, running
from medimart.local.stack import running_airflow
from medimart.local.warehouse import warehouse
from medimart.models.manifest import load_manifest
from medimart.quality import places
from medimart.settings import settings
from place import BROKEN, NOTHING_LANDED, WEEKS, Place, assert_nothing_is_left
from rich.console import Console
from webhook import Webhook, listening


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    """Who is told of failures."""
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def stack(weeks: Place, free_ports: dict[str, str], webhook: Webhook) -> Iterator[subprocess.Popen[str]]:
    """`medimart up`, ready."""
    process = weeks.start("up", **free_ports, MEDIMART_NOTIFY=webhook.address)
    weeks.await_ready(process)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**weeks.environment, **free_ports}.items():
            patch.setenv(name, value)
        yield process
    process.send_signal(signal.SIGINT)
    process.communicate()


@pytest.fixture(scope="module")
def on(stack: subprocess.Popen[str]) -> Iterator[Running]:
    """The stack, as the commands find it."""
    with running("the tests", ["waiting_list"]) as found:
        assert not found.is_ours
        yield found


@pytest.fixture(scope="module")
def outcomes(on: Running) -> dict[date, Outcome]:
    """A backfill from a week without an extract to the last good one, then one of the week whose extract is broken."""
    ended = [
        outcome
        for censuses in ([NOTHING_LANDED, *WEEKS], [BROKEN])
        for outcome in run_censuses(on, "waiting_list", censuses, console=Console(quiet=True))
    ]
    return {outcome.run.census: outcome for outcome in ended if outcome.run.census}


def test_good_weeks_are_published_across_the_change_to_summer_time(outcomes: dict[date, Outcome]) -> None:
    assert [(census, outcomes[census].state) for census in WEEKS] == [(census, "success") for census in WEEKS]
    with warehouse() as url, psycopg.connect(url) as conn:
        published = conn.execute("select census_date from marts.publication order by 1").fetchall()
        waiting = conn.execute("select distinct census_date from marts.fct_waitlist order by 1").fetchall()
    assert [census for (census,) in published] == list(WEEKS)
    assert waiting == published


def test_every_model_was_a_task_of_its_own(outcomes: dict[date, Outcome]) -> None:
    manifest = load_manifest()
    expected = {f"{manifest[name].layer}.{name}" for name in manifest.pipeline("waiting_list")}
    ran = {task.task_id for task in outcomes[WEEKS[0]].tasks if task.state == "success"}
    assert expected <= ran
    stages = {"load", "staging", "intermediate", "marts", "validate", "publish", "report"}
    assert set(outcomes[WEEKS[0]].stages) == stages


def test_a_week_without_an_extract_is_skipped_and_says_why(outcomes: dict[date, Outcome]) -> None:
    skipped = outcomes[NOTHING_LANDED]
    assert (skipped.run.state, skipped.state) == ("success", "skipped")
    assert skipped.reason
    assert skipped.reason.text.startswith("No complete extract is dated 2026-03-09 to 2026-03-15")


def test_a_failed_task_leaves_a_failed_run(outcomes: dict[date, Outcome]) -> None:
    failed = outcomes[BROKEN]
    assert failed.run.state == "failed"
    assert failed.reason
    assert failed.reason.task_id == "load.check_extracts"
    assert "2026-04-05/referrals.csv: expected the required column referral_date" in failed.reason.text
    states = {task.task_id: task.state for task in failed.tasks}
    assert states["publish"] == "upstream_failed"
    assert {task.try_number for task in failed.tasks if task.state == "failed"} == {1}  # trying again mends no file


def test_every_run_that_began_has_its_page_and_a_failed_one_stays_failed(outcomes: dict[date, Outcome]) -> None:
    for census in (*WEEKS, BROKEN):
        outcome = outcomes[census]
        assert {task.task_id: task.state for task in outcome.tasks}["report"] == "success"
        page = places.page(f"waiting_list/{outcome.run.run_id}").read_text()
        assert ("Not published: a file cannot be loaded." in page) == (census == BROKEN)
        assert outcome.run.state == ("failed" if census == BROKEN else "success")
        assert f'href="{places.page(f"waiting_list/{outcome.run.run_id}").name}"' in places.index().read_text()
    assert not places.page(f"waiting_list/{outcomes[NOTHING_LANDED].run.run_id}").exists()


def test_somebody_is_told_of_the_failed_run_and_of_no_other(outcomes: dict[date, Outcome], webhook: Webhook) -> None:
    until = time.monotonic() + 60  # Airflow calls back some seconds after the run has ended
    while not webhook.received and time.monotonic() < until:
        time.sleep(0.5)
    run_id = f"waiting_list/{outcomes[BROKEN].run.run_id}"
    assert [message["title"] for _, message in webhook.received] == [
        f"MediMart: waiting_list, census {BROKEN}: not published. Run {run_id}."
    ]
    text = webhook.received[0][1]["message"]
    assert "2026-04-05/referrals.csv: expected the required column referral_date" in text
    assert f"readers see the marts as published on {date.today():%d %B %Y}" in text
    assert re.search(
        rf"Its page: http://127.0.0.1:\d+/plugin/data-quality/medimart/quality/{places.page(run_id).name}$", text
    )
    assert places.page(run_id).exists()


def test_the_schedule_fires_for_the_week_that_has_just_ended(on: Running) -> None:
    scheduled = [run for run in on.airflow.runs("waiting_list") if run.run_id.startswith("scheduled")]
    assert len(scheduled) == 1
    assert scheduled[0].logical_date == logical_date(scheduled[0].census or date.min)


def test_a_run_by_command_fails_for_the_broken_week_and_publishes_the_rest(
    outcomes: dict[date, Outcome], weeks: Place
) -> None:
    done = weeks.run("run", "--json")
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert {run["run"]: run["state"] for run in result["runs"]} == {
        f"census {BROKEN}": "failed",
        "publication January 2026": "success",
    }
    assert [week["census"] for week in result["summary"]["censuses"]] == [str(census) for census in WEEKS]
    assert result["summary"]["periods"][0]["waiting"] > 0


def test_only_what_is_new_is_run(outcomes: dict[date, Outcome], weeks: Place) -> None:
    (weeks.landing / str(BROKEN) / "_complete.json").unlink()  # its sender takes it back
    done = weeks.run("run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Nothing new")


def test_ctrl_c_leaves_nothing(stack: subprocess.Popen[str], weeks: Place) -> None:
    assert running_airflow(settings())
    stack.send_signal(signal.SIGINT)
    out, err = stack.communicate()
    assert (stack.returncode, err) == (0, "")
    assert out.endswith("Stopping\nStopped.\n")
    assert_nothing_is_left(weeks)
