"""Is a file fit to be loaded? Its archive, encoding and header, found out before anything of its extract is loaded."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from medimart.errors import InputError
from medimart.landing.contract import DELIMITERS, Contract, Delivery, Encoding, HeaderMatch, match_header

BLOCK = 8 << 20  # bytes; what COPY takes at a time
LONGEST_HEADER = 1 << 20  # bytes
_UNDEFINED_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_ENCODINGS = {"utf-8": "UTF-8", "windows-1252": "Windows-1252"}


@dataclass(frozen=True)
class FileCheck:
    """A file that passed: what the loader needs to know of it.

    sha256 is of the file as it lies there (compressed or not); size in bytes; modified in nanoseconds since 1970.
    header_bytes: what to skip before the first record, a byte-order mark included; first_line: that record's line.
    """

    path: Path
    size: int
    modified: int
    sha256: str
    encoding: Encoding
    header: tuple[str, ...]
    match: HeaderMatch
    header_bytes: int
    first_line: int


class _Fault(Exception):
    """One fault of a file: what was expected, what was found, what to do."""

    def __init__(self, expected: str, found: str, action: str) -> None:
        super().__init__(f"expected {expected}; found {found}. {action}")


UNREADABLE = (EOFError, OSError, zlib.error, zipfile.BadZipFile, _Fault)  # what reading a broken archive raises


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a .csv, .csv.gz or .zip (of one file), decompressed as they are read."""
    name = path.name.lower()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive, archive.open(_only_member(archive)) as member:
            yield member
    elif name.endswith(".gz"):
        with gzip.open(path) as stream:
            yield cast("IO[bytes]", stream)
    else:
        with path.open("rb", buffering=0) as stream:
            yield stream


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise _Fault("one file in the archive", f"{len(members)} files", "Send one file per archive.")
    if members[0].flag_bits & 1:
        raise _Fault("an archive without a password", "an encrypted one", "Send it without a password.")
    if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Fault("an ordinary (deflated) zip", "another compression", "Zip it in the ordinary way.")
    return members[0]


def check_file(contract: Contract, path: Path, delivery: Delivery, sha256: str | None) -> FileCheck:
    """Read a file through once and tell whether it can be loaded.

    `sha256` is what the completion marker says of it, if it does. Raises InputError naming every fault found.
    """
    label = f"{path.parent.name}/{path.name}"
    faults: list[str] = []
    try:
        stat = path.stat()
        digest = _digest(path)
    except FileNotFoundError:
        raise InputError(f"{label}: expected the file of {contract.source}; it is missing. Ask its sender.") from None
    except OSError as error:
        raise InputError(f"{label}: expected to read it; found {error.strerror}. Mend its access.") from None
    if sha256 is not None and digest != sha256:
        faults.append(
            f"{label}: expected the SHA-256 {sha256} that the completion marker lists; found {digest}. "
            "The file changed after it was marked complete: copy it again, or write the marker again."
        )
    try:
        check = _check_content(contract, path, delivery, digest, stat.st_size, stat.st_mtime_ns)
    except _Faults as found:
        faults.extend(f"{label}: {fault}" for fault in found.faults)
    except _Fault as fault:
        faults.append(f"{label}: {fault}")
    except UNREADABLE as error:
        faults.append(f"{label}: expected a whole archive; found a truncated or damaged one ({error}). Send it again.")
    if faults:
        raise InputError("\n".join(faults))
    return check


class _Faults(Exception):
    def __init__(self, faults: list[_Fault]) -> None:
        super().__init__()
        self.faults = faults


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_content(
    contract: Contract, path: Path, delivery: Delivery, digest: str, size: int, modified: int
) -> FileCheck:
    if size == 0:
        raise _Fault("a header and rows", "an empty file (0 bytes)", "Ask its sender for the whole file.")
    with open_file(path) as stream:
        first = read_block(stream, LONGEST_HEADER)
        _reject_binary(first)
        start = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
        header_bytes, lines = _header_end(first, start)
        encoding, has_rows = _read_through(contract, stream, first, header_bytes)
    text = first[start:header_bytes].decode(_codec(encoding))
    if not text.strip():
        raise _Fault("a header in the first line", "an empty first line", "Send the file with its header.")
    try:
        header = next(csv.reader([text], delimiter=contract.delimiter))
    except csv.Error as error:
        raise _Fault("a header in the first line", f"none that can be read ({error})", "Is it CSV?") from None
    match = _check_header(contract, header, text)
    if not has_rows and delivery == "full":
        raise _Fault(
            "at least one row in a full delivery",
            "a header alone",
            "Ask its sender for the whole file, or mark the delivery as `changes`.",
        )
    return FileCheck(
        path=path,
        size=size,
        modified=modified,
        sha256=digest,
        encoding=encoding,
        header=tuple(header),
        match=match,
        header_bytes=header_bytes,
        first_line=lines + 1,
    )


def read_block(stream: IO[bytes], size: int) -> bytes:
    """Up to `size` bytes: less only at the end of the file."""
    parts, wanted = [], size
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _reject_binary(first: bytes) -> None:
    if not first:
        raise _Fault("a header and rows", "nothing in the archive", "Ask its sender for the whole file.")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _Fault("UTF-8 or Windows-1252", "UTF-16", "Save the file as CSV UTF-8 and send it again.")
    if first.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise _Fault("CSV text by its name", "an archive", "Name it .csv.gz or .zip, or send it uncompressed.")


