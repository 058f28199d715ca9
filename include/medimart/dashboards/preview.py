"""The dashboards as static pages that need no server: the same cards, asked by the same roles, with nothing fetched.

`pages/preview/` of home holds the dashboards of shared readers: aggregates after disclosure control. Clinical ones show
patients under pseudonyms; they are written only when asked for, to `pages/clinical/`, a folder for its owner alone
(0700, its files 0600), as one admitted login sees them. Whoever serves pages must leave that folder out.

A card's click that opens a dashboard with filters set is a link here, to a page of that dashboard narrowed so. Of
shared dashboards there is one for each trust; of clinical ones, with few charts, for each trust and specialty too.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from markupsafe import Markup
from psycopg import sql
from psycopg.rows import dict_row

from medimart.dashboards import charts
from medimart.dashboards.cards import (
    GRID,
    Card,
    Choice,
    Column,
    Dashboard,
    Dashboards,
    Filter,
    load_dashboards,
    sql_for,
)
from medimart.dashboards.words import HIDDEN, colour, day, sort_key, written
from medimart.dashboards.words import is_number as _is_number
from medimart.errors import SettingError
from medimart.pages import layout
from medimart.pages.paths import pages_folder, slug
from medimart.settings import DASHBOARDS

Connection = psycopg.Connection[Any]
Row = dict[str, Any]
Target = tuple[str, tuple[tuple[str, str], ...]]  # a dashboard, and the filters that are set: its page

FOLDERS = {"shared": "preview", "clinical": "clinical"}
PANELS = 6  # small multiples of a card; more are for a filter
FOLLOWED = {"shared": ({"trust"},), "clinical": ({"trust"}, {"trust", "specialty"})}  # filters that links may set
NARROWED = {"shared": 12, "clinical": 200}  # narrowed pages at most: a page with charts takes a second
PAGE, GAP, FRAME, NARROW = 1184, 16, 34, 322  # pixels: the grid, between tiles, a tile's own frame, a chart on a phone
LONG = 8  # rows from which a table may be broken over printed pages
_HERE = Path(__file__).parent
_SYMBOLS = {"good": "●", "bad": "■", "warning": "◆", "neutral": "○"}
_CLASSES = {"good": "good", "bad": "bad", "warning": "doubt", "neutral": "plain"}
_HIDDEN_FIGURE = "Hidden"
_ALL_HIDDEN = "Every value is hidden: each is a count of 1 to 7, or would give one away."
_SOME_HIDDEN = "* Hidden: a count of 1 to 7, or it would give one away. A hidden value is no zero."
_ABOUT = {
    "shared": "Aggregates alone, as the role medimart_shared reads them: small numbers are hidden, others rounded. "
    "As at the newest census; in Metabase the same cards have filters.",
    "clinical": "Patient-level, under pseudonyms, as {reader} reads it: the trusts granted to that login alone. "
    "Keep this page to those who may see these patients.",
}


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, what it sorts by, what its colour says by a symbol too, and the page that it opens."""

    text: str
    key: str
    classes: str
    symbol: str
    is_hidden: bool
    opens: Target | None


@dataclass(frozen=True)
class Panel:
    """A chart, and the same for a phone where it is too wide for one; label: what it is of, if there are more."""

    label: str
    wide: Markup
    narrow: Markup | None


@dataclass(frozen=True)
class Tile:
    """A card with its answer."""

    card: Card
    width: int
    rows: list[list[Cell]]
    panels: list[Panel]
    figure: str
    changes: list[str]
    beside: int
    key: str
    nothing: str
    hidden: str

    @property
    def has_words(self) -> bool:
        """Whether the figure is words."""
        return self.figure == _HIDDEN_FIGURE or self.card.role("y")[0].format == "text"

    @property
    def is_long(self) -> bool:
        """Whether it may be broken over printed pages."""
        return self.card.chart == "table" and len(self.rows) > LONG


