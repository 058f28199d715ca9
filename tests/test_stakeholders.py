"""docs/stakeholder-requirements.md names marts, columns and tests that exist, and leaves no mart of its kind out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from medimart.models.graph import read_models

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "stakeholder-requirements.md"
MODELS = read_models()[0]
PUBLIC = {"mart_rtt_published"}  # what NHS England publishes; mart_benchmark asks the question of it


def rows() -> list[tuple[str, ...]]:
    """The table's rows: asked by, question, mart, metric, proof."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[1:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def exists(test: str) -> bool:
    """Whether `path` or `path::function` is there."""
    path, _, function = test.partition("::")
    file = ROOT / path
    return file.exists() and (not function or f"\ndef {function}(" in file.read_text())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_every_question_has_its_mart_metric_and_proof(row: tuple[str, ...]) -> None:
    asked_by, _, mart, metric, proof = row
    assert asked_by in {"Clinical lead", "ICS operations", "Both"}
    [name] = named(mart)
    assert name in MODELS
    columns = {column.name for column in MODELS[name].columns}
    assert named(metric)
    assert set(named(metric)) <= columns
    assert named(proof)
    assert all(exists(test) for test in named(proof))
    # A planted fault proves that a check sees it, not that the figures are right.
    assert [test for test in named(proof) if "/faults/" not in test]


def test_every_mart_answers_a_question() -> None:
    answering = {name for row in rows() for name in named(row[2])}
    assert {name for name in MODELS if name.startswith("mart_")} - PUBLIC <= answering


def test_every_file_and_test_named_in_the_text_exists() -> None:
    text = "\n".join(line for line in PAGE.read_text().splitlines() if not line.startswith("|"))
    paths = [name for name in named(text) if "/" in name and "<" not in name]
    assert paths
    assert all(exists(name) for name in paths)
