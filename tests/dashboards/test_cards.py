"""The dashboards' files: what ours say, what each fault is answered with, and the SQL that comes out."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from medimart.dashboards.cards import Card, DashboardError, load_dashboards, sql_for
from medimart.errors import MedimartError
from medimart.settings import DASHBOARDS, PROJECT_ROOT
from sqlfluff.core import FluffConfig, Linter

FOUND = load_dashboards(DASHBOARDS)

COLLECTIONS = """ops:
  name: Operations
  description: Aggregates.
  readers: shared
ward:
  name: Ward
  description: Patients.
  readers: clinical
"""
FILTERS = """icb: {label: Board, kind: category, column: marts.dim_trust.icb_name}
trust: {label: Trust, kind: category, column: marts.dim_trust.trust_name, narrowed_by: [icb]}
census: {label: Census, kind: date, column: marts.publication.census_date}
"""
CARD = """/*
How many trusts are there?

By board.
---
title: Trusts
chart: bar
columns:
  board: {label: Board, role: x}
  trusts: {label: Trusts, role: y, format: whole}
drill: {dashboard: page, set: {icb: board}}
empty: There is none.
*/
select
    icb_name as board,
    count(*) % 1000 as trusts
from marts.dim_trust
where true [[and {{icb}}]]
    [[and {{trust}}]]
