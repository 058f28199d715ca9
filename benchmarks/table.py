"""What a benchmark gives: rows of one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement. ratio: of this to what the benchmark compares it with, in the same run; peak_mb: of Python."""

    benchmark: str
    size: str
    seconds: float
    rows_per_second: float | None = None
    peak_mb: float | None = None
    ratio: float | None = None
    target: str = ""


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = ["| benchmark | size | seconds | rows/s | peak MB | ratio | aim |", "|---|---|--:|--:|--:|--:|---|"]
    for row in rows:
        rate = f"{row.rows_per_second:,.0f}" if row.rows_per_second is not None else ""
        peak = f"{row.peak_mb:,.0f}" if row.peak_mb is not None else ""
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        lines.append(
            f"| {row.benchmark} | {row.size} | {row.seconds:,.1f} | {rate} | {peak} | {ratio} | {row.target} |"
        )
    return "\n".join(lines) + "\n"
