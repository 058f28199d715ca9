"""The loop of whoever writes SQL: a model as its file stands now, with what it needs, on what has landed."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg

from medimart import landing
from medimart.errors import InputError, MedimartError
from medimart.models import build
from medimart.models.graph import read_models
from medimart.models.manifest import Manifest
from medimart.settings import settings

Connection = psycopg.Connection[Any]


def preview(conn: Connection, name: str, census: date | None = None, limit: int = 20) -> build.Preview:
    """Build a model in a scratch schema and return its first rows; of a prepared warehouse.

    census: by default the newest that has landed. Models are read from their files, whether compiled or not; what
    the model reads is loaded first. Raises MedimartError for a fault in a file that it needs, InputError when nothing
    has landed.
    """
    models, faults = read_models()
    manifest = Manifest(models)
    if name not in models and faults:
        raise MedimartError("\n".join(faults))
    sources = sorted({source for needed in _needed(manifest, name, faults) for source in manifest[needed].sources})
    census = census or _newest()
    landing.load_seeds(conn)
    for source in sources:
        if landing.load_contract(source).landing == "folder":
            landing.load_source(conn, settings().landing, source, census)
    return build.preview(conn, name, census, landing.inputs(conn, census, sources), limit, manifest)


def _needed(manifest: Manifest, name: str, faults: list[str]) -> set[str]:
    try:
        return manifest.ancestors([name])
    except MedimartError as error:
        raise MedimartError("\n".join([*faults, str(error)])) from None


def _newest() -> date:
    complete = [extract.census for extract in landing.extracts(settings().landing) if extract.is_complete]
    if not complete:
        raise InputError(
            f"{settings().landing} holds no complete extract. File one with `medimart land FOLDER --date DATE`."
        )
    return max(complete)
