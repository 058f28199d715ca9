"""From the landing folder to history: what has arrived, whether it is fit, and its load, once per file.

Loads are immutable. The same bytes again are recognised; other bytes for the same source and date are a new load that
supersedes. Each file is one transaction under one lock per source, so that loads may be killed, retried and run side
by side.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from medimart.errors import InputError
from medimart.landing import history, tables
from medimart.landing.contract import Contract, Delivery, HeaderMatch, folder_contracts, load, match_header
from medimart.landing.extract import Extract, extracts
from medimart.landing.load import copy_file, quietly, safe
from medimart.landing.preflight import FileCheck, check_file
from medimart.landing.tables import Connection, ident
from medimart.landing.typing import Load, Typed, type_load, typing_sha256


@dataclass(frozen=True)
class PendingFile:
    """A file that passed its checks and is not loaded yet."""

    source: str
    extract_date: dt.date
    delivery: Delivery
    check: FileCheck


@dataclass(frozen=True)
class LoadResult:
    """One load that was made. rows = versions + duplicates + quarantined; times in seconds."""

    load_id: int
    source: str
    extract_date: dt.date
    delivery: Delivery
    file_name: str
    rows: int
    versions: int
    duplicates: int
    quarantined: int
    load_seconds: float
    type_seconds: float


@dataclass(frozen=True)
class _Active:
    load_id: int
    sha256: str
    size: int
    modified: int
    delivery: str


def check_landing(conn: Connection, landing: Path, upto: dt.date) -> list[PendingFile]:
    """Check every file of the extracts marked complete up to a date that is not loaded yet, and load nothing.

    A file that passed is not read again. Raises InputError naming every fault of every such file.
    """
    with committed(conn):
        _lock(conn, "tables")
        tables.ensure_tables(conn)
    contracts = {contract.source: contract for contract in folder_contracts()}
    pending: list[PendingFile] = []
    faults: list[str] = []
    for extract in extracts(landing):
        if extract.marker is None or extract.date > upto:
            continue
        active = _active_loads(conn, extract.date)
        found = []
        for source, path in extract.files.items():
            try:
                file = _pending(conn, contracts[source], extract, path, active.get(source))
            except InputError as error:
                faults.append(str(error))
            else:
                found += [file] if file else []
        is_whole = all(c.source in active for c in contracts.values() if c.required)
        if found or not is_whole:
            faults.extend(extract.problems)
        pending.extend(found)
    conn.commit()
    if faults:
        raise InputError("\n".join(faults))
    return pending


def load_source(conn: Connection, landing: Path, source: str, upto: dt.date) -> list[LoadResult]:
    """Type a source's loads again where the rules changed, then load and type every pending file up to a date.

    Commits after each file. Raises InputError as `check_landing` does.
    """
    contract = load(source)
    pending = [file for file in check_landing(conn, landing, upto) if file.source == source]
    _retype(conn, contract)
    results = [_load_one(conn, contract, file) for file in pending]
    return [result for result in results if result]


def load_file(conn: Connection, contract_name: str, path: Path, extract_date: dt.date) -> LoadResult | None:
    """Load one file handed in alone (a contract with `landing: file`), as delivered on a date.

    None when the same bytes are loaded for that date already. Raises InputError naming every fault of the file.
    """
    contract = load(contract_name)
    with committed(conn):
        _lock(conn, "tables")
        tables.ensure_source(conn, contract)
    check = check_file(contract, path, contract.delivery, None)
    _retype(conn, contract)
    return _load_one(conn, contract, PendingFile(contract.source, extract_date, contract.delivery, check))


def rebuild_history(conn: Connection, source: str) -> None:
    """Make a source's history, quarantine and flags anew from raw: what every sequence of loads must equal."""
    contract = load(source)
    with committed(conn):
        _lock(conn, source)
        _rebuild(conn, contract)


@contextlib.contextmanager
def committed(conn: Connection) -> Iterator[None]:
    """A transaction of its own, committed at the end, whether or not the connection had begun one."""
    conn.commit()
    with conn.transaction():
        yield


def _lock(conn: Connection, name: str) -> None:
    conn.execute("select pg_advisory_xact_lock(hashtext('medimart landing'), hashtext(%s))", (name,))


def _active_loads(conn: Connection, date: dt.date) -> dict[str, _Active]:
    rows = conn.execute(
        "select source, load_id, file_sha256, file_size, file_modified, delivery from quality.load_audit "
        "where extract_date = %s and status <> 'superseded'",
        (date,),
    )
    return {source: _Active(*rest) for source, *rest in rows}


