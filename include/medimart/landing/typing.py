"""One load from text to types, in SQL made from its contract and the alias seeds.

Each distinct text of a date, number, code or boolean is read once, into a small table; the rows find their reading by
a hash join. What a column gets wrong is either a fault, which puts the row in quarantine, or a flag, which keeps it:

| type | blank | fault | flag (value) |
|---|---|---|---|
| key | missing_key | unreadable_key: unmapped, or longer than 200 characters | |
| any, not nullable | missing_value | | |
| date | | impossible_date; unreadable_date where required | unreadable (null) |
| integer, numeric | | unreadable_number where required | unreadable, out_of_range (null) |
| code, boolean | | | unmapped (null) |
| nhs_number | | | invalid (its digits) |
| postcode | | | unreadable (null) |
| text with a pattern | | | unexpected_format (as it is) |
| record_status | | | unmapped: neither deleted nor active (as a row that stays) |

A deletion record needs its key alone. Records that could not be split are faults of the column `record`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from medimart.errors import SettingError
from medimart.landing.contract import RECORD_STATUS, Column, Contract
from medimart.landing.tables import Connection, ident, key_sql, literal

RULES_VERSION = 1  # raised when the SQL made here reads a text in another way: loads are then typed again
EARLIEST, LATEST = "1900-01-01", "2099-12-31"
LONGEST_KEY = 200  # characters; an index takes no text of any length
RECORD = "record"  # the column name of faults that concern the whole record
_SPACE = r"E' \t\r\n\u00a0'"
_DATE_PATTERNS = {"iso": r"\d{4}-\d{2}-\d{2}", "dmy": r"\d{1,2}/\d{1,2}/\d{4}"}
_NUMBER_PATTERNS = {"integer": r"[+-]?\d+", "numeric": r"[+-]?(\d+(\.\d*)?|\.\d+)"}
_READ_ONCE = {"date", "integer", "numeric", "code", "boolean"}
_POSTCODE = r"^([A-Z]{1,2}[0-9][A-Z0-9]?|GIR) [0-9][A-Z]{2}$"


@dataclass(frozen=True)
class Load:
    """One load as typing and history need it.

    columns: the raw columns that the contract reads the file's header as, in the file's order, and where each lies in
    the load's partition: under another name where the contract has learnt its header since.
    """

    load_id: int
    source: str
    extract_date: str
    delivery: str
    file_name: str
    columns: dict[str, str]

    @property
    def partition(self) -> str:
        """The load's own table in raw."""
        return f"raw.{ident(f'{self.source}_{self.load_id}')}"

    def column(self, raw: str) -> str:
        """A raw column of the contract as the partition calls it."""
        return ident(self.columns.get(raw, raw))


@dataclass(frozen=True)
class Typed:
    """What became of a load's rows: in history, in quarantine, or repeated further down the file."""

    versions: int
    quarantined: int
    duplicates: int


@dataclass(frozen=True)
class _Reading:
    """The SQL of one typed column: its value, its fault and its flag, each null where there is none."""

    column: Column
    value: str
    text: str
    fault: str | None
    flag: str | None


def typing_sha256(conn: Connection, contract: Contract) -> str:
    """Hash of all that decides how a source's text is read: its columns, its aliases and this module's rules."""
    domains = sorted({c.map for c in contract.columns if c.map} | {"boolean"})
    aliases = conn.execute(
        f"select domain, source_text, code from ({_aliases(conn)}) a where domain = any(%s) order by 1, 2, 3",
        (domains,),
    ).fetchall()
    columns = [replace(column, meaning="") for column in contract.columns]
    return hashlib.sha256(repr((RULES_VERSION, contract.key, columns, aliases)).encode()).hexdigest()


def _aliases(conn: Connection) -> str:
    """The words of every code, by the alias seed."""
    found = conn.execute("select to_regclass('reference.ref_value_alias') is not null").fetchone()
    if not found or not found[0]:
        raise SettingError(
            "The seed value_alias is not loaded, so no code can be read. Load the seeds first "
            "(`medimart.landing.load_seeds`)."
        )
    return (
        "select domain, reference.normalise(source_text) as source_text, min(code) as code "
        "from reference.ref_value_alias group by 1, 2"
    )


