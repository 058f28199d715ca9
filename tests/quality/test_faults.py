"""Every check is proved by the fault it is for: planted, seen by it, and by no other critical one unexpectedly.

Faults are in `faults/<model>.yaml`: for each check id an SQL statement, or `{sql: …, also: [ids], sound: …}`. also:
other critical checks of the model that the fault must trip too. sound: a statement after which a warning or info
passes, where the healthy build, small and young, trips it already. `{one}` stands for "where it is one certain row".
Checks that need no statement: those that follow from a header, and expectations about the values of a column.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from healthy_build import MANIFEST, PIPELINES, Healthy
from medimart.errors import CriticalFailure
from medimart.quality.checkpoint import judge
from medimart.quality.suites import NOT_NULL, UNIQUE, Check, suite
from medimart.settings import EXPECTATIONS

FAULTS = Path(__file__).parent / "faults"
MODELS = sorted(name for pipeline in PIPELINES for name in MANIFEST.pipeline(pipeline))
SUITES = {name: suite(MANIFEST[name]) for name in MODELS}


@cache
def planted(model: str) -> dict[str, Any]:
    path = FAULTS / f"{model}.yaml"
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


CHECKS = [check for checks in SUITES.values() for check in checks]


@dataclass(frozen=True)
class Fault:
    """The statement that plants a check's fault, the other checks it may trip, and what makes the check pass before."""

    statement: str | None
    also: frozenset[str]
    sound: str | None


def fault_of(check: Check, column_types: dict[str, str]) -> Fault:
    """The fault of a check; without a statement where none is written and none follows from the check itself."""
    entry = planted(check.model).get(check.id, {})
    if not isinstance(entry, dict):
        entry = {"sql": entry}
    statement = entry.get("sql") or implied_fault(check, column_types)
    also = frozenset(entry.get("also", ()))
    return Fault(statement and statement.replace("{one}", one(check.model)), also, entry.get("sound"))


def one(model: str) -> str:
    return f"where ctid = (select min(ctid) from {model})"


def implied_fault(check: Check, column_types: dict[str, str]) -> str | None:
    """The fault for a check that needs none of its own."""
    model, kwargs = check.model, check.kwargs
    rows = "" if "mostly" in kwargs else one(model)
    if check.id == "grain_unique":
        return f"insert into {model} select * from {model} {rows}"
    if check.id.startswith("row_count_"):
        return f"delete from {model}"
    if check.is_query:
        column, value = implied_wrong_key(check, column_types)
    else:
        column, value = str(kwargs.get("column")), implied_wrong_value(check)
    return f"update {model} set {column} = {value} {rows}" if value else None


def implied_wrong_key(check: Check, column_types: dict[str, str]) -> tuple[str, str | None]:
    """Column and wrong value for a check on codes or references that follows from a header."""
    if check.id.endswith("_known_code"):
        return check.id.removesuffix("_known_code"), "'no such code'"
    column, is_reference, _ = check.id.partition("_refers_to_")
    wrong = {"bigint": "-2", "integer": "-1", "date": "'2399-12-31'"}
    return column, wrong.get(column_types[column], "'no such'") if is_reference else None


def implied_wrong_value(check: Check) -> str | None:
    """What no value of the column may be, for an expectation about its values."""
    kwargs, column = check.kwargs, check.kwargs.get("column")
    match check.expectation:
        case str(name) if name == NOT_NULL:
            return "null"
        case str(name) if name == UNIQUE:
            return f"(select min({column}) from {check.model})"
        case "expect_column_values_to_be_null":
            return "'{}'"
        case "expect_column_values_to_be_in_set" | "expect_column_values_to_match_regex":
            return "not true" if kwargs.get("value_set") == [True] else "'no such'"
        case "expect_column_values_to_not_be_in_set":
            return f"'{kwargs['value_set'][0]}'"
        case "expect_column_values_to_be_between" if "min_value" in kwargs:
            return str(kwargs["min_value"] - 1)
        case "expect_column_values_to_be_between":
            return str(kwargs["max_value"] + 1)
    return None


@pytest.fixture
def healthy(builds: dict[str, Healthy], request: pytest.FixtureRequest) -> Healthy:
    """The healthy build that holds a test's model."""
    parameters = request.node.callspec.params
    model = parameters.get("model") or parameters["check"].model
    return builds[MANIFEST[model].pipeline]


@pytest.mark.parametrize("model", MODELS)
def test_a_healthy_build_passes(healthy: Healthy, model: str) -> None:
    verdicts = healthy.verdicts(model, SUITES[model])
    assert [v.id for v in verdicts if v.status == "broken"] == []
    assert [(v.id, v.unexpected, v.samples) for v in verdicts if (v.status, v.severity) == ("failed", "critical")] == []


@pytest.mark.parametrize("check", [c for c in CHECKS if c.severity != "critical"], ids=lambda check: check.name)
def test_a_sound_build_passes_a_warning(healthy: Healthy, check: Check) -> None:
    """What is not critical passes too, on the healthy build or on one made sound for it: it does not always fire."""
    sound = fault_of(check, healthy.column_types(check.model)).sound
    with healthy.spoilt(sound) if sound else nullcontext():
        [verdict] = healthy.verdicts(check.model, [check])
    assert verdict.status == "passed", verdict.detail


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_planted_fault_is_found(healthy: Healthy, check: Check) -> None:
    fault = fault_of(check, healthy.column_types(check.model))
    if fault.statement is None:
        pytest.fail(f"{check.name} has no planted fault: add one to {FAULTS / check.model}.yaml", pytrace=False)
    with healthy.spoilt(fault.statement) as rows:
        checks = [c for c in SUITES[check.model] if c.severity == "critical" or c == check]
        verdicts = healthy.verdicts(check.model, checks)
    assert rows, f"the fault touches no row: {fault.statement}"
    assert not [(v.id, v.detail) for v in verdicts if v.status == "broken"]
    assert check.id in {v.id for v in verdicts if v.status == "failed"}, f"the fault went unseen: {fault.statement}"
    critical = [v for v in verdicts if v.status == "failed" and v.severity == "critical"]
    assert {v.id for v in critical} - {check.id} <= fault.also
    if check.severity == "critical":
        with pytest.raises(CriticalFailure, match=f"(?m)^Critical check failed: {check.name} "):
            judge(verdicts, healthy.build.census)


@pytest.mark.parametrize("model", MODELS)
def test_faults_are_of_checks_that_exist(model: str) -> None:
    assert planted(model).keys() <= {check.id for check in SUITES[model]}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_suite(model: str) -> None:
    assert (EXPECTATIONS / f"{model}.yaml").exists()