def _pending(
    conn: Connection, contract: Contract, extract: Extract, path: Path, active: _Active | None
) -> PendingFile | None:
    delivery = extract.delivery(contract)
    stat = path.stat()
    as_it_lies = (stat.st_size, stat.st_mtime_ns, delivery)
    if active and (active.size, active.modified, active.delivery) == as_it_lies:
        return None
    check = _remembered(conn, contract, extract, path, as_it_lies)
    if check is None:
        sha256 = extract.marker.files.get(path.name) if extract.marker else None
        check = check_file(contract, path, delivery, sha256)
        _remember(conn, contract, extract, check, delivery)
    conn.commit()  # no lock is held while the next file is read
    if active and (active.sha256, active.delivery) == (check.sha256, delivery):
        conn.execute(
            "update quality.load_audit set file_size = %s, file_modified = %s where load_id = %s",
            (check.size, check.modified, active.load_id),
        )
        conn.commit()
        return None
    return PendingFile(contract.source, extract.date, delivery, check)


def _remembered(
    conn: Connection, contract: Contract, extract: Extract, path: Path, as_it_lies: tuple[int, int, str]
) -> FileCheck | None:
    row = conn.execute(
        "select result from quality.file_check where source = %s and extract_date = %s and path = %s "
        "and file_size = %s and file_modified = %s and delivery = %s and contract_sha256 = %s",
        (contract.source, extract.date, str(path), *as_it_lies, contract.sha256),
    ).fetchone()
    if row is None:
        return None
    result: dict[str, Any] = row[0]
    match = HeaderMatch(tuple(result["columns"]), tuple(result["extras"]), (), (), result["recognised"])
    return FileCheck(
        path=path,
        size=as_it_lies[0],
        modified=as_it_lies[1],
        sha256=result["sha256"],
        encoding=result["encoding"],
        header=tuple(result["header"]),
        match=match,
        header_bytes=result["header_bytes"],
        first_line=result["first_line"],
    )


def _remember(conn: Connection, contract: Contract, extract: Extract, check: FileCheck, delivery: Delivery) -> None:
    result = {
        "sha256": check.sha256,
        "encoding": check.encoding,
        "header": check.header,
        "columns": check.match.columns,
        "extras": check.match.extras,
        "recognised": check.match.recognised,
        "header_bytes": check.header_bytes,
        "first_line": check.first_line,
    }
    conn.execute(
        "insert into quality.file_check (source, extract_date, path, file_size, file_modified, delivery, "
        "contract_sha256, result) values (%s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict (source, extract_date) do update set (path, file_size, file_modified, delivery, "
        "contract_sha256, result, checked_at) = (excluded.path, excluded.file_size, excluded.file_modified, "
        "excluded.delivery, excluded.contract_sha256, excluded.result, excluded.checked_at)",
        (
            contract.source,
            extract.date,
            str(check.path),
            check.size,
            check.modified,
            delivery,
            contract.sha256,
            json.dumps(result),
        ),
    )


def _load_one(conn: Connection, contract: Contract, file: PendingFile) -> LoadResult | None:
    label = f"{file.extract_date}/{file.check.path.name}"
    try:
        with committed(conn):
            _lock(conn, file.source)
            active = _active_loads(conn, file.extract_date).get(file.source)
            if active and (active.sha256, active.delivery) == (file.check.sha256, file.delivery):
                return None  # another session was quicker
            return _load_in_transaction(conn, contract, file, active)
    except psycopg.Error as error:
        raise safe(error, label) from None


def _load_in_transaction(conn: Connection, contract: Contract, file: PendingFile, active: _Active | None) -> LoadResult:
    began = time.monotonic()
    quietly(conn)
    conn.execute("set local work_mem = '64MB'")
    conn.execute("set local maintenance_work_mem = '256MB'")
    row = conn.execute("select nextval('quality.load_id')").fetchone()
    load_id = int(row[0]) if row else 0
    this = Load(
        load_id,
        file.source,
        file.extract_date.isoformat(),
        file.delivery,
        file.check.path.name,
        {column: column for column in file.check.match.columns},
    )
    rows = copy_file(conn, contract, file.check, load_id)
    load_seconds = time.monotonic() - began
    former = _supersede(conn, contract, active) if active else None
    columns = dict(zip(file.check.header, file.check.match.columns, strict=True))
    conn.execute(
        "insert into quality.load_audit (load_id, source, extract_date, delivery, file_name, file_sha256, "
        "file_size, file_modified, encoding, columns, row_count, contract_sha256, status, load_seconds) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'loaded', %s)",
        (
            load_id,
            file.source,
            file.extract_date,
            file.delivery,
            file.check.path.name,
            file.check.sha256,
            file.check.size,
            file.check.modified,
            file.check.encoding,
            json.dumps(columns),
            rows,
            contract.sha256,
            load_seconds,
        ),
    )
    if former:
        conn.execute("update quality.load_audit set superseded_by = %s where load_id = %s", (load_id, former.load_id))
        conn.execute(
            "update quality.quarantine set released_by_load = %s where load_id = %s",
            (load_id, former.load_id),
        )
    began = time.monotonic()
    typed = _type_into(conn, contract, this)
    history.touch(conn, contract, this)
    history.refresh(conn, contract, [each for each in (former, this) if each])
    type_seconds = time.monotonic() - began
    _record_typing(conn, contract, this, typed, type_seconds)
    return LoadResult(
        load_id=load_id,
        source=file.source,
        extract_date=file.extract_date,
        delivery=file.delivery,
        file_name=file.check.path.name,
        rows=rows,
        versions=typed.versions,
        duplicates=typed.duplicates,
        quarantined=typed.quarantined,
        load_seconds=load_seconds,
        type_seconds=type_seconds,
    )