def type_load(conn: Connection, contract: Contract, load: Load) -> Typed:
    """Type one load into history and quarantine, as if it were alone; intervals are history's business.

    Runs in the caller's transaction, whose temporary tables it makes and drops.
    """
    conn.execute("set local datestyle = 'ISO, DMY'")
    conn.execute(f"create temp table alias on commit drop as {_aliases(conn)}")
    readings = [
        _reading(conn, contract, column, load, position)
        for position, column in enumerate(contract.columns)
        if load.columns.keys() & column.raw_columns
    ]
    # The tables of readings have no statistics, and a nested loop over them would take hours.
    for join in ("enable_nestloop", "enable_mergejoin"):
        conn.execute(f"set local {join} = off")
    conn.execute(f"create temp table typed on commit drop as {_typed(contract, load, readings)}")
    for join in ("enable_nestloop", "enable_mergejoin"):
        conn.execute(f"set local {join} = on")
    quarantined = _quarantine(conn, contract, load)
    versions, duplicates = _keep(conn, contract, load, readings)
    conn.execute(
        "insert into quality.load_flag (load_id, column_name, rule, row_count) "
        f"select {load.load_id}, f.key, f.value ->> 'rule', count(*) from typed t, jsonb_each(t.flags) f "
        "where t.faults is null and t.flags is not null group by 2, 3"
    )
    for position in range(len(contract.columns)):
        conn.execute(f"drop table if exists reading_{position}")
    conn.execute("drop table alias, typed, repeated")
    return Typed(versions, quarantined, duplicates)


def _reading(conn: Connection, contract: Contract, column: Column, load: Load, position: int) -> _Reading:
    raw = f"r.{ident(column.header)}"
    if column.type in _READ_ONCE:
        table = f"reading_{position}"
        conn.execute(
            f"create temp table {table} on commit drop as "
            f"with texts as (select source_text, nullif(btrim(source_text, {_SPACE}), '') as cleaned from "
            f"(select distinct {load.column(column.header)} as source_text from {load.partition} "
            f"where {load.column(column.header)} is not null and broken_rule is null) d) {_read_texts(column)}"
        )
        value, rule, blank = f"{table}.value", f"{table}.rule", f"{table}.cleaned is null"
    elif column.type == "integer_series":
        cells = ", ".join(f"r.{ident(name)}" for name in column.raw_columns)
        # Cell by cell: to write the array out and read it again takes five times as long.
        each = ", ".join(f"pg_input_is_valid(r.{ident(name)}, 'integer')" for name in column.raw_columns)
        is_good = f"coalesce(least({each}), true)"
        blank = f"coalesce({cells}) is null"
        raw = f"array_to_string(array[{cells}], ',', '')"
        value = f"case when {blank} then null when {is_good} then array[{cells}]::integer[] end"
        rule = f"case when not {is_good} then 'unreadable_number' end"
    else:
        value, rule = _read_in_place(column)
        blank = f"r.{ident(column.header + '~')} is null"
    if column.header in contract.key and column.sql_type == "text":
        value = f"case when length({value}) <= {LONGEST_KEY} then {value} end"
    fault, flag = _consequence(contract, column, value, rule, blank)
    return _Reading(column, value, raw, fault, flag)


def _read_texts(column: Column) -> str:
    """Select source_text, cleaned, value and rule of each distinct text in `texts`."""
    if column.type in ("code", "boolean"):
        domain = column.map or "boolean"
        value = "a.code::boolean" if column.type == "boolean" else "a.code"
        return (
            f"select t.source_text, t.cleaned, {value} as value, "
            "case when t.cleaned is not null and a.code is null then 'unmapped' end as rule "
            f"from texts t left join alias a on a.domain = {literal(domain)} "
            "and a.source_text = reference.normalise(t.cleaned)"
        )
    if column.type == "date":
        pattern = f"^({'|'.join(_DATE_PATTERNS[name] for name in column.formats)})$"
        kind, good, limit = "date", f"value between '{EARLIEST}' and '{LATEST}'", "impossible_date"
        bad = "impossible_date"
    else:
        pattern, kind = f"^({_NUMBER_PATTERNS[column.type]})$", column.type
        low = "true" if column.minimum is None else f"value >= {column.minimum}"
        high = "true" if column.maximum is None else f"value <= {column.maximum}"
        good, limit, bad = f"{low} and {high}", "out_of_range", "unreadable"
    return (
        f"select source_text, cleaned, case when {good} then value end as value, "
        "case when cleaned is null then null when not looks_right then 'unreadable' "
        f"when value is null then '{bad}' when not ({good}) then '{limit}' end as rule "
        "from (select source_text, cleaned, looks_right, case when looks_right and "
        f"pg_input_is_valid(cleaned, '{kind}') then cleaned::{kind} end as value "
        f"from (select source_text, cleaned, cleaned ~ {literal(pattern)} as looks_right from texts offset 0) c "
        "offset 0) v"
    )


