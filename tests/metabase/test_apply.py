"""From a blank server to finished dashboards, and again: what is written, what is kept, what is archived.

Every request is held against the contract of Metabase's API by the stand-in. No Metabase itself is at hand.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from medimart.dashboards.cards import DashboardError, load_dashboards
from medimart.dashboards.metabase.apply import apply
from medimart.dashboards.metabase.check import check
from medimart.dashboards.metabase.client import NewServer, NotBegun, connected, new_key
from medimart.dashboards.metabase.readers import admit
from medimart.errors import SettingError
from medimart.settings import DASHBOARDS, Metabase
from provisioned import PASSWORD, USER, Place
from stand_in import ADMINISTRATORS, EVERYBODY

New = Callable[..., Place]
SHAPES = pytest.mark.parametrize("stages", [False, True], ids=["legacy", "stages"])


@SHAPES
def test_a_blank_server_gets_it_all_and_the_second_time_nothing(place: New, stages: bool) -> None:
    here = place(DASHBOARDS, ("ops@example.org",), stages=stages)
    files = load_dashboards(here.files)
    made = here.apply()
    assert set(made.values()) <= {"created", "changed"}
    assert {name for kind, name in made if kind == "card"} == files.cards.keys()
    assert {name for kind, name in made if kind == "dashboard"} == files.dashboards.keys()
    for one in files.dashboards.values():
        shown = [card["card_id"] for card in here.dashboard(one.name)["dashcards"]]
        wanted = [files.cards[placed.card].title if placed.card else None for placed in one.placed]
        assert [here.server.cards[id_]["name"] if id_ else None for id_ in shown] == wanted
    assert here.apply() == {}
    assert here.server.writes == []


@SHAPES
def test_with_an_api_key_not_even_a_log_in_is_sent(place: New, stages: bool) -> None:
    here = place(stages=stages)
    here.apply()
    with connected(here.target, set_up=False, seconds=0) as client:
        here.key = new_key(client, "MediMart")
    here.server.users.clear()
    here.server.sessions.clear()
    assert here.apply() == {}
    assert here.server.writes == []


def test_every_card_answers_as_its_reader_and_every_permission_is_as_written(place: New) -> None:
    here = place(DASHBOARDS)
    here.apply()
    with connected(here.target, set_up=False, seconds=0) as client:
        proofs = check(here.conn, client, here.target, load_dashboards(here.files))
        assert [proof for proof in proofs if proof.fault] == []
        assert {proof.kind for proof in proofs} == {"card", "dashboard", "permissions"}

        first, filtered = next(iter(here.server.cards.values())), here.card("Trusts")
        first["dataset_query"]["native"]["query"] = "select 1 as other"
        native = filtered["dataset_query"]["native"]
        native["query"] = native["query"].replace("[[and {{trust}}]]", "[[annd {{trust}}]]")
        first, second, *_ = here.server.dashboards.values()
        first["dashcards"].clear()
        second["tabs"].pop()
        for may in here.server.may_read.values():
            may.update(dict.fromkeys(may, "read"))
        faults: dict[str, str] = {}
        for proof in check(here.conn, client, here.target, load_dashboards(here.files)):
            faults[proof.kind] = faults.get(proof.kind, "") + proof.fault
    assert "gives the columns other and not" in faults["card"]
    assert f"its query with its filters set fails: see /question/{filtered['id']}" in faults["card"]
    assert "does not show" in faults["dashboard"]
    assert "has not the tab Beside others" in faults["dashboard"]
    assert "not what is written" in faults["permissions"]


def test_who_may_read_and_ask_what(place: New) -> None:
    here = place()
    here.server.groups[5] = "Another group"
    here.server.may_read[5] = {"root": "read"}
    here.apply()
    groups = {name: number for number, name in here.server.groups.items()}
    collections = {one["name"]: str(number) for number, one in here.server.collections.items()}
    may_read = {
        (group, name): here.server.may_read.get(number, {}).get(id_, "none")
        for group, number in groups.items()
        for name, id_ in collections.items()
    }
    ops, ward = "MediMart: Waiting list", "MediMart: Clinical worklist"
    assert {at: may for at, may in may_read.items() if may != "none"} == {
        (ops, "Waiting list"): "read",
        (ops, "Waiting list: your own"): "write",
        (ward, "Waiting list"): "read",
        (ward, "Clinical worklist"): "read",
        (ward, "Clinical worklist: your own"): "write",
    }
    databases = {one["name"]: str(number) for number, one in here.server.databases.items()}
    may_ask = {
        (group, name)
        for group, number in groups.items()
        for name, id_ in databases.items()
        if here.server.may_ask.get(number, {}).get(id_, {}).get("create-queries", "no") != "no"
    }
    assert may_ask == {(ops, "MediMart shared"), (ward, "MediMart shared"), (ward, "MediMart clinical")}
    assert here.server.may_read[EVERYBODY]["root"] == "write"  # what isn't ours is left as it is
    assert ADMINISTRATORS not in here.server.may_read

    here.server.may_read[EVERYBODY][collections["Clinical worklist"]] = "read"
    assert here.apply() == {("permissions", "collections"): "changed"}
    assert here.server.may_read[EVERYBODY][collections["Clinical worklist"]] == "none"


def test_each_login_sees_its_own(place: New) -> None:
    here = place()
    here.apply()
    logins = {one["name"]: number for number, one in here.server.databases.items()}
    seen = {name: {table[0] + "." + table[1] for table in here.server.fields[id_]} for name, id_ in logins.items()}
    assert "marts.fct_waitlist" in seen["MediMart clinical"]
    assert not [table for table in seen["MediMart shared"] if table.startswith(("marts.fct_wait", "marts.dim_patient"))]
    assert {table.split(".")[0] for tables in seen.values() for table in tables} == {"marts", "shared_marts"}
    with here.server.connection(logins["MediMart shared"]) as conn:
        assert conn.execute("show default_transaction_read_only").fetchone() == ("on",)
        assert conn.execute("show statement_timeout").fetchone() == ("1min",)
    with here.server.connection(logins["MediMart clinical"]) as conn:
        assert conn.execute("select count(distinct trust_sk) from marts.fct_waitlist").fetchone() == (1,)


def test_the_setting_says_whose_rows_the_clinical_login_sees(place: New) -> None:
    here = place()

    def granted() -> list[str]:
        rows = here.conn.execute("select trust_id from quality.trust_access where role_name = 'test_metabase_clinical'")
        return sorted(trust for (trust,) in rows)

    before = granted()
    assert len(before) == 1
    with here.conn.transaction(force_rollback=True):
        admit(here.conn, replace(here.target, trusts=("RX9", *before)))
        assert granted() == sorted(["RX9", *before])
        admit(here.conn, here.target)
        assert granted() == []
    own = here.readers["shared"].replace("test_metabase_shared", here.conn.info.user)
    with pytest.raises(SettingError, match="MEDIMART_METABASE_SHARED_URL must name a login of its own, not"):
        admit(here.conn, replace(here.target, readers={**here.readers, "shared": own}))


@SHAPES
def test_an_edit_is_kept_and_told_until_it_is_to_be_overwritten(place: New, stages: bool) -> None:
    here = place(stages=stages)
    here.apply()
    here.card("Waiting")["visualization_settings"]["scalar.prefix"] = "about "
    here.card("Within 18 weeks")["dataset_query"]["native"]["query"] += " limit 5"
    here.dashboard("Trusts")["dashcards"].pop()
    kept = {("card", "waiting"): "kept", ("card", "trend"): "kept", ("dashboard", "trusts"): "kept"}
    assert here.apply() == kept
    assert here.server.writes == []
    assert here.detail("card", "waiting") == "edited in Metabase: settings"
    assert here.detail("card", "trend") == "edited in Metabase: SQL"
    assert here.detail("dashboard", "trusts") == "edited in Metabase: cards"

    here.rewrite("cards/trend.sql", "title: Within 18 weeks", "title: Within eighteen weeks")
    assert here.apply() == kept
    assert here.detail("card", "trend") == "edited in Metabase: SQL; the files have changed since"

    assert here.apply(overwrite=True) == dict.fromkeys(kept, "changed")
    assert "scalar.prefix" not in here.card("Waiting")["visualization_settings"]
    assert "limit 5" not in here.card("Within eighteen weeks")["dataset_query"]["native"]["query"]
    assert here.apply() == {}


def test_what_the_files_change_is_written_and_nothing_else(place: New) -> None:
    here = place()
    here.apply()
    before = {one["card_id"]: one["id"] for one in here.dashboard("Breaches")["dashcards"]}
    here.rewrite("cards/waiting.sql", "How many wait?", "How many people wait?")
    here.rewrite("dashboards/breaches.yaml", "waiting: 12, late: 12", "waiting: 16, late: 8")
    assert here.apply() == {("card", "waiting"): "changed", ("dashboard", "breaches"): "changed"}
    assert here.detail("card", "waiting") == "description"
    assert here.detail("dashboard", "breaches") == "cards"
    assert len(here.server.writes) == 2
    after = {one["card_id"]: one["id"] for one in here.dashboard("Breaches")["dashcards"]}
    assert {card: id_ for card, id_ in after.items() if card} == {card: id_ for card, id_ in before.items() if card}


TABS = """name: Trusts
description: One trust.
collection: ops
filters: [trust]
tabs:
  - name: Share
    sections:
      - heading: All
        rows:
          - {height: 8, cards: {trend: 24}}
  - name: Reading
    sections:
      - heading: How to read it
        text: Slowly.
