"""A warehouse with two published weeks, to ask the cards of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from medimart import pipeline
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from published_weeks import CENSUSES


@pytest.fixture(scope="session")
def published(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the pipeline's own role; the clinical readers are granted two of the four trusts."""
    folder = tmp_path_factory.mktemp("dashboards")
    generate(folder / "landing", Options(patients=400, weeks=2, until=CENSUSES[-1]))
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database dashboards")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MEDIMART_HOME", str(folder / "home"))
            patch.setenv("MEDIMART_LANDING", str(folder / "landing"))
            patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
            with connect(server.url("dashboards")) as conn:
                for census in CENSUSES:
                    pipeline.run_through(conn, pipeline.Run(f"waiting_list/{census}", census=census))
                conn.execute(
                    "insert into quality.trust_access (role_name, trust_id) values"
                    " ('medimart_clinical', 'T01'), ('medimart_clinical', 'T02')"
                )
                _as_if_more_lived_there(conn)
                conn.commit()
                yield conn
        admin.execute("drop database dashboards with (force)")


def _as_if_more_lived_there(conn: psycopg.Connection[Any]) -> None:
    """Six times the counts by place: from no district of so short a list enough wait to be shown."""
    for mart, counts in {
        "mart_spatial_access": ("pathway", "known_start", "over_18_weeks", "over_52_weeks", "distance_known"),
        "mart_mutual_aid": ("waiting", "within_distance", "spare_slot", "own_waiting", "could_move", "placed"),
    }.items():
        more = ", ".join(f"{count}_count = 6 * {count}_count" for count in counts)
        conn.execute(f"update marts.{mart} set {more}".encode())