def _read_in_place(column: Column) -> tuple[str, str]:
    """Value and rule of a text that is its own reading; `<header>~` is prepared in the innermost select."""
    cleaned = f"r.{ident(column.header + '~')}"
    if column.type == "nhs_number":
        digits = f"r.{ident(column.header + '~digits')}"
        terms = " + ".join(f"({digits}::bigint / {10 ** (10 - i)} % 10) * {11 - i}" for i in range(1, 10))
        is_valid = f"(11 - ({terms}) % 11) % 11 = {digits}::bigint % 10"
        rule = (
            f"case when {cleaned} is null then null when length({digits}) <> 10 then 'invalid' "
            f"when {is_valid} then null else 'invalid' end"
        )
        return f"nullif({digits}, '')", rule
    if column.type == "postcode":
        squeezed = f"r.{ident(column.header + '~postcode')}"
        is_shaped = f"{squeezed} ~ {literal(_POSTCODE)}"
        return (
            f"case when {is_shaped} then {squeezed} end",
            f"case when {cleaned} is not null and not {is_shaped} then 'unreadable' end",
        )
    if column.pattern:
        return (
            cleaned,
            f"case when {cleaned} !~ {literal(f'^({column.pattern})$')} then 'unexpected_format' end",
        )
    return cleaned, "null::text"


def _prepared(column: Column, raw: str) -> dict[str, str]:
    """What the innermost select works out once per row for a text column, which lies in `raw`."""
    prepared = {f"{column.header}~": f"nullif(btrim({raw}, {_SPACE}), '')"}
    if column.type == "nhs_number":
        prepared[f"{column.header}~digits"] = (
            f"case when {raw} ~ '^[0-9]{{10}}$' then {raw} else regexp_replace({raw}, '[^0-9]', '', 'g') end"
        )
    if column.type == "postcode":
        prepared[f"{column.header}~postcode"] = (
            f"regexp_replace(upper(regexp_replace({raw}, '[[:space:]\u00a0]', '', 'g')), '(...)$', ' \\1')"
        )
    return prepared


def _consequence(
    contract: Contract, column: Column, value: str, rule: str, blank: str
) -> tuple[str | None, str | None]:
    """The fault and the flag of a column, as SQL that is null where there is none."""
    if column.header in contract.key:
        unreadable = f"case when {blank} then 'missing_key' else 'unreadable_key' end"
        return f"case when {value} is null then {unreadable} end", None if rule == "null::text" else rule
    fault: str | None = None
    flag: str | None = rule if rule != "null::text" else None
    if column.type == "date":
        unreadable = "'unreadable_date'" if column.required else "null"
        fault = f"case {rule} when 'impossible_date' then 'impossible_date' when 'unreadable' then {unreadable} end"
        flag = None if column.required else f"nullif({rule}, 'impossible_date')"
    elif column.type in ("integer", "numeric") and column.required:
        fault = f"case {rule} when 'unreadable' then 'unreadable_number' end"
        flag = f"nullif({rule}, 'unreadable')"
    elif column.type == "integer_series":
        fault, flag = (rule, None) if column.required else (None, f"replace({rule}, '_number', '')")
    if not column.nullable:
        missing = f"case when {blank} then 'missing_value' end"
        fault = f"coalesce({fault}, {missing})" if fault else missing
    return fault, flag


def _typed(contract: Contract, load: Load, readings: list[_Reading]) -> str:
    """The select of a load's split records: line, typed columns, deletion, flags and faults."""
    prepared: dict[str, str] = {}
    for reading in readings:
        if reading.column.type in ("text", "nhs_number", "postcode"):
            prepared |= _prepared(reading.column, load.column(reading.column.header))
    status = load.column(RECORD_STATUS) if RECORD_STATUS in load.columns else "null::text"
    is_unmapped = "case when reference.normalise(r.record_status) not in ('', 'active', 'deleted') then 'unmapped' end"
    inner = "".join(f", {sql} as {ident(name)}" for name, sql in prepared.items())
    raw = "".join(
        f", {load.column(name)} as {ident(name)}" for reading in readings for name in reading.column.raw_columns
    )
    by_name = {reading.column.name: reading for reading in readings}
    values = ", ".join(
        f"{by_name[c.name].value if c.name in by_name else 'null'}::{c.sql_type} as {ident(c.name)}"
        for c in contract.columns
    )
    joins = "".join(
        f" left join reading_{position} on reading_{position}.source_text = r.{ident(column.header)}"
        for position, column in enumerate(contract.columns)
        if column.type in _READ_ONCE and column.name in by_name
    )
    flags = [(r.column.name, r.flag, r.text) for r in readings if r.flag]
    if RECORD_STATUS in load.columns:
        flags.append((RECORD_STATUS, is_unmapped, "r.record_status"))
    faults = [
        (
            r.column.name,
            r.fault if r.column.header in contract.key else f"case when not r.is_deleted then {r.fault} end",
            r.text,
        )
        for r in readings
        if r.fault
    ]
    return (
        f"select r.line_no, {values}, r.is_deleted, {_object(flags)} as flags, {_object(faults)} as faults "
        f"from (select line_no, {status} as record_status, "
        f"coalesce(reference.normalise({status}) = 'deleted', false) as is_deleted{raw}{inner} from {load.partition} "
        f"where broken_rule is null offset 0) r{joins}"
    )