@dataclass(frozen=True)
class Section:
    """A heading, its text and its cards; tab: the name of the tab that begins with it."""

    heading: str
    text: list[Markup]
    tiles: list[Tile]
    tab: str | None


def write(conn: Connection, *, login: str | None = None) -> Path:
    """Write the pages of the shared dashboards; with a login the clinical ones instead, as it sees them.

    Returns the page to open first. Raises SettingError when the readers' role cannot be taken on, or nothing is
    published yet.
    """
    readers = "clinical" if login else "shared"
    reader = login or "medimart_shared"
    found = load_dashboards(DASHBOARDS)
    shown = [one for one in found.dashboards.values() if one.collection.readers == readers]
    folder = pages_folder() / FOLDERS[readers]
    with reading(conn, reader):
        census = newest_census(conn)
        pages = _pages(conn, found, shown, readers)
        choices = {one.id: _by_board(conn, found, one) for one in shown if "trust" in {f.id for f in one.filters}}
    mode = 0o600 if login else 0o640
    if login:
        folder.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
    style = (_HERE / "preview.css").read_text() + _dark()
    about = _ABOUT[readers].format(reader=reader)
    links = [{"href": "index.html", "name": "Dashboards", "is_here": False}]
    links += [{"href": f"{one.id}.html", "name": one.name, "is_here": False} for one in shown]

    def link(target: Target | None) -> str | None:
        """The file of a page that is written."""
        return _file(target) if target in pages else None

    for target, sections in pages.items():
        dashboard, chosen = found.dashboards[target[0]], dict(target[1])
        text = layout.render(
            _HERE / "preview.html",
            styles=[style],
            dashboard=dashboard,
            sections=sections,
            about=about,
            chosen=[f"{found.filters[name].label}: {value}" for name, value in chosen.items()],
            whole=f"{dashboard.id}.html",
            choices=[
                (board, [(trust, file) for trust in trusts if (file := link((dashboard.id, (("trust", trust),))))])
                for board, trusts in choices.get(dashboard.id, {}).items()
            ],
            here=_file(target),
            link=lambda to, here=target: link(to) if to != here else None,
            trail=[{**one, "is_here": one["name"] == dashboard.name} for one in links],
            foot=f"Census {day(census)}. Written by medimart preview.",
        )
        layout.write(folder / _file(target), text, mode)
    for page in folder.glob("*--*.html"):
        if page.name not in {_file(target) for target in pages}:
            page.unlink()  # of a choice that is no longer there
    index = layout.render(
        _HERE / "index.html",
        styles=[style],
        lead=f"Waiting lists as at {day(census)}.",
        about=about,
        pages=[
            {
                "file": f"{one.id}.html",
                "name": one.name,
                "description": one.description,
                "headlines": _headlines(pages[one.id, ()]),
            }
            for one in shown
        ],
        foot="Written by medimart preview.",
    )
    return layout.write(folder / "index.html", index, mode)


def _pages(
    conn: Connection, found: Dashboards, shown: Sequence[Dashboard], readers: str
) -> dict[Target, list[Section]]:
    """Every page: of each dashboard the whole, and what the links on these lead to, as far as there is room."""
    waiting: list[Target] = [(one.id, ()) for one in shown]
    pages: dict[Target, list[Section]] = {}
    most = len(waiting) + NARROWED[readers]
    while waiting:
        target = waiting.pop(0)
        pages[target] = sections = _sections(conn, found, found.dashboards[target[0]], dict(target[1]))
        opened = [cell.opens for one in sections for tile in one.tiles for row in tile.rows for cell in row]
        for other in dict.fromkeys(filter(None, opened)):
            is_followed = {name for name, _ in other[1]} in FOLLOWED[readers]
            if is_followed and other not in pages and other not in waiting and len(pages) + len(waiting) < most:
                waiting.append(other)
    return pages


