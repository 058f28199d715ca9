"""Each fault of the legacy views is seen on a patient of its own, and named: tests/legacy/faults.md."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from legacy_warehouse import built, loaded
from medimart.errors import InputError
from medimart.legacy import report
from medimart.legacy.compare import Comparison, compare_built
from medimart.legacy.figures import REASONS
from medimart.local.postgres import PostgresServer

CENSUS = date(2026, 4, 5)
PAGE = Path(__file__).with_name("faults.md")
ALIKE = {
    "patients": {
        "nhs_number": "", "first_name": "", "last_name": "", "DOB": "1990-06-01", "gender": "1", "postcode": "",
        "ethnicity": "A", "risk_level": "Low", "death_date": "", "prior_admissions": "0",
    },
    "referrals": {
        "gp_id": "", "referral_date": "2026-01-05", "specialty": "General Surgery", "reason": "", "notes": "",
        "referral_status": "Open", "trust_id": "T1",
    },
    "appointments": {"specialty": "General Surgery", "referral_date": "", "wait_weeks": ""},
    "procedures": {},
    "conditions": {},
    "sessions": {"cancel_reason": ""},
    "trusts": {"trust_id": "T1", "name": "One NHS Trust", "region": "London"},
    "gp": {"gp_id": "G1", "name": "", "practice": "", "postcode": ""},
}  # fmt: skip
Rows = list[dict[str, str]]


def page() -> dict[str, Rows]:
    """The tables of the page by heading."""
    tables = {}
    for heading, text in re.findall(r"^## (?:Given )?(\w+)\n((?:\|.*\n)+)", PAGE.read_text(), re.MULTILINE):
        header, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines())
        tables[heading] = [dict(zip(header, line, strict=True)) for line in lines]
    return tables


def write_extract(folder: Path) -> None:
    """The page as an extract: what every row has alike filled in, and a patient for each who has no row."""
    tables = {**page(), "trusts": [{}], "gp": [{}]}
    for referral in tables["referrals"]:
        referral["patient_id"] = referral["patient_id"] or referral["referral_id"]
    named = {row["patient_id"] for source in ("referrals", "appointments", "procedures") for row in tables[source]}
    named -= {row["patient_id"] for row in tables["patients"]} | {"NOBODY"}
    tables["patients"] += [{"patient_id": patient} for patient in sorted(named)]
    folder.mkdir(parents=True)
    for source, alike in ALIKE.items():
        rows = [{**alike, **{name: cell for name, cell in row.items() if cell}} for row in tables[source]]
        columns = list(dict.fromkeys([*alike, *(name for row in tables[source] for name in row)]))
        with (folder / f"{source}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    (folder / "_complete.json").write_text("{}")


@pytest.fixture(scope="module")
def found(
    server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[psycopg.Connection[Any], Comparison]]:
    """The warehouse of the page, and what the comparison finds in it."""
    folder = tmp_path_factory.mktemp("faults")
    write_extract(folder / "landing" / str(CENSUS))
    with loaded(server, "legacy_faults", folder / "landing", folder / "home", CENSUS) as conn:
        yield conn, compare_built(conn, built(conn, CENSUS), CENSUS)


def test_each_fault_is_seen_and_named(found: tuple[psycopg.Connection[Any], Comparison]) -> None:
    conn, comparison = found
    words = {}
    for source, kind in (("referrals", "referral"), ("appointments", "appointment"), ("procedures", "procedure")):
        for row in page()[source]:
            word = row[f"{kind}_id"]
            words[conn.execute("select reference.pseudonym(%s, %s)", (kind, word)).fetchone()] = word
    seen = sorted(
        (d.figure, d.reason, d.change, words.get((d.row.get("referral_sk") or d.row.get("booking_sk"),), ""))
        for d in comparison.differences
    )
    assert seen == sorted((r["figure"], r["reason"], int(r["change"]), r["which"]) for r in page()["Then"])


def test_the_page_shows_every_reason() -> None:
    assert {row["reason"] for row in page()["Then"]} == REASONS.keys()


def test_files_hold_no_local_identifier(found: tuple[psycopg.Connection[Any], Comparison], tmp_path: Path) -> None:
    _, comparison = found
    text = "".join(path.read_text() for path in report.write(comparison, tmp_path / "made"))
    local = {
        cell
        for source in ("patients", "referrals", "appointments")
        for row in page()[source]
        for cell in list(row.values())[:1]
        if cell
    }
    assert len(local) > 30
    assert [word for word in local if re.search(rf"(^|,|\| ){re.escape(word)}(,|$| \|)", text, re.MULTILINE)] == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "made").iterdir())


def test_the_shipped_document_is_never_of_real_patients(found: tuple[psycopg.Connection[Any], Comparison]) -> None:
    _, comparison = found  # whose patients have no NHS number of the test series
    before = report.DOCUMENT.read_bytes()
    with pytest.raises(InputError, match="synthetic patients alone"):
        report.write_docs(comparison)
    assert report.DOCUMENT.read_bytes() == before
