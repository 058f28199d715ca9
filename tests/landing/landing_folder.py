"""A landing folder for tests: extracts of a few rows, written as a Trust would send them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.db import connect

FIRST = date(2026, 1, 4)

# The seven required files at their smallest: required columns alone, one row each.
SMALLEST = {
    "patients": "patient_id,nhs_number,first_name,last_name,DOB,gender,postcode,ethnicity,risk_level\n"
    "P1,9990000018,Ada,Test,1950-02-28,Female,LS1 4AP,White British,low\n",
    "gp": "gp_id,name,practice,postcode\nG1,Dr A Test,Testgate Surgery,LS1 4AP\n",
    "trusts": "trust_id,name,region\nT1,Testshire NHS Trust,North East and Yorkshire\n",
    "referrals": "referral_id,patient_id,gp_id,referral_date,specialty,reason,referral_status,trust_id,notes\n"
    "R1,P1,G1,2025-11-03,Cardiology,chest pain,Open,T1,\n",
    "appointments": "appointment_id,patient_id,trust_id,specialty,appt_date,appt_status,referral_date,wait_weeks\n"
    "A1,P1,T1,Cardiology,2025-12-01,Attended,2025-11-03,4\n",
    "procedures": "procedure_id,patient_id,procedure_name,planned_date,actual_date,status\n"
    "O1,P1,Angiogram,2026-01-20,,Planned\n",
    "conditions": "condition_id,patient_id,condition_name,severity,active\nC1,P1,Asthma,Mild,Yes\n",
}


@dataclass(frozen=True)
class LandingFolder:
    """Writes dated extracts under `path`."""

    path: Path

    def extract(
        self,
        day: date = FIRST,
        files: dict[str, str | bytes | None] | None = None,
        marker: str | dict[str, Any] | None = "{}",
    ) -> Path:
        """Write one extract and return its folder.

        files: content by file name (`conditions.csv`), in place of the smallest one; None leaves the file out.
        marker: content of the completion marker; None for an extract that is still arriving.
        """
        folder = self.path / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        given = dict(files or {})
        named = {name.split(".", 1)[0] for name in given}
        content: dict[str, str | bytes | None] = {f"{s}.csv": t for s, t in SMALLEST.items() if s not in named}
        for name, data in {**content, **given}.items():
            if data is not None:
                (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        if marker is not None:
            text = marker if isinstance(marker, str) else json.dumps(marker)
            (folder / "_complete.json").write_text(text)
        return folder


def open_warehouse(url: str) -> psycopg.Connection[Any]:
    """Connect as the pipeline does, with a pseudonymisation key for tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        return connect(url)


def forget(conn: psycopg.Connection[Any]) -> None:
    """Take every load out of the warehouse."""
    tables = conn.execute(
        "select format('%I.%I', schemaname, tablename), schemaname from pg_tables "
        "where schemaname in ('raw', 'history') and tablename !~ '_[0-9]+$'"
    ).fetchall()
    partitions = conn.execute("select format('raw.%I', relname) from pg_class where relispartition and relkind = 'r'")
    for (partition,) in partitions.fetchall():
        conn.execute(f"drop table {partition}")
    history = ", ".join(table for table, schema in tables if schema == "history")
    conn.execute(f"truncate quality.load_audit, quality.quarantine, quality.load_flag, quality.file_check, {history}")
    conn.commit()


def week(number: int) -> date:
    """The date of the extract of week 1, 2, …; every one a Sunday."""
    return FIRST + timedelta(days=7 * (number - 1))
