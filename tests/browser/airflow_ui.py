"""Airflow's UI as a person uses it, in the distribution's Chromium: for the browser test and for the pictures.

Things are found by their role and their words, and every step waits for what it has brought about.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 800}
# Spinners, drawn without a graphics card, would take a processor from the runs they wait for.
STILL = """document.addEventListener('DOMContentLoaded', () => {
    const style = document.createElement('style');
    style.textContent = '*, *::before, *::after { animation: none !important; transition: none !important }';
    document.head.append(style);
});"""
PATIENCE = 120_000  # ms for a page to do what it was asked: a busy machine is no fault of Airflow's
expect.set_options(timeout=PATIENCE)


def program() -> str | None:
    """Where Chromium is installed, if it is."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Its sandbox refuses to work for root alone."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program(), args=options)
        yield browser
        browser.close()


def new_page(browser: Browser, url: str) -> Page:
    """A page of a new session, in which nobody has logged in."""
    context = browser.new_context(base_url=url, viewport=SIZE, locale="en-GB", timezone_id="Europe/London")
    context.add_init_script(STILL)
    context.set_default_timeout(PATIENCE)
    return context.new_page()


def log_in(browser: Browser, url: str, user: str, password: str) -> Page:
    """A page of a new session in which this user has logged in."""
    page = new_page(browser, url)
    page.goto("/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Welcome").wait_for()
    return page


def trigger_dialog(page: Page, dag_id: str) -> Locator:
    """The dialog by which a run of a DAG is triggered, open. What is opened before all is loaded closes again."""
    page.goto(f"/dags/{dag_id}")
    page.get_by_role("button", name="Dag Docs").wait_for()
    page.get_by_role("button", name="Trigger Dag").click()
    dialog = page.get_by_role("dialog").filter(has=page.get_by_role("heading", name="Trigger Dag"))
    parameter(dialog, "Census").wait_for()
    return dialog


def parameter(dialog: Locator, title: str) -> Locator:
    """The field of a run's parameter: Airflow puts its title beside it without naming it by that."""
    return dialog.get_by_role("group").filter(has_text=title).get_by_role("textbox")


def backfill_dialog(page: Page, dag_id: str, first: date, last: date) -> Locator:
    """The same dialog, filled in for a backfill over these days."""
    trigger_dialog(page, dag_id).get_by_text("Run this Dag for a range of dates").click()
    dialog = page.get_by_role("dialog").filter(has=page.get_by_role("heading", name="Run Backfill"))
    for name, day in (("From", first), ("To", last)):
        dialog.get_by_role("group").filter(has_text=name).first.get_by_test_id("datetime-input").click()
        page.get_by_role("textbox", name=name, exact=True).fill(f"{day:%Y/%m/%d}")
        dialog.get_by_role("heading").click()  # closes the calendar
    return dialog
