"""Privacy: each role is refused what it must not read, table by table, and sees the rows of its trusts alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from conftest import Weeks
from medimart.db import connect
from medimart.models.manifest import Model, load_manifest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege, RaiseException, ReadOnlySqlTransaction

CLOSED = ("raw", "history", "reference", "quality", "identity", "marts_partitions")
MARTS = [model for pipeline in ("waiting_list", "rtt_publication") for model in load_manifest().marts(pipeline)]
WAITING = load_manifest().marts("waiting_list")
CLINICAL = [model for model in WAITING if model.readers == "clinical"]
BY_TRUST = [model for model in CLINICAL if "trust_sk" in {column.name for column in model.columns}]
BY_PATIENT = [model for model in CLINICAL if model not in BY_TRUST]


def name_of(model: Model) -> str:
    return model.name


@dataclass(frozen=True)
class People:
    """The owner, and a login admitted to each group; `ward` and `desk` to one trust of those there are."""

    owner: psycopg.Connection[Any]
    url: str
    trust_id: str
    trust_sk: int

    def session(self, login: str) -> psycopg.Connection[Any]:
        """A session of a login."""
        return psycopg.connect(make_conninfo(self.url, user=f"test_{login}", password="pass"), autocommit=True)

    def one(self, query: str, *values: Any) -> Any:
        """One value, as the owner sees it."""
        [(value,)] = self.owner.execute(query.encode(), values).fetchall()
        return value


@pytest.fixture(scope="module")
def people(straight: Weeks) -> Iterator[People]:
    """The three weeks as published, and people to read them."""
    with connect(straight.url) as owner:
        owner.autocommit = True
        [(trust_id, trust_sk)] = owner.execute(
            "select trust_id, trust_sk from marts.dim_trust where not is_unknown and not is_total"
            " order by trust_id limit 1"
        ).fetchall()
        for login, role, trusts in (
            ("ward", "medimart_clinical", [trust_id]),
            ("nowhere", "medimart_clinical", []),
            ("shared", "medimart_shared", []),
            ("desk", "medimart_reidentify", [trust_id]),
            ("stranger", None, []),
        ):
            owner.execute(sql.SQL("create role {} login password 'pass'").format(sql.Identifier(f"test_{login}")))
            if role:
                owner.execute("call quality.admit(%s, %s, %s)", (f"test_{login}", role, trusts))
        yield People(owner, straight.url, trust_id, trust_sk)
        for login in ("ward", "nowhere", "shared", "desk", "stranger"):
            owner.execute(sql.SQL("drop role {}").format(sql.Identifier(f"test_{login}")))


@pytest.mark.parametrize("login", ["ward", "shared", "desk", "stranger"])
def test_closed_schemas_are_refused_table_by_table(people: People, login: str) -> None:
    tables = people.owner.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = any(%s) and c.relkind in ('r', 'p', 'v')",
        (list(CLOSED),),
    ).fetchall()
    assert {schema for schema, _ in tables} == set(CLOSED)
    with people.session(login) as session:
        for schema, table in tables:
            with pytest.raises(InsufficientPrivilege):
                session.execute(sql.SQL("select from {} limit 1").format(sql.Identifier(schema, table)))


@pytest.mark.parametrize(
    ("login", "readers"),
    [("ward", {"clinical", "shared"}), ("shared", {"shared"}), ("desk", set()), ("stranger", set())],
)
def test_marts_are_read_by_those_their_header_names(people: People, login: str, readers: set[str]) -> None:
    with people.session(login) as session:
        for model in WAITING:
            read = sql.SQL("select from {} limit 1").format(sql.Identifier("marts", model.name))
            if model.readers in readers:
                session.execute(read)
            else:
                with pytest.raises(InsufficientPrivilege):
                    session.execute(read)


@pytest.mark.parametrize("model", BY_TRUST, ids=name_of)
def test_a_ward_sees_the_rows_of_its_trust_alone(people: People, model: Model) -> None:
    table = f"marts.{model.name}"
    own = people.one(f"select count(*) from {table} where trust_sk = %s", people.trust_sk)
    assert 0 < own < people.one(f"select count(*) from {table}")
    with people.session("ward") as ward, people.session("nowhere") as nowhere:
        seen = ward.execute(f"select trust_sk, count(*) from {table} group by trust_sk".encode()).fetchall()
        assert seen == [(people.trust_sk, own)]
        assert nowhere.execute(f"select count(*) from {table}".encode()).fetchone() == (0,)


@pytest.mark.parametrize("model", BY_PATIENT, ids=name_of)
def test_a_ward_sees_the_patients_of_its_trust_alone(people: People, model: Model) -> None:
    facts = [fact for fact in BY_TRUST if "patient_sk" in {column.name for column in fact.columns}]
    own = " union ".join(
        f"select patient_sk from marts.{fact.name} where trust_sk = {people.trust_sk}" for fact in facts
    )
    expected = people.one(f"select array_agg(distinct patient_sk) from marts.{model.name} where patient_sk in ({own})")
    unknown = {0} if model.grain == ("patient_sk",) else set()
    assert 0 < len(expected) < people.one(f"select count(distinct patient_sk) from marts.{model.name}")
    with people.session("ward") as ward, people.session("nowhere") as nowhere:
        query = f"select distinct patient_sk from marts.{model.name}".encode()
        assert {patient for (patient,) in ward.execute(query)} == (set(expected) - {0}) | unknown
        assert {patient for (patient,) in nowhere.execute(query)} == unknown


def test_a_wards_joins_lose_no_row(people: People) -> None:
    with people.session("ward") as ward:
        for model in BY_TRUST:
            joins = " ".join(
                f"join marts.{reference.table} as d{number} on d{number}.{reference.target} = f.{reference.column}"
                for number, reference in enumerate(model.references)
            )
            counts = f"select (select count(*) from marts.{model.name}), count(*) from marts.{model.name} as f {joins}"
            [(rows, joined)] = ward.execute(counts.encode()).fetchall()
            assert rows == joined


def test_a_partition_shows_nothing_even_when_granted_by_mistake(people: People) -> None:
    partition = people.one(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'marts.fct_waitlist'::regclass limit 1"
    )
    people.owner.execute("grant usage on schema marts_partitions to test_ward")
    people.owner.execute(f"grant select on {partition} to test_ward".encode())
    try:
        with people.session("ward") as ward:
            assert ward.execute(f"select count(*) from {partition}".encode()).fetchone() == (0,)
    finally:
        people.owner.execute(f"revoke select on {partition} from test_ward".encode())
        people.owner.execute("revoke usage on schema marts_partitions from test_ward")


def test_readers_write_nothing_and_hold_nothing_for_ever(people: People) -> None:
    for login in ("ward", "shared"):
        with people.session(login) as session:
            settings = {
                name: (session.execute(f"show {name}".encode()).fetchone() or ("",))[0]
                for name in (
                    "statement_timeout",
                    "idle_in_transaction_session_timeout",
                    "default_transaction_isolation",
                )
            }
            assert list(settings.values()) == ["1min", "1min", "repeatable read"]
            with pytest.raises(ReadOnlySqlTransaction):
                session.execute("create temporary table mine (a int)")
            session.execute("set default_transaction_read_only = off")
            for model in WAITING:
                with pytest.raises(InsufficientPrivilege):
                    session.execute(sql.SQL("delete from {}").format(sql.Identifier("marts", model.name)))


def test_a_trust_is_granted_to_the_members_of_a_group(people: People) -> None:
    people.owner.execute("create role test_team; grant test_team to test_nowhere")
    people.owner.execute("insert into quality.trust_access values ('test_team', %s)", (people.trust_id,))
    people.owner.execute("insert into quality.trust_access values ('nobody_any_more', %s)", (people.trust_id,))
    try:
        with people.session("nowhere") as nowhere, people.session("ward") as ward:
            count = "select count(*) from marts.fct_waitlist"
            assert nowhere.execute(count).fetchone() == ward.execute(count).fetchone()
    finally:
        people.owner.execute("delete from quality.trust_access where role_name in ('test_team', 'nobody_any_more')")
        people.owner.execute("drop role test_team")


def test_reidentification_is_for_its_role_its_trust_and_a_reason_and_is_recorded(people: People) -> None:
    of_trust = "select patient_sk from quality.patient_trust where trust_sk = %s order by 1 limit 1"
    mine = people.one(of_trust, people.trust_sk)
    other = people.one(
        "select min(patient_sk) from identity.patient where patient_sk not in "
        "(select patient_sk from quality.patient_trust where trust_sk = %s)",
        people.trust_sk,
    )
    ask = "select * from identity.reidentify(%s, %s)"
    with people.session("desk") as desk:
        assert desk.execute(ask, (mine, "booking")).fetchall() == [
            (people.one("select patient_id from identity.patient where patient_sk = %s", mine),)
        ]
        assert desk.execute(ask, (other, "curious")).fetchall() == []
        assert desk.execute(ask, (1, "no such patient")).fetchall() == []
        with pytest.raises(RaiseException, match="Say why"):
            desk.execute(ask, (mine, " "))
    audit = "select asked_by, patient_sk, reason, is_answered from identity.reidentification order by 1, asked_at"
    assert people.owner.execute(audit).fetchall() == [
        ("test_desk", mine, "booking", True),
        ("test_desk", other, "curious", False),
        ("test_desk", 1, "no such patient", False),
    ]
    for login in ("ward", "shared", "stranger"):
        with people.session(login) as session, pytest.raises(InsufficientPrivilege):
            session.execute(ask, (mine, "booking"))


def test_every_local_identifier_can_be_found_and_none_is_in_a_mart(people: People, straight: Weeks) -> None:
    identifiers = {
        value
        for row in people.owner.execute("select patient_id, nhs_number, last_name from history.patients")
        for value in row
        if value
    }
    known = {patient for (patient,) in people.owner.execute("select patient_id from identity.patient")}
    assert known == {patient for (patient,) in people.owner.execute("select patient_id from history.patients")}
    for model in WAITING:
        words = {word.decode() for line in straight.marts[model.name].splitlines() for word in line.split(b"\t")}
        assert words & identifiers == set(), model.name


@pytest.mark.parametrize("model", [model for model in MARTS if model.readers == "shared"], ids=name_of)
def test_shared_marts_tell_of_no_patient(model: Model) -> None:
    told = {"patient", "person", "referral", "appointment", "procedure", "period_sk", "visit"}
    assert [column.name for column in model.columns if any(column.name.startswith(word) for word in told)] == []
