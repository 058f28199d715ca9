"""Where things are: the one place that reads MediMart's environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = PROJECT_ROOT / "include" / "contracts"
EXPECTATIONS = PROJECT_ROOT / "include" / "expectations"
SQL = PROJECT_ROOT / "sql"
REFERENCE = PROJECT_ROOT / "data" / "reference"


@dataclass(frozen=True)
class Settings:
    """One deployment's settings.

    home: folder of all local state (server, keys, logs), ignored by git.
    landing: folder that holds one dated folder per extract.
    database_url: an outside warehouse, or None for the embedded server.
    """

    home: Path
    landing: Path
    database_url: str | None


def settings() -> Settings:
    """Read the settings from MEDIMART_HOME, MEDIMART_LANDING and MEDIMART_DATABASE_URL."""
    return Settings(
        home=Path(os.environ.get("MEDIMART_HOME") or PROJECT_ROOT / ".medimart").resolve(),
        landing=Path(os.environ.get("MEDIMART_LANDING") or PROJECT_ROOT / "data" / "landing").resolve(),
        database_url=os.environ.get("MEDIMART_DATABASE_URL") or None,
    )