def _file(target: Target) -> str:
    """The file of a page of its own: breaches.html, breaches--Some-trust-1a2b3c4d.html."""
    dashboard, chosen = target
    return f"{dashboard}--{slug(' | '.join(value for _, value in chosen))}.html" if chosen else f"{dashboard}.html"


def _by_board(conn: Connection, found: Dashboards, dashboard: Dashboard) -> dict[str, list[str]]:
    """The trusts that can be chosen, by the board that narrows the choice."""
    schema, table, trust = found.filters["trust"].column
    board = found.filters["icb"].column[2]
    query = sql.SQL("select {}, {} from {}.{} order by 1, 2").format(
        *map(sql.Identifier, (board, trust, schema, table))
    )
    by_board: dict[str, list[str]] = {}
    for board_name, name in conn.execute(query).fetchall():
        by_board.setdefault(board_name, []).append(name)
    return by_board


@contextmanager
def reading(conn: Connection, reader: str) -> Iterator[None]:
    """A transaction that reads as a reader does: its role, read-only, one instant.

    Raises SettingError when the role cannot be taken on or may not read what is asked for, or it is not there yet.
    """
    conn.rollback()
    try:
        with conn.transaction(force_rollback=True):
            conn.execute("set transaction isolation level repeatable read, read only")
            conn.execute(sql.SQL("set local role {}").format(sql.Identifier(reader)))
            yield
    except (psycopg.errors.InvalidParameterValue, psycopg.errors.UndefinedObject):
        raise SettingError(
            f"The role {reader} is not there. medimart_shared comes with a run; a clinical reader's login is made with "
            "create role and admitted with quality.admit (sql/setup/50_roles.sql)."
        ) from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise SettingError(
            f"The marts were published before these dashboards were made ({str(error).splitlines()[0]}). "
            "Publish the newest census once more: medimart run waiting_list --again."
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        if "role" not in str(error):
            raise SettingError(
                f"{reader} may not read what the dashboards show ({str(error).splitlines()[0]}). Publish once more "
                f"(`medimart run --again`), and admit a login of your own with quality.admit (sql/setup/50_roles.sql)."
            ) from None
        raise SettingError(
            f"{conn.info.user} may not take on the role {reader}: have an administrator run "
            f'`grant "{reader}" to "{conn.info.user}" with set true`.'
        ) from None


def newest_census(conn: Connection) -> date:
    """The newest census that readers see. Raises SettingError when there is none."""
    row = conn.execute("select max(census_date) from marts.publication where pipeline = 'waiting_list'").fetchone()
    if row is None or row[0] is None:
        raise SettingError("Nothing is published yet, so there is nothing to show. Run `medimart run` first.")
    newest: date = row[0]
    return newest


def _sections(conn: Connection, found: Dashboards, dashboard: Dashboard, chosen: Mapping[str, str]) -> list[Section]:
    sections: list[Section] = []
    tab = None
    for placed in dashboard.placed:
        if placed.heading:
            sections.append(Section(placed.heading, [], [], placed.tab if placed.tab != tab else None))
            tab = placed.tab
        elif placed.text:
            sections[-1].text.extend(_paragraphs(placed.text))
        elif placed.card:
            sections[-1].tiles.append(_tile(conn, found, found.cards[placed.card], placed.width, chosen))
    return sections


def _paragraphs(text: str) -> Iterator[Markup]:
    """Markdown as the dashboards use it: paragraphs, and **what stands out**."""
    for paragraph in re.split(r"\n\s*\n", text):
        escaped = html.escape(" ".join(paragraph.split()))
        yield Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped))  # noqa: S704 - escaped above


