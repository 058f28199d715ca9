"""The documents are what contracts, models and suites would make today."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from medimart import documents
from medimart.models.manifest import load_manifest
from medimart.settings import PROJECT_ROOT


def test_documents_are_fresh(warehouse: psycopg.Connection[Any]) -> None:
    documents.check(warehouse)


def test_the_readme_names_what_there_is() -> None:
    readme = (PROJECT_ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert [link for link in links if "://" not in link and not (PROJECT_ROOT / link).exists()] == []
    row = readme.split("```mermaid")[0]
    columns = {column.name for column in load_manifest()["fct_waitlist"].columns}
    shown = {
        name for cell in re.findall(r"^\| (`[^|]+) \|", row, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }
    assert shown
    assert shown <= columns
