"""The files of an extract: written by appending, each in its own encoding, and the completion marker beside them.

`gp` is Windows-1252 with CR LF, `trusts` has a byte-order mark, the others are plain UTF-8.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import BinaryIO

from medimart.synthetic import rows
from medimart.synthetic.options import Options

ENCODINGS = {"gp": "cp1252", "trusts": "utf-8-sig"}
LINE_ENDS = {"gp": "\r\n"}


class ExtractFile:
    """One file of an extract, open for appending; line_count is of the lines written so far, header included."""

    def __init__(self, folder: Path, source: str, options: Options) -> None:
        self.source = source
        self.header = rows.header(source, options.core_only)
        is_compressed = source in options.gzip
        self.path = folder / (f"{source}.csv.gz" if is_compressed else f"{source}.csv")
        self.line_count = 0
        self._raw: BinaryIO = self.path.open("wb", buffering=1 << 16)
        self._file: BinaryIO | gzip.GzipFile = self._raw
        if is_compressed:
            self._file = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)
        if ENCODINGS.get(source) == "utf-8-sig":
            self._file.write(b"\xef\xbb\xbf")
        self.append(",".join(self.header).encode() + b"\n")

    def append(self, data: bytes) -> None:
        """Append whole lines of UTF-8 text ending in a line feed; they get the file's own encoding and line end."""
        self.line_count += data.count(b"\n")
        if ENCODINGS.get(self.source) == "cp1252":
            data = data.decode().encode("cp1252")
        if self.source in LINE_ENDS:
            data = data.replace(b"\n", LINE_ENDS[self.source].encode())
        self._file.write(data)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
        self._raw.close()


def delivery_of(source: str, index: int, options: Options) -> str:
    """What an extract is for a source: 'full' or 'changes'."""
    if source in ("sessions", "experience"):
        return "changes"
    return "full" if index in options.full_extracts or source in ("gp", "trusts") else "changes"


def write_marker(folder: Path, index: int, options: Options) -> None:
    """Write the completion marker: delivery per source and the hashes of the files.

    Not of compressed ones, whose bytes depend on the version of zlib.
    """
    hashes = {}
    for source in options.sources:
        path = folder / f"{source}.csv"
        if path.exists():
            with path.open("rb") as file:
                hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    marker = {"delivery": {source: delivery_of(source, index, options) for source in options.sources}, "files": hashes}
    (folder / "_complete.json").write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
