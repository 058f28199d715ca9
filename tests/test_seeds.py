"""The seeds agree with one another and with the contracts: what no row-by-row check of one file can see."""

from __future__ import annotations

import csv

import pytest
import yaml
from medimart.settings import CONTRACTS, REFERENCE


def seed(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


CODES = {(row["domain"], row["code"]) for row in seed("code_list")}
PUBLISHED = {row["treatment_function_code"] for row in seed("treatment_function") if row["is_published"] == "true"}


def domains() -> set[str]:
    """Every `map` that a contract names."""
    contracts = [yaml.safe_load(path.read_text()) for path in CONTRACTS.glob("*.yaml")]
    return {column["map"] for contract in contracts for column in contract["columns"].values() if "map" in column} | {
        "boolean"
    }


def test_every_domain_of_the_contracts_has_aliases_and_no_other() -> None:
    assert {row["domain"] for row in seed("value_alias")} == domains()


def test_aliases_lead_to_listed_codes() -> None:
    special = {"boolean": {"true", "false"}, "treatment_function": PUBLISHED}
    lost = [
        row
        for row in seed("value_alias")
        if not (
            row["code"] in special[row["domain"]] if row["domain"] in special else (row["domain"], row["code"]) in CODES
        )
    ]
    assert not lost


def test_every_code_is_its_own_alias() -> None:
    aliases = {(row["domain"], row["source_text"]): row["code"] for row in seed("value_alias")}
    for domain, code in CODES:
        assert aliases[domain, code.lower().replace("_", " ")] == code
    for row in seed("treatment_function"):
        assert aliases["treatment_function", row["treatment_function_code"].lower()] == row["published_code"]


@pytest.mark.parametrize(
    ("domain", "text", "code"),
    [
        ("treatment_function", "endocrinology", "X02"),
        ("treatment_function", "t o", "110"),
        ("treatment_function", "orthopaedics", "110"),
        ("treatment_function", "ear nose and throat", "120"),
        ("appointment_status", "no show", "no_show"),
        ("appointment_status", "dna", "no_show"),
        ("severity", "stage 3", "moderate"),
        ("ethnic_category", "white british", "A"),
        ("ethnic_category", "south asian", "L"),
        ("gender", "female", "2"),
        ("boolean", "y", "true"),
        ("boolean", "1", "true"),
    ],
)
def test_what_trusts_write(domain: str, text: str, code: str) -> None:
    assert {(row["domain"], row["source_text"]): row["code"] for row in seed("value_alias")}[domain, text] == code


def test_procedures_belong_to_published_functions() -> None:
    assert {row["treatment_function_code"] for row in seed("procedure_role")} <= PUBLISHED | {""}


def test_a_condition_group_has_one_name_and_points_at_every_severity() -> None:
    groups = {(row["condition_group_code"], row["condition_group_name"]) for row in seed("condition_group")}
    assert len(groups) == len({code for code, _ in groups})
    points = {
        (row["condition_group_code"], row["severity_code"])
        for row in seed("risk_weight")
        if row["component"] == "condition"
    }
    assert points == {(code, s) for code, _ in groups for s in ("mild", "moderate", "severe", "UNKNOWN")}


@pytest.mark.parametrize(("component", "last"), [("age", 120), ("prior_admissions", 999)])
def test_points_leave_no_gap_and_no_overlap(component: str, last: int) -> None:
    steps = sorted(
        (int(row["value_from"]), int(row["value_to"])) for row in seed("risk_weight") if row["component"] == component
    )
    assert [value for first, end in steps for value in range(first, end + 1)] == list(range(last + 1))


def test_tiers_begin_at_zero_and_are_the_recorded_risk_levels() -> None:
    tiers = seed("risk_tier")
    assert min(int(row["score_from"]) for row in tiers) == 0
    assert {("risk_level", row["risk_tier"]) for row in tiers} == {c for c in CODES if c[0] == "risk_level"}


def test_geography_is_england() -> None:
    rows = seed("geography")
    assert len({row["region_name"] for row in rows}) == 7
    assert len({(row["icb_code"], row["icb_name"], row["region_name"]) for row in rows}) == len(
        {row["icb_code"] for row in rows}
    )


def test_every_site_is_in_the_geography_and_every_trust_has_one_main_site() -> None:
    districts = {row["postcode_district"] for row in seed("geography")}
    assert {row["postcode_district"] for row in seed("site")} <= districts
    main = [row["provider_code"] for row in seed("site") if row["is_main"] == "true"]
    assert sorted(main) == sorted({row["provider_code"] for row in seed("site")})


def test_mutual_aid_asks_about_a_wait_that_is_reported_on() -> None:
    assert {row["over_weeks"] for row in seed("mutual_aid_setting")} <= {
        row["threshold_weeks"] for row in seed("wait_threshold")
    }