def _header_end(first: bytes, start: int) -> tuple[int, int]:
    """Where the header's record ends (its line feed included) and how many lines it has."""
    position = start
    while (newline := first.find(b"\n", position)) >= 0:
        if first.count(b'"', start, newline) % 2 == 0:
            return newline + 1, first.count(b"\n", start, newline + 1)
        position = newline + 1
    if len(first) == LONGEST_HEADER:
        raise _Fault("a header in the first line", "no end of it in the first megabyte", "Is it CSV? Is a quote open?")
    if first.count(b"\r", start) > 1:
        raise _Fault(
            "lines that end in a line feed",
            "lines that end in a carriage return alone",
            "Save it again as CSV.",
        )
    return len(first), 1


def _read_through(contract: Contract, stream: IO[bytes], first: bytes, header_bytes: int) -> tuple[Encoding, bool]:
    """Read to the end: the encoding of the whole file, and whether it has any row."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    faults = {e: "not allowed by the contract" for e in _ENCODINGS if e not in contract.encodings}
    if first.startswith(codecs.BOM_UTF8):
        faults.setdefault("windows-1252", "it begins with the byte-order mark of UTF-8")
    block, line, has_rows = first, 1, bool(first[header_bytes:].strip())
    while block:
        if b"\0" in block:
            at = line + block.count(b"\n", 0, block.index(b"\0"))
            raise _Fault(
                _encodings(contract),
                f"NUL bytes on line {at} (UTF-16, or no text at all)",
                "Save the file as CSV UTF-8 and send it again.",
            )
        if "utf-8" not in faults and not (block.isascii() and not decoder.getstate()[0]):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                faults["utf-8"] = _invalid_byte(error.object, error.start, line)
        undefined = None if block.isascii() else _UNDEFINED_CP1252.search(block)
        if undefined and "windows-1252" not in faults:
            faults["windows-1252"] = _invalid_byte(block, undefined.start(), line)
        if len(faults) == 2:
            break
        lines = block.count(b"\n")
        if not lines and len(block) == BLOCK:
            raise _Fault(
                f"lines of less than {BLOCK >> 20} MB", f"a longer one, line {line}", "Is it CSV? Save it again as CSV."
            )
        line += lines
        block = read_block(stream, BLOCK)
        has_rows = has_rows or bool(block.strip())
    if "utf-8" not in faults and decoder.getstate()[0]:
        faults["utf-8"] = f"a character cut short at the end of the file, line {line}"
    if "utf-8" not in faults:
        return "utf-8", has_rows
    if "windows-1252" not in faults:
        return "windows-1252", has_rows
    raise _Fault(
        _encodings(contract),
        "; ".join(f"as {encoding}: {fault}" for encoding, fault in faults.items()),
        "Save the file as CSV UTF-8 and send it again.",
    )


def _encodings(contract: Contract) -> str:
    return " or ".join(_ENCODINGS[encoding] for encoding in contract.encodings)


def _invalid_byte(block: bytes, position: int, line: int) -> str:
    at = line + block.count(b"\n", 0, position)
    return f"the invalid byte 0x{block[position]:02x} on line {at}"


def _codec(encoding: Encoding) -> str:
    return "cp1252" if encoding == "windows-1252" else "utf-8"


def _check_header(contract: Contract, header: list[str], text: str) -> HeaderMatch:
    match = match_header(contract, header)
    faults = []
    if any("\n" in field and raw in match.extras for field, raw in zip(header, match.columns, strict=True)):
        raise _Fault(  # what the quote took in may be patients: it isn't shown
            "a header in the first line",
            "a quote in it that is not closed on that line",
            "Close the quote, or send the file again.",
        )
    if match.missing:
        better = _better_delimiter(contract, text, match.recognised)
        if better:
            raise _Fault(
                f"fields separated by {DELIMITERS[contract.delimiter]}",
                f"fields separated by {DELIMITERS[better]}",
                "Save the file as CSV with commas." if contract.delimiter == "," else "Save it as its contract says.",
            )
        required = sum(column.required for column in contract.columns)
        if match.recognised * 2 < required:  # the first line may be a patient's: it isn't shown
            raise _Fault(
                f"a header with {', '.join(match.missing)} in the first line",
                f"no header: of the first line's {len(header)} fields {match.recognised} are known ones",
                "Send the file with its header.",
            )
        faults.append(
            _Fault(
                f"the required column{'s' if len(match.missing) > 1 else ''} {', '.join(match.missing)}",
                f"the columns {', '.join(header)}",
                f"Add what is missing, or the header's spelling as an alias in {contract.source}.yaml.",
            )
        )
    if match.duplicated:
        faults.append(
            _Fault(
                "each column once",
                f"the duplicated header{'s' if len(match.duplicated) > 1 else ''} {', '.join(match.duplicated)}",
                "Remove or rename all but one.",
            )
        )
    if match.extras and contract.extras == "refuse":
        strange = [field for field, raw in zip(header, match.columns, strict=True) if raw in match.extras]
        faults.append(
            _Fault(
                f"the columns of {contract.source}.yaml alone, so that nothing of a person or in free text comes in",
                f"besides them {', '.join(field or 'one without a name' for field in strange)}",
                "Take out what the contract does not name and send the file again, or leave the file out.",
            )
        )
    if faults:
        raise _Faults(faults)
    return match


def _better_delimiter(contract: Contract, text: str, recognised: int) -> str | None:
    for delimiter in DELIMITERS:
        if delimiter != contract.delimiter:
            fields = next(csv.reader([text.strip("\r\n")], delimiter=delimiter), [])
            if len(fields) > 1 and match_header(contract, fields).recognised > recognised:
                return delimiter
    return None
