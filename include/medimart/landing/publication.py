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
    check = check_file(load(CONTRACT), path, "changes", None)
    column = check.match.columns.index("period")
    found: str | None = None
    # Odd bytes in names do not matter here: the period is plain ASCII.
    with open_file(path) as stream, io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="") as text:
        rows = csv.reader(text)
        next(rows)
        for row in filter(None, rows):
            text_found = row[column].strip() if len(row) > column else ""
            if found is None:
                found, period = text_found, _month_end(path, rows.line_num, text_found)
            elif text_found != found:
                raise InputError(
                    f"{path}, line {rows.line_num}: the period is {text_found!r}, but {found!r} above. "
                    "One file holds one month; split it, or download the month's file again."
                )
    if found is None:
        raise InputError(f"{path}: there is a header and no line below it. Download the month's file again.")
    return period


def _month_end(path: Path, line: int, text: str) -> date:
    match = _PERIOD.fullmatch(text)
    month = _MONTHS.get(match[1].lower()) if match else None
    if not match or month is None:
        raise InputError(f"{path}, line {line}: the period is {text!r}; expected the form RTT-January-2026.")
    year = int(match[2])
    return date(year, month, calendar.monthrange(year, month)[1])
