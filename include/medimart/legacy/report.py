"""A comparison as files: the document, the spreadsheet as it would have been, and every row behind a difference."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medimart.errors import InputError
from medimart.legacy.compare import LEGACY, Comparison
from medimart.legacy.figures import FIGURES, REASONS
from medimart.settings import PROJECT_ROOT

DOCUMENT = PROJECT_ROOT / "docs" / "legacy.md"
SHIPPED_SPREADSHEET = LEGACY / "Waiting_List_Summary.csv"

_KEYS = (
    "period_sk", "referral_sk", "booking_sk", "trust_sk", "treatment_function_code",
    "referred_date", "clock_start_date", "wait_days",
)  # fmt: skip
_TEXT = """# The legacy spreadsheet beside the marts

Made by `medimart legacy`; do not edit.

Census {census}, all trusts together. The Transact-SQL in `legacy/` is run on the very rows that the marts are made of,
with the day of the census for `GETDATE()`. Counts are exact: for readers of the schema `marts`, not for passing on.

| figure | spreadsheet | marts | difference | shown in |
|---|---:|---:|---:|---|
{figures}

## Why

Each pathway is put through the faults in the order of the tables, mended one after the other. Its reason is the first
mend after which it is counted as the marts count it: one reason each, and they add up. (Further copies of its row are a
reason of their own.) `+` is what the marts count and the spreadsheet does not, `−` the reverse. The command also writes
`differences.csv`, under MEDIMART_HOME: every pathway and booking by its pseudonymous key, from where
`medimart explain PERIOD_SK` leads to the lines.

{sections}
## The reasons

§ is of NHS England's RTT guidance, PRN01045 v5.0.

| reason | the legacy logic | the marts |
|---|---|---|
{reasons}
"""


@dataclass(frozen=True)
class Line:
    """A figure by both counts, and by the name of each reason what it adds to the legacy one and what it takes off."""

    figure: str
    legacy: int
    current: int
    reasons: dict[str, tuple[int, int]]


def lines(comparison: Comparison) -> list[Line]:
    """The comparison in counts: for each figure, its reasons in order."""
    return [
        Line(f.title, comparison.legacy[f.column], comparison.current[f.column], _reasons(comparison, f.column))
        for f in FIGURES
    ]


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write `legacy.md`, `spreadsheet.csv` and `differences.csv` into a folder, for its owner alone; their paths."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = {
        folder / "legacy.md": document(comparison),
        folder / "spreadsheet.csv": spreadsheet(comparison),
        folder / "differences.csv": differences(comparison),
    }
    for path, text in made.items():
        with open(path, "w", encoding="utf-8", opener=_for_owner) as file:
            file.write(text)
    return list(made)


def write_docs(comparison: Comparison) -> list[Path]:
    """Write the document and the spreadsheet that the project ships; their paths.

    Raises InputError unless all patients are synthetic.
    """
    if not comparison.is_synthetic:
        raise InputError(
            "docs/legacy.md is of synthetic patients alone (NHS numbers of the test series 999), and these are others. "
            "Their document is in MEDIMART_HOME; leave out --docs."
        )
    DOCUMENT.write_text(document(comparison))
    SHIPPED_SPREADSHEET.write_text(spreadsheet(comparison))
    return [DOCUMENT, SHIPPED_SPREADSHEET]


def document(comparison: Comparison) -> str:
    """Every figure by both, and each difference by its reasons; counts alone."""
    found = lines(comparison)
    figures = [
        f"| {line.figure} | {line.legacy:,} | {line.current:,} | {_signed(line.current - line.legacy) or 0} "
        f"| {figure.mart} |"
        for line, figure in zip(found, FIGURES, strict=True)
    ]
    used = {name for line in found for name in line.reasons}
    reasons = [f"| {r.title} | {r.does} | {r.holds} |" for name, r in REASONS.items() if name in used]
    return _TEXT.format(
        census=comparison.census,
        figures="\n".join(figures),
        sections="\n".join(map(_section, found)),
        reasons="\n".join(reasons),
    )


def spreadsheet(comparison: Comparison) -> str:
    """The sheet as its query fills it, and the line of totals."""
    totals = [comparison.legacy.get(column, "") for column in comparison.columns[1:]]
    return _csv([comparison.columns, *comparison.spreadsheet, ("All", *totals)])


def differences(comparison: Comparison) -> str:
    """Every row behind a difference: figure, reason, change and pseudonymous keys. For clinical readers."""
    rows = [(d.figure, d.reason, d.change, *map(d.row.get, _KEYS)) for d in comparison.differences]
    return _csv([("figure", "reason", "change", *_KEYS), *rows])


def _reasons(comparison: Comparison, figure: str) -> dict[str, tuple[int, int]]:
    found = {}
    for name in REASONS:
        changes = [d.change for d in comparison.differences if (d.figure, d.reason) == (figure, name)]
        if changes:
            found[name] = (sum(c for c in changes if c > 0), sum(c for c in changes if c < 0))
    return found


def _section(line: Line) -> str:
    rows = [
        f"| {REASONS[name].title} | {_signed(added)} | {_signed(taken)} | {_signed(added + taken) or 0} |"
        for name, (added, taken) in line.reasons.items()
    ]
    return "\n".join(
        [
            f"### {line.figure}\n",
            "| | + | − | change |\n|---|---:|---:|---:|",
            f"| **Spreadsheet** | | | **{line.legacy:,}** |",
            *rows,
            f"| **Marts** | | | **{line.current:,}** |\n",
        ]
    )


def _signed(number: int) -> str:
    return f"{number:+,}".replace("-", "−") if number else ""


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
