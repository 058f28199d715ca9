"""Take the pictures of docs/pictures: of Airflow and of the pages in it, on what has been run (`make screenshots`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from airflow_ui import backfill_dialog, chromium, log_in
from medimart.local.stack import USER, stack
from medimart.pages.paths import pages_folder
from medimart.settings import PROJECT_ROOT
from playwright.sync_api import Page, expect

FOLDER = PROJECT_ROOT / "docs" / "pictures"
DAG = "waiting_list"


def run(page: Page, run_id: str) -> None:
    """A run and its tasks, in the grid beside the runs before it."""
    page.goto(f"/dags/{DAG}/runs/{run_id}")
    page.get_by_role("button", name="Expand all task groups").click()
    expect(page.get_by_role("cell", name="Success").first).to_be_visible()


def backfill(page: Page, _: str) -> None:
    """The dialog for a backfill of four weeks."""
    dialog = backfill_dialog(page, DAG, date(2026, 3, 16), date(2026, 4, 12))
    dialog.get_by_text("All Runs").click()
    expect(dialog.get_by_text("4 runs will be triggered")).to_be_visible()


def report(page: Page, run_id: str) -> None:
    """The report on the page of its run."""
    page.goto(f"/dags/{DAG}/runs/{run_id}/plugin/report")


def data_quality(page: Page, _: str) -> None:
    """The index of the reports, in Airflow's navigation."""
    page.goto("/")
    page.get_by_role("link", name="Data quality").click()


def dashboards(page: Page, _: str) -> None:
    """The preview of the dashboards, in Airflow's navigation."""
    page.goto("/")
    page.get_by_role("link", name="Dashboards").click()


def preview(page: Page, _: str) -> None:
    """The first dashboard as the static page that it is."""
    page.goto((pages_folder() / "preview" / "breaches.html").as_uri())


PICTURES: tuple[Callable[[Page, str], None], ...] = (run, backfill, report, data_quality, dashboards, preview)


def main() -> None:
    """Show each thing and take its picture."""
    FOLDER.mkdir(exist_ok=True)
    with stack("taking pictures", any_port=True, is_scheduling=False, say=print) as running, chromium() as browser:
        run_id = [run.run_id for run in running.airflow.runs(DAG) if run.run_id.startswith("backfill")][-1]
        page = log_in(browser, running.airflow_url, USER, running.password)
        for show in PICTURES:
            show(page, run_id)
            page.wait_for_load_state("networkidle")
            path = FOLDER / f"{show.__name__.replace('_', '-')}.png"
            page.screenshot(path=path)
            print(f"{path.relative_to(PROJECT_ROOT)}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
