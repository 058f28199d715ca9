"""Who asks sees what is shared and nothing else, and nothing of a question becomes SQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from medimart import cli
from medimart.ask import query, reader
from medimart.ask.answer import context, plan
from medimart.ask.catalogue import FOLDER, catalogue
from medimart.ask.members import Trust, members
from medimart.ask.plan import Refusal
from medimart.ask.words import dictionary, read
from medimart.errors import SettingError
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

Connection = psycopg.Connection[Any]
RUN = CliRunner()


def test_the_session_is_the_shared_readers(shared: Connection) -> None:
    [row] = shared.execute(
        "select current_user::text, current_setting('transaction_read_only'), current_setting('statement_timeout'),"
        " current_setting('transaction_isolation'), current_setting('medimart.inner_key', true)"
    ).fetchall()
    assert row == ("medimart_shared", "on", "10s", "repeatable read", None)


@pytest.mark.parametrize(
    "table", ["marts.mart_breach_kpi", "raw.patients", "quality.patient_trust", "identity.patient"]
)
def test_exact_and_closed_tables_are_refused(shared: Connection, table: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
        shared.execute(f"select * from {table}".encode())


def test_nothing_is_written(shared: Connection) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        shared.execute("create temporary table kept (a int)")


def test_a_question_that_takes_too_long_is_given_up(shared: Connection) -> None:
    shared.execute("set local statement_timeout = '50ms'")
    with pytest.raises(SettingError, match="ask for less"):
        reader.run(shared, query.Query(sql.SQL("select pg_sleep({})").format(sql.Placeholder("p1")), {"p1": 5}, ""))


def test_a_login_that_may_not_read_is_told_so(owner: Connection, url: str) -> None:
    owner.execute("create role ask_stranger login password 'pass'")
    try:
        with (
            pytest.raises(SettingError, match="grant medimart_shared to ask_stranger"),
            reader.reading(make_conninfo(url, user="ask_stranger", password="pass")),
        ):
            pass
    finally:
        owner.execute("drop role ask_stranger")


def test_a_shared_login_may_ask(owner: Connection, url: str) -> None:
    owner.execute("create role ask_analyst login password 'pass'")
    owner.execute("call quality.admit('ask_analyst', 'medimart_shared')")
    try:
        with reader.reading(make_conninfo(url, user="ask_analyst", password="pass")) as conn:
            assert len(reader.published(conn)) == 15
    finally:
        owner.execute("drop owned by ask_analyst")
        owner.execute("drop role ask_analyst")


def test_values_are_parameters_whatever_a_trust_is_called(shared: Connection) -> None:
    """A trust's name is data of an extract: it may be told in a question, and is never in the SQL."""
    at, name = context(shared), "Robert drop table students NHS Trust"
    named = members(at.catalogue, [Trust(7, name, None, False)])
    words = dictionary(at.catalogue, named)
    planned = read("how many patients at Robert drop table students", at.catalogue, named, words, at.published)
    made = query.figures(planned, named, at.newest)
    assert dict(planned.filters) == {"trust": ("7",)}
    assert 7 in made.values.values()
    statement = made.statement.as_string(shared)
    assert not any(word in (statement + made.text).lower() for word in ("robert", "drop", "student"))
    assert "'" not in statement.replace("'month'", "")


def test_two_trusts_of_one_name_are_ambiguous(shared: Connection) -> None:
    at = context(shared)
    named = members(
        at.catalogue, [Trust(7, "Airedge NHS Trust", None, False), Trust(8, "Airedge Hospital", None, False)]
    )
    with pytest.raises(Refusal, match="more than one thing"):
        read("patients at Airedge", at.catalogue, named, dictionary(at.catalogue, named), at.published)


def test_no_phrase_means_two_things_unmeant() -> None:
    found = catalogue()
    meanings = dictionary(found, members(found)).meanings
    assert {" ".join(phrase) for phrase, several in meanings.items() if len(several) > 1} == {
        "cancelled",
        "cancellation",
    }


