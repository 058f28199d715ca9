"""Where the pages of runs lie, and how a reader opens one."""

from __future__ import annotations

from pathlib import Path

from medimart.pages.paths import pages_folder, slug
from medimart.settings import settings


def folder() -> Path:
    """The folder of the data-quality pages."""
    return pages_folder() / "quality"


def index() -> Path:
    """The file that lists all runs."""
    return folder() / "index.html"


def page(run_id: str) -> Path:
    """The file of a run's page, whether it is written yet or not."""
    return folder() / f"{slug(run_id)}.html"


def rejects(run_id: str) -> Path:
    """The folder of a run's rejected rows, a CSV per source. They identify patients: 0700, the files 0600."""
    return folder() / "rejects" / slug(run_id)


def data_docs(run_id: str) -> Path:
    """The folder of a run's Data Docs, where somebody asked for them."""
    return folder() / "data-docs" / slug(run_id)


def link(run_id: str) -> str:
    """A run's page as a reader may open it: below MEDIMART_PAGES_URL where that is set, else the file's path."""
    base = settings().pages_url
    return f"{base}/quality/{page(run_id).name}" if base else str(page(run_id))