group by icb_name
"""
PAGE = """name: Page
description: One card.
collection: ops
filters: [icb, trust]
sections:
  - heading: First
    text: Read this first.
    rows:
      - {height: 6, cards: {trusts: 12}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small set of files without a fault."""
    for name, text in {
        "collections.yaml": COLLECTIONS,
        "filters.yaml": FILTERS,
        "cards/trusts.sql": CARD,
        "dashboards/page.yaml": PAGE,
    }.items():
        path = tmp_path / "dash" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "dash"


def test_everything_is_in_its_place(folder: Path) -> None:
    found = load_dashboards(folder)
    [page] = found.dashboards.values()
    assert [(p.x, p.y, p.width, p.height, p.heading or p.text or p.card) for p in page.placed] == [
        (0, 0, 24, 1, "First"),
        (0, 1, 24, 1, "Read this first."),
        (0, 2, 12, 6, "trusts"),
    ]
    card = found.cards["trusts"]
    assert (card.question, card.notes) == ("How many trusts are there?", "By board.")
    assert [one.id for one in card.filters] == ["icb", "trust"]
    assert card.filters[1].narrowed_by == ("icb",)
    assert found.collection_of("trusts").readers == "shared"


def test_each_tab_has_a_grid_of_its_own(folder: Path) -> None:
    page = folder / "dashboards" / "page.yaml"
    sections = PAGE[PAGE.index("sections:") :].replace("\n", "\n    ").rstrip()
    then = "  - name: Then\n    sections:\n      - {heading: Second, text: Later.}\n"
    tabs = f"tabs:\n  - name: Now\n    {sections}\n{then}"
    page.write_text(PAGE[: PAGE.index("sections:")] + tabs)
    [found] = load_dashboards(folder).dashboards.values()
    assert found.tabs == ("Now", "Then")
    assert [(p.tab, p.y, p.heading or p.text or p.card) for p in found.placed] == [
        ("Now", 0, "First"),
        ("Now", 1, "Read this first."),
        ("Now", 2, "trusts"),
        ("Then", 0, "Second"),
        ("Then", 1, "Later."),
    ]
    for old, new, line, said in [
        ("name: Then", "name: Now", 12, "has two tabs called 'Now'"),
        ("tabs:\n", "sections: []\ntabs:\n", 5, "has both sections and tabs"),
        (then, "", 5, "tabs must be a list of two or more"),
        ("name: Then\n", "name: Then\n    colour: red\n", 13, "unknown entry 'colour'"),
    ]:
        assert old in tabs
        page.write_text(PAGE[: PAGE.index("sections:")] + tabs.replace(old, new))
        with pytest.raises(DashboardError, match=re.escape(f"page.yaml, line {line}: {said}")):
            load_dashboards(folder)


def test_clauses_drop_out_or_take_their_values(folder: Path) -> None:
    card = load_dashboards(folder).cards["trusts"]
    plain, nothing = sql_for(card, {})
    assert nothing == {}
    assert "where true\ngroup by" in plain
    assert "count(*) %% 1000" in plain
    chosen, values = sql_for(card, {"trust": ["A", "B"], "census": date(2026, 4, 5)})
    assert "where true and marts.dim_trust.trust_name = any(%(trust)s)\ngroup by" in chosen
    assert values == {"trust": ["A", "B"]}


FAULTS = [
    # file, what stands there, what stands there instead, line, what is said
    ("collections.yaml", "readers: shared", "readers: all", 4, "readers is 'all'; it must be one of shared, clinical"),
    ("collections.yaml", "  name: Ward\n", "", 5, "name is missing"),
    ("filters.yaml", "label: Board, ", "label: Board, colour: red, ", 1, "unknown entry 'colour'"),
    ("filters.yaml", "[icb]", "[region]", 2, "unknown filter 'region'; known are icb, trust, census"),
    ("filters.yaml", "[icb]", "[icb, census]", 2, "is narrowed by census of another table: along must name the table"),
    ("filters.yaml", "[icb]", "[census], along: marts.both", 2, "key is missing: trust is narrowed along marts.both"),
    ("filters.yaml", "[icb]", "[icb], along: both", 2, "along must be schema.table"),
    ("filters.yaml", "marts.publication.census_date", "census_date", 3, "column must be schema.table.column"),
    ("filters.yaml", "kind: date, ", "kind: [date, ", 3, "the YAML does not read"),
    ("cards/trusts.sql", "---\n", "", 1, "must begin with /*, the question it answers"),
    ("cards/trusts.sql", "chart: bar", "chart: pie", 7, "chart is 'pie'; it must be one of number"),
    ("cards/trusts.sql", "title: Trusts\n", "title: Trusts\nsize: 3\n", 7, "unknown entry 'size'"),
    ("cards/trusts.sql", "title: Trusts\n", "title: 3\n", 6, "title must be a text"),
    ("cards/trusts.sql", "role: x", "role: z", 9, "role is 'z'; it must be one of x, y"),
    ("cards/trusts.sql", "role: y, ", "", 8, "the chart 'bar' needs a column with role y"),
    ("cards/trusts.sql", "role: y, ", "role: x, ", 10, "only one column can have the role x"),
    ("cards/trusts.sql", "role: y, ", "role: mark, ", 10, "needs a colour"),
    ("cards/trusts.sql", "role: x}", "role: x, values: [A]}", 9, "values must list the values of a series"),
    ("cards/trusts.sql", "format: whole", "format: roman", 10, "format is 'roman'"),
    ("cards/trusts.sql", "format: whole", "masked: 1", 10, "masked must be true or false"),
    ("cards/trusts.sql", "format: whole", "colours: [{when: like, value: 1, colour: bad}]", 10, "when is 'like'"),
    ("cards/trusts.sql", "chart: bar", "chart: map", 8, "the chart 'map' needs a column with role latitude"),
    ("cards/trusts.sql", "role: y, ", "role: colour, ", 10, "a column with the role colour, and no other, needs steps"),
    ("cards/trusts.sql", "role: y, ", "role: y, steps: [1], ", 10, "the role colour, and no other, needs steps"),
    (
        "cards/trusts.sql",
        "role: y, ",
        "role: colour, steps: [2, 1], ",
        10,
        "steps must be at most 4 numbers, ascending",
    ),
    ("cards/trusts.sql", "as trusts", "as patients", 10, "columns names 'trusts', which the SELECT does not give"),
    ("cards/trusts.sql", "as board,", "as board, 1 as one,", 8, "the SELECT gives 'one', which columns does not name"),
    ("cards/trusts.sql", "{{icb}}", "{{region}}", 18, "unknown filter 'region'; known are icb, trust, census"),
    ("cards/trusts.sql", "[[and {{trust}}]]", "and {{trust}}", 19, "{{trust}} stands outside an optional clause"),
    (
        "cards/trusts.sql",
        "from marts.dim_trust",
        "from other.marts.dim_trust",
        18,
        "'icb' is about marts.dim_trust, which",
    ),
    ("cards/trusts.sql", "[[and {{trust}}]]", "[[and true]]", 19, "must name one filter"),
    ("cards/trusts.sql", "group by", "group by by", 20, "does not parse"),
    (
        "cards/trusts.sql",
        "drill: ",
        "each: census\ndrill: ",
        11,
        "each names the filter 'census', which the SQL does not",
    ),
    ("cards/trusts.sql", "icb: board", "icb: town", 11, "icb is 'town'; it must be one of board, trusts"),
    ("cards/trusts.sql", "icb: board", "census: board", 1, "drill sets the filter 'census', which the dashboard"),
    ("cards/trusts.sql", "dashboard: page", "dashboard: pages", 1, "drill opens the unknown dashboard 'pages'"),
    ("dashboards/page.yaml", "collection: ops", "collection: opps", 3, "collection is 'opps'"),
    ("dashboards/page.yaml", "[icb, trust]", "[icb, town]", 4, "unknown filter 'town'"),
    ("dashboards/page.yaml", "{trusts: 12}", "{trust: 12}", 9, "unknown entry 'trust'; known are trusts"),
    ("dashboards/page.yaml", "{trusts: 12}", "{trusts: 25}", 9, "the row is wider than the grid's 24 columns"),
    ("dashboards/page.yaml", "height: 6", "height: none", 9, "height must be a whole number"),
    ("dashboards/page.yaml", "    rows:\n      - {height: 6, cards: {trusts: 12}}\n", "", 1, "no dashboard shows this"),
    (
        "dashboards/page.yaml",
        "      - {height: 6, cards: {trusts: 12}}\n",
        "      - {height: 6, cards: {trusts: 12}}\n      - {height: 6, cards: {trusts: 12}}\n",
        10,
        "shows the card 'trusts' twice",
    ),
]


@pytest.mark.parametrize(("file", "right", "wrong", "line", "said"), FAULTS, ids=[f"{f[0]}: {f[4]}" for f in FAULTS])
def test_faults_are_told_with_file_and_line(
    folder: Path, file: str, right: str, wrong: str, line: int, said: str
) -> None:
    text = (folder / file).read_text()
    assert right in text
    (folder / file).write_text(text.replace(right, wrong))
    with pytest.raises(MedimartError) as error:
        load_dashboards(folder)
    named = file if "no dashboard" not in said else "cards/trusts.sql"
    named = f"{folder.name}/{named}" if "/" not in named else named
    assert str(error.value).startswith(f"{named}, line {line}: ")
    assert said in str(error.value)


def test_a_card_is_of_one_collection(folder: Path) -> None:
    other = PAGE.replace("collection: ops", "collection: ward")
    (folder / "dashboards" / "ward.yaml").write_text(other)
    with pytest.raises(DashboardError, match=r"dashboards/ward.yaml, line 5: .* belongs to the collection 'ops'"):
        load_dashboards(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "filters.yaml").unlink()
    with pytest.raises(DashboardError, match=r"dash/filters.yaml is missing"):
        load_dashboards(folder)


@pytest.mark.parametrize("card", FOUND.cards.values(), ids=FOUND.cards.keys())
def test_the_sql_reads_well(card: Card) -> None:
    """Every card's SQL is in the models' own style, as it is sent when nothing is chosen."""
    text, _ = sql_for(card, {})
    linter = Linter(config=FluffConfig.from_path(str(PROJECT_ROOT)))
    found = linter.lint_string(text.replace("%%", "%") + "\n").get_violations()
    assert not found, [f"line {one.line_no}: {one.desc()}" for one in found]
