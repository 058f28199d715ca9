"""The on-call report of runs that end well and badly: what it says, what it must not say, and how it is made."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest
from healthy_build import built
from medimart import pipeline
from medimart.db import connect
from medimart.errors import CheckBroken, CriticalFailure, InputError
from medimart.landing import load_contract
from medimart.local.postgres import PostgresServer
from medimart.models import build as building
from medimart.pipeline import Run, run_through
from medimart.quality import masking, page, places
from medimart.quality.rules import FAULTS, FLAGS
from medimart.synthetic.calendar import date_of
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options

WEEKS = Options(patients=120, weeks=2, seed=3)
VOID = {"meta", "link", "br", "hr", "img", "input", "path"}
GOOD, CRITICAL, BROKEN, FILE = (f"waiting_list/{name}" for name in ("good", "critical", "broken", "file"))

# Rows of the first week that are set aside, each with identifiers that no page may show.
NAME, NUMBER, POSTCODE, PATIENT = "Quillfeather", "9990000018", "ZE1 0AA", "PX77123"
IDENTIFIERS = (NAME, NUMBER, "999 000 0018", POSTCODE, "ZE10AA", PATIENT, "RX77123", "31/02/1950", "alert(")
PLANTED = {
    "patients": [f"{PATIENT},{NUMBER},<script>alert(1)</script>,{NAME},31/02/1950,Female,{POSTCODE},A,low"],
    "referrals": [
        f"RX77123-1,{PATIENT},G00001,{NAME},Cardiology,,Open,T01,",
        f'RX77123-2,{PATIENT},G00001,30/02/2026,Cardiology,"two lines\n{NAME}, of {POSTCODE}",Open,T01,',
        f"RX77123-3,{PATIENT},G00001,2026-01-04,Cardiology,a comma, {NAME} 999 000 0018,Open,T01," + "," * 60,
        f'RX77123-4,{PATIENT},G00001,2026-01-04,Cardiology,"{NAME},Open,T01,',
    ],
}


@dataclass
class Outline(HTMLParser):
    """A page as a browser takes it: every element closed in turn, its addresses, its words."""

    open: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    inline: dict[str, list[str]] = field(default_factory=lambda: {"style": [], "script": []})
    ids: list[str] = field(default_factory=list)
    elements: set[str] = field(default_factory=set)
    policy: str = ""
    words: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), (tag, attrs)
        assert "style" not in given, "the policy forbids it"
        assert not [name for name in given if name.startswith("on")]
        self.addresses += [given[name] or "" for name in ("href", "src") if name in given]
        self.ids += [given["id"] or ""] if "id" in given else []
        self.elements.add(tag)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.inline:
            self.inline[self.open[-1]].append(data)
        else:
            self.words += f"{data} "


def read(path: Path) -> Outline:
    """A page, found to be well-formed and to load nothing."""
    text = path.read_text()
    outline = Outline()
    outline.feed(text)
    outline.close()
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert not re.search(r"https?:|//", "".join(outline.addresses) + "".join(outline.inline["style"]))
    assert "http://" not in text
    assert "https://" not in text
    for kind, texts in outline.inline.items():
        digests = {base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in texts}
        assert set(re.findall(r"sha256-([^']+)", outline.policy.split(f"{kind}-src")[1].split(";")[0])) == digests
    assert outline.policy.startswith("default-src 'none'")
    outline.words = " ".join(outline.words.split())
    return outline


@pytest.fixture(scope="module")
def runs(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """Four runs: a good week, the next one with a critical failure, again with a broken check, and a bad file."""
    folder = tmp_path_factory.mktemp("pages")
    generate(folder / "landing", WEEKS)
    first, second = (date_of(day) for day in WEEKS.extract_days)
    for source, rows in PLANTED.items():
        with (folder / "landing" / str(first) / f"{source}.csv").open("a") as file:
            file.write("".join(_as_wide(row, source, folder / "landing" / str(first)) + "\n" for row in rows))
    third = folder / "landing" / str(second + timedelta(days=7))
    shutil.copytree(folder / "landing" / str(second), third)
    for changed in (folder / "landing" / str(first), third):
        (changed / "_complete.json").write_text("{}")
    content = (third / "referrals.csv").read_text()
    (third / "referrals.csv").write_text(content.replace("referral_date", "<script>when</script>", 1))
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.url(), autocommit=True) as admin:
        patch.setenv("MEDIMART_HOME", str(folder / "home"))
        patch.setenv("MEDIMART_LANDING", str(folder / "landing"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute("create database pages")
        with connect(server.url("pages")) as conn:
            run_through(conn, Run(GOOD, census=first))
            _fail(conn, Run(CRITICAL, census=second), "update fct_rtt_flow set restatements = restatements + 1")
            _fail(conn, Run(BROKEN, census=second), "alter table fct_capacity_audit drop column filled_count")
            with pytest.raises(InputError):
                run_through(conn, Run(FILE, census=second + timedelta(days=7)))
            yield conn
        admin.execute("drop database pages with (force)")


def _as_wide(row: str, source: str, folder: Path) -> str:
    """A row of the required columns alone, filled up to the header of its file unless it is to be broken."""
    header = (folder / f"{source}.csv").read_text().splitlines()[0].split(",")
    fields = next(csv.reader([row.replace("\n", " ")]))
    return row if row.count('"') % 2 or len(fields) > len(header) else row + "," * (len(header) - len(fields))


def _fail(conn: psycopg.Connection[Any], run: Run, fault: str) -> None:
    """Build a week, spoil its build, and validate it."""
    build = built(conn, run)
    with conn.transaction():
        conn.execute(f"set local search_path = {build.schema}")
        conn.execute(fault.encode())
    conn.commit()
    pipeline.validate(conn, run, "staging")
    pipeline.validate(conn, run, "intermediate")
    with pytest.raises((CriticalFailure, CheckBroken)):
        pipeline.validate(conn, run, "marts")
    pipeline.report(conn, run)
    building.close_build(conn, build)
    conn.commit()


def test_a_good_run(runs: psycopg.Connection[Any]) -> None:
    found = read(places.page(GOOD))
    first = date_of(WEEKS.extract_days[0])
    assert f"Waiting list, census {page.day(first)}" in found.words
    assert re.search(r"Published(, with .*)?: (all )?\d+ (of \d+ )?checks passed", found.words)
    assert "fct_waitlist" in found.words.partition("What was published")[2]
    assert "✕" not in found.words.partition("Checks over the last runs")[0]
    assert "patients.csv full 1" in found.words.partition("Every row accounted for")[2]
    assert "✓ yes" in found.words
    assert "✕ no" not in found.words


def test_a_critical_failure(runs: psycopg.Connection[Any]) -> None:
    found = read(places.page(CRITICAL)).words
    first, second = (date_of(day) for day in WEEKS.extract_days)
    assert "Not published: 1 critical check failed." in found
    assert f"Meanwhile readers see the marts as published on {date.today():%-d %B %Y}" in found
    assert f"newest census {page.day(first)}" in found
    card = found.partition("What did not go well")[2].partition("Checks over the last runs")[0]
    assert "fct_rtt_flow.flow_adds_up" in card
    assert re.search(r"How much \d+ of \d+ rows", card)
    assert re.search(r"For example .*trust_sk -?\d+", card)
    assert "Since this run; before it the check passed" in card
    assert f"Blocks every mart of census {page.day(second)}, together" in card
    assert "Compare the periods of the two weeks" in card
    assert "What was published Nothing." in found
    trend = found.partition("Those that did not pass in every run")[2].partition("Every check")[0]
    assert "fct_rtt_flow.flow_adds_up critical ✓ ✕ 1 of 2" in trend


def test_a_broken_check_is_not_bad_data(runs: psycopg.Connection[Any]) -> None:
    found = read(places.page(BROKEN)).words
    assert re.search(r"Not published: \d+ checks? could not be carried out. This says nothing about the data.", found)
    assert "column b.filled_count does not exist" in found
    assert "critical, failed" not in found


def test_a_bad_file(runs: psycopg.Connection[Any]) -> None:
    found = read(places.page(FILE))
    assert "Not published: a file cannot be loaded." in found.words
    card = found.words.partition("What did not go well")[2]
    assert "The step load: check the files ✕ failed on" in card
    assert "referrals.csv: expected the required column referral_date; found the columns" in card
    assert "<script>when</script>" in card, "as text"
    assert len(found.inline["script"]) == 1
    assert "No step was finished." in found.words


def test_a_run_that_never_fixed_its_census_has_a_page(runs: psycopg.Connection[Any]) -> None:
    run = Run("waiting_list/monday", census=date(2026, 1, 5))
    with pytest.raises(InputError):
        run_through(runs, run)
    found = read(places.page(run.run_id)).words
    assert "Waiting list, no census" in found
    assert "The census must be a Sunday, and 2026-01-05 is a Monday" in found
    runs.execute("delete from quality.run_failure where run_id = %s", (run.run_id,))
    runs.commit()


def test_rows_set_aside_are_told_and_nobody_is_named(runs: psycopg.Connection[Any]) -> None:
    for path in places.folder().glob("*.html"):
        text = path.read_text()
        assert not [word for word in IDENTIFIERS if word in text], path
    found = read(places.page(CRITICAL))
    aside = found.words.partition("Rows set aside As of")[2].partition("Values kept with a flag")[0]
    for words in (
        "birth_date There is no such day, or it lies outside 1900 to 2099",
        "00/00/0000",
        "referral_date This is no date",
        "30/02/2026",
        "the line The line has more fields than the header",
        "fields, the header has",
        "the line A double quote is not closed",
    ):
        assert words in aside
    assert found.elements.isdisjoint({"aaaa", "b"})


def test_the_sender_gets_the_very_lines(runs: psycopg.Connection[Any]) -> None:
    folder = places.rejects(CRITICAL)
    assert {path.name for path in folder.iterdir()} == {"patients.csv", "referrals.csv"}
    assert [oct(path.stat().st_mode & 0o777) for path in (folder.parent, folder)] == ["0o700", "0o700"]
    for source, planted in PLANTED.items():
        path = folder / f"{source}.csv"
        assert oct(path.stat().st_mode & 0o777) == "0o600"
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        lines = [row["original_line"] for row in rows]
        extract = Path(rows[0]["extract_date"])
        sent = (Path(pipeline.settings().landing) / extract / f"{source}.csv").read_text()
        assert [line.rstrip(",") for line in lines] == [row.rstrip(",") for row in planted]
        for row, line in zip(rows, lines, strict=True):
            assert sent.split("\n", int(row["line"]) - 1)[-1].startswith(f"{line}\n")
            assert row["line_taken_from"] == "file"
            assert row["what_to_do"] == FAULTS[row["rule"]].action
    links = [address for address in read(places.page(CRITICAL)).addresses if "rejects" in address]
    assert links
    assert all((places.folder() / address).exists() for address in links)


def test_the_lines_of_a_file_that_is_gone_are_put_together(runs: psycopg.Connection[Any], tmp_path: Path) -> None:
    first = date_of(WEEKS.extract_days[0])
    sent = pipeline.settings().landing / str(first) / "patients.csv"
    shutil.move(sent, tmp_path)
    try:
        page.write(runs, CRITICAL)
    finally:
        shutil.move(tmp_path / "patients.csv", sent)
    with (places.rejects(CRITICAL) / "patients.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["line_taken_from"] == "fields"
    assert row["original_line"].rstrip(",") == PLANTED["patients"][0].rstrip(",")
    page.write(runs, CRITICAL)


def test_the_index_lists_the_newest_first(runs: psycopg.Connection[Any]) -> None:
    page.write_index(runs)
    found = read(places.index())
    assert [a for a in found.addresses if a.endswith(".html")] == [
        places.page(run).name for run in (FILE, BROKEN, CRITICAL, GOOD)
    ]
    verdicts = re.findall(r"Published|Not published: [^.]*", found.words.partition("Took")[2])
    assert [re.sub(r"\d+ checks?", "checks", words) for words in verdicts] == [
        "Not published: a file cannot be loaded",
        "Not published: checks could not be carried out",
        "Not published: 1 critical check failed",
        "Published",
    ]


def test_pages_are_the_same_made_again(runs: psycopg.Connection[Any]) -> None:
    for run_id in page.known(runs):
        page.write(runs, run_id)
    before = {path: path.read_bytes() for path in places.folder().rglob("*") if path.is_file()}
    for run_id in page.known(runs):
        page.write(runs, run_id)
    assert {path: path.read_bytes() for path in places.folder().rglob("*") if path.is_file()} == before


def test_a_step_that_succeeds_has_no_failure_any_more(runs: psycopg.Connection[Any]) -> None:
    failed = runs.execute("select distinct run_id from quality.run_failure order by 1").fetchall()
    assert failed == [(BROKEN,), (CRITICAL,), (FILE,)]
    run = Run(FILE, census=date_of(WEEKS.extract_days[0]))  # its file is mended: here, another week is asked for
    pipeline.begin(runs, run)
    assert (FILE,) not in runs.execute("select distinct run_id from quality.run_failure").fetchall()


def test_in_a_browser_tables_sort_and_the_policy_stops_nothing_of_ours(runs: psycopg.Connection[Any]) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: that tables sort and the policy holds was not seen")
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        for path in (places.index(), places.page(CRITICAL)):
            tab.goto(path.as_uri())
        assert tab.evaluate("getComputedStyle(document.querySelector('.top')).backgroundColor") == "rgb(0, 94, 184)"
        heading = tab.locator("[aria-label='Rows of the newest files'] th").nth(2)
        rows = tab.locator("[aria-label='Rows of the newest files'] tbody td:nth-child(3)")
        counts = [int(text.replace(",", "")) for text in rows.all_inner_texts()]
        assert len(set(counts)) > 2
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
        for order, wanted in (("ascending", sorted(counts)), ("descending", sorted(counts, reverse=True))):
            heading.get_by_role("button").press("Enter")
            assert heading.get_attribute("aria-sort") == order
            assert [int(text.replace(",", "")) for text in rows.all_inner_texts()] == wanted
        browser.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize(
    ("source", "column", "text", "shown"),
    [
        ("referrals", "referral_date", "31/02/2026", "31/02/2026"),
        ("referrals", "referral_date", "today", "today"),
        ("referrals", "referral_date", "Quillfeather", "aaaa"),
        ("referrals", "referral_date", "999 000 0018", "000 000 0000"),
        ("referrals", "referral_date", "999-000-0018", "000-000-0000"),
        ("referrals", "referral_date", "9990000018", "0000"),
        ("referrals", "referral_date", "", "(blank)"),
        ("referrals", "referral_id", "31/02/2026", "00/00/0000"),
        ("referrals", "referral_reason", "six", "aaa"),
        ("appointments", "recorded_wait_weeks", "six", "six"),
        ("appointments", "recorded_wait_weeks", "12,5", "12,5"),
        ("appointments", "recorded_wait_weeks", "1234567", "0000"),
        ("patients", "birth_date", "31/02/1950", "00/00/0000"),
        ("patients", "death_date", "31/02/2026", "00/00/0000"),
        ("patients", "imd_decile", "1,5", "0,0"),
        ("patients", "postcode", "ZE1 0AA", "aa0 0aa"),
        ("patients", "first_name", "Zoë <b>", "aaa <a>"),
        ("patients", "record", "PX1,Ada,Łęcka,9990000018", "aa0,aaa,aaaa,0000"),
        ("patients", "no such column", "six", "aaa"),
    ],
)
def test_what_is_shown_of_a_value(source: str, column: str, text: str, shown: str) -> None:
    assert masking.shown(load_contract(source), column, text) == shown


def test_every_rule_of_the_landing_has_its_words() -> None:
    from medimart.landing import load, typing

    source = Path(typing.__file__).read_text() + Path(load.__file__).read_text()
    named = set(re.findall(r"'((?:missing|unreadable|impossible|unmapped|invalid|out_of|unexpected)\w*)'", source))
    named |= set(re.findall(r'"(too_\w+|broken_quote|out_of_range|impossible_date)"', source))
    assert named == FAULTS.keys() | FLAGS.keys()
