"""Dashboards as files: what `include/metabase` says, read and checked once for both renderers.

    collections.yaml        id → name, description, readers: shared | clinical
    filters.yaml            id → label, kind: category | date, column: schema.table.column, key: the table's key,
                            narrowed_by: [filter], along: schema.table that holds the keys of both, where they differ
    dashboards/<id>.yaml    name, description, collection, filters: [filter], sections or tabs
    cards/<id>.sql          one card: a header, and one plain PostgreSQL SELECT

A **section** has a heading and any of `text` (Markdown) and `rows`; a row is `{height: 8, cards: {card: width, …}}`.
Cards stand side by side in a row and rows below one another, on Metabase's grid of 24 columns: places cannot overlap.
A dashboard that would be a long scroll has `tabs: [{name, sections}]` in place of `sections`. A card that opens its own
dashboard with other filters belongs on the tab that shows what it is opened for.

A **card**'s header opens with the question it answers, a paragraph shown under its title; further paragraphs say how to
read it. Below `---` follow

    title: Over 52 weeks
    chart: line                  # number, trend, line, bar, row, stacked, map or table
    columns:                     # each output column of the SELECT, in its order
      week: {label: Week, role: x, format: date}
      patients: {label: Over 52 weeks, role: y, format: whole, masked: true}
    each: trust                  # optional: small multiples, one for each choice of this filter
    drill: {dashboard: breaches, set: {trust: trust_name}}   # optional: a click opens it, filters set from columns
    empty: Nobody waits over 52 weeks.                       # what to say when there is no row
    alert: true                  # optional: rows are bad news, and Metabase sends an e-mail as long as there are any

Roles: `x`, `y` (several, where there is no series), `series` (one line, bar or layer for each value; where these are
known, `values: [High, Low]` gives each its colour, whichever are there), `target` (drawn as a thin line), `lower` and
`upper` (an interval round y), `mark` (a y that is drawn as points in its `colour`), `label` (what the whole chart is
of). A column without a role stands in the table alone. Rows come in the order they are to be shown. A `masked` column
is null where disclosure control hides the value: to be shown as hidden, never as 0 or joined by a line. `colours:
[{when: "<", value: 0.65, colour: bad}]` colours a table's cell by the first rule that holds.

A **map** has a point for each row, in the roles `latitude`, `longitude`, `label` (its name), `size` and `colour`, whose
column gives the `steps` that part its shades: `steps: [0.3, 0.4]`. A row without a size is a landmark. `series` parts
the map into panels.

A **filter** narrows a card that names it in an optional clause, in Metabase's syntax: `[[and {{trust}}]]`, where the
filter's table is read without an alias. Without a choice the clause is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from medimart.errors import MedimartError
from medimart.models.header import parse_select

GRID = 24
CHARTS = ("number", "trend", "line", "bar", "row", "stacked", "map", "table")
MAP_ROLES = ("latitude", "longitude", "size", "colour")
ROLES = ("x", "y", "series", "target", "lower", "upper", "mark", "label", *MAP_ROLES)
FORMATS = ("text", "whole", "decimal", "percent", "points", "date", "moment", "yes_no")
COLOURS = ("good", "bad", "warning", "neutral")
COMPARISONS = ("<", "<=", ">", ">=", "=")
READERS = ("shared", "clinical")
KINDS = ("category", "date")
_NEEDED: Mapping[str, Sequence[str]] = {
    **{"number": ("y",), "trend": ("x", "y"), "line": ("x", "y"), "bar": ("x", "y"), "row": ("x", "y")},
    **{"stacked": ("x", "y"), "map": ("latitude", "longitude", "size", "colour", "label"), "table": ()},
}
_OPTIONAL = re.compile(r"\s*\[\[(.*?)\]\]", re.DOTALL)
_TAG = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Choice = date | Sequence[str]


class DashboardError(MedimartError):
    """A file of the dashboards is not as it must be. The message begins with the file and the line."""


@dataclass(frozen=True)
class Collection:
    """Where dashboards lie, and who reads them: by which database role the cards are asked."""

    id: str
    name: str
    description: str
    readers: str


@dataclass(frozen=True)
class Filter:
    """What a reader can narrow by.

    column: schema, table and column that its choices are values of. key: the column of that table that others refer to
    it by. narrowed_by: the filters whose choice narrows its choices. along: schema and table that tell which belong
    together, by the keys; None where all is in one table.
    """

    id: str
    label: str
    kind: str
    column: tuple[str, str, str]
    key: str | None
    narrowed_by: tuple[str, ...]
    along: tuple[str, str] | None


@dataclass(frozen=True)
class Colour:
    """A rule for a table's cell: `colour` where the value compares so with `value`."""

    when: str
    value: float | str
    colour: str


