"""Golden cases: a rule of the domain as a page a clinician can read, run against the real SQL.

A case is `tests/golden/<model>/<case>.md`: prose, a table under each `## Given <table>`, and the rows expected
under `## Then`. Nothing else is needed to add one.

- A table given is a model, `last_week_<model>`, `history.<source>`, `census`, or a seed (`ref_…`). Models that the
  case leaves out are empty; seeds it leaves out are the real ones. Every table given must be read by the model,
  or by a model that it reads: those between are then computed, so that a rule may be told from where it starts.
- Columns left out are null, save `is_current` (true), `is_carried_forward` and `is_deleted` (false), and the
  intervals of history (known from 2020-01-01, for ever).
- `null` or nothing in a cell is null. A word in a `…_sk` column stands for the key of the thing of that name:
  `patient_sk | P1` is the key of patient P1.
- Under `## Then` only the columns listed are compared, numbers to the decimals written; order doesn't matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.db import connect
from medimart.landing import load_seeds
from medimart.landing.tables import ensure_tables
from medimart.local.postgres import PostgresServer
from medimart.models.graph import read_models
from medimart.models.manifest import LAST_WEEK, Model
from medimart.settings import SQL
from medimart.warehouse import prepare
from psycopg import sql

GOLDEN = Path(__file__).parent
SCHEMA = "golden"
THINGS = ("patient", "person", "gp", "trust", "referral", "period", "appointment", "procedure", "condition")
DEFAULTS = {
    "is_current": "true",
    "is_carried_forward": "false",
    "is_deleted": "false",
    "load_id": "1",
    "line_no": "1",
    "valid_from": "2020-01-01",
    "valid_to": "infinity",
    "next_from": "infinity",
}


@dataclass(frozen=True)
class Table:
    """A markdown table: the name in its heading, its columns, its rows of cells (None is null)."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


def cases() -> list[Path]:
    return sorted(GOLDEN.glob("*/*.md"))


def read_case(path: Path) -> tuple[list[Table], Table]:
    """The tables given and the one expected."""
    given, then = [], []
    name: str | None = None
    lines: list[str] = []
    for number, line in enumerate([*path.read_text().splitlines(), "## end"], start=1):
        if heading := re.match(r"##\s+(.*\S)", line):
            if name is not None:
                (then if name.split()[0] == "Then" else given).append(_table(path, number, name, lines))
            name, lines = heading.group(1), []
            if name.split()[0] not in ("Given", "Then"):
                name = None
        elif name is not None and line.lstrip().startswith("|"):
            lines.append(line.strip())
    if len(then) != 1:
        pytest.fail(f"{path.name} needs one `## Then` with a table, found {len(then)}", pytrace=False)
    return given, then[0]


def _table(path: Path, number: int, heading: str, lines: list[str]) -> Table:
    if len(lines) < 2:
        pytest.fail(f"{path.name}: no table before line {number}, under `## {heading}`", pytrace=False)
    header, _, *body = [_cells(line) for line in lines]
    for row in body:
        if len(row) != len(header):
            pytest.fail(f"{path.name}, `## {heading}`: {row} has not {len(header)} cells", pytrace=False)
    rows = tuple(tuple(None if cell in ("", "null") else cell.strip("`") for cell in row) for row in body)
    return Table([*heading.split(), ""][1].strip("`"), tuple(cell.strip("`") for cell in header), rows)


def _cells(line: str) -> list[str]:
    """The cells of a line; a bar within one is written `\\|`."""
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.fixture(scope="session")
def golden(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """A database with the real seeds, empty history, and a schema where models are made as cases need them."""
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.url(), autocommit=True) as admin:
        patch.setenv("MEDIMART_HOME", str(tmp_path_factory.mktemp("golden")))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute("create database golden")
        with connect(server.url("golden")) as conn:
            prepare(conn)
            ensure_tables(conn)
            load_seeds(conn)
            conn.execute(f"create schema {SCHEMA}")
            conn.execute(f"set search_path = {SCHEMA}, reference")
            conn.execute("create table census (census_date date, week_start date, previous_census_date date)")
            conn.commit()
            yield conn
        admin.execute("drop database golden with (force)")


@pytest.fixture(scope="session")
def models() -> dict[str, Model]:
    return read_models()[0]


