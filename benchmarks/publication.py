"""NHS England's monthly file, from the archive to the published mart, stage by stage."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from medimart.settings import PROJECT_ROOT

from benchmarks.table import Row

FILE = Path(
    os.environ.get("MEDIMART_RTT_FILE") or PROJECT_ROOT.parent / "shared" / "data" / "rtt-full-extract-2026-01.zip"
)


def measure() -> list[Row]:
    """Seconds of each stage; nothing where the file (MEDIMART_RTT_FILE) is absent."""
    if not FILE.exists():
        print(f"{FILE.name} is absent: set MEDIMART_RTT_FILE to measure the publication.")
        return []
    with tempfile.TemporaryDirectory(prefix="medimart-benchmark-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        environment = {**os.environ, "MEDIMART_HOME": f"{name}/home", "MEDIMART_PSEUDONYM_KEY": "5a" * 32}
        environment.pop("MEDIMART_DATABASE_URL", None)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.publication"],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    found = json.loads(done.stdout)
    label, seconds = f"{found['rows']:,} rows", sum(found["stages"].values())
    rows = [Row(f"publication: {stage}", label, spent) for stage, spent in found["stages"].items()]
    return [
        *rows,
        Row(
            "publication, archive to mart",
            label,
            seconds,
            found["rows"] / seconds,
            found["peak_mb"],
            target="under 40 s",
        ),
    ]


def _measure_here() -> dict[str, object]:
    from medimart import db, pipeline
    from medimart.local.warehouse import warehouse

    with warehouse() as url, db.connect(url) as conn:
        pipeline.run_through(conn, pipeline.Run("benchmark", pipeline.PUBLICATION, input=FILE))
        stages = conn.execute(
            "select stage, sum(seconds) from quality.run_step where run_id = 'benchmark'"
            " group by 1 order by min(finished_at)"
        ).fetchall()
        row = conn.execute("select sum(row_count) from quality.load_audit").fetchone()
    return {
        "stages": dict(stages),
        "rows": int(row[0]) if row else 0,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(_measure_here()))
