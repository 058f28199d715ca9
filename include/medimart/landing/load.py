"""A file into `raw`, as text: streamed by COPY in constant memory, every record with its line.

A block of the file (8 MB, cut at a record's end) goes to PostgreSQL as it is; a sequence numbers its lines. That
holds only where a line is a record and every quote stands where it should. A block that isn't so, or that COPY
refuses, is read record by record: records that split into the header's fields go in with their line, the others are
kept whole with the rule they break.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import queue
import re
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import psycopg

from medimart.db import is_transient
from medimart.errors import InputError, MedimartError
from medimart.landing.contract import Contract
from medimart.landing.preflight import BLOCK, UNREADABLE, FileCheck, open_file, read_block
from medimart.landing.tables import Connection, add_columns, ident

LONGEST_RECORD = 1 << 20  # bytes; a quoted field that doesn't end within it is a broken quote
_SEQUENCE = "landing_line"


@dataclass(frozen=True, slots=True)
class Record:
    """One record that was read by itself. rule: what keeps it from being split into fields, or None."""

    text: bytes
    line: int
    rule: str | None


@dataclass(frozen=True)
class Block:
    """Lines of a file that are one record each, no quote out of place; first_line is the number of the first."""

    data: bytes
    first_line: int
    lines: int


Piece = Block | list[Record]


def copy_file(conn: Connection, contract: Contract, check: FileCheck, load_id: int) -> int:
    """Copy one checked file into its own partition of `raw.<source>`; returns its count of records.

    Runs in the caller's transaction. Raises InputError when the file is no longer the one that was checked.
    """
    source = contract.source
    add_columns(conn, "raw", source, dict.fromkeys(check.match.extras, "text"))
    partition = f"raw.{ident(f'{source}_{load_id}')}"
    conn.execute(f"create temp sequence if not exists {_SEQUENCE} minvalue 0 cache 10000")
    conn.execute(f"create table {partition} (like raw.{ident(source)})")
    conn.execute(
        f"alter table {partition} alter load_id set default {load_id}, alter line_no set default nextval('{_SEQUENCE}')"
    )
    careful = not quietly(conn)
    rows = 0
    with contextlib.closing(_read_ahead(contract, check, careful)) as ahead:
        for piece in ahead:
            if isinstance(piece, Block):
                rows += _copy_block(conn, contract, check, partition, piece)
            else:
                rows += _copy_records(conn, contract, check, partition, piece)
    conn.execute(
        f"alter table {partition} alter load_id drop default, alter line_no drop default, "
        f"add constraint of_load check (load_id = {load_id})"
    )
    conn.execute(f"alter table raw.{ident(source)} attach partition {partition} for values in ({load_id})")
    return rows


def quietly(conn: Connection) -> bool:
    """Keep rows out of the server's own log for this transaction; False where the role may not say so.

    COPY reports the line at fault as CONTEXT, and a constraint its key as DETAIL; `terse` leaves both out.
    """
    may = conn.execute("select has_parameter_privilege(current_user, 'log_error_verbosity', 'set')").fetchone()
    if not may or not may[0]:
        return False
    conn.execute("set local log_error_verbosity = 'terse'")
    return True


def safe(error: psycopg.Error, what: str) -> Exception:
    """A database error without what it may quote of a row: its code and the objects it names alone.

    What may pass by itself, such as a lost connection, stays a database error, so that it is tried again.
    """
    diagnosis = error.diag
    named = {
        "table": diagnosis.table_name,
        "column": diagnosis.column_name,
        "constraint": diagnosis.constraint_name,
    }
    parts = ", ".join(f"{kind} {name}" for kind, name in named.items() if name)
    code = error.sqlstate or "no SQLSTATE"
    text = (
        f"{what}: PostgreSQL refused ({type(error).__name__}, {code}{', ' + parts if parts else ''}). "
        "Its message is left out, since it may quote a patient's row; nothing of this was kept. "
    )
    if is_transient(error):
        return psycopg.OperationalError(text + "It may pass: run it again.")
    return MedimartError(text + "Look the code up in PostgreSQL's manual, appendix A, and report it.")


def _copy_block(conn: Connection, contract: Contract, check: FileCheck, partition: str, block: Block) -> int:
    columns = ", ".join(map(ident, check.match.columns))
    conn.execute(f"select setval('{_SEQUENCE}', {block.first_line}, false)")
    with contextlib.suppress(psycopg.DataError), conn.transaction():
        _copy(conn, contract, check, f"{partition} ({columns})", block.data, block.lines)
        return block.lines
    # Some record has another number of fields: find it.
    found, _ = records(block.data, block.first_line, len(check.match.columns), contract.delimiter.encode())
    return _copy_records(conn, contract, check, partition, found)


def _copy_records(conn: Connection, contract: Contract, check: FileCheck, partition: str, found: list[Record]) -> int:
    columns = ", ".join(map(ident, check.match.columns))
    delimiter = contract.delimiter.encode()
    good = [b"%d%b%b\n" % (record.line, delimiter, record.text) for record in found if record.rule is None]
    _copy(conn, contract, check, f"{partition} (line_no, {columns})", b"".join(good), len(good))
    codec = "cp1252" if check.encoding == "windows-1252" else "utf-8"
    with (
        conn.cursor() as cursor,
        cursor.copy(f"copy {partition} (line_no, broken_rule, broken_text) from stdin") as copy,
    ):
        for record in found:
            if record.rule:
                copy.write_row((record.line, record.rule, record.text.decode(codec)))
    return len(found)


def _copy(conn: Connection, contract: Contract, check: FileCheck, target: str, data: bytes, count: int) -> None:
    """Copy records into a table; `count` says how many they are."""
    encoding = "WIN1252" if check.encoding == "windows-1252" else "UTF8"
    with conn.cursor() as cursor:
        with cursor.copy(
            f"copy {target} from stdin with (format csv, delimiter '{contract.delimiter}', encoding '{encoding}')"
        ) as copy:
            copy.write(data)
        if cursor.rowcount != count:
            raise MedimartError(
                f"{check.path.parent.name}/{check.path.name}: expected PostgreSQL to take {count} records; it took "
                f"{cursor.rowcount}. Report it; nothing of this file was loaded."
            )


def _read_ahead(contract: Contract, check: FileCheck, careful: bool) -> Generator[Piece]:
    """The file's pieces, the next one read, hashed and cut while the present one is being copied."""
    ahead: queue.Queue[Piece | BaseException | None] = queue.Queue(maxsize=1)
    stopped = threading.Event()

    def put(item: Piece | BaseException | None) -> bool:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                ahead.put(item, timeout=0.2)
                return True
        return False

    def read() -> None:
        try:
            for piece in pieces(contract, check, careful):
                if not put(piece):
                    return
            put(None)
        except BaseException as error:  # handed to the thread that waits
            put(error)

    reader = threading.Thread(target=read, name=f"read {check.path.name}", daemon=True)
    reader.start()
    try:
        while (item := ahead.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        reader.join()


def pieces(contract: Contract, check: FileCheck, careful: bool = False) -> Iterator[Piece]:
    """The records of a checked file, 8 MB at a time, hashing the file again on the way.

    careful: read every one by itself, so that COPY is given none that it would refuse, and quote in the server's log.
    Raises InputError when the bytes are not the ones that were checked.
    """
    changed = InputError(
        f"{check.path.parent.name}/{check.path.name}: expected the bytes that were checked; found others: "
        "the file changed while it was being loaded. Run the load again when it has been copied."
    )
    delimiter, width = contract.delimiter.encode(), len(check.match.columns)
    line, rest = check.first_line, b""
    is_compressed = not check.path.name.lower().endswith(".csv")
    digest = hashlib.sha256()
    try:
        with open_file(check.path) as stream:
            digest.update(read_block(stream, check.header_bytes))
            while data := read_block(stream, BLOCK):
                if not is_compressed:
                    digest.update(data)
                data = rest + data if rest else data
                end = None if careful else plain_end(data, delimiter)
                if end is None:
                    found, end = records(data, line, width, delimiter, leave=LONGEST_RECORD)
                    lines = data.count(b"\n", 0, end)
                    yield found
                else:
                    lines = data.count(b"\n", 0, end)
                    yield Block(data[:end], line, lines)
                line += lines
                rest = data[end:]
        if is_compressed:
            with check.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
    except UNREADABLE:
        raise changed from None
    if digest.hexdigest() != check.sha256:
        raise changed
    if rest:
        yield records(rest, line, width, delimiter)[0]


def plain_end(data: bytes, delimiter: bytes) -> int | None:
    """Where the last whole record of a block ends, when each line up to there is one record.

    None when a quoted field goes over a line's end, or a quote stands where none may: such a block is read record by
    record. The block must start at a record's start.
    """
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    array = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(array == ord('"'))
    newlines = np.flatnonzero(array == ord("\n"))
    is_inside = np.searchsorted(quotes, newlines) & 1
    if not len(newlines) or is_inside.any():
        return None  # (the field that the block's end cuts in two has no line end inside, or it would be here)
    end = int(newlines[-1]) + 1
    quotes = quotes[: np.searchsorted(quotes, end)]
    if not len(quotes):
        return end
    opening, closing = quotes[0::2], quotes[1::2]
    before, after = array[opening - 1], array[closing + 1]  # (a last line's end follows every closing quote)
    opens_well = (before == ord(delimiter)) | (before == ord("\n")) | (opening == 0)
    closes_well = (after == ord(delimiter)) | (after == ord("\n")) | (after == ord("\r"))
    is_doubled = opening[1:] == closing[:-1] + 1  # text within a field, which goes on
    opens_well[1:] |= is_doubled
    closes_well[:-1] |= is_doubled
    return end if opens_well.all() and closes_well.all() else None


def records(data: bytes, first_line: int, width: int, delimiter: bytes, leave: int = 0) -> tuple[list[Record], int]:
    """Split a block into records one by one, each with the line it starts at and the rule it breaks, if any.

    A record whose quotes are broken is its first line alone: reading goes on with the next line. Blank lines are no
    records. Reading ends within `leave` bytes of the block's end, since the record there may go on in the next
    block; returns the records and where it ended.
    """
    found: list[Record] = []
    position, line = 0, first_line
    whole = _record_pattern(delimiter, width)
    while position < len(data) - leave:
        end = data.find(b"\n", position) + 1 or len(data)
        text = data[position:end].rstrip(b"\r\n")
        rule = None
        if b'"' in text:
            match = whole.match(data, position, min(len(data), position + LONGEST_RECORD))
            if match and (match[0].endswith(b"\n") or match.end() == len(data)):
                end = match.end()
                text = match[0].rstrip(b"\r\n")
            else:
                end, rule = _quote_fault(data, position, end, width, delimiter)
                text = data[position:end].rstrip(b"\r\n")
        elif text.strip():
            fields = text.count(delimiter) + 1
            rule = "too_many_fields" if fields > width else "too_few_fields" if fields < width else None
        if text.strip():
            if rule is None and b"\r" in text:  # which COPY refuses outside quotes
                text = _field_pattern(delimiter).sub(_quoted, text)
            found.append(Record(text, line, rule))
        line += data.count(b"\n", position, end)
        position = end
    return found, position


def _quoted(field: re.Match[bytes]) -> bytes:
    """A field between quotes, if a carriage return in it asks for them."""
    return field[0] if field[0].startswith(b'"') or b"\r" not in field[0] else b'"%b"' % field[0]


@functools.lru_cache(maxsize=32)
def _field_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    """A field, with quotes (and then over as many lines as it takes) or without.

    No possessive quantifiers: Python 3.11 before 3.11.5 matches groups of them wrongly (python/cpython#106052). What
    may follow a field cannot begin what it is made of, so it is read in a time linear in its length without them.
    """
    plain = rb'[^"' + re.escape(delimiter) + rb"\r\n]*"
    return re.compile(rb'(?:"[^"]*(?:""[^"]*)*"|%b(?:\r(?!\n|\Z)%b)*)' % (plain, plain))


@functools.lru_cache(maxsize=32)
def _record_pattern(delimiter: bytes, width: int) -> re.Pattern[bytes]:
    """A record of exactly `width` fields."""
    field, d = _field_pattern(delimiter).pattern, re.escape(delimiter)
    return re.compile(rb"(?:%b%b){%d}%b\r?(?:\n|\Z)" % (field, d, width - 1, field))


@functools.lru_cache(maxsize=32)
def _next_field_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    """A field and what ends it: a delimiter (its group), or the record's end."""
    return re.compile(rb"%b(?:(%b)|\r?(?:\n|\Z))" % (_field_pattern(delimiter).pattern, re.escape(delimiter)))


def _quote_fault(data: bytes, position: int, line_end: int, width: int, delimiter: bytes) -> tuple[int, str]:
    """Where a record ends that has quotes and not `width` fields, and whether its quotes or its fields are wrong."""
    limit = min(len(data), position + LONGEST_RECORD)
    start, fields = position, 0
    while True:
        match = _next_field_pattern(delimiter).match(data, start, limit)
        if match is None:
            return line_end, "broken_quote"
        fields, start = fields + 1, match.end()
        if match[1] is None:
            break
    if not match[0].endswith(b"\n") and start < len(data):
        return line_end, "broken_quote"  # it doesn't end within a megabyte
    if start > line_end:  # a line that is a whole record by itself cannot be the inside of this one's field
        next_end = data.find(b"\n", line_end) + 1 or len(data)
        next_line = data[line_end:next_end]
        alone = _record_pattern(delimiter, width).fullmatch(next_line)
        if alone:
            return line_end, "broken_quote"
    return start, "too_many_fields" if fields > width else "too_few_fields"