"""


def test_tabs_are_made_kept_by_name_and_taken_away(place: New) -> None:
    here = place()
    here.apply()
    page, before = here.files / "dashboards/trusts.yaml", (here.files / "dashboards/trusts.yaml").read_text()
    [place_before] = [one["id"] for one in here.dashboard("Trusts")["dashcards"] if one["card_id"]]
    page.write_text(TABS)
    assert here.apply() == {("dashboard", "trusts"): "changed"}
    assert here.detail("dashboard", "trusts") == "tabs, cards"
    assert here.apply() == {}

    def shown() -> dict[str, list[int | None]]:
        found = here.dashboard("Trusts")
        return {
            tab["name"]: [one["card_id"] for one in found["dashcards"] if one["dashboard_tab_id"] == tab["id"]]
            for tab in found["tabs"]
        }

    trend = here.card("Within 18 weeks")["id"]
    assert shown() == {"Share": [None, trend], "Reading": [None, None]}
    assert [one["id"] for one in here.dashboard("Trusts")["dashcards"] if one["card_id"]] == [place_before]
    numbers = {tab["name"]: tab["id"] for tab in here.dashboard("Trusts")["tabs"]}

    page.write_text(TABS.replace("name: Reading", "name: Notes"))
    assert here.apply() == {("dashboard", "trusts"): "changed"}
    after = {tab["name"]: tab["id"] for tab in here.dashboard("Trusts")["tabs"]}
    assert after["Share"] == numbers["Share"]
    assert after["Notes"] not in numbers.values()
    assert list(after) == ["Share", "Notes"]

    page.write_text(before)
    assert here.apply() == {("dashboard", "trusts"): "changed"}
    assert here.dashboard("Trusts")["tabs"] == []
    assert here.apply() == {}


def test_a_tab_that_somebody_added_is_kept_until_it_is_to_be_overwritten(place: New) -> None:
    here = place()
    (here.files / "dashboards/trusts.yaml").write_text(TABS)
    here.apply()
    found = here.dashboard("Trusts")
    theirs = here.server.number()
    found["tabs"].append({"id": theirs, "name": "Mine"})
    found["dashcards"].append(
        {**found["dashcards"][1], "id": here.server.number(), "card_id": here.card("Waiting")["id"]}
        | {"dashboard_tab_id": theirs}
    )
    here.rewrite("dashboards/trusts.yaml", "description: One trust.", "description: One trust alone.")
    assert here.apply() == {("dashboard", "trusts"): "kept"}
    assert here.detail("dashboard", "trusts") == "edited in Metabase: tabs, cards; the files have changed since"
    assert here.server.writes == []
    assert here.apply(overwrite=True) == {("dashboard", "trusts"): "changed"}
    assert [tab["name"] for tab in here.dashboard("Trusts")["tabs"]] == ["Share", "Reading"]
    assert here.card("Waiting")["id"] not in {one["card_id"] for one in here.dashboard("Trusts")["dashcards"]}
    assert here.apply() == {}


def test_a_removed_card_is_archived_and_comes_back_when_its_file_does(place: New) -> None:
    here = place()
    here.apply()
    before = (here.files / "dashboards/breaches.yaml").read_text()
    text = (here.files / "cards/late.sql").read_text()
    here.rewrite("dashboards/breaches.yaml", ", late: 12", "")
    (here.files / "cards/late.sql").unlink()
    assert here.apply() == {("card", "late"): "archived", ("dashboard", "breaches"): "changed"}
    assert here.card("Over 104 weeks")["archived"]
    assert here.apply() == {}

    (here.files / "cards/late.sql").write_text(text)
    (here.files / "dashboards/breaches.yaml").write_text(before)
    assert here.apply() == {("card", "late"): "changed", ("dashboard", "breaches"): "changed"}
    assert not here.card("Over 104 weeks")["archived"]
    assert here.apply() == {}


def test_a_removed_card_that_somebody_edited_is_kept(place: New) -> None:
    here = place()
    here.apply()
    here.card("Over 104 weeks")["name"] = "My trusts"
    here.rewrite("dashboards/breaches.yaml", ", late: 12", "")
    (here.files / "cards/late.sql").unlink()
    assert here.apply()["card", "late"] == "kept"
    assert here.detail("card", "late") == "no longer in the files, but edited in Metabase: title"
    assert not here.card("My trusts")["archived"]
    assert here.apply(overwrite=True)["card", "late"] == "archived"


def test_what_somebody_archived_stays_so_and_what_somebody_deleted_is_made_again(place: New) -> None:
    here = place()
    here.apply()
    here.card("Waiting")["archived"] = True
    assert here.apply() == {("card", "waiting"): "kept"}
    del here.server.cards[here.card("Waiting")["id"]]
    assert here.apply() == {("card", "waiting"): "created", ("dashboard", "breaches"): "changed"}
    assert here.apply() == {}


def test_a_copy_is_never_taken_for_ours(place: New) -> None:
    here = place()
    here.apply()
    ours = here.card("Waiting")
    copy = {**ours, "id": here.server.number(), "entity_id": "another", "description": "a copy"}
    here.server.cards[copy["id"]] = copy
    here.rewrite("cards/waiting.sql", "How many wait?", "How many people wait?")
    assert here.apply() == {("card", "waiting"): "changed"}
    assert (ours["description"], copy["description"]) == ("How many people wait?", "a copy")


def test_a_killed_apply_goes_on_where_it_was(place: New) -> None:
    """Killed after the first and the last of each kind of write, before it could note what it had written."""
    whole = place(recipients=("ops@example.org",))
    whole.apply()
    kinds: dict[str, list[int]] = {}
    for number, write in enumerate(whole.server.writes, start=1):
        kinds.setdefault(re.sub(r"\d+", "N", write), []).append(number)
    del kinds["POST /api/setup"]  # which needs no note
    assert len(kinds) > 10
    for number in sorted({number for numbers in kinds.values() for number in (numbers[0], numbers[-1])}):
        here = place(recipients=("ops@example.org",), dies_at=number)
        with pytest.raises(SettingError, match=r"does not answer (POST|PUT)"):
            here.apply()
        here.server.dies_at = None
        assert "kept" not in here.apply().values()
        assert here.apply() == {}
        for what in ("databases", "groups", "collections", "cards", "dashboards", "pulses", "notifications"):
            assert len(getattr(here.server, what)) == len(getattr(whole.server, what)), (number, what)
        assert _content(here) == _content(whole)


def _content(here: Place) -> Any:
    cards = {number: one["name"] for number, one in here.server.cards.items()}
    return [
        {
            one["name"]: [(placed["row"], placed["col"], cards.get(placed["card_id"])) for placed in one["dashcards"]]
            for one in here.server.dashboards.values()
        },
        {one["name"]: one["dataset_query"]["native"]["query"] for one in here.server.cards.values()},
    ]


def test_notes_that_are_lost_overwrite_nothing(place: New) -> None:
    here = place()
    here.apply()
    here.card("Waiting")["name"] = "Waiting"
    here.card("Trusts now")["display"] = "bar"
    with here.conn.transaction():
        here.conn.execute("delete from quality.metabase_applied where server = %s", (here.url,))
    assert here.apply() == {
        ("card", "trusts"): "kept",
        ("database", "shared"): "changed",
        ("database", "clinical"): "changed",
    }
    assert len(here.server.cards) == 5
    assert here.card("Trusts now")["display"] == "bar"


def test_a_server_set_up_anew_at_the_same_address_gets_everything_again(place: New) -> None:
    here, other = place(recipients=("ops@example.org",)), place(recipients=("ops@example.org",))
    whole = here.apply()
    with here.conn.transaction():
        here.conn.execute("update quality.metabase_applied set server = %s where server = %s", (other.url, here.url))
    assert other.apply() == whole
    assert other.apply() == {}


def test_a_plan_writes_nothing_and_tells_what_an_apply_would_do(place: New) -> None:
    here = place(recipients=("ops@example.org",))
    with pytest.raises(NotBegun, match="medimart metabase apply"), connected(here.target, set_up=False, seconds=0):
        pass
    files = load_dashboards(here.files)
    planned = apply(here.conn, NewServer(), here.target, files, plan=True)
    made = here.apply()
    assert {(one.kind, one.name) for one in planned} == made.keys() - {k for k in made if k[0] == "field"}
    here.rewrite("cards/waiting.sql", "How many wait?", "How many people wait?")
    assert here.apply(plan=True) == {("card", "waiting"): "changed"}
    assert here.server.writes == []
    assert here.apply() == {("card", "waiting"): "changed"}


def test_a_new_password_is_sent_once(place: New) -> None:
    here = place()
    here.apply()
    with here.conn.transaction():
        here.conn.execute("alter role test_metabase_shared password 'another'")
    try:
        here.readers["shared"] = here.readers["shared"].replace("a-secret-of-shared", "another")
        assert here.apply() == {("database", "shared"): "changed"}
        assert here.detail("database", "shared") == "password"
        assert here.apply() == {}
    finally:
        with here.conn.transaction():
            here.conn.execute("alter role test_metabase_shared password 'a-secret-of-shared'")
    notes = here.conn.execute("select sent::text || shown::text from quality.metabase_applied").fetchall()
    assert "another" not in str(notes)


def test_only_shared_dashboards_are_sent_and_once(place: New) -> None:
    here = place(recipients=("ops@example.org",), has_email=False)
    made = here.apply()
    assert {name for kind, name in made if kind == "subscription"} == {"breaches", "trusts"}
    assert "MB_EMAIL_SMTP_HOST" in here.detail("subscription", "breaches")
    [alert] = here.server.notifications
    assert alert["payload"]["card_id"] == here.card("Over 104 weeks")["id"]
    here.server.pulses.clear()
    here.server.notifications.clear()  # its recipients ended it
    assert here.apply() == {}


def test_drills_and_filters_lead_where_they_should(place: New) -> None:
    here = place()
    here.apply()
    breaches, trusts = here.dashboard("Breaches"), here.dashboard("Trusts")
    of = {one["slug"]: one for one in breaches["parameters"]}
    assert of["trust"]["filteringParameters"] == [of["icb"]["id"]]
    [placed] = [one for one in breaches["dashcards"] if one["card_id"] == here.card("Trusts now")["id"]]
    click = placed["visualization_settings"]["column_settings"]['["name","trust"]']["click_behavior"]
    assert click["targetId"] == trusts["id"]
    assert list(click["parameterMapping"]) == [of["trust"]["id"]]
    assert [one["id"] for one in trusts["parameters"]] == [of["trust"]["id"]]
    assert [mapping["target"] for mapping in placed["parameter_mappings"]] == [
        ["dimension", ["template-tag", "icb"]],
        ["dimension", ["template-tag", "trust"]],
    ]
    columns = here.server.fields[here.card("Waiting")["dataset_query"]["database"]]
    tags = here.card("Waiting")["dataset_query"]["native"]["template-tags"]
    assert tags["trust"]["dimension"][1] == columns["marts", "dim_trust", "trust_name"]["id"]
    assert columns["marts", "dim_trust", "trust_name"]["has_field_values"] == "list"


def test_a_board_narrows_trusts_and_both_narrow_specialties(place: New) -> None:
    """Metabase narrows within a table or along foreign keys, which it is told of, for a view has none."""
    here = place(DASHBOARDS)
    here.apply()
    of = {one["slug"]: one for one in here.dashboard("Breaches")["parameters"]}
    assert of["trust"]["filteringParameters"] == [of["icb"]["id"]]
    assert of["specialty"]["filteringParameters"] == [of["icb"]["id"], of["trust"]["id"]]
    for number, columns in here.server.fields.items():
        along = "shared_marts", "mart_breach_kpi"
        trust, specialty = (
            ("shared_marts", "dim_trust", "trust_sk"),
            ("marts", "dim_specialty", "treatment_function_code"),
        )
        for column, target in (((*along, "trust_sk"), trust), ((*along, "treatment_function_code"), specialty)):
            assert columns[column]["semantic_type"] == "type/FK"
            assert columns[column]["fk_target_field_id"] == columns[target]["id"]
            assert columns[target]["semantic_type"] == "type/PK"
        with here.server.connection(number) as conn:  # the join as Metabase makes it: each login may
            conn.execute(
                "select distinct s.treatment_function_name from marts.dim_specialty as s"
                " left join shared_marts.mart_breach_kpi as k on s.treatment_function_code = k.treatment_function_code"
                " left join shared_marts.dim_trust as t on k.trust_sk = t.trust_sk where t.trust_name = 'nobody'"
            )


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("trend", "chart: line", "chart: lnie", r"trend\.sql, line 5: chart is 'lnie'; it must be one of number"),
        ("late", "alert: true", "alert: loud", r"late\.sql, line 11: alert must be true or false"),
    ],
)
def test_what_is_misspelt_is_refused_before_anything_is_sent(
    place: New, file: str, old: str, new: str, said: str
) -> None:
    here = place()
    here.rewrite(f"cards/{file}.sql", old, new)
    with pytest.raises(DashboardError, match=said):
        here.apply()
    assert here.server.writes in ([], ["POST /api/setup"])
    assert not here.server.cards


def test_before_the_first_publication_cards_wait(place: New) -> None:
    here = place()
    with here.conn.transaction():
        here.conn.execute("alter table marts.publication rename to publication_aside")
        here.conn.execute("create table marts.publication (like marts.publication_aside)")
    try:
        made = here.apply()
    finally:
        here.conn.rollback()
        with here.conn.transaction():
            here.conn.execute("drop table marts.publication")
            here.conn.execute("alter table marts.publication_aside rename to publication")
    assert made["card", "all"] == "waiting"
    assert here.server.cards == {}
    assert here.server.collections
    assert {kind for kind, _ in here.apply()} >= {"card", "dashboard"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"user": None}, "Set MEDIMART_METABASE_USER"),
        ({"password": "wrong"}, "refuses the log-in: password: did not match stored password"),
        ({"api_key": "mb_none"}, "MEDIMART_METABASE_API_KEY must be an administrator's"),
        ({"url": "http://127.0.0.1:1"}, "No Metabase is ready at http://127.0.0.1:1"),
        ({"url": "metabase:3000"}, "MEDIMART_METABASE_URL is 'metabase:3000', which is no URL"),
        ({"readers": {}}, "MEDIMART_METABASE_SHARED_URL names no host and no dbname"),
        ({"readers": {"shared": "postgres:/x"}}, "MEDIMART_METABASE_SHARED_URL is no database URL"),
    ],
)
def test_what_is_in_the_way_is_named(place: New, given: dict[str, Any], said: str) -> None:
    here = place()
    here.apply()
    whole = {
        "url": here.url, "user": USER, "password": PASSWORD, "api_key": None, "readers": here.readers, "trusts": (),
        "recipients": (),
    }  # fmt: skip
    target = Metabase(**{**whole, **given})
    with pytest.raises(SettingError) as caught, connected(target, set_up=True, seconds=0) as client:
        apply(here.conn, client, target, load_dashboards(here.files))
    assert said in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_somebody_else_at_the_permissions_is_no_mixture(place: New) -> None:
    here = place()
    shown = here.server.get_collection_graph

    def beaten() -> dict[str, Any]:
        graph = shown()
        here.server.revisions["collections"] += 1
        return graph

    here.server.get_collection_graph = beaten  # type: ignore[method-assign]
    with pytest.raises(SettingError, match="Somebody else is changing Metabase just now"):
        here.apply()
    here.server.get_collection_graph = shown  # type: ignore[method-assign]
    here.apply()
    assert here.apply() == {}


def test_a_column_that_metabase_does_not_see_is_named(place: New) -> None:
    here = place()
    here.rewrite("filters.yaml", "marts.dim_trust.icb_name", "marts.dim_trust.icb_title")
    with pytest.raises(SettingError, match=r"“MediMart shared” does not see marts\.dim_trust\.icb_title"):
        here.apply()
    shutil.rmtree(here.files)