def _type_into(conn: Connection, contract: Contract, this: Load) -> Typed:
    """Type a load; into an empty history without its indexes, which are quicker made afterwards."""
    table = f"history.{ident(contract.source)}"
    is_filled = conn.execute(f"select exists (select from {table})").fetchone()
    if is_filled and is_filled[0]:
        return type_load(conn, contract, this)
    tables.drop_history_indexes(conn, contract)
    typed = type_load(conn, contract, this)
    tables.create_history_indexes(conn, contract)
    conn.execute(f"analyze {table}")
    return typed


def _supersede(conn: Connection, contract: Contract, active: _Active) -> Load:
    """Take an active load's rows out of history; its rows in raw and quarantine stay, as evidence."""
    former = next(each for each in _loads(conn, contract) if each.load_id == active.load_id)
    history.touch(conn, contract, former)
    conn.execute(f"delete from history.{ident(contract.source)} where load_id = %s", (former.load_id,))
    conn.execute("delete from quality.load_flag where load_id = %s", (former.load_id,))
    conn.execute("update quality.load_audit set status = 'superseded' where load_id = %s", (former.load_id,))
    return former


def _loads(conn: Connection, contract: Contract) -> list[Load]:
    """A source's active loads by date."""
    rows = conn.execute(
        "select load_id, source, extract_date::text, delivery, file_name, columns from quality.load_audit "
        "where source = %s and status <> 'superseded' order by extract_date",
        (contract.source,),
    ).fetchall()
    return [
        Load(load_id, source, date, delivery, name, _columns(contract, columns))
        for load_id, source, date, delivery, name, columns in rows
    ]


def _columns(contract: Contract, loaded: dict[str, str]) -> dict[str, str]:
    """A load's columns as the contract reads its header today; `loaded`: header → its column in raw."""
    return dict(zip(match_header(contract, list(loaded)).columns, loaded.values(), strict=True))


def _record_typing(conn: Connection, contract: Contract, this: Load, typed: Typed, seconds: float) -> None:
    conn.execute(
        "update quality.load_audit set status = 'typed', typing_sha256 = %s, typed_at = clock_timestamp(), "
        "type_seconds = %s, duplicate_count = %s, quarantined_count = %s where load_id = %s",
        (typing_sha256(conn, contract), seconds, typed.duplicates, typed.quarantined, this.load_id),
    )


def _retype(conn: Connection, contract: Contract) -> None:
    """Type a source's loads again when its contract, aliases or rules are no longer those they were typed by."""
    try:
        with committed(conn):
            _lock(conn, contract.source)
            stale = conn.execute(
                "select exists (select from quality.load_audit where source = %s and status <> 'superseded' "
                "and typing_sha256 is distinct from %s)",
                (contract.source, typing_sha256(conn, contract)),
            ).fetchone()
            if stale and stale[0]:
                _rebuild(conn, contract)
    except psycopg.Error as error:
        raise safe(error, f"typing {contract.source} again") from None


def _rebuild(conn: Connection, contract: Contract) -> None:
    quietly(conn)
    conn.execute("set local work_mem = '64MB'")
    conn.execute("set local maintenance_work_mem = '256MB'")
    tables.ensure_source(conn, contract)
    loads = _loads(conn, contract)
    ids = [each.load_id for each in loads]
    conn.execute(f"truncate history.{ident(contract.source)}")
    tables.drop_history_indexes(conn, contract)
    conn.execute("delete from quality.quarantine where load_id = any(%s)", (ids,))
    conn.execute("delete from quality.load_flag where load_id = any(%s)", (ids,))
    for each in loads:
        began = time.monotonic()
        typed = type_load(conn, contract, each)
        _record_typing(conn, contract, each, typed, time.monotonic() - began)
    tables.create_history_indexes(conn, contract)
    conn.execute(f"analyze history.{ident(contract.source)}")
    history.refresh_all(conn, contract)
