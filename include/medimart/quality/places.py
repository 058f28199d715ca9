"""Where the pages of runs lie: what those who serve them and those who link to them need to know, and no more."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from medimart.settings import settings


def folder() -> Path:
    """The folder of the data-quality pages; `index.html` is in it."""
    return settings().home / "pages" / "quality"


def slug(run_id: str) -> str:
    """A run's name in file names and addresses, as `waiting_list-manual__2026-01-12-9c1f04`.

    Letters, digits, `_`, `.` and `-` alone; another one for every run. `run_id` is `<dag id>/<Airflow's run id>`.
    """
    readable = re.sub(r"[^A-Za-z0-9_.]+", "-", run_id).strip("-.")[:120]
    return f"{readable}-{hashlib.sha256(run_id.encode()).hexdigest()[:6]}"


def index() -> Path:
    """The file that lists all runs."""
    return folder() / "index.html"


def page(run_id: str) -> Path:
    """The file of a run's page, whether it is written yet or not."""
    return folder() / f"{slug(run_id)}.html"


def rejects(run_id: str) -> Path:
    """The folder of a run's rejected rows, a CSV per source. They identify patients: 0700, the files 0600."""
    return folder() / "rejects" / slug(run_id)


def link(run_id: str) -> str:
    """A run's page as a reader may open it: below MEDIMART_PAGES_URL where that is set, else the file's path."""
    base = settings().pages_url
    return f"{base}/quality/{page(run_id).name}" if base else str(page(run_id))
