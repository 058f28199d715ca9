"""Extracts loaded and built as far as the comparison needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import landing
from medimart.db import connect
from medimart.legacy.compare import NEEDED
from medimart.local.postgres import PostgresServer
from medimart.models import build
from medimart.models.manifest import load_manifest
from medimart.warehouse import prepare


@contextmanager
def loaded(
    server: PostgresServer, name: str, folder: Path, home: Path, last: date
) -> Iterator[psycopg.Connection[Any]]:
    """A warehouse of its own with the extracts of a folder."""
    with psycopg.connect(server.url(), autocommit=True) as admin, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_HOME", str(home))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute(f'create database "{name}"')
        with connect(server.url(name)) as conn:
            prepare(conn)
            conn.commit()
            landing.load_seeds(conn)
            for contract in landing.folder_contracts():
                landing.load_source(conn, folder, contract.source, last)
            yield conn
            conn.rollback()
        admin.execute(f'drop database "{name}" with (force)')


def built(conn: psycopg.Connection[Any], census: date) -> str:
    """The schema of the models that the comparison reads, as of a census."""
    manifest = load_manifest()
    this = build.open_build(conn, census, f"test {census}", landing.inputs(conn, census))
    for name in build.plan(manifest, list(NEEDED)):
        build.build_model(conn, this, name, manifest)
    return this.schema
