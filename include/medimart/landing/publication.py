"""NHS England's monthly RTT publication: which month a file speaks of."""

from __future__ import annotations

import calendar
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from medimart.errors import InputError

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_PERIOD = re.compile(r"RTT-([A-Za-z]+)-([0-9]{4})")


def period_of(path: Path) -> date:
    """The last day of the month that a published file (.csv, .csv.gz or .zip) speaks of.

    It is read from the file's `Period` column (`RTT-January-2026` is 31 January 2026), never from its name.
    Raises InputError when the file cannot be read, has no such column, or its lines disagree.
    """
    with _lines(path) as text:
        rows = csv.reader(text)
        header = [field.strip().lower() for field in next(rows, [])]
        if "period" not in header:
            raise InputError(
                f'{path}, line 1: no column `Period`. Expected NHS England\'s "Full CSV data file", '
                f"found the header {', '.join(header[:4]) or 'of an empty file'!r} …"
            )
        column = header.index("period")
        found: str | None = None
        for row in rows:
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


@contextmanager
def _lines(path: Path) -> Iterator[io.TextIOWrapper]:
    """The file's text. Odd bytes in names do not matter here: the period is plain ASCII."""
    if not path.is_file():
        raise InputError(f'{path} does not exist. Give NHS England\'s "Full CSV data file" with --input.')
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if name.lower().endswith(".csv")]
                if len(members) != 1:
                    raise InputError(f"{path} must hold one CSV file, found {len(members)}.")
                with archive.open(members[0]) as raw:
                    yield _as_text(raw)
        elif path.suffix == ".gz":
            with gzip.open(path) as raw_gzip:
                yield _as_text(raw_gzip)
        else:
            with path.open("rb") as plain:
                yield _as_text(plain)
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged ({error}). Download it again.") from None


def _as_text(raw: object) -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")  # type: ignore[arg-type]
