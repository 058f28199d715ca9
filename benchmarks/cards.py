"""Each card of the dashboards, asked as its readers' role on a warehouse of many patients: none may take a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from benchmarks.table import Row

PATIENTS, WEEKS, SHOWN = 100_000, 2, 5


def measure(patients: int = PATIENTS) -> list[Row]:
    """The slowest cards, each at its slower of no filter and all filters, first asked."""
    with tempfile.TemporaryDirectory(prefix="medimart-benchmark-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        environment = {**os.environ, "MEDIMART_HOME": f"{name}/home", "MEDIMART_LANDING": f"{name}/landing"}
        environment |= {"MEDIMART_PSEUDONYM_KEY": "5a" * 32, "PATIENTS": str(patients)}
        environment.pop("MEDIMART_DATABASE_URL", None)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.cards"], env=environment, stdout=subprocess.PIPE, check=True, text=True
        )
    seconds: dict[str, float] = json.loads(done.stdout)
    slowest = sorted(seconds, key=lambda card: -seconds[card])[:SHOWN]
    size = f"{patients:,} patients"
    return [Row(f"card {card}", size, seconds[card], target="under 1 s") for card in slowest]


def _measure_here(patients: int) -> dict[str, float]:
    from medimart import db, pipeline
    from medimart.dashboards.cards import Choice, load_dashboards, sql_for
    from medimart.dashboards.metabase import payloads
    from medimart.local.warehouse import warehouse
    from medimart.settings import DASHBOARDS, settings
    from medimart.synthetic.generate import generate
    from medimart.synthetic.options import Options
    from psycopg import sql

    options = Options(patients=patients, weeks=WEEKS)
    generate(settings().landing, options)
    censuses = [options.until - timedelta(days=7 * week) for week in range(WEEKS)][::-1]
    found = load_dashboards(DASHBOARDS)
    seconds: dict[str, float] = {}
    with warehouse() as url, db.connect(url) as conn:
        for census in censuses:
            pipeline.run_through(conn, pipeline.Run(f"waiting_list/{census}", census=census))
        conn.execute(
            "insert into quality.trust_access (role_name, trust_id) "
            "select 'medimart_clinical', trust_id from marts.dim_trust"
        )
        row = conn.execute("select icb_name, trust_name from marts.dim_trust where trust_id = 'T01'").fetchone()
        conn.commit()
        board, trust = row or ("", "")
        every: dict[str, Choice] = {"icb": [board], "trust": [trust], "specialty": ["Urology"], "census": censuses[0]}
        for one in found.cards.values():
            card = replace(one, sql=payloads.query(one))  # as Metabase is given it
            role = sql.Identifier(f"medimart_{found.collection_of(card.id).readers}")
            for chosen in ({}, every):
                with conn.transaction(force_rollback=True):
                    conn.execute(sql.SQL("set local role {}").format(role))
                    conn.execute("set local jit = off")  # as of every login admitted
                    began = time.perf_counter()
                    conn.execute(*sql_for(card, chosen)).fetchall()
                    seconds[card.id] = max(seconds.get(card.id, 0), time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    print(json.dumps(_measure_here(int(os.environ["PATIENTS"]))))