@dataclass(frozen=True)
class Column:
    """One output column of a card: what it is called, what it is drawn as, how it is written.

    values: those of a series, in the order of their colours, where they are known.
    steps: of a map's colour, the values at which one shade passes to the next, ascending.
    """

    name: str
    label: str
    role: str | None = None
    format: str = "text"
    masked: bool = False
    colour: str | None = None
    colours: tuple[Colour, ...] = ()
    values: tuple[str, ...] = ()
    steps: tuple[float, ...] = ()


@dataclass(frozen=True)
class Drill:
    """What a click opens: a dashboard, with filters set from the clicked row's columns (filter, column)."""

    dashboard: str
    set: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Card:
    """One question to the marts and how its answer is shown.

    question: the sentence under the title. notes: how to read it, may be empty. sql: with Metabase's optional clauses.
    filters: those the SQL names, in the order of filters.yaml.
    """

    id: str
    title: str
    question: str
    notes: str
    chart: str
    columns: tuple[Column, ...]
    sql: str
    filters: tuple[Filter, ...]
    each: str | None
    drill: Drill | None
    empty: str
    alert: bool = False

    def role(self, *roles: str) -> tuple[Column, ...]:
        """The columns drawn in one of these roles."""
        return tuple(column for column in self.columns if column.role in roles)


@dataclass(frozen=True)
class Placed:
    """Something on a dashboard's grid: a card, or the heading or text of a section (Markdown).

    tab: the tab that it is on; each has a grid of its own. None where the dashboard has no tabs.
    """

    x: int
    y: int
    width: int
    height: int
    tab: str | None = None
    card: str | None = None
    heading: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Dashboard:
    """A page of cards in their places, from the top down."""

    id: str
    name: str
    description: str
    collection: Collection
    filters: tuple[Filter, ...]
    placed: tuple[Placed, ...]

    @property
    def tabs(self) -> tuple[str, ...]:
        """The names of its tabs, in their order; empty where it has none."""
        return tuple(dict.fromkeys(one.tab for one in self.placed if one.tab))


@dataclass(frozen=True)
class Dashboards:
    """All that the folder says, by id, in the files' order (dashboards and cards: by name)."""

    collections: dict[str, Collection]
    filters: dict[str, Filter]
    dashboards: dict[str, Dashboard]
    cards: dict[str, Card]

    def collection_of(self, card: str) -> Collection:
        """The collection whose readers a card is for."""
        return next(d.collection for d in self.dashboards.values() if any(p.card == card for p in d.placed))


def load_dashboards(folder: Path) -> Dashboards:
    """Read and check the files of a folder. Raises DashboardError with file, line and what to do."""
    collections = {id_: _collection(source, id_) for source, id_ in _entries(folder / "collections.yaml")}
    filters = {id_: _filter(source, id_) for source, id_ in _entries(folder / "filters.yaml")}
    for source, id_ in _entries(folder / "filters.yaml"):
        _check_narrowing(source, filters, id_)
    cards = {path.stem: _card(path, filters) for path in _files(folder / "cards", "sql")}
    sources = {path.stem: _Source.of(path) for path in _files(folder / "dashboards", "yaml")}
    dashboards = {id_: _dashboard(source, id_, collections, filters, cards) for id_, source in sources.items()}
    found = Dashboards(collections, filters, dashboards, cards)
    for id_, source in sources.items():
        _check_readers(found, source, dashboards[id_])
    for card in cards.values():
        _check_use(found, folder / "cards" / f"{card.id}.sql", card)
    return found


