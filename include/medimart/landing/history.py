"""The interval of every version, from the set of loads alone: the order in which they arrived does not matter.

A version holds from its extract's date to the next version's, a deletion's, or that of the first later full delivery
that does not hold the key (a quarantined row counts as holding it). Only keys that a load touches are worked out
again; `rebuild_history` does all of them from raw and is the oracle.
"""

from __future__ import annotations

from collections.abc import Sequence

from medimart.landing.contract import Contract
from medimart.landing.tables import Connection, ident, key_sql, literal
from medimart.landing.typing import Load


def touch(conn: Connection, contract: Contract, load: Load) -> None:
    """Add the keys whose intervals a load bears upon to the temporary table `touched`.

    To be called while the load's rows are in history and quarantine: after they came, or before they go.
    """
    table, key = f"history.{ident(contract.source)}", key_sql(contract, "h")
    at = f"{literal(load.extract_date)}::date"
    conn.execute("create temp table if not exists touched (record_key text) on commit drop")
    is_alone = conn.execute(
        "select not exists (select from quality.load_audit where source = %s and load_id <> %s "
        "and typed_at is not null)",
        (load.source, load.load_id),
    ).fetchone()
    conn.execute(
        "insert into touched select record_key from quality.quarantine "
        f"where load_id = {load.load_id} and record_key is not null"
    )
    if is_alone and is_alone[0]:
        return  # nothing else there is: each version stands as it was inserted
    conn.execute(f"insert into touched select {key} from {table} h where h.load_id = {load.load_id}")
    if load.delivery == "full":
        conn.execute(
            f"insert into touched select {key} from {table} h where h.valid_from < {at} and h.valid_to >= {at}"
        )


def refresh(conn: Connection, contract: Contract, changed: Sequence[Load]) -> None:
    """Work out the intervals of the touched keys, and who releases what is in quarantine.

    `changed`: the loads that came or went. A full one releases (or no longer does) every earlier row; and what came
    with a load may be released by a later one that was there before it, whether or not its key can be told.
    """
    conn.execute("create temp table if not exists touched (record_key text) on commit drop")
    conn.execute("create temp table keys_touched on commit drop as select distinct record_key from touched")
    conn.execute("analyze keys_touched")
    conn.execute(_held(contract, "and q.record_key in (select record_key from keys_touched)"))
    conn.execute("analyze held")
    table, key = f"history.{ident(contract.source)}", key_sql(contract, "h")
    conn.execute(
        f"with {_intervals(conn, contract, f'join keys_touched k on k.record_key = {key}')} "
        f"update {table} h set next_from = i.next_from, valid_to = i.valid_to, closed_by = i.closed_by, "
        f"quarantined_from = i.quarantined_from from intervals i where {key} = i.record_key "
        "and h.valid_from = i.valid_from and (h.next_from, h.valid_to, h.closed_by, h.quarantined_from) "
        "is distinct from (i.next_from, i.valid_to, i.closed_by, i.quarantined_from)"
    )
    ids = ", ".join(str(load.load_id) for load in changed)
    _release(conn, contract, f"q.load_id in ({ids}) or q.record_key in (select record_key from keys_touched)")
    for load in (load for load in changed if load.delivery == "full"):
        _release(
            conn,
            contract,
            f"q.extract_date < {literal(load.extract_date)}::date and (q.released_by_load is null or "
            f"(select r.extract_date from quality.load_audit r where r.load_id = q.released_by_load) "
            f">= {literal(load.extract_date)}::date)",
        )
    conn.execute("drop table touched, keys_touched, held")


def refresh_all(conn: Connection, contract: Contract) -> None:
    """Work out the intervals of every key of a source."""
    conn.execute(_held(contract, ""))
    conn.execute("analyze held")
    table, key = f"history.{ident(contract.source)}", key_sql(contract, "h")
    conn.execute(
        f"with {_intervals(conn, contract, '')} update {table} h set next_from = i.next_from, "
        "valid_to = i.valid_to, closed_by = i.closed_by, quarantined_from = i.quarantined_from "
        f"from intervals i where {key} = i.record_key and h.valid_from = i.valid_from "
        "and (i.next_from <> 'infinity' or i.valid_to <> 'infinity' or i.quarantined_from is not null)"
    )
    _release(conn, contract, "true")
    conn.execute("drop table held")


