"""A file is loaded in constant memory, however large it is and however its records are read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

LIMIT_MB = 100  # by which loading may grow the process; the file is 60 MB as bytes, much more as records

LOAD = """
import resource, sys
from pathlib import Path
import psycopg
from medimart import landing
from medimart.landing.load import copy_file
from medimart.landing.preflight import check_file

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

contract = landing.load_contract("trusts")
with psycopg.connect(sys.argv[1]) as conn:
    before = peak_mb()
    rows = copy_file(conn, contract, check_file(contract, Path(sys.argv[2]), "full", None), 1)
    conn.rollback()
print(rows, peak_mb() - before)
"""

PARTS = {  # megabytes of rows of each kind, one after the other
    "T1,Testshire University Hospitals NHS Trust,North East and Yorkshire\n": 30,
    'T1,"Testshire University\nHospitals NHS Trust",North East and Yorkshire\n': 20,
    "T1,Testshire University Hospitals NHS Trust in the North East and Yorkshire\n": 10,  # a field too few
}


def test_memory_does_not_grow_with_the_file(url: str, conn: psycopg.Connection[Any], tmp_path: Path) -> None:
    path, rows = tmp_path / "trusts.csv", 0
    with path.open("w") as file:
        file.write("trust_id,name,region\n")
        for row, megabytes in PARTS.items():
            count = megabytes * 1_000_000 // len(row)
            file.write(row * count)
            rows += count
    done = subprocess.run([sys.executable, "-c", LOAD, url, str(path)], capture_output=True, text=True, check=True)
    loaded, grown = done.stdout.split()
    assert int(loaded) == rows
    assert float(grown) < LIMIT_MB
