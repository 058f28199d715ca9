"""An identifier in a faulty row stays in raw, history and quarantine: out of errors, our logs and the server's."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
import pytest
from landing_folder import SMALLEST, LandingFolder, open_warehouse, week
from medimart import landing
from medimart.errors import MedimartError
from medimart.local.postgres import PostgresServer
from medimart.warehouse import prepare

PRIVATE = "ZZPRIVATE"
HEADER = SMALLEST["patients"].splitlines(keepends=True)[0]
GOOD = "P1,9990000018,Ada,Test,1950-02-28,Female,LS1 4AP,White British,low\n"

# Faulty rows with the identifier in every column there is, and where there is none.
COLUMNS, VALUES = HEADER.strip().split(","), GOOD.strip().split(",")
FAULTY_ROWS = {
    **{
        f"in the column {name}": ",".join([*VALUES[:at], PRIVATE, *VALUES[at + 1 :]]) + "\n"
        for at, name in enumerate(COLUMNS)
    },
    "a field too many": GOOD.strip() + f",{PRIVATE}\n",
    "a field too few": f"P1,{PRIVATE}\n",
    "a quote never closed": f'P1,"{PRIVATE},Ada,Test\n',
    "text after a quote": f'P1,"9990000018"{PRIVATE},Ada,Test,1950-02-28,Female,LS1 4AP,White British,low\n',
    "no key": f",9990000018,{PRIVATE},Test,31/02/1950,Female,LS1 4AP,White British,low\n",
    "twice": f"{PRIVATE},9990000018,Ada,Test,1950-02-28,Female,LS1 4AP,White British,low\n" * 2,
}

# Files that are refused, with the identifier wherever a message could quote it.
FAULTY_FILES: dict[str, str | bytes] = {
    "no header": GOOD.replace("Ada", PRIVATE),
    "the first row for a header, of another width": f"{PRIVATE},{PRIVATE}\n",
    "a quote open in the header": HEADER.replace("DOB", '"DOB') + GOOD.replace("Ada", PRIVATE),
    "a quote open in a header that is known else": HEADER.strip() + f',"ward\nP1,{PRIVATE}",x\n' + GOOD,
    "the header's end far away": HEADER.strip() + f',"{PRIVATE}' + "x" * (1 << 20),
    "a NUL byte": HEADER + GOOD.replace("Ada", PRIVATE + "\0"),
    "unknown encoding": (HEADER + GOOD).encode() + PRIVATE.encode() + b"\xe9\x81\n",
    "cut short in a character": (HEADER + GOOD).encode() + PRIVATE.encode() + b"\x81\xc3",
}


def assert_silent(server: PostgresServer, caplog: pytest.LogCaptureFixture, start: int) -> None:
    assert PRIVATE not in caplog.text
    with server.log.open("rb") as log:
        log.seek(start)
        assert PRIVATE.encode() not in log.read()


@pytest.fixture
def start(server: PostgresServer, caplog: pytest.LogCaptureFixture) -> int:
    """Where the server's log ends before the test; ours is heard to its finest level."""
    caplog.set_level(logging.DEBUG)
    return server.log.stat().st_size


@pytest.mark.parametrize("quotes", [True, False], ids=["read record by record", "refused by COPY first"])
def test_faulty_rows(
    quotes: bool, server: PostgresServer, start: int, conn: psycopg.Connection[Any], folder: LandingFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    rows = [row for row in FAULTY_ROWS.values() if quotes or '"' not in row]
    folder.extract(files={"patients.csv": HEADER + "".join(rows) + GOOD})
    [result] = landing.load_source(conn, folder.path, "patients", week(1))
    assert result.quarantined
    assert PRIVATE not in repr(result)
    with pytest.raises(MedimartError) as error:
        landing.reconcile(conn, week(1))
    assert PRIVATE not in str(error.value)
    [(kept,)] = conn.execute("select count(*) from quality.quarantine q where q::text like '%ZZPRIVATE%'").fetchall()
    assert kept >= 5, "it is there to be looked at"
    audit = "select count(*) from quality.load_audit a, quality.load_flag f where a::text || f::text like '%ZZPRIVATE%'"
    assert conn.execute(audit).fetchone() == (0,)
    assert_silent(server, caplog, start)


def test_faulty_rows_on_a_server_of_which_we_are_no_superuser(
    template: PostgresServer, start: int, folder: LandingFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the role may not hush the server's log, no row is given to COPY that it would refuse."""
    rows = [row for row in FAULTY_ROWS.values() if '"' not in row]
    folder.extract(files={"patients.csv": HEADER + "".join(rows) + GOOD})
    with psycopg.connect(template.url(), autocommit=True) as admin:
        admin.execute("create role landing_owner login createrole password 'plain'")
        admin.execute("create database landing_owned owner landing_owner")
        try:
            url = f"postgresql://landing_owner:plain@127.0.0.1:{template.port}/landing_owned"
            with open_warehouse(url) as conn:
                prepare(conn)
                landing.load_seeds(conn)
                [result] = landing.load_source(conn, folder.path, "patients", week(1))
            assert result.versions + result.duplicates + result.quarantined == result.rows == len(rows) + 2
        finally:
            admin.execute("drop database landing_owned with (force)")
            admin.execute("drop role landing_owner")
    assert_silent(template, caplog, start)


@pytest.mark.parametrize("fault", FAULTY_FILES)
def test_faulty_files(
    fault: str, server: PostgresServer, start: int, conn: psycopg.Connection[Any], folder: LandingFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    folder.extract(files={"patients.csv": FAULTY_FILES[fault]})
    with pytest.raises(MedimartError) as error:
        landing.load_source(conn, folder.path, "patients", week(1))
    assert PRIVATE not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert_silent(server, caplog, start)


def test_what_the_server_refuses(
    server: PostgresServer, start: int, conn: psycopg.Connection[Any], folder: LandingFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """A fault that no rule foresaw: PostgreSQL's own words quote the row, in the error and in its log."""
    folder.extract(files={"patients.csv": HEADER + GOOD.replace("P1", PRIVATE)})
    conn.execute(f"alter table history.patients add constraint no_such check (patient_id <> '{PRIVATE}')")
    conn.commit()
    start = server.log.stat().st_size  # (the statement above is the test's own)
    try:
        with pytest.raises(MedimartError) as error:
            landing.load_source(conn, folder.path, "patients", week(1))
    finally:
        conn.rollback()
        conn.execute("alter table history.patients drop constraint no_such")
        conn.commit()
    assert str(error.value).startswith(
        f"{week(1)}/patients.csv: PostgreSQL refused (CheckViolation, 23514, table patients, constraint no_such). "
    )
    assert PRIVATE not in str(error.value)
    assert error.value.__suppress_context__, "nor does a traceback show what it came from"
    assert_silent(server, caplog, start)
    assert conn.execute("select count(*) from quality.load_audit").fetchone() == (0,)
