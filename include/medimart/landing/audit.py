"""Do the rows add up, and what does a run rest upon: counts per load, and the pins of a run's inputs."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from medimart.errors import CriticalFailure
from medimart.landing.arrivals import committed
from medimart.landing.contract import Contract, all_contracts
from medimart.landing.tables import Connection, ident, literal


@dataclass(frozen=True)
class LoadCount:
    """What became of one load's rows as of a census.

    rows: in the file; in_raw: in raw, which is never changed. quarantine_limit: a share of the rows.
    """

    load_id: int
    source: str
    extract_date: dt.date
    file_name: str
    rows: int
    in_raw: int
    current: int
    superseded: int
    deleted: int
    absent: int
    quarantined: int
    quarantine_limit: float


@dataclass(frozen=True)
class Reconciliation:
    """Every load up to a census, counted."""

    upto: dt.date
    loads: tuple[LoadCount, ...]

    @property
    def quarantined(self) -> int:
        """Rows that are in quarantine as of the census."""
        return sum(load.quarantined for load in self.loads)


@dataclass(frozen=True)
class Pin:
    """One load that a run rests upon: its file, and the rules its text was read by."""

    source: str
    extract_date: dt.date
    delivery: str
    sha256: str
    typing_sha256: str


@dataclass(frozen=True)
class Inputs:
    """All that a run's result is a function of, code apart: loads, seeds and contracts, by name and hash."""

    upto: dt.date
    loads: tuple[Pin, ...]
    seeds: tuple[tuple[str, str], ...]
    contracts: tuple[tuple[str, str], ...]

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the inputs, in hex."""
        content = json.dumps(asdict(self), default=str, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def inputs(conn: Connection, upto: dt.date, sources: Sequence[str] | None = None) -> Inputs:
    """Pin the active loads up to a date, the seeds in force and the contracts.

    `sources`: those a pipeline reads; by default all that extracts hold (not files handed in alone).
    """
    contracts = _contracts(sources)
    loads = conn.execute(
        "select source, extract_date, delivery, file_sha256, typing_sha256 from quality.load_audit "
        "where status = 'typed' and extract_date <= %s and source = any(%s) order by source, extract_date",
        (upto, [contract.source for contract in contracts]),
    ).fetchall()
    seeds = conn.execute("select seed, sha256 from quality.seed_audit order by seed").fetchall()
    return Inputs(
        upto=upto,
        loads=tuple(Pin(*row) for row in loads),
        seeds=tuple((seed, sha256) for seed, sha256 in seeds),
        contracts=tuple((contract.source, contract.sha256) for contract in contracts),
    )


def reconcile(conn: Connection, upto: dt.date, sources: Sequence[str] | None = None) -> Reconciliation:
    """Count what became of every row delivered up to a date, and record it in quality.load_audit.

    `sources`: as for `inputs`. Raises CriticalFailure when a load's counts do not add up to its rows, or when more
    of them are in quarantine than its contract allows.
    """
    counts: list[LoadCount] = []
    with committed(conn):
        conn.execute("select pg_advisory_xact_lock(hashtext('medimart landing'), hashtext('reconcile'))")
        for contract in _contracts(sources):
            counts += _counts(conn, contract.source, contract.quarantine_limit, upto)
        with conn.cursor() as cursor:
            cursor.executemany(
                "update quality.load_audit set current_count = %s, superseded_count = %s, deleted_count = %s, "
                "absent_count = %s, quarantined_count = %s, counted_as_of = %s where load_id = %s",
                [(c.current, c.superseded, c.deleted, c.absent, c.quarantined, upto, c.load_id) for c in counts],
            )
    faults = [fault for count in counts for fault in _faults(count)]
    if faults:
        raise CriticalFailure("\n".join(faults))
    return Reconciliation(upto, tuple(counts))


def _contracts(sources: Sequence[str] | None) -> list[Contract]:
    """The contracts of these sources; of all that extracts hold where none are named."""
    return [
        contract
        for contract in all_contracts()
        if (contract.source in sources if sources is not None else contract.landing == "folder")
    ]


def _counts(conn: Connection, source: str, limit: float, upto: dt.date) -> list[LoadCount]:
    as_of = f"{literal(upto.isoformat())}::date"
    active = conn.execute(
        "select coalesce(array_agg(load_id), '{}')::text from quality.load_audit "
        "where source = %s and status = 'typed' and extract_date <= %s",
        (source, upto),
    ).fetchone()
    loads = f"{literal(active[0] if active else '{}')}::bigint[]"  # a constant, so that other partitions aren't read
    rows = conn.execute(f"""
        with delivered as (
            select r.load_id, count(*) as raw_count from raw.{ident(source)} r
            where r.load_id = any({loads})
            group by r.load_id
        ),
        versions as (
            select h.load_id,
                count(*) filter (where not h.is_deleted and h.valid_to > {as_of}) as current_count,
                count(*) filter (where not h.is_deleted and h.valid_to <= {as_of} and h.closed_by = 'superseded')
                    as superseded_count,
                count(*) filter (where h.is_deleted or h.valid_to <= {as_of} and h.closed_by = 'deleted')
                    as deleted_count,
                count(*) filter (where not h.is_deleted and h.valid_to <= {as_of} and h.closed_by = 'absent')
                    as absent_count
            from history.{ident(source)} h
            where h.valid_from <= {as_of}
            group by h.load_id
        ),
        aside as (
            select r.load_id, count(*) filter (where r.is_released) as released_count,
                count(*) filter (where not r.is_released) as quarantined_count
            from (
                select q.load_id, q.line_no, bool_or(coalesce(l.extract_date <= {as_of}, false)) as is_released
                from quality.quarantine q
                left join quality.load_audit l on l.load_id = q.released_by_load
                where q.source = {literal(source)}
                group by q.load_id, q.line_no
            ) r
            group by r.load_id
        )
        select a.load_id, a.source, a.extract_date, a.file_name, a.row_count, coalesce(d.raw_count, 0),
            coalesce(v.current_count, 0),
            coalesce(v.superseded_count, 0) + coalesce(s.released_count, 0) + a.duplicate_count,
            coalesce(v.deleted_count, 0), coalesce(v.absent_count, 0), coalesce(s.quarantined_count, 0),
            {limit}::double precision
        from quality.load_audit a
        left join delivered d on d.load_id = a.load_id
        left join versions v on v.load_id = a.load_id
        left join aside s on s.load_id = a.load_id
        where a.load_id = any({loads})
        order by a.extract_date
    """).fetchall()
    return [LoadCount(*row) for row in rows]


def _faults(count: LoadCount) -> list[str]:
    label = f"{count.extract_date}/{count.file_name}"
    total = count.current + count.superseded + count.deleted + count.absent + count.quarantined
    faults = []
    if count.in_raw != count.rows:
        faults.append(
            f"{label}: expected its {count.rows} rows in raw; found {count.in_raw}. Someone changed the partition "
            f"{count.source}_{count.load_id}, which no load does: restore it from a backup."
        )
    if total != count.rows:
        faults.append(
            f"{label}: expected its {count.rows} rows to add up; found {total} (current {count.current}, superseded "
            f"{count.superseded}, deleted {count.deleted}, absent {count.absent}, quarantined {count.quarantined}). "
            f"Rebuild the history of {count.source} and report it."
        )
    if count.quarantined > count.quarantine_limit * count.rows:
        faults.append(
            f"{label}: expected at most {count.quarantine_limit:.1%} of its rows in quarantine; found "
            f"{count.quarantined} of {count.rows} ({count.quarantined / count.rows:.1%}). See quality.quarantine, and "
            f"ask its sender for a corrected file, or raise quarantine_limit in {count.source}.yaml."
        )
    return faults
