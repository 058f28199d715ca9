"""The whole ELT by size, stage by stage; and a week in which little changed against the first full build.

Every size runs in a process of its own, so that its peak memory is its own, on an embedded server with the settings of
`make run`, through the steps of the pipeline without a scheduler.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.table import Row

SIZES = (10_000, 100_000, 1_000_000)
CHANGED = 0.01
STAGES = ("load", "staging", "intermediate", "marts", "validate", "publish")


def measure(sizes: Sequence[int] = SIZES) -> list[Row]:
    """Each size's stages and growth, and at each size the week in which 1% of the patients changed."""
    rows: list[Row] = []
    before: tuple[int, float] | None = None
    for size in sizes:
        found = _run_through(size)
        full, week = found["full"], found["week"]
        label = f"{size:,} patients"
        rows += [Row(f"ELT, first build: {stage}", label, full["stages"].get(stage, 0.0)) for stage in STAGES]
        growth = full["seconds"] / before[1] / (size / before[0]) if before else None
        rows.append(
            Row(
                "ELT, first build",
                label,
                full["seconds"],
                full["rows"] / full["seconds"],
                found["peak_mb"],
                growth,
                "growth per patient at most 1; Python under 500 MB",
            )
        )
        rows.append(
            Row(
                "Stakeholders' marts in it, with what they alone need and their checks",
                label,
                full["stakeholder_seconds"],
                ratio=full["stakeholder_seconds"] / (full["seconds"] - full["stakeholder_seconds"]),
                target="of the rest of the ELT, at 1,000,000: at most 0.5",
            )
        )
        rows += [Row(f"ELT, 1% changed: {stage}", label, week["stages"].get(stage, 0.0)) for stage in STAGES]
        rows.append(
            Row(
                "ELT, a week with 1% changed",
                label,
                week["seconds"],
                ratio=week["seconds"] / full["seconds"],
                target="of the first build, at 1,000,000: under 0.2",
            )
        )
        before = (size, full["seconds"])
    return rows


def _run_through(patients: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="medimart-benchmark-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = {
            **os.environ,
            "MEDIMART_LANDING": str(folder / "landing"),
            "MEDIMART_HOME": str(folder / "home"),
            "MEDIMART_PSEUDONYM_KEY": "5a" * 32,
        }
        environment.pop("MEDIMART_DATABASE_URL", None)
        for step in ("generate", "build"):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.elt", step, str(patients)],
                env=environment,
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
        return dict(json.loads(done.stdout))


def _generate(patients: int) -> None:
    from medimart.settings import settings
    from medimart.synthetic.generate import generate
    from medimart.synthetic.options import Options

    generate(settings().landing, Options(patients=patients, weeks=2, changing=CHANGED))


def _build() -> dict[str, Any]:
    from medimart import landing
    from medimart.local.warehouse import warehouse
    from medimart.settings import settings

    first, last = (extract.date for extract in landing.extracts(settings().landing))
    with warehouse() as url:
        return {
            "full": _week(url, "full", first),
            "week": _week(url, "week", last),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def _week(url: str, run_id: str, census: date) -> dict[str, Any]:
    from medimart import db, pipeline

    with db.connect(url) as conn:
        pipeline.run_through(conn, pipeline.Run(run_id, census=census))
        stages = dict(
            conn.execute("select stage, sum(seconds) from quality.run_step where run_id = %s group by 1", (run_id,))
        )
        row = conn.execute("select sum(row_count) from quality.load_audit").fetchone()
        stakeholders = conn.execute(
            """
            select
                coalesce((
                    select sum(s.seconds) from quality.run_step as s
                    where s.run_id = %(run)s and replace(s.step, 'last_week_', '') = any(%(models)s)
                ), 0)
                + coalesce((
                    select sum(m.model_seconds)
                    from (
                        select distinct v.model, v.model_seconds from quality.validation_result as v
                        where v.run_id = %(run)s and v.model = any(%(models)s)
                    ) as m
                ), 0)
            """,
            {"run": run_id, "models": _stakeholder_models()},
        ).fetchone()
    return {
        "stages": stages,
        "seconds": sum(stages.values()),
        "rows": int(row[0]) if row else 0,
        "stakeholder_seconds": float(stakeholders[0]) if stakeholders else 0.0,
    }


def _stakeholder_models() -> list[str]:
    """The models that no dimension, fact or bridge needs: the stakeholders' marts and what they alone read."""
    from medimart.models.manifest import load_manifest
    from medimart.pipeline import WAITING_LIST

    manifest = load_manifest()
    models = set(manifest.pipeline(WAITING_LIST))
    elt = manifest.ancestors(name for name in models if name.startswith(("dim_", "fct_", "bridge_")))
    return sorted(models - elt)


if __name__ == "__main__":
    if sys.argv[1] == "generate":
        _generate(int(sys.argv[2]))
    else:
        print(json.dumps(_build()))
