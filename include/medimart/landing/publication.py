"""NHS England's monthly RTT publication: which month a file speaks of."""

from __future__ import annotations

import calendar
import csv
import io
import re
from datetime import date
from pathlib import Path

from medimart.errors import InputError
from medimart.landing.contract import load
from medimart.landing.preflight import check_file, open_file

CONTRACT = "rtt_published"
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_PERIOD = re.compile(r"RTT-([A-Za-z]+)-([0-9]{4})")


def period_of(path: Path) -> date:
    """The last day of the month that a published file (.csv, .csv.gz or .zip) speaks of.

    It is read from the file's `Period` column (`RTT-January-2026` is 31 January 2026), never from its name.
    Raises InputError when the file is not fit to be loaded, or its lines disagree.
    """
    if not path.is_file():
        raise InputError(f'{path} does not exist. Give NHS England\'s "Full CSV data file" with --input.')
    contract = load(CONTRACT)
    check = check_file(contract, path, "changes", None)
    column = check.match.columns.index("period")
    # Odd bytes in names do not matter here: the period is plain ASCII.
    with open_file(path) as stream, io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="") as text:
        rows = csv.reader(text)
        next(rows)
        first = next(filter(None, rows), None)
        if first is None:
            raise InputError(f"{path}: there is a header and no line below it. Download the month's file again.")
        found = first[column].strip() if len(first) > column else ""
        period = _month_end(path, rows.line_num, found)
        # Where the period comes first, as NHS England writes it, one look at the lines does; to split them takes long.
        if column == 0 and all(line.startswith(f"{found}{contract.delimiter}") for line in text):
            return period
    _refuse_others(path, column, found)
    return period


def _refuse_others(path: Path, column: int, period: str) -> None:
    """Raise InputError at the first record whose period is another."""
    with open_file(path) as stream, io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="") as text:
        rows = csv.reader(text)
        next(rows)
        for row in filter(None, rows):
            found = row[column].strip() if len(row) > column else ""
            if found != period:
                raise InputError(
                    f"{path}, line {rows.line_num}: the period is {found!r}, but {period!r} above. "
                    "One file holds one month; split it, or download the month's file again."
                )


def _month_end(path: Path, line: int, text: str) -> date:
    match = _PERIOD.fullmatch(text)
    month = _MONTHS.get(match[1].lower()) if match else None
    if not match or month is None:
        raise InputError(f"{path}, line {line}: the period is {text!r}; expected the form RTT-January-2026.")
    year = int(match[2])
    return date(year, month, calendar.monthrange(year, month)[1])
