"""Loading one file against `psql \\copy` of the same file into a table of the same shape; its check and typing apart.

The three ways take turns, each several times on one server, and the best of each is compared: a busy moment of the
machine falls on one of them alone. It runs in a process of its own, so that the peak memory is the loader's.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.table import Row

ROWS = 1_000_000
TURNS = 4
SOURCE = "appointments"
EXTRACT_DATE = date(2026, 1, 4)
COPY_BYTES = 1 << 20  # what plain psycopg is given at a time
_FUNCTIONS = ("General Surgery", "Trauma & Orthopaedics", "ENT", "Cardiology", "Dermatology", "Gynaecology")
_STATUSES = ("Attended", "DNA", "Scheduled", "Cancelled by patient")


@dataclass(frozen=True)
class _Times:
    """Seconds of the best turn of each way; type_seconds includes history and its indexes."""

    psql: float
    psycopg: float
    loader: float
    check: float
    typing: float
    peak_mb: float


def measure(rows: int = ROWS) -> list[Row]:
    """Seconds of each way for one file of `rows` appointments."""
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
        path = folder / "landing" / EXTRACT_DATE.isoformat() / f"{SOURCE}.csv"
        path.parent.mkdir(parents=True)
        write_appointments(path, rows)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.loading", str(path), str(rows)],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        size = f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB"
    took = _Times(**json.loads(done.stdout))
    reference = min(took.psql, took.psycopg)
    aim = "of the plain COPY's rows/s: at least 0.75"
    return [
        Row("Loading: psql \\copy", size, took.psql, rows / took.psql),
        Row("Loading: psycopg COPY", size, took.psycopg, rows / took.psycopg),
        Row("Loading: MediMart", size, took.loader, rows / took.loader, took.peak_mb, reference / took.loader, aim),
        Row("Loading: check of the file before it", size, took.check, rows / took.check),
        Row("Loading: typing after it", size, took.typing, rows / took.typing),
    ]


def write_appointments(path: Path, rows: int) -> None:
    """A file of appointments with the required columns, a quoted one among them, and a few optional ones."""
    first = date(2024, 1, 1)
    days = [(first + timedelta(days=n)).isoformat() for n in range(730)]
    british = [f"{day[8:]}/{day[5:7]}/{day[:4]}" for day in days]
    header = (
        "appointment_id,patient_id,trust_id,specialty,appt_date,appt_status,referral_date,wait_weeks,"
        "referral_id,attendance_code,consultant_code,team\n"
    )
    with path.open("w", encoding="utf-8") as file:
        file.write(header)
        for start in range(0, rows, 10_000):
            file.writelines(
                f"A{n:09d},P{n % 250_000:07d},T{n % 7},{_FUNCTIONS[n % 6]},{days[n % 730]},{_STATUSES[n % 4]},"
                f'{british[n % 611]},{n % 104},R{n % 400_000:08d},{5 + n % 3},C{n % 900:04d},"Team {n % 40}, {n % 7}"\n'
                for n in range(start, min(start + 10_000, rows))
            )


def _measure(path: Path, rows: int) -> _Times:
    from medimart import landing
    from medimart.db import connect
    from medimart.landing import preflight
    from medimart.landing.load import copy_file
    from medimart.local.postgres import BIN
    from medimart.local.warehouse import warehouse
    from medimart.warehouse import prepare

    contract = landing.load_contract(SOURCE)
    with warehouse() as url, connect(url) as conn:
        prepare(conn)
        landing.load_seeds(conn)
        conn.commit()
        began = time.perf_counter()
        check = preflight.check_file(contract, path, "full", None)
        check_seconds = time.perf_counter() - began
        with conn.transaction():
            landing.ensure_tables(conn)
        columns = ", ".join(f'"{column}"' for column in check.match.columns)
        target = f"plain ({columns})"

        def plain_table() -> None:
            conn.execute("drop table if exists plain")
            conn.execute(f"create table plain (like raw.{SOURCE})")
            conn.execute("alter table plain alter load_id set default 0, alter line_no set default 0")
            conn.commit()

        def by_psql() -> None:
            command = f"\\copy {target} from '{path}' with (format csv, header true)"
            subprocess.run([BIN / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", command, url], check=True)

        def by_psycopg() -> None:
            with (
                conn.cursor() as cursor,
                path.open("rb") as file,
                cursor.copy(f"copy {target} from stdin with (format csv, header true)") as copy,
            ):
                while data := file.read(COPY_BYTES):
                    copy.write(data)
            conn.commit()

        def by_loader() -> None:
            if copy_file(conn, contract, check, 1) != rows:
                raise AssertionError("the loader lost rows")
            conn.commit()

        def forget_load() -> None:
            conn.execute(f"drop table if exists raw.{SOURCE}_1")
            conn.commit()

        best = {"psql": 1e9, "psycopg": 1e9, "loader": 1e9}
        ways: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "psql": (plain_table, by_psql),
            "psycopg": (plain_table, by_psycopg),
            "loader": (forget_load, by_loader),
        }
        for _ in range(TURNS):
            for name, (ready, carry_out) in ways.items():
                ready()
                _settle(conn)
                began = time.perf_counter()
                carry_out()
                best[name] = min(best[name], time.perf_counter() - began)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        plain_table()
        forget_load()
        (path.parent / "_complete.json").write_text("{}")
        result = landing.load_file(conn, SOURCE, path, EXTRACT_DATE)
        if result is None or result.versions != rows:
            raise AssertionError(f"expected {rows} versions; found {result}")
        return _Times(**best, check=check_seconds, typing=result.type_seconds, peak_mb=peak_mb)


def _settle(conn: psycopg.Connection[Any]) -> None:
    """Let no way pay for what another left to be written."""
    conn.execute("checkpoint")
    conn.commit()


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]), int(sys.argv[2])).__dict__))