def test_every_metric_is_asked_for() -> None:
    asked = yaml.safe_load((Path(__file__).parent / "questions.yaml").read_text())
    assert {case["metric"] for case in asked} == set(catalogue().metrics)


def test_no_word_of_the_catalogue_denies_or_compares() -> None:
    """What denies, compares or limits changes what is asked, so no filler may."""
    fillers = set(catalogue().words["filler"].split())
    assert not fillers & {"not", "no", "without", "except", "excluding", "than", "versus", "or", "only", "more", "top"}


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("count(*)", "it may add up columns"),
        ("sum(pathway_count)", "which shared readers don't see"),
        ("(select sum(known_start_count) from marts.fct_waitlist)", "it may add up columns"),
        ("sum(known_start_count) filter (where trust_sk = 1)", "it may add up columns"),
        ("pg_sleep(1)", "it may add up columns"),
    ],
)
def test_a_metric_may_add_up_shared_columns_alone(tmp_path: Path, written: str, fault: str) -> None:
    (tmp_path / "subjects").mkdir()
    words = yaml.safe_load((FOLDER / "words.yaml").read_text())
    waiting = yaml.safe_load((FOLDER / "subjects" / "waiting.yaml").read_text())
    waiting["metrics"] = {"made_up": {**waiting["metrics"]["pathways_waiting"], "sql": written}}
    (tmp_path / "words.yaml").write_text(yaml.safe_dump({**words, "subjects": ["waiting"]}))
    (tmp_path / "subjects" / "waiting.yaml").write_text(yaml.safe_dump(waiting))
    with pytest.raises(SettingError, match=fault):
        catalogue(tmp_path)


@pytest.fixture
def outside(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIMART_DATABASE_URL", url)


@pytest.mark.usefixtures("outside")
def test_the_command_answers_as_text_and_as_json(owner: Connection) -> None:
    [(figure,)] = owner.execute(
        "select sum(d(known_start_count)) from marts.mart_breach_kpi"
        " where census_date = '2026-04-05' and level = 'trust'"
    ).fetchall()
    shown = RUN.invoke(cli.app, ["ask", "how many patients are waiting?"])
    assert shown.exit_code == 0
    assert f"{figure:,} pathways" in shown.stdout
    found = json.loads(RUN.invoke(cli.app, ["ask", "how many patients are waiting?", "--json"]).stdout)
    assert (found["metric"], found["rows"][0]["value"]) == ("pathways_waiting", figure)


@pytest.mark.usefixtures("outside")
def test_the_command_shows_sql_without_running_it() -> None:
    shown = RUN.invoke(cli.app, ["ask", "how many patients are waiting?", "--sql"])
    assert shown.exit_code == 0
    assert shown.stdout.startswith("select")
    assert "pathways" not in shown.stdout


@pytest.mark.usefixtures("outside")
def test_the_command_says_why_it_refuses() -> None:
    refused = RUN.invoke(cli.app, ["ask", "how many happy patients", "--json"])
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["refused"]["words"] == ["happy"]
    plain = RUN.invoke(cli.app, ["ask", "how many happy patients"])
    assert isinstance(plain.exception, Refusal)
    assert "“happy”" in str(plain.exception)


def test_the_command_lists_what_can_be_asked() -> None:
    listed = RUN.invoke(cli.app, ["ask", "--list"])
    assert all(metric.name in listed.stdout for metric in catalogue().metrics.values())
    assert RUN.invoke(cli.app, ["ask"]).exit_code == 2
    assert RUN.invoke(cli.app, ["ask", "list size", "--list"]).exit_code == 2


def test_a_plan_has_no_word_of_the_question(shared: Connection) -> None:
    at = context(shared)
    planned = plan(at, "how many patients at Airedge in March?")
    known = {value for codes in planned.filters.values() for value in codes}
    assert known <= {code for of in at.members.of.values() for code in of}
