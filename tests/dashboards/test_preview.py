"""The pages that need no server: whole, well-formed, fetched from nowhere, and clinical ones for their owner alone."""

from __future__ import annotations

import re
import shutil
import stat
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.dashboards import charts, preview
from medimart.dashboards.cards import Card, Colour, Column, load_dashboards
from medimart.dashboards.words import colour, written
from medimart.errors import SettingError
from medimart.settings import DASHBOARDS

FOUND = load_dashboards(DASHBOARDS)
VOID = {"meta", "link", "br", "hr", "img", "input"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="session")
def folder(published: psycopg.Connection[Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of pages after both kinds were written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_HOME", str(tmp_path_factory.mktemp("pages")))
        first = preview.write(published)
        assert preview.write(published, login="medimart_clinical") == first.parents[1] / "clinical" / "index.html"
        yield first.parents[1]


class Outline(HTMLParser):
    """Reads a page strictly: what is opened is closed, ids are unique, nothing is fetched or inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.opened == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not {"style", "onclick", "onload"} & given.keys(), tag
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href") and value]
        if tag not in VOID:
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


@pytest.mark.parametrize("dashboard", FOUND.dashboards.values(), ids=FOUND.dashboards.keys())
def test_every_card_is_on_its_page_with_its_sentence_and_its_figures(dashboard: Any, folder: Path) -> None:
    text = (folder / preview.FOLDERS[dashboard.collection.readers] / f"{dashboard.id}.html").read_text()
    page = Outline(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith(("#", "data:")) or (re.fullmatch(r"[\w-]+\.html", link)) for link in page.links), (
        page.links
    )
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\"' <)]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    for placed in dashboard.placed:
        if placed.card:
            card = FOUND.cards[placed.card]
            article = text.split(f'id="{card.id}"')[1].split("</article>")[0]
            assert card.title.replace("'", "&#39;") in article
            assert card.question.replace("'", "&#39;") in article
            assert "<svg" not in article or "<table" in article
    for svg in re.findall(r"<svg .*?</svg>", text, re.DOTALL):
        tree = ElementTree.fromstring(svg)
        assert tree.get("role") == "img"
        assert (tree.findtext(f"{SVG}title") or "").strip()
        assert (tree.findtext(f"{SVG}desc") or "").endswith(".")


def test_clinical_pages_are_for_their_owner_alone(folder: Path, published: psycopg.Connection[Any]) -> None:
    shared = {one.id for one in FOUND.dashboards.values() if one.collection.readers == "shared"}
    whole = {path.name for path in (folder / "preview").iterdir() if "--" not in path.name}
    assert whole == {"index.html", *(f"{one}.html" for one in shared)}
    assert stat.S_IMODE((folder / "clinical").stat().st_mode) == 0o700
    for path in (folder / "clinical").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    worklist = (folder / "clinical" / "worklist.html").read_text()
    patients = {
        str(key) for (key,) in published.execute("select patient_sk from marts.dim_patient where patient_sk <> 0")
    }
    trusts = dict(published.execute("select trust_id, trust_name from marts.dim_trust").fetchall())
    published.rollback()
    assert any(patient in worklist for patient in patients)
    assert trusts["T01"] in worklist
    assert trusts["T03"] not in worklist
    for path in (folder / "preview").iterdir():
        assert not any(patient in path.read_text() for patient in patients)


def test_from_a_trust_to_its_specialties_to_the_worklist(folder: Path, published: psycopg.Connection[Any]) -> None:
    """As a reader goes, in a browser: the links of the clicked cells, each page narrowed to what was clicked."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: that links lead from trusts to specialties and the list was not seen")
    from playwright.sync_api import sync_playwright

    trusts = dict(published.execute("select trust_id, trust_name from marts.dim_trust").fetchall())
    boards = dict(published.execute("select trust_id, icb_name from marts.dim_trust").fetchall())
    published.rollback()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto((folder / "preview" / "index.html").as_uri())
        tab.get_by_role("main").get_by_role("link", name="Breaches").click()
        tab.locator("#trusts_now").get_by_role("link", name=trusts["T03"]).click()
        assert "Show all" in tab.locator(".chosen").inner_text()
        assert tab.locator("#trusts_now tbody th").all_inner_texts() == [trusts["T03"]]
        assert set(tab.locator("#specialties_now tbody td:nth-child(2)").all_inner_texts()) <= {trusts["T03"]}
        tab.get_by_text("Choose one trust").click()
        board = tab.locator(".choices > ul > li", has_text=boards["T01"])
        named = board.get_by_role("link").all_inner_texts()
        assert set(named) == {trusts[id_] for id_ in trusts if boards[id_] == boards["T01"]}
        board.get_by_role("link", name=trusts["T01"]).press("Enter")  # by the keyboard too
        assert tab.locator("#trusts_now tbody th").all_inner_texts() == [trusts["T01"]]
        tab.get_by_role("link", name="Show all").click()
        assert tab.locator("#trusts_now tbody tr").count() == 4

        tab.goto((folder / "clinical" / "worklist.html").as_uri())
        first = tab.locator("#worklist_specialties tbody tr").first
        trust, specialty, listed = (first.locator("th, td").nth(place).inner_text() for place in range(3))
        first.get_by_role("link").click()
        assert f"Trust: {trust}" in tab.locator(".chosen").inner_text()
        assert f"Specialty: {specialty}" in tab.locator(".chosen").inner_text()
        assert tab.locator("#worklist_specialties tbody tr").count() == 1
        places = [column.name for column in FOUND.cards["worklist"].columns]
        rows = tab.locator("#worklist tbody tr")
        assert 0 < rows.count() <= int(listed.replace(",", ""))
        for name, wanted in (("trust", trust), ("specialty", specialty)):
            cells = rows.locator(f":nth-child({places.index(name) + 1})").all_inner_texts()
            assert set(cells) == {wanted}
        browser.close()


def test_tabs_are_headings_that_the_top_of_the_page_leads_to(folder: Path) -> None:
    """Without a script, and in print, everything is there, one part after the other."""
    text = (folder / "preview" / "breaches.html").read_text()
    tabs = FOUND.dashboards["breaches"].tabs
    assert len(tabs) > 1
    assert re.findall(r'<h2 class="tab" id="(\w+)">(.*?)</h2>', text) == [
        (found, name) for name, found in zip(tabs, re.findall(r'<li><a href="#(t\d+)">', text), strict=True)
    ]


def test_who_may_not_read_is_told_what_to_do(published: psycopg.Connection[Any]) -> None:
    with pytest.raises(SettingError, match="The role nobody_here is not there"):
        preview.write(published, login="nobody_here")
    with pytest.raises(SettingError, match="medimart_shared may not read what the dashboards show"):
        preview.write(published, login="medimart_shared")


def test_marts_of_an_older_publication_are_told_apart(published: psycopg.Connection[Any]) -> None:
    published.execute("alter view shared_marts.fct_capacity_audit rename to kept")
    published.commit()
    try:
        with pytest.raises(
            SettingError, match=r"before these dashboards were made .*medimart run waiting_list --again"
        ):
            preview.write(published)
    finally:
        published.rollback()
        published.execute("alter view shared_marts.kept rename to fct_capacity_audit")
        published.commit()


def test_before_the_first_publication_it_says_so(warehouse: psycopg.Connection[Any]) -> None:
    with pytest.raises(SettingError, match="Nothing is published yet"):
        preview.write(warehouse)


def test_in_a_browser_nothing_is_asked_for_and_nothing_overflows(folder: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: that the pages fit their window and ask for nothing was not seen")
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in (1280, 420):
            tab = browser.new_page(viewport={"width": width, "height": 900})
            tab.on("console", lambda message: complaints.append(message.text))
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on("request", lambda request: asked.append(request.url))
            for path in sorted(folder.glob("*/*.html")):
                tab.goto(path.as_uri())
                assert tab.evaluate("document.documentElement.scrollWidth") <= width, (path.name, width)
                seen = tab.locator("svg.chart:visible").evaluate_all(
                    "all => all.map(one => one.getAttribute('aria-labelledby'))"
                )
                assert len(seen) == len({re.sub("-narrow", "", name) for name in seen})  # each chart in one width
        tab = browser.new_page()
        tab.goto((folder / "preview" / "quality.html").as_uri())
        heading = tab.locator("#freshness thead th").first
        heading.get_by_role("button").press("Enter")
        sources = tab.locator("#freshness tbody th").all_inner_texts()
        assert sources == sorted(sources)
        heading.get_by_role("button").press("Enter")
        assert tab.locator("#freshness tbody th").all_inner_texts() == sources[::-1]
        browser.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def card(chart: str, *columns: Column) -> Card:
    """A card with nothing but a chart and columns."""
    return Card("made", "A <title> & more", "What?", "", chart, columns, "select 1", (), None, None, "Nothing.")


WEEK = Column("week", "Week", "x", "date")
GROUP = Column("word", 'Group "A" <b>', "x")
AMOUNT = Column("amount", "Amount", "y", "whole", masked=True)
SHARE = Column("share", "Share", "y", "percent", masked=True)
LOWER, UPPER = Column("low", "Low", "lower", "percent"), Column("high", "High", "upper", "percent")
KIND = Column("kind", "Kind", "series")
TARGET = Column("aim", "Aim", "target", "percent")
MARK = Column("odd", "Odd", "mark", "percent", colour="bad")
ROWS: list[dict[str, Any]] = [
    {
        "week": date(2026, 3, 29),
        "word": "one & <two>",
        "amount": None,
        "share": Decimal("0.5"),
        "low": Decimal("0.4"),
        "high": Decimal("0.6"),
        "kind": "<first>",
        "aim": Decimal("0.55"),
        "odd": Decimal("0.5"),
    },
    {
        "week": date(2026, 4, 5),
        "word": "a name that is so long that it must be broken into lines to be read at all",
        "amount": 25,
        "share": None,
        "low": None,
        "high": None,
        "kind": "second",
        "aim": None,
        "odd": None,
    },
]


@pytest.mark.parametrize("width", [250, 322, 1100])
@pytest.mark.parametrize(
    "made",
    [
        card("trend", WEEK, AMOUNT),
        card("line", WEEK, SHARE, LOWER, UPPER, TARGET, MARK),
        card("line", WEEK, KIND, AMOUNT),
        card("bar", GROUP, AMOUNT, Column("share", "Share", "y", "percent")),
        card("row", GROUP, SHARE, LOWER, UPPER),
        card("row", GROUP, AMOUNT),
        card("stacked", GROUP, KIND, AMOUNT),
        card("stacked", WEEK, KIND, AMOUNT),
    ],
    ids=lambda one: "-".join([one.chart, *(column.name for column in one.columns)]),
)
def test_charts_are_well_formed_and_described(made: Card, width: int) -> None:
    tree = ElementTree.fromstring(charts.draw(made, ROWS, width, "made"))
    assert tree.findtext(f"{SVG}title") == "A <title> & more"
    assert "None" not in (tree.findtext(f"{SVG}desc") or "None")
    assert abs(float(tree.get("width") or 0) - width) <= 6
    words = "".join(tree.itertext())
    assert "NaN" not in words
    assert "undefined" not in words
    drawn = {one.get("fill") for one in tree.iter()} | {one.get("stroke") for one in tree.iter()}
    assert drawn - {None, "none", "transparent", "white", "black"} <= charts.DARK.keys()


@pytest.mark.parametrize(
    ("format_", "value", "text"),
    [
        ("whole", 2215, "2,215"),
        ("whole", Decimal("0"), "0"),
        ("decimal", Decimal("1.0909"), "1.09"),
        ("decimal", 42.68, "42.7"),
        ("percent", Decimal("0.6312"), "63.1%"),
        ("points", Decimal("-0.0436"), "−4.4 points"),
        ("points", Decimal("0.013"), "+1.3 points"),
        ("date", date(2026, 4, 5), "5 Apr 2026"),
        ("moment", datetime.fromisoformat("2026-04-05T05:30:00+00:00"), "5 Apr 2026, 06:30"),
        ("yes_no", False, "No"),
        ("text", "a-b", "a-b"),
        ("whole", None, "–"),
    ],
)
def test_values_in_words(format_: str, value: Any, text: str) -> None:
    assert written(Column("c", "C", format=format_), value) == text


def test_trusts_whose_names_differ_in_a_sign_alone_have_two_pages() -> None:
    names = ("St Mary's NHS Trust", "St Marys NHS Trust", "St. Mary's NHS Trust")
    assert len({preview._file(("breaches", (("trust", name),))) for name in names}) == 3


def test_the_line_beside_a_number_is_broken_where_a_value_is_hidden() -> None:
    """Of five weeks the third and the newest are hidden: two pieces, and no mark of a newest value."""
    rows: list[dict[str, Any]] = [
        {"week": date(2026, 3, 1) + timedelta(weeks=week), "amount": n}
        for week, n in enumerate((20, 25, None, 30, None))
    ]
    tree = ElementTree.fromstring(charts.draw(card("trend", WEEK, AMOUNT), rows, 250, "made"))
    assert (tree.findtext(f"{SVG}desc") or "").endswith("from 1 Mar 2026 to 29 Mar 2026. Newest: hidden.")
    line, small, large = (one for one in tree.iter(f"{SVG}g") if "role-mark" in one.get("class", ""))
    assert [path.get("d", "").count("M") for path in line] == [2]
    assert (len(small), len(large)) == (3, 0)
    shown = ElementTree.fromstring(charts.draw(card("trend", WEEK, AMOUNT), rows[:4], 250, "made"))
    assert [len(one) for one in shown.iter(f"{SVG}g") if "role-mark" in one.get("class", "")] == [1, 3, 1]


def test_what_is_hidden_is_no_zero() -> None:
    assert written(AMOUNT, None) == "*"
    assert written(AMOUNT, 0) == "0"


@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [
        (Colour("<", 0, "bad"), Decimal("-0.1"), True),
        (Colour("<", 0, "bad"), Decimal(0), False),
        (Colour(">=", 0.5, "bad"), Decimal("0.5"), True),
        (Colour("<=", 1, "bad"), 2, False),
        (Colour(">", 1, "bad"), 2, True),
        (Colour("=", "Yes", "bad"), "Yes", True),
        (Colour("=", "Yes", "bad"), "No", False),
        (Colour("=", "Yes", "bad"), None, False),
    ],
)
def test_rules_colour_cells(rule: Colour, value: Any, holds: bool) -> None:
    assert colour(Column("c", "C", colours=(rule,)), value) == ("bad" if holds else None)