def _tile(conn: Connection, found: Dashboards, card: Card, width: int, chosen: Mapping[str, str]) -> Tile:
    panels: dict[str, list[Row]] = dict(_panels(conn, found, card, chosen))
    rows = [row for some in panels.values() for row in some]
    is_chart = card.chart not in ("table", "number") and (card.chart != "trend" or len(rows) > 1)
    can_draw = {label: some for label, some in panels.items() if _has_values(card, some)}
    masked = [column for column in card.columns if column.masked]
    is_hidden = any(row[column.name] is None for row in rows if not _is_landmark(card, row) for column in masked)
    nothing = card.empty if not rows else _ALL_HIDDEN if not can_draw and card.chart != "table" else ""
    beside = _beside(width, len(can_draw)) if is_chart else 1
    figure, changes = _figure(card, rows) if card.chart in ("number", "trend") and rows else ("", [])
    return Tile(
        card=card,
        width=width,
        rows=[[_cell(card, place, row) for place in range(len(card.columns))] for row in rows],
        panels=_drawn(card, can_draw, _room(width) // beside - (20 if beside > 1 else 0)) if is_chart else [],
        beside=beside,
        key=" · ".join(filter(None, (_key(card), _left_out(conn, found, card, chosen))))
        if can_draw and is_chart
        else "",
        figure="" if nothing else _HIDDEN_FIGURE if figure == HIDDEN else figure,
        changes=changes,
        nothing=nothing,
        hidden=_SOME_HIDDEN if is_hidden and nothing != _ALL_HIDDEN else "",
    )


def _panels(
    conn: Connection, found: Dashboards, card: Card, chosen: Mapping[str, str]
) -> Iterator[tuple[str, list[Row]]]:
    """A card's rows by what has a chart of its own: each choice of `each` with any, each series of a row chart."""
    narrowed: dict[str, Choice] = {name: [value] for name, value in chosen.items()}
    if card.each:
        shown = 0
        for choice in [chosen[card.each]] if card.each in chosen else _choices(conn, found.filters[card.each]):
            if shown < PANELS and (rows := _ask(conn, card, {**narrowed, card.each: [choice]})):
                shown += 1
                yield choice, rows
        return
    rows = _ask(conn, card, narrowed)
    series = card.role("series")
    if card.chart in ("row", "map") and series:
        for name in dict.fromkeys(row[series[0].name] for row in rows):
            yield str(name), [row for row in rows if row[series[0].name] == name]
    else:
        yield "", rows


def _ask(conn: Connection, card: Card, chosen: Mapping[str, Choice]) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(*sql_for(card, chosen)).fetchall()


def _choices(conn: Connection, filter_: Filter) -> list[str]:
    schema, table, column = map(sql.Identifier, filter_.column)
    query = sql.SQL("select distinct {} from {}.{} order by 1").format(column, schema, table)
    return [choice for (choice,) in conn.execute(query).fetchall()]


def _has_values(card: Card, rows: Sequence[Row]) -> bool:
    return any(row[column.name] is not None for row in rows for column in card.role("y", "size"))


def _room(width: int) -> int:
    """Pixels for charts in a tile so many columns wide."""
    return PAGE * width // GRID - FRAME - (GAP if width < GRID else 0)


def _beside(width: int, panels: int) -> int:
    """How many small multiples stand side by side in a tile."""
    return max(1, min(panels, 3 if _room(width) > 900 else 2 if _room(width) > 450 else 1))


def _drawn(card: Card, panels: Mapping[str, list[Row]], pixels: int) -> list[Panel]:
    drawn = []
    for number, (label, rows) in enumerate(panels.items()):
        name = f"{card.id}-{number}"
        wide = Markup(charts.draw(card, rows, pixels, name))  # noqa: S704 - SVG of ours, its texts escaped
        narrow = Markup(charts.draw(card, rows, NARROW, f"{name}-narrow")) if pixels > NARROW + 30 else None  # noqa: S704
        drawn.append(Panel(label, wide, narrow))
    return drawn


def _left_out(conn: Connection, found: Dashboards, card: Card, chosen: Mapping[str, str]) -> str:
    """That there are more small multiples than are drawn."""
    if card.each is None or card.each in chosen:
        return ""
    count = len(_choices(conn, found.filters[card.each]))
    return f"The first {PANELS} of {count}; in Metabase choose any." if count > PANELS else ""


def _key(card: Card) -> str:
    """What the thin lines, the band and the marks of a chart of lines are."""
    if card.chart == "map":
        return f"Area of a circle: {card.role('size')[0].label.lower()}, to one scale within a panel"
    if card.chart not in ("line", "row"):
        return ""
    parts = []
    if targets := card.role("target"):
        parts.append(f"– – {' and '.join(column.label for column in targets)}")
    if bounds := card.role("lower", "upper"):
        shape = "Band" if card.chart == "line" else "Line"
        parts.append(f"{shape}: {' to '.join(column.label.lower() for column in bounds)}")
    shapes = {"good": "◆", "bad": "▲"}
    parts += [f"{shapes.get(column.colour or '', '■')} {column.label}" for column in card.role("mark")]
    return " · ".join(parts)


def _figure(card: Card, rows: Sequence[Row]) -> tuple[str, list[str]]:
    """The number a card is about, and what else it says: what it was before, what it should be."""
    y, newest = card.role("y")[0], rows[-1]
    lines = []
    if card.chart == "trend" and len(rows) > 1:
        x, before = card.role("x")[0], rows[-2]
        value, former = newest[y.name], before[y.name]
        if value is not None and former is not None:
            change = float(value) - float(former)
            lines.append(f"{_change(y.format, change)} since {written(x, before[x.name])}")
    lines += [f"{column.label}: {written(column, newest[column.name])}" for column in card.columns if not column.role]
    lines += [f"{target.label}: {written(target, newest[target.name])}" for target in card.role("target")]
    return written(y, newest[y.name]), lines


def _change(format_: str, change: float) -> str:
    amount = f"{abs(change) * 100:.1f} points" if format_ == "percent" else f"{abs(change):,.0f}"
    if not float(re.sub(r"[^0-9.]", "", amount)):
        return "No change"
    return f"{'▲ up' if change > 0 else '▼ down'} {amount}"


def _cell(card: Card, place: int, row: Row) -> Cell:
    column = card.columns[place]
    if _is_landmark(card, row):
        column = replace(column, masked=False)
    value = row[column.name]
    meaning = colour(column, value)
    classes = [
        *(["number"] if _is_number(column) else []),
        *(["date"] if column.format in ("date", "moment") else []),
        *([_CLASSES[meaning]] if meaning else []),
    ]
    text = written(column, value)
    symbol = _SYMBOLS[meaning] if meaning else ""
    return Cell(text, sort_key(column, value), " ".join(classes), symbol, text == HIDDEN, _opened(card, column, row))


def _opened(card: Card, column: Column, row: Row) -> Target | None:
    """The page that a click on this cell opens: as in Metabase, the first column that sets a filter is clicked."""
    if card.drill is None or column.name != card.drill.set[0][1]:
        return None
    return card.drill.dashboard, tuple(sorted((name, str(row[value])) for name, value in card.drill.set))


def _is_landmark(card: Card, row: Row) -> bool:
    """Whether a map's row is a place that counts nobody: nothing of it is hidden."""
    return card.chart == "map" and row[card.role("size")[0].name] is None


def _headlines(sections: Sequence[Section]) -> list[dict[str, str]]:
    tiles = [tile for section in sections for tile in section.tiles if tile.card.chart in ("trend", "number")]
    return [
        {"title": tile.card.title, "figure": tile.figure or (_HIDDEN_FIGURE if tile.rows else "–")} for tile in tiles
    ]


def _dark() -> str:
    """The dark counterpart of each colour that charts are drawn in."""
    rules = "".join(
        f'svg.chart [fill="{light}"] {{ fill: {dark}; }} svg.chart [stroke="{light}"] {{ stroke: {dark}; }}\n'
        for light, dark in charts.DARK.items()
    )
    return f"@media screen and (prefers-color-scheme: dark) {{\n{rules}}}\n"
