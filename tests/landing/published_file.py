"""Files in the form of NHS England's monthly publication, of a few lines."""

from __future__ import annotations

from pathlib import Path

HEADER = (
    "Period,Provider Parent Org Code,Provider Parent Name,Provider Org Code,Provider Org Name,"
    "Commissioner Parent Org Code,Commissioner Parent Name,Commissioner Org Code,Commissioner Org Name,"
    "RTT Part Type,RTT Part Description,Treatment Function Code,Treatment Function Name,"
    + ",".join(f"Gt {n:02d} To {n + 1:02d} Weeks SUM 1" for n in range(104))
    + ",Gt 104 Weeks SUM 1,Total,Patients with unknown clock start date,Total All\n"
)


def published(path: Path, month: str, *counts: str) -> Path:
    """A published file of one line per count, each of its own treatment function, all waits in the first band."""
    lines = [
        f"RTT-{month},QAA,Testshire ICB,ZZ1,Testshire,QAA,Testshire ICB,00A,Test place,Part_2,Incomplete,"
        f"C_{100 + n},Function {n},{count}{',' * 105},,{count}\n"
        for n, count in enumerate(counts)
    ]
    path.write_text(HEADER + "".join(lines))
    return path
