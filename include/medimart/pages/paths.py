"""Where the pages for people lie: one folder, `quality/` for the reports of runs and `preview/` for the dashboards.

quality/index.html, quality/<slug of dag_id/run_id>.html, quality/rejects/<that slug>/<source>.csv, preview/index.html
and its siblings. Airflow's plugin serves these names and no others (see `medimart.pages.app`).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from medimart.settings import settings


def pages_folder() -> Path:
    """The folder of all pages, whether it is there yet or not."""
    return settings().home / "pages"


def slug(text: str) -> str:
    """A text as a file name of its own that needs no quoting in a URL: letters, digits, dash and underscore.

    The last eight characters are of its SHA-256: texts that differ in a sign alone, or late, have two names.
    """
    words = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:150]
    return f"{words}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
