"""The seeds: `data/reference/<seed>.csv` by its contract into `reference.ref_<seed>`, when either has changed.

A seed is ours, not a Trust's: whatever is wrong with a row is an error that names file, line and column, and no seed
of that run is loaded.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from medimart import settings
from medimart.errors import InputError
from medimart.landing.arrivals import committed
from medimart.landing.contract import Column, Contract, match_header, parse_seed
from medimart.landing.tables import Connection, ident, literal

Value = str | int | Decimal | dt.date | bool | None
_BOOLEANS = {"true": True, "t": True, "yes": True, "y": True, "1": True}
_BOOLEANS |= {"false": False, "f": False, "no": False, "n": False, "0": False}


def seed_digests() -> dict[str, str]:
    """SHA-256 of every seed's contract and rows as they lie on disk: what `load_seeds` would record of them."""
    found = {}
    for contract_path in sorted((settings.CONTRACTS / "reference").glob("*.yaml")):
        path = settings.REFERENCE / f"{contract_path.stem}.csv"
        if path.exists():
            found[contract_path.stem] = _digest(contract_path, path.read_bytes())
    return found


def load_seeds(conn: Connection) -> None:
    """Bring every seed up to date; a no-op for those whose rows and contract are what was loaded last.

    One transaction under an advisory lock. Raises InputError naming each fault of each seed.
    """
    seeds = {path.stem: path for path in sorted((settings.CONTRACTS / "reference").glob("*.yaml"))}
    with committed(conn):
        conn.execute("select pg_advisory_xact_lock(hashtext('medimart landing'), hashtext('seeds'))")
        loaded = dict(conn.execute("select seed, sha256 from quality.seed_audit").fetchall())
        changed, faults = [], []
        for seed, contract_path in seeds.items():
            path = settings.REFERENCE / f"{seed}.csv"
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                faults.append(f"{path}: expected the seed of the contract {contract_path.name}; it is missing.")
                continue
            digest = _digest(contract_path, content)
            if loaded.get(seed) != digest:
                contract = parse_seed(contract_path)
                try:
                    changed.append((contract, digest, read_seed(contract, path, content)))
                except InputError as error:
                    faults.append(str(error))
        if faults:
            raise InputError("\n".join(faults))
        for contract, digest, rows in changed:
            _replace(conn, contract, rows)
            conn.execute(
                "insert into quality.seed_audit (seed, sha256, row_count) values (%s, %s, %s) "
                "on conflict (seed) do update set (sha256, row_count, loaded_at) "
                "= (excluded.sha256, excluded.row_count, clock_timestamp())",
                (contract.source, digest, len(rows)),
            )
        if any(contract.source == "value_alias" for contract, _, _ in changed):
            _refuse_ambiguous_aliases(conn)


def _digest(contract_path: Path, content: bytes) -> str:
    return hashlib.sha256(contract_path.read_bytes() + b"\0" + content).hexdigest()


