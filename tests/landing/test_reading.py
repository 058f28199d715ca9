"""From bytes to records: every record once, at its own line, whatever the quotes, line ends, blocks and archives."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import csv
import gzip
import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landing_folder import SMALLEST, LandingFolder, week
from medimart import landing
from medimart.errors import InputError
from medimart.landing import load, preflight
from medimart.landing.load import Block, copy_file, pieces, plain_end
from medimart.landing.preflight import check_file

TRUSTS = landing.load_contract("trusts")
HEADER = "trust_id,name,region\n"


@dataclass(frozen=True)
class Case:
    """Lines below the header `trust_id,name,region`, and what becomes of them: line → fields, or the rule broken."""

    text: str
    expected: dict[int, list[str] | str]


CASES = {
    "plain lines": Case("T1,A,N\nT2,B,S\n", {2: ["T1", "A", "N"], 3: ["T2", "B", "S"]}),
    "no line end at the end": Case("T1,A,N\nT2,B,S", {2: ["T1", "A", "N"], 3: ["T2", "B", "S"]}),
    "blank lines": Case("\nT1,A,N\n\n  \nT2,B,S\n\n", {3: ["T1", "A", "N"], 6: ["T2", "B", "S"]}),
    "carriage returns": Case("T1,A,N\r\nT2,B,S\r\n", {2: ["T1", "A", "N"], 3: ["T2", "B", "S"]}),
    "both line ends": Case("T1,A,N\r\nT2,B,S\nT3,C,N\r\n", {2: ["T1", "A", "N"], 3: ["T2", "B", "S"], 4: ["T3", "C", "N"]}),
    "a carriage return within": Case("T1,A\rB,N\nT2,B,S\n", {2: ["T1", "A\rB", "N"], 3: ["T2", "B", "S"]}),
    "a carriage return beside quotes": Case('T1,A\rB,"N\r"\nT2,"B,\r",S\r\n', {2: ["T1", "A\rB", "N\r"], 3: ["T2", "B,\r", "S"]}),
    "too few fields": Case("T1,A,N\nT2,B\nT3,C,N\n", {2: ["T1", "A", "N"], 3: "too_few_fields", 4: ["T3", "C", "N"]}),
    "too many fields": Case("T1,A,N\nT2,B,S,x\nT3,C,N\n", {2: ["T1", "A", "N"], 3: "too_many_fields", 4: ["T3", "C", "N"]}),
    "a dot line": Case("T1,A,N\n\\.\nT3,C,N\n", {2: ["T1", "A", "N"], 3: "too_few_fields", 4: ["T3", "C", "N"]}),
    "a dot field": Case("T1,\\.,N\nT2,B,\\N\n", {2: ["T1", "\\.", "N"], 3: ["T2", "B", "\\N"]}),
    "quoted fields": Case('T1,"A, B",N\n"T2","B",""\n', {2: ["T1", "A, B", "N"], 3: ["T2", "B", ""]}),
    "doubled quotes": Case('T1,"the ""A""",N\nT2,"""",S\n', {2: ["T1", 'the "A"', "N"], 3: ["T2", '"', "S"]}),
    "a quote over lines": Case('T1,"A\nB\n\nC",N\nT2,B,S\n', {2: ["T1", "A\nB\n\nC", "N"], 6: ["T2", "B", "S"]}),
    "a quote over lines, CRLF": Case('T1,"A\r\nB",N\r\nT2,B,S\r\n', {2: ["T1", "A\r\nB", "N"], 4: ["T2", "B", "S"]}),
    "a dot line in quotes": Case('T1,"A\n\\.\nB",N\nT2,B,S\n', {2: ["T1", "A\n\\.\nB", "N"], 5: ["T2", "B", "S"]}),
    "many lines, too few fields": Case('T1,"A\nB"\nT2,B,S\n', {2: "too_few_fields", 4: ["T2", "B", "S"]}),
    "many lines, too many fields": Case('T1,"A\nB",N,x\nT2,B,S\n', {2: "too_many_fields", 4: ["T2", "B", "S"]}),
    "a quote never closed": Case('T1,A,N\nT2,"B,S\nT3,C,N\n', {2: ["T1", "A", "N"], 3: "broken_quote", 4: ["T3", "C", "N"]}),
    "a quote closed by the next": Case('T1,"A,N\nT2,"B",S\nT3,C,N\n', {2: "broken_quote", 3: ["T2", "B", "S"], 4: ["T3", "C", "N"]}),
    "a quote within a field": Case('T1,A "B,N\nT2,B,S\n', {2: "broken_quote", 3: ["T2", "B", "S"]}),
    "text after a quote": Case('T1,"A" B,N\nT2,B,S\n', {2: "broken_quote", 3: ["T2", "B", "S"]}),
    "a space before a quote": Case('T1, "A, B",N\nT2,B,S\n', {2: "broken_quote", 3: ["T2", "B", "S"]}),
    "a broken one and a whole one": Case('T1,"A,N\nT2,B,S\nT3,"C\nD",N\n', {2: "broken_quote", 3: ["T2", "B", "S"], 4: ["T3", "C\nD", "N"]}),
    "a whole line in a broken one": Case('T1,"A\nT2,B,S\nx"\n', {2: "broken_quote", 3: ["T2", "B", "S"], 4: "broken_quote"}),
    "letters of other tongues": Case("T1,Ysbyty Tŷ Gwyn,N\nT2,Ménière’s,S\n", {2: ["T1", "Ysbyty Tŷ Gwyn", "N"], 3: ["T2", "Ménière’s", "S"]}),
}  # fmt: skip


def found(conn: psycopg.Connection[Any], path: Path) -> dict[int, list[str] | str]:
    """What the loader puts into raw: line → fields, or the rule that the record breaks."""
    check = check_file(TRUSTS, path, "changes", None)
    with conn.transaction(force_rollback=True):
        rows = copy_file(conn, TRUSTS, check, 1)
        records = conn.execute("select line_no, broken_rule, trust_id, name, region from raw.trusts_1").fetchall()
    assert rows == len(records)
    return {line: rule or [field or "" for field in fields] for line, rule, *fields in records}


@pytest.fixture(scope="module")
def warehouse(kept_url: str) -> Any:
    """A warehouse that every case rolls back."""
    with psycopg.connect(kept_url) as conn:
        yield conn


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("block", [16, 1 << 20])
def test_every_record_keeps_its_line(
    name: str, block: int, warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "BLOCK", block)
    monkeypatch.setattr(load, "LONGEST_RECORD", 4 * block)
    path = tmp_path / "trusts.csv"
    path.write_bytes((HEADER + CASES[name].text).encode())
    assert found(warehouse, path) == CASES[name].expected


@pytest.mark.parametrize("packing", ["csv", "bom", "windows-1252", "gz", "zip", "quoted header"])
def test_every_packing_gives_the_same_records(packing: str, warehouse: psycopg.Connection[Any], tmp_path: Path) -> None:
    text = HEADER + 'T1,"Ménière\nClinic",N\nT2,B,S,x\nT3,C,£\n'
    expected = {2: ["T1", "Ménière\nClinic", "N"], 4: "too_many_fields", 5: ["T3", "C", "£"]}
    name, data = "trusts.csv", text.encode()
    if packing == "bom":
        data = text.encode("utf-8-sig")
    elif packing == "windows-1252":
        data = text.encode("cp1252")
    elif packing == "gz":
        name, data = "trusts.csv.gz", gzip.compress(data)
    elif packing == "zip":
        name, buffer = "trusts.zip", io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._export.csv", "x")
            archive.writestr("export/trusts.csv", data)
        data = buffer.getvalue()
    elif packing == "quoted header":
        data = data.replace(b"name", b'"Trust\nName"')
        expected = {line + 1: fields for line, fields in expected.items()}
    (tmp_path / name).write_bytes(data)
    assert found(warehouse, tmp_path / name) == expected


def test_a_broken_record_is_kept_whole(warehouse: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = tmp_path / "trusts.csv"
    path.write_bytes((HEADER + 'T1,"A\nMénière",N,x\n').encode("cp1252"))
    check = check_file(TRUSTS, path, "changes", None)
    with warehouse.transaction(force_rollback=True):
        copy_file(warehouse, TRUSTS, check, 1)
        assert warehouse.execute("select broken_text from raw.trusts_1").fetchone() == ('T1,"A\nMénière",N,x',)


def test_a_field_longer_than_a_megabyte_is_a_broken_quote(warehouse: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = tmp_path / "trusts.csv"
    path.write_text(HEADER + 'T1,"' + ("x" * 999 + "\n") * 1100 + '",N\nT2,B,S\n')
    records = found(warehouse, path)
    assert records[2] == "broken_quote"
    assert records[1102] == "broken_quote"  # its last line, which closes what no longer is open
    assert records[1103] == ["T2", "B", "S"]


def test_a_line_of_quotes_longer_than_any_record(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "LONGEST_RECORD", 64)
    path = tmp_path / "trusts.csv"
    path.write_text(HEADER + 'T1,"A",' + "x," * 50 + "\nT2,B,S\n")
    assert found(warehouse, path) == {2: "broken_quote", 3: ["T2", "B", "S"]}


def test_lines_over_the_borders_of_many_blocks(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "BLOCK", 100_000)
    monkeypatch.setattr(load, "LONGEST_RECORD", 10_000)
    rows = 20_000  # of about 46 bytes
    path = tmp_path / "trusts.csv"
    with path.open("w") as file:
        file.write(HEADER)
        file.writelines(f'T{n},"Trust of the number {n:08d}, N",North\n' for n in range(rows // 2))
        file.write('Tx,"a quote\nover lines",North\n')
        file.writelines(f'T{n},"Trust of the number {n:08d}, N",North\n' for n in range(rows // 2, rows))
    records = found(warehouse, path)
    assert len(records) == rows + 1
    wrong = [n for n in range(rows) if records[n + 2 + 2 * (n >= rows // 2)][0] != f"T{n}"]
    assert wrong == []
    assert records[rows // 2 + 2] == ["Tx", "a quote\nover lines", "North"]


fields = st.text(alphabet='ab,"\n\r £\\.', max_size=6)
tables = st.lists(st.tuples(fields, fields, fields), max_size=12)


@settings(max_examples=300, deadline=None)
@given(rows=tables, block=st.integers(1, 64), line_end=st.sampled_from(["\n", "\r\n"]), quoting=st.sampled_from([0, 1]))
def test_what_a_csv_writer_wrote_is_read(
    rows: list[tuple[str, str, str]], block: int, line_end: str, quoting: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    buffer.write(HEADER)
    expected, line = {}, 2
    for row in rows:
        if quoting == csv.QUOTE_MINIMAL and line_end == "\n":  # then the writer leaves carriage returns bare
            row = tuple(field.replace("\r", "") for field in row)
        start = buffer.tell()
        writer.writerow(row)
        text = buffer.getvalue()[start:]
        expected[line] = list(row)
        line += text.count("\n")
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(buffer.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "BLOCK", block)
        patch.setattr(load, "LONGEST_RECORD", 64)  # more than any record here
        check = check_file(TRUSTS, path, "changes", None)
        got: dict[int, list[str]] = {}
        for piece in pieces(TRUSTS, check):
            if isinstance(piece, Block):
                lines = piece.data.decode().split("\n")[:-1]
                assert len(lines) == piece.lines
                read = [next(csv.reader(io.StringIO(text, newline=""))) for text in lines]
                got |= {piece.first_line + n: fields for n, fields in enumerate(read)}
            else:
                assert not [record for record in piece if record.rule]
                got |= {r.line: next(csv.reader(io.StringIO(r.text.decode(), newline=""))) for r in piece}
    assert got == expected


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"a,b\nc,d", 4),
        (b'a,"b"\n', 6),
        (b'"a",b\n"c', 6),
        (b'a,"b""c"\n', 9),
        (b'a,"b\nc"\n', None),
        (b'a,b"c"\n', None),
        (b'a,"b"c\n', None),
        (b'"a', None),
        (b"a", 0),
    ],
)
def test_a_block_of_plain_lines(data: bytes, end: int | None) -> None:
    assert plain_end(data, b",") == end


@pytest.mark.parametrize("name", ["trusts.csv", "trusts.csv.gz", "trusts.zip"])
@pytest.mark.parametrize("change", ["other bytes", "cut short", "gone"])
def test_a_file_that_changes_after_its_check(
    name: str, change: str, conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    data = SMALLEST["trusts"].encode()
    if name.endswith(".zip"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("trusts.csv", data)
        data = buffer.getvalue()
    elif name.endswith(".gz"):
        data = gzip.compress(data)
    path = folder.extract(files={name: data}) / name
    check = check_file(TRUSTS, path, "full", None)
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-9] if change == "cut short" else data[:-9] + b"ZZPRIVATE")
    with conn.transaction(force_rollback=True), pytest.raises(InputError, match=f"{week(1)}/{name}.*the file changed"):
        copy_file(conn, TRUSTS, check, 1)


def test_the_delimiter_of_the_contract(warehouse: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = tmp_path / "trusts.csv"
    path.write_text('trust_id|name|region\nT1|A, B|"N|S"\nT2|B\n')
    contract = replace(TRUSTS, delimiter="|")
    check = check_file(contract, path, "changes", None)
    with warehouse.transaction(force_rollback=True):
        copy_file(warehouse, contract, check, 1)
        rows = warehouse.execute("select line_no, broken_rule, name, region from raw.trusts_1 order by 1").fetchall()
    assert rows == [(2, None, "A, B", "N|S"), (3, "too_few_fields", None, None)]


def test_blocks_are_whole_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_bytes(b"abc")
    with path.open("rb", buffering=0) as stream:
        assert [preflight.read_block(stream, 2), preflight.read_block(stream, 2)] == [b"ab", b"c"]
