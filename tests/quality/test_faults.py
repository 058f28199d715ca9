"""Every critical check is proved by the fault it is for: planted, seen by it, and unexpectedly by no other.

Faults are in `faults/<model>.yaml`: for each check id an SQL statement, or `{sql: …, also: [ids]}` where the
fault must trip other checks of the model too. Checks that follow from a header need none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from healthy_build import MANIFEST, Healthy
from medimart.quality.suites import Check, suite

FAULTS = Path(__file__).parent / "faults"
MODELS = sorted(name for name, model in MANIFEST.models.items() if model.pipeline == "waiting_list")
CRITICAL = [check for name in MODELS for check in suite(MANIFEST[name]) if check.severity == "critical"]


@cache
def planted(model: str) -> dict[str, Any]:
    path = FAULTS / f"{model}.yaml"
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


def fault_of(check: Check, column_types: dict[str, str]) -> tuple[str | None, set[str]]:
    """The statement that plants a check's fault, and the other checks it may trip."""
    entry = planted(check.model).get(check.id, {})
    statement, also = (entry.get("sql"), set(entry.get("also", ()))) if isinstance(entry, dict) else (entry, set())
    return statement or implied_fault(check, column_types), also


def implied_fault(check: Check, column_types: dict[str, str]) -> str | None:
    """The fault for a check that follows from the model's header or contract."""
    model, column = check.model, check.id
    one = f"where ctid = (select min(ctid) from {model})"
    if check.id == "grain_unique":
        return f"insert into {model} select * from {model} {one}"
    if check.id.endswith("_not_null"):
        return f"update {model} set {column.removesuffix('_not_null')} = null {one}"
    if check.id.endswith("_known_code"):
        return f"update {model} set {column.removesuffix('_known_code')} = 'no such code' {one}"
    if "_refers_to_" in check.id:
        column = column.partition("_refers_to_")[0]
        value = {"bigint": "-1", "integer": "-1", "date": "'2399-12-31'"}.get(column_types[column], "'no such'")
        return f"update {model} set {column} = {value} {one}"
    if check.id == "row_count_between":
        return f"delete from {model}"
    return None


def column_types(healthy: Healthy, model: str) -> dict[str, str]:
    rows = healthy.conn.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'build_spoilt' and table_name = %s",
        (model,),
    )
    return dict(rows.fetchall())


@pytest.mark.parametrize("model", MODELS)
def test_a_healthy_build_passes(healthy: Healthy, model: str) -> None:
    verdicts = healthy.verdicts(model)
    wrong = [v for v in verdicts if v.status == "broken" or (v.status, v.severity) == ("failed", "critical")]
    assert not wrong


@pytest.mark.parametrize("check", CRITICAL, ids=lambda check: check.name)
def test_a_planted_fault_is_found(healthy: Healthy, check: Check) -> None:
    statement, also = fault_of(check, column_types(healthy, check.model))
    if statement is None:
        pytest.fail(
            f"{check.name} is critical and has no planted fault: add one to {FAULTS / check.model}.yaml",
            pytrace=False,
        )
    with healthy.spoilt(statement):
        verdicts = healthy.verdicts(check.model)
    failed = {v.id for v in verdicts if v.status == "failed" and v.severity == "critical"}
    assert check.id in failed, f"the fault went unseen: {statement}"
    assert failed - {check.id} <= also
    assert not [v for v in verdicts if v.status == "broken"]


@pytest.mark.parametrize("model", MODELS)
def test_faults_are_of_checks_that_exist(model: str) -> None:
    assert planted(model).keys() <= {check.id for check in suite(MANIFEST[model])}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_suite(model: str) -> None:
    from medimart.settings import EXPECTATIONS

    assert (EXPECTATIONS / f"{model}.yaml").exists()