def _object(entries: list[tuple[str, str, str]]) -> str:
    """A jsonb object of column → rule and text; null when no rule is broken."""
    if not entries:
        return "null::jsonb"
    some = ", ".join(rule for _, rule, _ in entries)
    pairs = [
        f"{literal(name)}, case when {rule} is not null then jsonb_build_object('rule', {rule}, 'text', {text}) end"
        for name, rule, text in entries
    ]
    # A function takes a hundred arguments at most.
    objects = [", ".join(pairs[start : start + 40]) for start in range(0, len(pairs), 40)]
    built = " || ".join(f"jsonb_strip_nulls(jsonb_build_object({part}))" for part in objects)
    return f"case when coalesce({some}) is not null then {built} end"


def _quarantine(conn: Connection, contract: Contract, load: Load) -> int:
    """Set aside the rows with faults; returns how many rows (not faults)."""
    entry = (
        "insert into quality.quarantine (load_id, source, extract_date, file_name, line_no, record_key, "
        f"column_name, rule, source_text, record) select {load.load_id}, {literal(load.source)}, "
        f"{literal(load.extract_date)}::date, {literal(load.file_name)}, "
    )
    record = "jsonb_strip_nulls(to_jsonb(r) - 'load_id' - 'line_no')"
    conn.execute("create temp table faulty on commit drop as select * from typed where faults is not null")
    conn.execute("analyze faulty")
    conn.execute(
        f"{entry} t.line_no, {key_sql(contract, 't')}, f.key, f.value ->> 'rule', f.value ->> 'text', {record} "
        f"from faulty t join {load.partition} r on r.line_no = t.line_no, jsonb_each(t.faults) f"
    )
    conn.execute(
        f"{entry} r.line_no, {_broken_key(contract, load)}, {literal(RECORD)}, r.broken_rule, r.broken_text, {record} "
        f"from {load.partition} r where r.broken_rule is not null"
    )
    conn.execute("drop table faulty")
    row = conn.execute(
        f"select count(distinct line_no) from quality.quarantine where load_id = {load.load_id}"
    ).fetchone()
    return int(row[0]) if row else 0


def _broken_key(contract: Contract, load: Load) -> str:
    """The key of a record that could not be split, where it must be the first field; else null.

    So that a comma too many in the notes does not take a patient off the list: the last good version is carried on.
    """
    if contract.key != (next(iter(load.columns)),) or contract.keys[0].type != "text":
        return "null"
    text = f'[^"{contract.delimiter}]{{0,{LONGEST_KEY}}}'
    first = literal(f'^("{text}"|{text})[{contract.delimiter}]')
    return f"nullif(btrim(btrim(substring(r.broken_text from {first}), '\"'), {_SPACE}), '')"


def _keep(conn: Connection, contract: Contract, load: Load, readings: list[_Reading]) -> tuple[int, int]:
    """Insert the good rows into history, of a repeated key the last line alone; returns versions and duplicates."""
    key = key_sql(contract, "t")
    conn.execute(
        f"create temp table repeated on commit drop as select {key} as record_key, max(t.line_no) as last_line, "
        f"count(*) - 1 as duplicates from typed t where t.faults is null group by 1 having count(*) > 1"
    )
    columns = ", ".join(ident(column.name) for column in contract.columns)
    values = ", ".join(f"t.{ident(column.name)}" for column in contract.columns)
    kept = conn.execute(
        f"insert into history.{ident(load.source)} ({columns}, flags, load_id, line_no, valid_from, is_deleted) "
        f"select {values}, t.flags, {load.load_id}, t.line_no, {literal(load.extract_date)}::date, t.is_deleted "
        f"from typed t left join repeated x on x.record_key = {key} "
        "where t.faults is null and (x.last_line is null or x.last_line = t.line_no)"
    ).rowcount
    row = conn.execute("select coalesce(sum(duplicates), 0) from repeated").fetchone()
    return kept, int(row[0]) if row else 0
