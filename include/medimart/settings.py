"""Where things are: the one place that reads MediMart's environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from medimart.errors import SettingError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = PROJECT_ROOT / "include" / "contracts"
EXPECTATIONS = PROJECT_ROOT / "include" / "expectations"
SQL = PROJECT_ROOT / "sql"
REFERENCE = PROJECT_ROOT / "data" / "reference"
DASHBOARDS = PROJECT_ROOT / "include" / "metabase"


@dataclass(frozen=True)
class Settings:
    """One deployment's settings.

    home: folder of all local state (server, keys, logs), ignored by git.
    landing: folder that holds one dated folder per extract.
    database_url: an outside warehouse, or None for the embedded server.
    port, postgres_port: loopback ports of Airflow's UI and of the embedded server, None when not asked for.
    notify: Apprise URLs that are told when a run fails or is late; they hold secrets.
    pages_url: where readers find the folder `pages` of home, without a slash at its end; empty when nobody serves it.
    """

    home: Path
    landing: Path
    database_url: str | None
    port: int | None = None
    postgres_port: int | None = None
    notify: tuple[str, ...] = field(default=(), repr=False)
    pages_url: str = ""


def settings() -> Settings:
    """Read the settings from MEDIMART_HOME, _LANDING, _DATABASE_URL, _PORT, _POSTGRES_PORT, _NOTIFY and _PAGES_URL."""
    return Settings(
        home=Path(os.environ.get("MEDIMART_HOME") or PROJECT_ROOT / ".medimart").resolve(),
        landing=Path(os.environ.get("MEDIMART_LANDING") or PROJECT_ROOT / "data" / "landing").resolve(),
        database_url=os.environ.get("MEDIMART_DATABASE_URL") or None,
        port=_port("MEDIMART_PORT"),
        postgres_port=_port("MEDIMART_POSTGRES_PORT"),
        notify=tuple(os.environ.get("MEDIMART_NOTIFY", "").split()),
        pages_url=os.environ.get("MEDIMART_PAGES_URL", "").strip().rstrip("/"),
    )


def _port(variable: str) -> int | None:
    text = os.environ.get(variable) or None
    if text is not None and not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise SettingError(f"{variable} is {text!r}; it must be a port number, 1 to 65535.")
    return int(text) if text else None


@dataclass(frozen=True)
class Metabase:
    """The Metabase server that dashboards are provisioned on.

    url: where it answers. user, password or api_key: an administrator's. readers: for `shared` and `clinical` the libpq
    URL of the login that Metabase asks the warehouse with, as Metabase reaches it. trusts: whose rows the clinical
    login sees. recipients: e-mail addresses of subscriptions and of the alert.
    """

    url: str
    user: str | None
    password: str | None = field(repr=False)
    api_key: str | None = field(repr=False)
    readers: dict[str, str] = field(repr=False)
    trusts: tuple[str, ...]
    recipients: tuple[str, ...]


def metabase() -> Metabase | None:
    """Read MEDIMART_METABASE_URL, _USER, _PASSWORD, _API_KEY, _SHARED_URL, _CLINICAL_URL, _TRUSTS and _RECIPIENTS.

    None when no URL is set: this deployment has no Metabase.
    """
    url = _metabase("URL")
    if url is None:
        return None
    readers = {kind: _metabase(f"{kind.upper()}_URL") for kind in ("shared", "clinical")}
    return Metabase(
        url=url.rstrip("/"),
        user=_metabase("USER"),
        password=_metabase("PASSWORD"),
        api_key=_metabase("API_KEY"),
        readers={kind: given for kind, given in readers.items() if given},
        trusts=_listed(_metabase("TRUSTS")),
        recipients=_listed(_metabase("RECIPIENTS")),
    )


def _metabase(name: str) -> str | None:
    return os.environ.get(f"MEDIMART_METABASE_{name}") or None


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
