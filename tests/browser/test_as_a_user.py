"""Airflow's UI as a person uses it: log in, run a census, run a backfill, watch, read the reports."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from airflow_ui import backfill_dialog, chromium, log_in, new_page, parameter, program, trigger_dialog
from medimart.local.postgres import free_port
from medimart.local.stack import USER, Stack, stack
from medimart.pages.paths import slug
from medimart.settings import Settings
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from playwright.sync_api import Browser, Page, expect

CENSUSES = [date(2026, 3, 8) + timedelta(weeks=week) for week in range(5)]
WATCH = 600_000  # ms; the runs take a minute or so on an idle machine with two cores
pytestmark = pytest.mark.skipif(program() is None, reason="Chromium is not installed: Airflow's UI was not looked at")


@pytest.fixture(scope="module")
def airflow() -> Iterator[Stack]:
    """The stack on five small weeks."""
    folder = Path(tempfile.mkdtemp(prefix="medimart-test-", dir="/tmp"))
    generate(folder / "landing", Options(patients=60, weeks=len(CENSUSES), until=CENSUSES[-1]))
    chosen = Settings(folder / "home", folder / "landing", None, free_port(), free_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        with stack("the browser test", chosen=chosen, is_scheduling=False) as running:
            yield running
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page(airflow: Stack, browser: Browser) -> Page:
    return log_in(browser, airflow.airflow_url, USER, airflow.password)


@pytest.fixture(scope="module")
def run_id(airflow: Stack, page: Page) -> str:
    """A run of the first census and a backfill of the other four, asked for in the dialogs and seen to succeed."""
    dialog = trigger_dialog(page, "waiting_list")
    parameter(dialog, "Census").fill(str(CENSUSES[0]))
    dialog.get_by_role("button", name="Trigger").click()
    expect(dialog).to_be_hidden()
    page.wait_for_url("**/runs/manual__*")
    run_id = page.url.rpartition("/")[2]

    dialog = backfill_dialog(page, "waiting_list", CENSUSES[1] - timedelta(days=6), CENSUSES[4])
    expect(dialog.get_by_text("4 runs will be triggered")).to_be_visible()
    dialog.get_by_role("spinbutton").fill("4")
    dialog.get_by_role("button", name="Run Backfill").click()
    expect(dialog).to_be_hidden()

    page.goto("/dag_runs")  # the list of all runs asks less of the server than the pages of the DAG do
    expect(page.get_by_role("row", name="Backfill")).to_have_count(4)
    expect(page.get_by_role("cell", name="Success")).to_have_count(5, timeout=WATCH)
    return run_id


def place(airflow: Stack, name: str, text: str) -> None:
    """A page, where no run has written it."""
    path = airflow.chosen.home / "pages" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(f'<!doctype html><html lang="en"><title>A page</title><h1>A page</h1>{text}</html>')


def test_each_run_built_the_census_it_was_asked_for(airflow: Stack, run_id: str) -> None:
    with psycopg.connect(airflow.database_url) as conn:
        published = conn.execute("select run_id, census_date from marts.publication order by 2").fetchall()
    assert [census for _, census in published] == CENSUSES
    assert published[0][0] == f"waiting_list/{run_id}"
    assert all(name.startswith("waiting_list/backfill__") for name, _ in published[1:])


def test_the_pages_are_in_the_navigation(airflow: Stack, page: Page) -> None:
    place(airflow, "quality/index.html", "")
    for name in ("Data quality", "Dashboards"):
        page.goto("/")
        page.get_by_role("link", name=name).click()
        expect(page.frame_locator("iframe").get_by_role("heading").first).to_be_visible()
    expect(page.frame_locator("iframe").get_by_role("heading").first).not_to_have_text("Not logged in")


def test_the_page_of_a_run_shows_its_report(airflow: Stack, page: Page, run_id: str) -> None:
    name = f"{slug(f'waiting_list/{run_id}')}.html"
    place(airflow, f"quality/{name}", "")
    page.goto(f"/dags/waiting_list/runs/{run_id}")
    links = page.get_by_role("link", name="Data quality")
    expect(links).to_have_count(2)  # the first is the navigation's, there before the run's
    links.last.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading").first).to_be_visible()
    assert [found.url for found in page.frames if found.url.endswith(f"/medimart/quality/{name}")]


def test_rejected_rows_can_be_kept(airflow: Stack, page: Page) -> None:
    """Frames of Airflow are sandboxed: that they allow scripts and downloads is seen here."""
    place(airflow, "quality/rejects/a-run/gp.csv", "")
    place(airflow, "quality/a-run.html", '<a href="rejects/a-run/gp.csv">GP</a><script>document.title = "ran"</script>')
    page.goto("/plugin/data-quality/medimart/quality/a-run.html")
    with page.expect_download() as download:
        page.frame_locator("iframe").get_by_role("link", name="GP").click()
    assert download.value.suggested_filename == "a-run-gp.csv"
    assert [found.title() for found in page.frames if "a-run.html" in found.url][-1] == "ran"


def test_without_a_session_there_is_a_log_in_and_nothing_else(airflow: Stack, browser: Browser) -> None:
    stranger = new_page(browser, airflow.airflow_url)
    for path in ("quality/index.html", "quality/a-run.html", "quality/rejects/a-run/gp.csv", "preview/index.html"):
        answer = stranger.goto(f"/medimart/{path}")
        assert answer
        assert answer.status == 401
        expect(stranger.get_by_role("heading")).to_have_text("Not logged in")
    stranger.goto("/plugin/data-quality")
    expect(stranger.get_by_role("button", name="Sign in")).to_be_visible()