def read_seed(contract: Contract, path: Path, content: bytes) -> list[tuple[Value, ...]]:
    """A seed's rows, typed, in its contract's order of columns. Raises InputError naming each fault by line."""
    label = f"{path.parent.name}/{path.name}"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{label}: expected UTF-8; found the byte {content[error.start]:#04x}.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        match = match_header(contract, header)
        wrong = [
            *(f"the column {name} is missing" for name in match.missing),
            *(f"the header {name} comes twice" for name in match.duplicated),
            *(f"the header {name.removeprefix('extra_')} is not in its contract" for name in match.extras),
        ]
        if wrong:
            raise InputError(f"{label}, line 1: {'; '.join(wrong)}; found {', '.join(header)}.")
        return _rows(contract, label, match.columns, reader)
    except csv.Error as error:
        raise InputError(f"{label}, line {reader.line_num}: {error}.") from None


def _rows(contract: Contract, label: str, columns: tuple[str, ...], reader: Any) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = []
    faults: list[str] = []
    seen: dict[tuple[Value, ...], int] = {}
    start = reader.line_num + 1
    for fields in _records(reader):
        line, start = start, reader.line_num + 1
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(columns):
            faults.append(f"{label}, line {line}: expected {len(columns)} fields; found {len(fields)}.")
            continue
        texts = dict(zip(columns, fields, strict=True))
        row: list[Value] = []
        for column in contract.columns:
            try:
                row.append(_value(column, texts.get(column.header, "").strip(), column.header in contract.key))
            except ValueError as error:
                faults.append(f"{label}, line {line}, {column.header}: {error}.")
                row.append(None)
        headers = [column.header for column in contract.columns]
        key = tuple(row[headers.index(header)] for header in contract.key)
        if key in seen:
            faults.append(f"{label}, line {line}: the key {', '.join(map(str, key))} is on line {seen[key]} already.")
        seen.setdefault(key, line)
        rows.append(tuple(row))
    if not rows and not faults:
        faults.append(f"{label}: expected at least one row; found a header alone.")
    if faults:
        raise InputError("\n".join(faults))
    return rows


def _records(reader: Any) -> Iterable[list[str]]:
    yield from reader


def _value(column: Column, text: str, is_key: bool) -> Value:
    """A text by its column's type. Raises ValueError saying what was expected."""
    if not text:
        if is_key or not column.nullable:
            raise ValueError("expected a value; found none")
        return None
    if column.type == "integer":
        if not re.fullmatch(r"[+-]?\d+", text):
            raise ValueError(f"expected a whole number; found {text!r}")
        number: int | Decimal = int(text)
    elif column.type == "numeric":
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise ValueError(f"expected a number; found {text!r}") from None
        if not number.is_finite():
            raise ValueError(f"expected a number; found {text!r}")
    elif column.type == "boolean":
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"expected true or false; found {text!r}")
        return _BOOLEANS[text.lower()]
    elif column.type == "date":
        try:
            return dt.datetime.strptime(text, "%Y-%m-%d").date()
        except ValueError:
            raise ValueError(f"expected a date such as 2026-01-31; found {text!r}") from None
    else:
        if column.pattern and not re.fullmatch(column.pattern, text):
            raise ValueError(f"expected the pattern {column.pattern}; found {text!r}")
        return text
    if column.minimum is not None and number < column.minimum:
        raise ValueError(f"expected at least {column.minimum}; found {text}")
    if column.maximum is not None and number > column.maximum:
        raise ValueError(f"expected at most {column.maximum}; found {text}")
    return number


def _replace(conn: Connection, contract: Contract, rows: list[tuple[Value, ...]]) -> None:
    """Make the table's rows these; the table itself only where its columns are others, so that readers go on."""
    name = f"ref_{contract.source}"
    wanted = [(c.name, c.sql_type) for c in contract.columns]
    existing = conn.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = to_regclass('reference.' || quote_ident(%s)) and attnum > 0 and not attisdropped "
        "order by attnum",
        (name,),
    ).fetchall()
    table = f"reference.{ident(name)}"
    names = {column.header: column.name for column in contract.columns}
    if existing != wanted:
        conn.execute(f"drop table if exists {table}")
        columns = ", ".join(f"{ident(column)} {kind}" for column, kind in wanted)
        key = ", ".join(ident(names[header]) for header in contract.key)
        conn.execute(f"create table {table} ({columns}, primary key ({key}))")
    else:
        conn.execute(f"delete from {table}")
    conn.execute(f"comment on table {table} is {literal(contract.title)}")
    for column in contract.columns:
        conn.execute(f"comment on column {table}.{ident(column.name)} is {literal(column.meaning)}")
    with conn.cursor() as cursor, cursor.copy(f"copy {table} from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute(f"analyze {table}")


def _refuse_ambiguous_aliases(conn: Connection) -> None:
    rows = conn.execute(
        "select domain, reference.normalise(source_text), string_agg(distinct code, ', ') "
        "from reference.ref_value_alias group by 1, 2 having count(distinct code) > 1 order by 1, 2"
    ).fetchall()
    if rows:
        raise InputError(
            "\n".join(
                f"reference/value_alias.csv: the text {text!r} of {domain} means several codes ({codes}); keep one."
                for domain, text, codes in rows
            )
        )