def _active(source: str) -> str:
    return f"source = {literal(source)} and status <> 'superseded'"


def _held(contract: Contract, which: str) -> str:
    """Deliveries of a key that are in quarantine: presence in a full delivery, and what carries a version on."""
    return (
        "create temp table held on commit drop as "
        "select q.record_key, q.extract_date, max(q.line_no) as line_no from quality.quarantine q "
        f"join quality.load_audit a on a.load_id = q.load_id and a.{_active(contract.source)} "
        f"where q.source = {literal(contract.source)} and q.record_key is not null {which} group by 1, 2"
    )


def _intervals(conn: Connection, contract: Contract, which: str) -> str:
    """The CTEs that end in `intervals`: record_key, valid_from and what is worked out of each version."""
    fulls = conn.execute(
        "select coalesce(array_agg(extract_date order by extract_date), '{}')::text "
        f"from quality.load_audit where {_active(contract.source)} and delivery = 'full'"
    ).fetchone()
    full_dates = f"{literal(fulls[0] if fulls else '{}')}::date[]"
    key = key_sql(contract, "h")
    return f"""
    deliveries as (
        select {key} as record_key, h.valid_from, h.line_no,
            lead(h.valid_from) over by_key as next_date,
            lead(h.is_deleted) over by_key as is_next_deleted,
            min(h.valid_from) filter (where not h.is_deleted) over (
                partition by {key} order by h.valid_from rows between 1 following and unbounded following
            ) as next_from
        from history.{ident(contract.source)} h {which}
        window by_key as (partition by {key} order by h.valid_from)
    ),
    closings as (
        select d.*,
            case when k.record_key is null
                then ({full_dates})[width_bucket(d.valid_from, {full_dates}) + 1]
                else (
                    select min(f) from unnest({full_dates}) f where f > d.valid_from and not exists (
                        select from held x where x.record_key = d.record_key and x.extract_date = f
                    )
                )
            end as absent_from,
            k.record_key is not null as is_held
        from deliveries d
        left join (select distinct record_key from held) k on k.record_key = d.record_key
    ),
    closed as (
        select c.*, least(c.next_date, c.absent_from, 'infinity'::date) as valid_to,
            case
                when c.absent_from < coalesce(c.next_date, 'infinity') then 'absent'
                when c.is_next_deleted then 'deleted'
                when c.next_date is not null then 'superseded'
            end as closed_by
        from closings c
    ),
    intervals as (
        select c.record_key, c.valid_from, coalesce(c.next_from, 'infinity'::date) as next_from,
            c.valid_to, c.closed_by,
            case when c.is_held then (
                select min(x.extract_date) from held x
                where x.record_key = c.record_key and x.extract_date < c.valid_to
                    and (x.extract_date > c.valid_from
                        or x.extract_date = c.valid_from and x.line_no > c.line_no)
            ) end as quarantined_from
        from closed c
    )"""


def _release(conn: Connection, contract: Contract, which: str) -> None:
    """Say which load releases each quarantined row that `which` selects: the first that has its key or is full."""
    table, key = f"history.{ident(contract.source)}", key_sql(contract, "h")
    conn.execute(f"""
        with found as (
            select q.load_id, q.line_no, q.column_name, q.rule, (
                select f.load_id from (
                    (
                        select h.load_id, h.valid_from as at from {table} h
                        where {key} = q.record_key and (h.valid_from > q.extract_date
                            or h.valid_from = q.extract_date and h.line_no > q.line_no)
                        order by h.valid_from limit 1
                    )
                    union all
                    (
                        select a.load_id, a.extract_date from quality.load_audit a
                        where a.{_active(contract.source)} and a.delivery = 'full'
                            and a.extract_date > q.extract_date
                        order by a.extract_date limit 1
                    )
                ) f order by f.at limit 1
            ) as released_by_load
            from quality.quarantine q
            join quality.load_audit a on a.load_id = q.load_id and a.status <> 'superseded'
            where q.source = {literal(contract.source)} and ({which})
        )
        update quality.quarantine q set released_by_load = f.released_by_load
        from found f
        where q.load_id = f.load_id and q.line_no = f.line_no and q.column_name = f.column_name
            and q.rule = f.rule and q.released_by_load is distinct from f.released_by_load
    """)