@pytest.mark.parametrize("path", cases(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden(path: Path, golden: psycopg.Connection[Any], models: dict[str, Model]) -> None:
    name = path.parent.name
    if name not in models:
        faults = [fault for fault in read_models()[1] if f"/{name}.sql" in fault]
        pytest.fail(f"there is no model {name}" + "".join(f"\n{fault}" for fault in faults), pytrace=False)
    given, then = read_case(path)
    _make_inputs(golden, models, models[name])
    with golden.transaction(force_rollback=True):
        words = _fill(golden, models, models[name], given)
        select = (SQL / models[name].path).read_text()
        golden.execute("create temp table actual on commit drop as " + select)
        _check_grain(golden, models[name])
        words |= _expect(golden, models[name], then)
        difference = _difference(golden, models[name], then, words)
    if difference:
        pytest.fail(f"{path.relative_to(GOLDEN)}\n{difference}", pytrace=False)


def _make_inputs(conn: psycopg.Connection[Any], models: dict[str, Model], model: Model) -> None:
    """Make an empty table of each model that `model` reads, ancestors first."""
    for name in (*model.models, *model.last_week):
        if name not in models:
            pytest.fail(f"{model.path} reads {name}, which is no model that parses", pytrace=False)
        _make(conn, models, models[name])
    for name in model.last_week:
        conn.execute(f"create table if not exists {LAST_WEEK}{name} as select * from {name} where false")
    conn.commit()


def _make(conn: psycopg.Connection[Any], models: dict[str, Model], model: Model) -> None:
    if conn.execute("select to_regclass(%s)", (f"{SCHEMA}.{model.name}",)).fetchone() != (None,):
        return
    _make_inputs(conn, models, model)
    select = (SQL / model.path).read_text()
    try:
        conn.execute(f"create table {model.name} as {select} with no data")
    except psycopg.Error as error:
        conn.rollback()
        pytest.fail(f"{model.path} does not run: {error}", pytrace=False)
    conn.commit()


def _fill(conn: psycopg.Connection[Any], models: dict[str, Model], model: Model, given: list[Table]) -> dict[str, str]:
    """Insert what the case gives and compute the models between; returns the words that keys were made of."""
    between = _between(models, model, {table.name for table in given})
    readers = [model, *between]
    known = {"census"}.union(*(_reads(reader) for reader in readers))
    seeds = {seed for reader in readers for seed in reader.seeds}
    words: dict[str, str] = {}
    for table in given:
        if table.name not in known:
            pytest.fail(
                f"{model.name} does not read {table.name!r}; it reads {', '.join(sorted(known))}",
                pytrace=False,
            )
        if table.name in seeds:
            conn.execute(f"delete from {table.name}")
        words |= _insert(conn, table.name, _census(table) if table.name == "census" else table)
    if conn.execute("select count(*) from census").fetchone() == (0,) and re.search(
        r"\b(from|join)\s+census\b", (SQL / model.path).read_text()
    ):
        pytest.fail("the model reads census: give it under `## Given census` (census_date)", pytrace=False)
    for reader in between:
        conn.execute(f"insert into {reader.name} " + (SQL / reader.path).read_text())
    return words


def _reads(model: Model) -> set[str]:
    last_week = {LAST_WEEK + name for name in model.last_week}
    return {*model.models, *model.seeds, *last_week, *(f"history.{name}" for name in model.sources)}


def _between(models: dict[str, Model], model: Model, given: set[str]) -> list[Model]:
    """The models from what is given to `model`, in order: each reads something given or computed, and isn't given."""
    found: list[Model] = []

    def visit(name: str) -> bool:
        if name in given or any(done.name == name for done in found):
            return True
        if name not in models:
            return False
        inputs = [visit(read) for read in sorted(_reads(models[name]))]
        if any(inputs):
            found.append(models[name])
        return any(inputs)

    for read in sorted(_reads(model)):
        visit(read)
    return found


def _census(table: Table) -> Table:
    """A census whose week is worked out from its date."""
    day = date.fromisoformat(str(table.rows[0][table.columns.index("census_date")]))
    if day.weekday() != 6:
        pytest.fail(f"the census is a Sunday; {day} is a {day:%A}", pytrace=False)
    row = (str(day), str(day - timedelta(days=6)), str(day - timedelta(days=7)))
    return Table("census", ("census_date", "week_start", "previous_census_date"), (row,))


def _types(conn: psycopg.Connection[Any], table: str) -> dict[str, str]:
    rows = conn.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        (table,),
    )
    return {str(name): str(kind) for name, kind in rows}


def _insert(conn: psycopg.Connection[Any], into: str, table: Table) -> dict[str, str]:
    types = _types(conn, into)
    words: dict[str, str] = {}
    for column in table.columns:
        if column not in types:
            pytest.fail(f"{into} has no column {column!r}; it has {', '.join(sorted(types))}", pytrace=False)
    extra = {name: text for name, text in DEFAULTS.items() if name in types and name not in table.columns}
    columns = (*table.columns, *extra)
    for row in table.rows:
        cells = [_cell(conn, types, words, *pair) for pair in zip(columns, (*row, *extra.values()), strict=True)]
        values = sql.SQL(", ").join(
            sql.SQL("cast({} as {})").format(sql.Literal(cell), sql.SQL(types[column]))  # type: ignore[arg-type]
            for column, cell in zip(columns, cells, strict=True)
        )
        try:
            conn.execute(
                sql.SQL("insert into {} ({}) values ({})").format(
                    sql.SQL(into),
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                    values,  # type: ignore[arg-type]
                )
            )
        except psycopg.Error as error:
            pytest.fail(f"{into}: {dict(zip(table.columns, row, strict=True))}: {error}", pytrace=False)
    return words


def _cell(
    conn: psycopg.Connection[Any], types: dict[str, str], words: dict[str, str], column: str, cell: str | None
) -> str | None:
    """A cell as PostgreSQL reads it: words in key columns become keys."""
    if cell is None or types[column] != "bigint" or not column.endswith("_sk") or re.fullmatch(r"-?\d+", cell):
        return cell
    name = column.removesuffix("_sk")
    thing = next((thing for thing in THINGS if name == thing or name.endswith(f"_{thing}")), name)
    row = conn.execute("select reference.pseudonym(%s, %s)", (thing, cell)).fetchone()
    assert row
    words[str(row[0])] = cell
    return str(row[0])


def _check_grain(conn: psycopg.Connection[Any], model: Model) -> None:
    grain = ", ".join(model.grain)
    missing = " or ".join(f"{column} is null" for column in model.grain)
    for what, query in {
        "rows share a": f"select {grain} from actual group by {grain} having count(*) > 1",
        "rows lack a part of their": f"select {grain} from actual where {missing}",
    }.items():
        if rows := conn.execute(query).fetchall():
            pytest.fail(f"{model.name}: {what} grain ({grain}): {rows}", pytrace=False)


def _expect(conn: psycopg.Connection[Any], model: Model, then: Table) -> dict[str, str]:
    types = _types(conn, "actual")
    for column in then.columns:
        if column not in types:
            pytest.fail(f"{model.name} gives no column {column!r}; it gives {', '.join(types)}", pytrace=False)
    columns = ", ".join(f"a.{column}" for column in then.columns)
    conn.execute(f"create temp table expected on commit drop as select {columns} from actual as a with no data")
    return _insert(conn, "expected", then)


def _difference(conn: psycopg.Connection[Any], model: Model, then: Table, words: dict[str, str]) -> str:
    """What is missing and what is too much, side by side; empty when all is as expected."""
    types = _types(conn, "actual")
    columns = ", ".join(_comparable(then, types, column) for column in then.columns)
    missing = conn.execute(f"select {columns} from expected except all select {columns} from actual").fetchall()
    surplus = conn.execute(f"select {columns} from actual except all select {columns} from expected").fetchall()
    key = [then.columns.index(column) for column in model.grain if column in then.columns]
    lines = []
    for row in list(missing):
        twin = [r for r in surplus if key and [r[i] for i in key] == [row[i] for i in key]]
        if len(twin) == 1:
            missing.remove(row)
            surplus.remove(twin[0])
            wrong = [i for i in range(len(row)) if row[i] != twin[0][i]]
            where = ", ".join(f"{then.columns[i]} {_show(row[i], words)}" for i in key)
            lines += [
                f"  {where}: {then.columns[i]} should be {_show(row[i], words)}, is {_show(twin[0][i], words)}"
                for i in wrong
            ]
    header = " | ".join(then.columns)
    for title, rows in {"missing": missing, "not expected": surplus}.items():
        if rows:
            lines += [f"  {title}:", f"    {header}"]
            lines += ["    " + " | ".join(_show(value, words) for value in row) for row in rows]
    return "\n".join(lines)


def _comparable(then: Table, types: dict[str, str], column: str) -> str:
    """Numbers are compared to the decimals that the case writes."""
    if types[column] != "double precision" and not types[column].startswith("numeric"):
        return f'"{column}"::text'
    index = then.columns.index(column)
    decimals = max((len((row[index] or "").partition(".")[2]) for row in then.rows), default=0)
    return f'round("{column}"::numeric, {decimals})::text'


def _show(value: str | None, words: dict[str, str]) -> str:
    return "null" if value is None else words.get(value, value)
