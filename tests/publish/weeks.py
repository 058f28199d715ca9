"""Whole weeks through the real loader, the real models and the real publish; their checks are said to have passed.

Run as a program, `weeks.py URL CENSUS=RUN_ID …`, it runs these one after the other.
"""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

import psycopg
from clinic import pass_all
from medimart import pipeline
from medimart.db import connect
from medimart.models import build as building
from medimart.models.manifest import load_manifest


def run(conn: psycopg.Connection[Any], census: date, run_id: str, full_rebuild: bool = False) -> None:
    """All steps of one run."""
    this = pipeline.Run(run_id, census=census, full_rebuild=full_rebuild)
    manifest = load_manifest()
    pipeline.begin(conn, this)
    for source in pipeline.sources(manifest, this.pipeline):
        pipeline.load(conn, this, source)
    pipeline.pin(conn, this)
    for name in building.plan(manifest, manifest.pipeline(this.pipeline)):
        pipeline.build_model(conn, this, name)
    pass_all(conn, building.find_build(conn, run_id), manifest)
    pipeline.publish(conn, this)


if __name__ == "__main__":
    url, *runs = sys.argv[1:]
    with connect(url) as connection:
        for each in runs:
            day, name = each.split("=")
            run(connection, date.fromisoformat(day), name)
