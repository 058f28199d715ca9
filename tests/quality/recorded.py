"""Runs whose verdicts are recorded without being built: what on-call and the summary read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from medimart.quality.checkpoint import Verdict, record

FIRST = date(2026, 1, 4)


@dataclass(frozen=True)
class Build:
    """As much of a build as a record needs."""

    census: date
    schema: str = "build_x"


def verdict(id: str, severity: str, status: str, **more: Any) -> Verdict:
    """A verdict on `fct_rtt_flow`."""
    return Verdict("fct_rtt_flow", id, "e", None, severity, status, f"{id} matters.", f"Mend {id}.", **more)


def validated(conn: psycopg.Connection[Any], week: int, *verdicts: Verdict, warnings_stop: bool = False) -> str:
    """Record a run for a week's census; returns its id."""
    run_id = f"scheduled__{week}"
    census = FIRST + timedelta(days=7 * week)
    conn.execute(
        "insert into quality.run (run_id, pipeline, census_date, full_rebuild, stop_on_warning)"
        " values (%s, 'waiting_list', %s, false, %s)",
        (run_id, census, warnings_stop),
    )
    record(conn, Build(census), run_id, {"fct_rtt_flow": "waiting_list"}, list(verdicts))
    conn.commit()  # so that each run is validated at a later time
    return run_id
