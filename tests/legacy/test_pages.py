"""What the pages for people say of the figures is what the comparison found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from medimart.legacy.report import DOCUMENT
from medimart.models.manifest import load_manifest
from medimart.settings import PROJECT_ROOT

BRIEF = PROJECT_ROOT / "docs" / "stakeholder-brief.md"
MIGRATION = PROJECT_ROOT / "docs" / "migration.md"


def test_the_brief_quotes_the_document() -> None:
    figures = re.findall(r"^(\| [^|]+ \| [\d,]+ \| [\d,]+ \|)", DOCUMENT.read_text(), re.MULTILINE)
    assert len(figures) == 6
    assert re.findall(r"^(\| [^|]+ \| [\d,]+ \| [\d,]+ \|)$", BRIEF.read_text(), re.MULTILINE) == figures


@pytest.mark.parametrize("page", [BRIEF, MIGRATION], ids=lambda page: page.name)
def test_links_and_models_are_there(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (PROJECT_ROOT / "docs" / link).exists()] == []
    models = set(re.findall(r"`((?:mart|fct|int|bridge)_\w+)`", text))
    assert models
    assert models <= set(load_manifest().models)
    paths = re.findall(r"`((?:tests|include)/[\w/.]+)`", text)
    assert paths
    assert [path for path in paths if not (PROJECT_ROOT / path).exists()] == []
