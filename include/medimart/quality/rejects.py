"""The rows in quarantine for whoever sent them: a CSV per source, with each line as it stood in the file.

These files identify patients. They lie in a folder of their own that its owner alone may open.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from medimart.landing import contract
from medimart.landing.preflight import BLOCK, UNREADABLE, open_file
from medimart.landing.typing import RECORD
from medimart.pages import layout
from medimart.quality.evidence import Reject
from medimart.quality.rules import FAULTS

HEADER = ("extract_date", "file", "line", "rule", "column", "value", "what_to_do", "line_taken_from", "original_line")


def write(folder: Path, found: Sequence[Reject]) -> dict[str, Path]:
    """Write the files, by source, in place of whatever the folder held; no folder where there is no reject.

    `line_taken_from` is `file` for the very text of the file, or `fields` where the file is gone or another by now and
    the line is put together from its fields as they were loaded.
    """
    if folder.exists():
        shutil.rmtree(folder)
    if not found:
        return {}
    for private in (folder.parent, folder):
        private.mkdir(parents=True, exist_ok=True)
        os.chmod(private, 0o700)
    return {
        source: layout.write(folder / f"{source}.csv", _csv(list(rows)), mode=0o600)
        for source, rows in itertools.groupby(found, key=lambda reject: reject.source)
    }


def _csv(found: Sequence[Reject]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    for _, group in itertools.groupby(found, key=lambda reject: reject.sha256):
        of_file = list(group)
        # A line that does not split into fields was kept whole; any other is looked up.
        lines = {reject.line: reject.text or "" for reject in of_file if reject.column == RECORD}
        lines |= _lines_of(of_file[0], {reject.line for reject in of_file} - lines.keys())
        for reject in of_file:
            writer.writerow(
                (
                    reject.extract_date,
                    reject.file_name,
                    reject.line,
                    reject.rule,
                    reject.column,
                    "" if reject.column == RECORD else reject.text or "",
                    FAULTS[reject.rule].action,
                    "file" if reject.line in lines else "fields",
                    lines.get(reject.line) or _put_together(reject),
                )
            )
    return text.getvalue()


def _lines_of(reject: Reject, wanted: set[int]) -> dict[int, str]:
    """The records of a file that begin on these lines, if it still lies where it was loaded from, byte for byte."""
    if not wanted or not reject.path:
        return {}
    path = Path(reject.path)
    found: dict[int, bytes] = {}
    try:
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != reject.sha256:
                return {}
        with open_file(path) as content:
            lines: Iterable[bytes] = io.BufferedReader(cast(io.RawIOBase, content), BLOCK)
            begun = 0  # the line that an unfinished record began on
            for number, line in enumerate(lines, 1):
                if begun or number in wanted:
                    begun = begun or number
                    found[begun] = found.get(begun, b"") + line
                    begun = begun if found[begun].count(b'"') % 2 else 0
    except UNREADABLE:
        return {}
    codec = "cp1252" if reject.encoding == "windows-1252" else "utf-8"
    return {number: text.decode(codec).rstrip("\r\n") for number, text in found.items()}


def _put_together(reject: Reject) -> str:
    text = io.StringIO()
    delimiter = contract.load(reject.source).delimiter
    values = [reject.record.get(raw, "") for raw in reject.columns.values()]
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(values)
    return text.getvalue()
