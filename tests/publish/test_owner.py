"""The role that publishes need be no superuser, nor may it have to make roles."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import psycopg
import pytest
from clinic import Clinic, week
from medimart import landing
from medimart.db import connect
from medimart.local.machine import Fitness
from medimart.local.overview import overview
from medimart.local.postgres import PostgresServer, free_port
from medimart.models import access
from medimart.warehouse import prepare

VISITS = [("V1", "P1", "RXA"), ("V2", "P2", "RXB")]


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server without the readers' roles: roles are shared by all databases of a server."""
    folder = tmp_path_factory.mktemp("server")
    server = PostgresServer(folder / "data", free_port())
    server.start(fsync="off")
    yield server
    server.stop()


def _url(server: PostgresServer, user: str) -> str:
    return f"postgresql://{user}:pass@127.0.0.1:{server.port}/{user}"


def _readers() -> Fitness:
    return next(part for part in overview().machine if part.name == "readers")


def test_an_ordinary_owner_publishes_and_says_what_an_administrator_must_run(
    own_server: PostgresServer, keys: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIMART_DATABASE_URL", _url(own_server, "plain"))
    with psycopg.connect(own_server.url(), autocommit=True) as admin:
        admin.execute("create role plain login password 'pass'")
        admin.execute("create database plain owner plain")
        admin.execute("create role reader login password 'pass'")
        with connect(_url(own_server, "plain")) as conn, caplog.at_level(logging.WARNING):
            prepare(conn)
            landing.ensure_tables(conn)
            clinic = Clinic(conn, _url(own_server, "plain"))
            clinic.deliver(week(0), VISITS)
            clinic.run(week(0))
            assert "have an administrator run `create role medimart_clinical nologin; create role" in caplog.text
            told = _readers()
            assert not told.is_fit
            assert told.action == access.advice(conn)
            admin.execute(told.action.split("`")[1].encode())
            assert _readers().is_fit
            assert access.advice(conn) is None
            clinic.run(week(0), "once more")
            conn.commit()
        with psycopg.connect(own_server.url("plain"), autocommit=True) as there:
            there.execute("call quality.admit('reader', 'medimart_clinical', '{RXA}')")
        with psycopg.connect(_url(own_server, "plain").replace("plain:", "reader:")) as reader:
            assert reader.execute("select count(*) from marts.fct_visit").fetchone() == (1,)


def test_an_owner_who_may_make_roles_makes_them_and_admits_readers(own_server: PostgresServer, keys: None) -> None:
    with psycopg.connect(own_server.url(), autocommit=True) as admin:
        admin.execute("create role maker login password 'pass' createrole")
        admin.execute("create database maker owner maker")
    with connect(_url(own_server, "maker")) as conn:
        prepare(conn)
        landing.ensure_tables(conn)
        clinic = Clinic(conn, _url(own_server, "maker"))
        clinic.deliver(week(0), VISITS)
        clinic.run(week(0))
        conn.execute("create role reader login password 'pass'")
        conn.execute("call quality.admit('reader', 'medimart_clinical', '{RXB}')")
        conn.commit()
        with psycopg.connect(_url(own_server, "maker").replace("maker:", "reader:")) as reader:
            assert reader.execute("select count(*) from marts.dim_patient where patient_sk <> 0").fetchone() == (1,)
            assert reader.execute("show transaction_isolation").fetchone() == ("repeatable read",)


def test_setting_up_again_is_safe_and_readers_of_any_kind_read_one_instant(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    clinic.conn.execute("insert into quality.trust_access values ('somebody', 'RXA')")
    clinic.conn.execute("truncate quality.setup")  # as after an upgrade
    prepare(clinic.conn)
    clinic.conn.commit()
    assert clinic.rows("select count(*) from quality.trust_access") == [(1,)]
    assert clinic.rows("select count(*) from marts.fct_visit") == [(2,)]
    with psycopg.connect(clinic.url) as anybody:
        assert anybody.execute("show transaction_isolation").fetchone() == ("repeatable read",)
    with connect(clinic.url) as ours:
        assert ours.execute("show transaction_isolation").fetchone() == ("read committed",)
