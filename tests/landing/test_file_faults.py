"""A file that cannot be loaded: the message says which, what was expected, what was found and what to do, and nothing
of its extract is loaded."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from landing_folder import SMALLEST, LandingFolder, open_warehouse, week
from medimart import landing
from medimart.errors import InputError
from medimart.landing import preflight
from medimart.landing.extract import MARKER
from medimart.landing.preflight import check_file

GOOD = SMALLEST["conditions"]
HEADER, ROW = GOOD.splitlines(keepends=True)
LONG = HEADER + "".join(f"C{n},P{n * 7919 % 997},Asthma {n * 104729 % 9973},Mild,Yes\n" for n in range(20_000))


def zipped(members: dict[str, str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def encrypted() -> bytes:
    """A zip whose one member says that it is encrypted, as both of its headers do."""
    data = bytearray(zipped({"conditions.csv": GOOD}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


# case: (file name, what it holds, expected, found, what to do)
FAULTS: dict[str, tuple[str, str | bytes | None, str, str, str]] = {
    "missing": ("conditions.csv", None, "the file (or .csv.gz, .zip), which its contract requires", "appointments.csv, gp.csv", "Ask its sender"),
    "empty": ("conditions.csv", b"", "a header and rows", "an empty file (0 bytes)", "Ask its sender"),
    "blank first line": ("conditions.csv", "\n" + GOOD, "a header in the first line", "an empty first line", "with its header"),
    "no header": ("conditions.csv", ROW * 3, "a header with condition_id, patient_id, condition_name, severity, active", "of the first line's 5 fields 0 are known", "with its header"),
    "header only": ("conditions.csv", HEADER, "at least one row in a full delivery", "a header alone", "or mark the delivery as `changes`"),
    "unknown encoding": ("conditions.csv", GOOD.encode() + b"C2,P1,Caf\xe9 \x81,Mild,Yes\n", "UTF-8 or Windows-1252", "as utf-8: the invalid byte 0xe9 on line 3; as windows-1252: the invalid byte 0x81 on line 3", "Save the file as CSV UTF-8"),
    "UTF-8 by its mark alone": ("conditions.csv", codecs.BOM_UTF8 + GOOD.encode() + b"C2,P1,Caf\xe9,Mild,Yes\n", "UTF-8 or Windows-1252", "as windows-1252: it begins with the byte-order mark of UTF-8; as utf-8: the invalid byte 0xe9 on line 3", "Save the file as CSV UTF-8"),
    "UTF-16": ("conditions.csv", GOOD.encode("utf-16"), "UTF-8 or Windows-1252", "UTF-16", "Save the file as CSV UTF-8"),
    "UTF-16 without a mark": ("conditions.csv", GOOD.encode("utf-16-le"), "UTF-8 or Windows-1252", "NUL bytes on line 1", "Save the file as CSV UTF-8"),
    "a NUL byte": ("conditions.csv", GOOD.encode() + b"C2,P1,Asth\0ma,Mild,Yes\n", "UTF-8 or Windows-1252", "NUL bytes on line 3", "Save the file as CSV UTF-8"),
    "a required column missing": ("conditions.csv", "condition_id,patient_id,condition_name,severity\nC1,P1,Asthma,Mild\n", "the required column active", "the columns condition_id, patient_id, condition_name, severity", "an alias in conditions.yaml"),
    "a duplicated header": ("conditions.csv", "condition_id,patient_id,condition_name,severity,active,Condition Severity\nC1,P1,Asthma,Mild,Yes,Mild\n", "each column once", "the duplicated header Condition Severity", "all but one"),
    "a survey that tells who answered": ("experience.csv", "response_id,survey_date,trust_id,specialty,answer,NHS Number,Comment\nQ1,2026-01-02,T1,Cardiology,1,9990000018,Late\n", "the columns of experience.yaml alone", "besides them NHS Number, Comment", "Take out what the contract does not name"),
    "an unknown header twice": ("conditions.csv", "condition_id,patient_id,condition_name,severity,active,Ward,ward\nC1,P1,Asthma,Mild,Yes,1,2\n", "each column once", "the duplicated header ward", "all but one"),
    "the wrong delimiter": ("conditions.csv", GOOD.replace(",", ";"), "fields separated by commas", "fields separated by semicolons", "as CSV with commas"),
    "tabs": ("conditions.csv", GOOD.replace(",", "\t"), "fields separated by commas", "fields separated by tabs", "as CSV with commas"),
    "carriage returns alone": ("conditions.csv", GOOD.replace("\n", "\r"), "lines that end in a line feed", "a carriage return alone", "Save it again as CSV"),
    "a quote open in the header": ("conditions.csv", HEADER.replace("active", 'active,"ward') + 'C1,P1,Asthma,Mild,Yes,"3"\n', "a header in the first line", "a quote in it that is not closed", "Close the quote"),
    "a header beyond reading": ("conditions.csv", HEADER.replace("active", "active," + "x" * 200_000) + ROW, "a header in the first line", "none that can be read", "Is it CSV?"),
    "no line's end": ("conditions.csv", HEADER.strip() + "x" * preflight.LONGEST_HEADER, "a header in the first line", "no end of it in the first megabyte", "Is it CSV?"),
    "a truncated gz": ("conditions.csv.gz", gzip.compress(LONG.encode())[:-2000], "a whole archive", "a truncated or damaged one", "Send it again"),
    "a damaged gz": ("conditions.csv.gz", gzip.compress(LONG.encode(), mtime=0)[:5000] + b"\xff" * 5000, "a whole archive", "a truncated or damaged one", "Send it again"),
    "no gz at all": ("conditions.csv.gz", GOOD, "a whole archive", "a truncated or damaged one", "Send it again"),
    "an empty gz": ("conditions.csv.gz", gzip.compress(b""), "a header and rows", "nothing in the archive", "Ask its sender"),
    "a truncated zip": ("conditions.zip", zipped({"conditions.csv": LONG})[:-2000], "a whole archive", "a truncated or damaged one", "Send it again"),
    "a zip with a damaged file": ("conditions.zip", zipped({"conditions.csv": LONG}, zipfile.ZIP_STORED).replace(b"C9,P", b"C9,X", 1), "a whole archive", "a truncated or damaged one", "Send it again"),
    "two files in a zip": ("conditions.zip", zipped({"a.csv": GOOD, "b.csv": GOOD}), "one file in the archive", "2 files", "one file per archive"),
    "an encrypted zip": ("conditions.zip", encrypted(), "an archive without a password", "an encrypted one", "without a password"),
    "an unusual zip": ("conditions.zip", zipped({"conditions.csv": GOOD}, zipfile.ZIP_LZMA), "an ordinary (deflated) zip", "another compression", "in the ordinary way"),
    "an archive by another name": ("conditions.csv", gzip.compress(GOOD.encode()), "CSV text by its name", "an archive", "Name it .csv.gz or .zip"),
}  # fmt: skip

# case: (completion marker, expected, found, what to do); of an extract whose files are all good
MARKERS = {
    "no JSON": ("complete", "JSON, {} at least", "other text", "Write it again"),
    "a list": ("[]", "a JSON object", "list", "Write it again"),
    "an unknown part": ('{"file": {}}', "`delivery` and `files` alone", "`file`", "Remove it"),
    "files in a list": ('{"files": ["conditions.csv"]}', "an object under `files`", "list", "Write it again"),
    "an unknown source": ('{"delivery": {"condition": "full"}}', "sources (appointments, conditions, experience,", "'condition'", "Mend its name"),
    "an unknown delivery": ('{"delivery": {"conditions": "part"}}', "`full` or `changes` for conditions", "'part'", "Write it again"),
    "a file that is not there": (f'{{"files": {{"beds.csv": "{"0" * 64}"}}}}', "the file beds.csv, which the marker lists", "it is missing", "Ask its sender"),
    "no SHA-256": ('{"files": {"conditions.csv": "abc"}}', "64 hexadecimal digits (SHA-256) for conditions.csv", "'abc'", "Write it again"),
    "another SHA-256": (f'{{"files": {{"conditions.csv": "{"0" * 64}"}}}}', f"the SHA-256 {'0' * 64} that the completion marker lists", hashlib.sha256(GOOD.encode()).hexdigest(), "copy it again"),
}  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(kept_url: str) -> Iterator[psycopg.Connection[Any]]:
    """One warehouse for all faults: none of them leaves anything in it."""
    with open_warehouse(kept_url) as conn:
        yield conn
        conn.rollback()


def refused(warehouse: psycopg.Connection[Any], folder: LandingFolder) -> str:
    """What loading another file of the extract says; asserts that nothing of the extract was loaded."""
    with pytest.raises(InputError) as error:
        landing.load_source(warehouse, folder.path, "patients", week(1))
    counts = "select (select count(*) from quality.load_audit), (select count(*) from history.patients)"
    assert warehouse.execute(counts).fetchone() == (0, 0)
    return str(error.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_loaded(fault: str, warehouse: psycopg.Connection[Any], folder: LandingFolder) -> None:
    name, content, expected, found, action = FAULTS[fault]
    folder.extract(files={**({"conditions.csv": None} if name.startswith("conditions") else {}), name: content})
    message = refused(warehouse, folder)
    assert message.startswith(f"{week(1)}/{name}: expected {expected}"), message
    assert found in message.split("found ", 1)[1], message
    assert action in message, message
    assert "\n" not in message, "one fault, one line"


@pytest.mark.parametrize("fault", MARKERS)
def test_a_marker_that_is_wrong(fault: str, warehouse: psycopg.Connection[Any], folder: LandingFolder) -> None:
    marker, expected, found, action = MARKERS[fault]
    folder.extract(marker=marker)
    message = refused(warehouse, folder)
    assert message.startswith((f"{week(1)}/{MARKER}: ", f"{week(1)}/conditions.csv: ")), message
    assert f"expected {expected}" in message, message
    assert found in message, message
    assert action in message, message


def test_every_fault_of_every_file_is_named_at_once(warehouse: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract(
        files={
            "gp.csv": b"",
            "trusts.csv": None,
            "conditions.csv": "active,severity,severity,patient_id,condition_id\n",
        }
    )
    lines = refused(warehouse, folder).splitlines()
    assert [line.split(":")[0].split("/")[1] for line in lines] == [
        "conditions.csv", "conditions.csv", "gp.csv", "trusts.csv",
    ]  # fmt: skip


def test_an_extract_without_its_marker_is_waited_for(warehouse: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract(files={"conditions.csv": b"", "gp.csv": None}, marker=None)
    assert landing.load_source(warehouse, folder.path, "patients", week(1)) == []
    [extract] = landing.extracts(folder.path)
    assert not extract.is_complete
    assert extract.problems[0] == f"{week(1)}: not complete: the marker {MARKER} has not arrived."


def test_an_extract_after_the_census_is_left_alone(warehouse: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract(day=week(2), files={"conditions.csv": b""})
    assert landing.check_landing(warehouse, folder.path, week(1)) == []


def test_two_files_of_one_source(warehouse: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract(files={"conditions.csv": GOOD, "conditions.csv.gz": gzip.compress(GOOD.encode())})
    message = refused(warehouse, folder)
    assert message.startswith(
        f"{week(1)}: expected one file of conditions; found conditions.csv, conditions.csv.gz. Remove all but one."
    )


def test_what_nobody_asked_for_is_reported(folder: LandingFolder) -> None:
    (folder.extract(files={"beds.csv": "bed_id\n1\n"}) / "old").mkdir()
    (folder.path / "2026-02-30").mkdir()
    (folder.path / "notes.txt").write_text("")
    [extract] = landing.extracts(folder.path)
    assert extract.is_complete
    assert extract.unexpected == ("beds.csv", "old/")
    assert landing.strays(folder.path) == ["2026-02-30", "notes.txt"]


def test_no_landing_folder_holds_no_extract(tmp_path: Path) -> None:
    assert landing.extracts(tmp_path / "landing") == []
    assert landing.strays(tmp_path / "landing") == []


@pytest.mark.parametrize("blocked", ["", f"{week(1)}", f"{week(1)}/{MARKER}", f"{week(1)}/conditions.csv"])
def test_no_permission_is_said_plainly(blocked: str, warehouse: psycopg.Connection[Any], folder: LandingFolder) -> None:
    folder.extract()
    path = folder.path / blocked
    with _as_somebody_else(path):
        message = refused(warehouse, folder)
    assert path.name in message
    assert "found Permission denied. Mend its access." in message


class _as_somebody_else:
    """Take the reading of one path away from this process, which root must lay down its rights for."""

    def __init__(self, path: Path) -> None:
        self.path, self.mode = path, path.stat().st_mode

    def __enter__(self) -> None:
        self.path.chmod(0)
        if os.getuid() == 0:
            self.outer = [parent for parent in self.path.parents if parent.stat().st_mode & 0o005 != 0o005]
            self.modes = [parent.stat().st_mode for parent in self.outer]
            for parent in self.outer:
                parent.chmod(0o755)
            os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)
            for parent, mode in zip(self.outer, self.modes, strict=True):
                parent.chmod(mode)
        self.path.chmod(self.mode)


def test_an_encoding_the_contract_does_not_allow(tmp_path: Path) -> None:
    path = tmp_path / "conditions.csv"
    path.write_bytes(GOOD.replace("Asthma", "Ménière").encode("cp1252"))
    contract = landing.load_contract("conditions")
    assert check_file(contract, path, "full", None).encoding == "windows-1252"
    with pytest.raises(InputError, match=r"expected UTF-8; found .*windows-1252: not allowed by the contract"):
        check_file(replace(contract, encodings=("utf-8",)), path, "full", None)
    assert check_file(replace(contract, encodings=("windows-1252",)), path, "full", None).encoding == "windows-1252"


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "conditions.csv"
    path.write_bytes(codecs.BOM_UTF8 + GOOD.encode())
    check = check_file(landing.load_contract("conditions"), path, "full", None)
    assert check.header[0] == "condition_id"
    assert check.first_line == 2


def test_a_character_cut_short_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "conditions.csv"
    path.write_bytes(GOOD.encode() + b"C2,P1,\xc2\x81\xc3")
    contract = replace(landing.load_contract("conditions"), encodings=("utf-8",))
    with pytest.raises(InputError, match="a character cut short at the end of the file, line 3"):
        check_file(contract, path, "full", None)


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "BLOCK", 1 << 20)
    path = tmp_path / "conditions.csv"
    path.write_text(GOOD + "C2,P1," + "x" * (3 << 20) + ",Mild,Yes\n")
    with pytest.raises(InputError, match=r"expected lines of less than 1 MB; found a longer one, line 3\."):
        check_file(landing.load_contract("conditions"), path, "full", None)