def sql_for(card: Card, chosen: Mapping[str, Choice]) -> tuple[str, dict[str, Any]]:
    """A card's SQL with the chosen filters, and its parameters, as psycopg takes them.

    chosen: filter id → a date, or the texts that are wanted. A filter that isn't chosen leaves no clause behind; one
    that the card doesn't have changes nothing.
    """
    filters = {one.id: one for one in card.filters if chosen.get(one.id)}

    def clause(found: re.Match[str]) -> str:
        [tag] = _TAG.findall(found[1])
        if tag not in filters:
            return ""
        column = ".".join(filters[tag].column)
        test = f"{column} = %({tag})s" if filters[tag].kind == "date" else f"{column} = any(%({tag})s)"
        return f" {_TAG.sub(lambda _: test, found[1])}"

    parameters = {
        id_: choice if isinstance(choice := chosen[id_], date) else [str(text) for text in choice] for id_ in filters
    }
    return _OPTIONAL.sub(clause, card.sql.replace("%", "%%")), parameters


@dataclass(frozen=True)
class _Source:
    """A YAML text that knows its lines. first: the line of the file that its first line is."""

    path: Path
    first: int
    data: dict[str, Any]
    node: yaml.Node

    @classmethod
    def of(cls, path: Path, text: str | None = None, first: int = 1) -> _Source:
        try:
            text = path.read_text() if text is None else text
        except OSError:
            raise DashboardError(f"{_name(path)} is missing.") from None
        try:
            node, data = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise _error(path, first + (mark.line if mark else 0), f"the YAML does not read: {error}") from None
        if node is None or not isinstance(data, dict):
            raise _error(path, first, "must be a mapping of names to entries")
        return cls(path, first, data, node)

    def error(self, what: str, *at: str | int) -> DashboardError:
        """What is wrong with the entry that these keys lead to."""
        node, line = self.node, self.first
        for key in at:
            if isinstance(node, yaml.MappingNode):
                pairs = [(k, v) for k, v in node.value if k.value == str(key)]
                if not pairs:
                    break
                line, node = self.first + pairs[0][0].start_mark.line, pairs[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                node = node.value[key]
                line = self.first + node.start_mark.line
        return _error(self.path, line, what)

    def get(self, *at: str | int) -> Any:
        """The entry that these keys lead to; None where there is none."""
        value: Any = self.data
        for key in at:
            value = value[key] if isinstance(key, int) else value.get(key)
            if value is None:
                return None
        return value

    def mapping(self, keys: str, *at: str | int) -> dict[str, Any]:
        """A mapping that has these keys and no others; those that end in `?` may be left out."""
        value = self.get(*at)
        names = keys.replace("?", "").split()
        if not isinstance(value, dict):
            raise self.error(f"must be a mapping with {', '.join(names)}", *at)
        for key in value:
            if key not in names:
                raise self.error(f"unknown entry {key!r}; known are {', '.join(names)}", *at, key)
        for key in keys.split():
            if not key.endswith("?") and value.get(key) in (None, "", {}, []):
                raise self.error(f"{key} is missing", *at)
        return value

    def text(self, *at: str | int) -> str:
        """A text, on one line where it was wrapped."""
        value = self.get(*at)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{at[-1]} must be a text", *at)
        return value.strip()

    def one_of(self, allowed: Sequence[str], *at: str | int) -> str:
        """One of the words allowed."""
        value = self.get(*at)
        if value not in allowed:
            raise self.error(f"{at[-1]} is {value!r}; it must be one of {', '.join(allowed)}", *at)
        return str(value)

    def known(self, names: Mapping[str, Any], what: str, *at: str | int) -> tuple[str, ...]:
        """A list of names that are there; empty where it is left out."""
        value = self.get(*at) or []
        if not isinstance(value, list):
            raise self.error(f"{at[-1]} must be a list", *at)
        for place, name in enumerate(value):
            if name not in names:
                raise self.error(f"unknown {what} {name!r}; known are {', '.join(names) or 'none'}", *at, place)
        return tuple(value)


def _entries(path: Path) -> Iterator[tuple[_Source, str]]:
    source = _Source.of(path)
    for id_ in source.data:
        yield source, str(id_)


def _files(folder: Path, ending: str) -> list[Path]:
    found = sorted(folder.glob(f"*.{ending}"))
    if not found:
        raise DashboardError(f"{folder.parent.name}/{folder.name} holds no .{ending} file.")
    return found


def _collection(source: _Source, id_: str) -> Collection:
    source.mapping("name description readers", id_)
    readers = source.one_of(READERS, id_, "readers")
    return Collection(id_, source.text(id_, "name"), source.text(id_, "description"), readers)


def _filter(source: _Source, id_: str) -> Filter:
    entry = source.mapping("label kind column key? narrowed_by? along?", id_)
    kind = source.one_of(KINDS, id_, "kind")
    schema, table, column = _named(source, "schema.table.column", id_, "column")
    narrowed_by = tuple(entry.get("narrowed_by") or ())
    along = None
    if "along" in entry:
        along_schema, along_table = _named(source, "schema.table", id_, "along")
        along = (along_schema, along_table)
    key = source.text(id_, "key") if "key" in entry else None
    return Filter(id_, source.text(id_, "label"), kind, (schema, table, column), key, narrowed_by, along)


def _named(source: _Source, shape: str, *at: str | int) -> list[str]:
    parts = source.text(*at).split(".")
    if len(parts) != shape.count(".") + 1 or not all(re.fullmatch(r"[a-z][a-z0-9_]*", part) for part in parts):
        raise source.error(f"{at[-1]} must be {shape}", *at)
    return parts


def _check_narrowing(source: _Source, filters: Mapping[str, Filter], id_: str) -> None:
    """What narrows a filter lies in its table, or is joined to it by keys: Metabase narrows in no other way."""
    one = filters[id_]
    others = [filters[name] for name in source.known(filters, "filter", id_, "narrowed_by")]
    apart = [other for other in others if other.column[:2] != one.column[:2]]
    if bool(apart) != (one.along is not None):
        names = ", ".join(other.id for other in apart) or "nothing"
        raise source.error(
            f"is narrowed by {names} of another table: along must name the table that has both keys", id_
        )
    for other in (one, *apart) if apart else ():
        if other.key is None:
            raise source.error(f"key is missing: {id_} is narrowed along {'.'.join(one.along or ())}", other.id)


def _dashboard(
    source: _Source,
    id_: str,
    collections: Mapping[str, Collection],
    filters: Mapping[str, Filter],
    cards: Mapping[str, Card],
) -> Dashboard:
    source.mapping("name description collection filters? sections? tabs?")
    collection = source.one_of(tuple(collections), "collection")
    chosen = source.known(filters, "filter", "filters")
    return Dashboard(
        id_,
        source.text("name"),
        source.text("description"),
        collections[collection],
        tuple(filters[name] for name in chosen),
        tuple(_placed(source, cards)),
    )


def _placed(source: _Source, cards: Mapping[str, Card]) -> Iterator[Placed]:
    """Everything in its place, tab by tab: sections from the top down, cards from the left."""
    seen = set[str]()
    if source.get("tabs") is None:
        yield from _on_one_grid(source, cards, seen, None)
        return
    if source.get("sections") is not None:
        raise source.error("has both sections and tabs; put each section on a tab", "sections")
    if not isinstance(source.get("tabs"), list) or len(source.data["tabs"]) < 2:
        raise source.error("tabs must be a list of two or more; a dashboard of one has sections alone", "tabs")
    names = set[str]()
    for number in range(len(source.data["tabs"])):
        at = ("tabs", number)
        source.mapping("name sections", *at)
        name = source.text(*at, "name")
        if name in names:
            raise source.error(f"has two tabs called {name!r}", *at, "name")
        names.add(name)
        yield from _on_one_grid(source, cards, seen, name, *at)


def _on_one_grid(
    source: _Source, cards: Mapping[str, Card], seen: set[str], tab: str | None, *within: str | int
) -> Iterator[Placed]:
    """The sections of one tab, or of a dashboard without tabs. seen: the cards placed so far, added to."""
    y = 0
    if not isinstance(source.get(*within, "sections"), list):
        raise source.error("sections must be a list", *within, "sections")
    for number in range(len(source.get(*within, "sections"))):
        at = (*within, "sections", number)
        section = source.mapping("heading text? rows?", *at)
        yield Placed(0, y, GRID, 1, tab, heading=source.text(*at, "heading"))
        y += 1
        if "text" in section:
            text = source.text(*at, "text")
            height = 1 + len(text) // 300 + text.count("\n\n")
            yield Placed(0, y, GRID, height, tab, text=text)
            y += height
        for row in range(len(section.get("rows") or ())):
            here = (*at, "rows", row)
            height = _size(source, *here, "height")
            source.mapping("height cards", *here)
            x = 0
            for card in source.mapping(" ".join(cards).replace(" ", "? ") + "?", *here, "cards"):
                if card in seen:
                    raise source.error(f"shows the card {card!r} twice", *here, "cards", card)
                width = _size(source, *here, "cards", card)
                if x + width > GRID:
                    raise source.error(
                        f"the row is wider than the grid's {GRID} columns with {card!r}", *here, "cards", card
                    )
                yield Placed(x, y, width, height, tab, card=card)
                seen.add(card)
                x += width
            y += height


def _size(source: _Source, *at: str | int) -> int:
    value = source.get(*at)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise source.error(f"{at[-1]} must be a whole number of the grid's cells, at least 1", *at)
    return value


def _card(path: Path, filters: Mapping[str, Filter]) -> Card:
    text = path.read_text()
    header = re.match(r"/\*\n(.*?)\n---\n(.*?)\*/\n", text, re.DOTALL)
    if not header:
        raise _error(path, 1, "must begin with /*, the question it answers, a line `---`, the YAML of the card and */")
    question, *notes = re.split(r"\n\s*\n", header[1].strip())
    source = _Source.of(path, header[2], text[: header.start(2)].count("\n") + 1)
    source.mapping("title chart columns each? drill? empty alert?")
    chart = source.one_of(CHARTS, "chart")
    if not isinstance(source.get("columns"), dict):
        raise source.error("columns must map each output column to what it is", "columns")
    columns = tuple(_column(source, name) for name in source.data["columns"])
    body = _blank(header[0]) + text[header.end() :]  # as long as the file, so that lines are the file's
    each = source.get("each")
    card = Card(
        path.stem,
        source.text("title"),
        _unwrapped(question),
        "\n\n".join(map(_unwrapped, notes)),
        chart,
        columns,
        body.strip(),
        _filters_of(path, body, filters),
        source.one_of(tuple(filters), "each") if each is not None else None,
        _drill(source, filters, columns),
        _unwrapped(source.text("empty")),
        bool(source.get("alert")),
    )
    if not isinstance(source.get("alert") or False, bool):
        raise source.error("alert must be true or false", "alert")
    if each is not None and filters[each] not in card.filters:
        raise source.error(f"each names the filter {each!r}, which the SQL does not use", "each")
    for role in ("x", "series", "lower", "upper", "label", *MAP_ROLES):
        if len(card.role(role)) > 1:
            raise source.error(f"only one column can have the role {role}", "columns", card.role(role)[1].name)
    for role in _NEEDED[chart]:
        if not card.role(role):
            raise source.error(f"the chart {chart!r} needs a column with role {role}", "columns")
    _check_columns(path, source, body, card)
    return card


def _column(source: _Source, name: str) -> Column:
    at = ("columns", name)
    entry = source.mapping("label role? format? masked? colour? colours? values? steps?", *at)
    role = source.one_of(ROLES, *at, "role") if "role" in entry else None
    written = source.one_of(FORMATS, *at, "format") if "format" in entry else "text"
    colour = source.one_of(COLOURS, *at, "colour") if "colour" in entry else None
    if (role == "mark") != (colour is not None):
        raise source.error("a column with the role mark, and no other, needs a colour", *at)
    if not isinstance(entry.get("masked", False), bool):
        raise source.error("masked must be true or false", *at, "masked")
    values = entry.get("values") or []
    if values and (role != "series" or not isinstance(values, list) or len({*map(str, values)}) < len(values)):
        raise source.error("values must list the values of a series, each once", *at, "values")
    steps = entry.get("steps") or ()
    if bool(steps) != (role == "colour"):
        raise source.error("a column with the role colour, and no other, needs steps", *at)
    if not all(isinstance(one, (int, float)) for one in steps) or list(steps) != sorted(set(steps)) or len(steps) > 4:
        raise source.error("steps must be at most 4 numbers, ascending", *at, "steps")
    colours = []
    for number in range(len(entry.get("colours") or ())):
        rule = source.mapping("when value colour", *at, "colours", number)
        if not isinstance(rule["value"], (int, float, str)):
            raise source.error("value must be a number or a text", *at, "colours", number, "value")
        when = source.one_of(COMPARISONS, *at, "colours", number, "when")
        colours.append(Colour(when, rule["value"], source.one_of(COLOURS, *at, "colours", number, "colour")))
    return Column(
        name,
        source.text(*at, "label"),
        role,
        written,
        bool(entry.get("masked", False)),
        colour,
        tuple(colours),
        tuple(map(str, values)),
        tuple(map(float, steps)),
    )


def _drill(source: _Source, filters: Mapping[str, Filter], columns: Sequence[Column]) -> Drill | None:
    if source.get("drill") is None:
        return None
    source.mapping("dashboard set", "drill")
    chosen = source.mapping(" ".join(f"{name}?" for name in filters), "drill", "set")
    for name in chosen:
        source.one_of([column.name for column in columns], "drill", "set", name)
    return Drill(source.text("drill", "dashboard"), tuple(chosen.items()))


def _filters_of(path: Path, body: str, filters: Mapping[str, Filter]) -> tuple[Filter, ...]:
    """The filters that a card's SQL names, each in an optional clause of its own."""
    named = set()
    for clause in _OPTIONAL.finditer(body):
        line = _line(body, clause.start(1))
        tags = _TAG.findall(clause[1])
        if len(tags) != 1:
            raise _error(path, line, f"{clause[0].strip()} must name one filter, as in [[and {{{{trust}}}}]]")
        if tags[0] not in filters:
            raise _error(path, line, f"unknown filter {tags[0]!r}; known are {', '.join(filters)}")
        table = ".".join(filters[tags[0]].column[:2])
        if not re.search(rf"(?<![\w.]){re.escape(table)}\b", _bare(body)):
            raise _error(path, line, f"the filter {tags[0]!r} is about {table}, which the SQL does not read")
        named.add(tags[0])
    if outside := re.search(r"\{\{.*?\}\}|\[\[|\]\]", _bare(body)):
        what = f"{outside[0]} stands outside an optional clause; write [[and {{{{trust}}}}]]"
        raise _error(path, _line(body, outside.start()), what)
    return tuple(one for id_, one in filters.items() if id_ in named)


def _check_columns(path: Path, source: _Source, body: str, card: Card) -> None:
    """The header names the columns that the SELECT gives, in its order."""
    tree = parse_select(path, _bare(body))
    given = [selected.alias_or_name for selected in tree.selects]
    named = [column.name for column in card.columns]
    for name in named:
        if name not in given:
            raise source.error(f"columns names {name!r}, which the SELECT does not give", "columns", name)
    for name in given:
        if name not in named:
            raise source.error(f"the SELECT gives {name!r}, which columns does not name", "columns")
    if given != named:
        raise source.error(f"columns must be in the SELECT's order: {', '.join(given)}", "columns")


def _check_readers(found: Dashboards, source: _Source, dashboard: Dashboard) -> None:
    """A card is asked by one role: the dashboards that show it are for the same readers."""
    for placed in dashboard.placed:
        if placed.card and (first := found.collection_of(placed.card)) != dashboard.collection:
            raise source.error(
                f"shows the card {placed.card!r}, which belongs to the collection {first.id!r}; copy the card",
                "sections",
            )


def _check_use(found: Dashboards, path: Path, card: Card) -> None:
    """A card is on a dashboard, and opens only dashboards that are there and have the filters it sets."""
    if not any(placed.card == card.id for one in found.dashboards.values() for placed in one.placed):
        raise _error(path, 1, "no dashboard shows this card; place it in dashboards/*.yaml or remove it")
    if card.drill is None:
        return
    if card.drill.dashboard not in found.dashboards:
        known = ", ".join(found.dashboards)
        raise _error(path, 1, f"drill opens the unknown dashboard {card.drill.dashboard!r}; known are {known}")
    target = found.dashboards[card.drill.dashboard]
    for name, _ in card.drill.set:
        if found.filters[name] not in target.filters:
            raise _error(path, 1, f"drill sets the filter {name!r}, which the dashboard {target.id!r} does not have")


def _bare(body: str) -> str:
    """The SQL with no filter chosen, each line where it was."""
    return _OPTIONAL.sub(lambda clause: _blank(clause[0]), body)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _unwrapped(text: str) -> str:
    return " ".join(text.split())


def _line(text: str, position: int) -> int:
    return text[:position].count("\n") + 1


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _error(path: Path, line: int, what: str) -> DashboardError:
    return DashboardError(f"{_name(path)}, line {line}: {what}.")
