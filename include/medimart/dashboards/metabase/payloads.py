"""What we send to Metabase of a card and of a dashboard, and the parts by which an entity is compared.

A card is a native query with a template tag for each filter. Metabase knows a filter's column by a number of its own,
which differs from server to server: `Columns` holds the numbers as they are now.

**Lines.** Metabase draws either several columns or one column in several series. Where a chart of lines has both (a
target beside each trust's line; limits round the line of one trust, which must be named) the query is wrapped so that
each line is rows of one series: what is drawn is the same as in the preview.

The parts are the same whether read from what we send or from what the server shows, however it writes it: template
tags as a map or as a list, queries with stages or without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from medimart.dashboards.cards import Card, Column, Dashboard, Filter, Placed
from medimart.dashboards.charts import INK, LAYERS, MEANING, QUIET, SERIES

Entity = Mapping[str, Any]
Parts = dict[str, Any]
Columns = Mapping[tuple[str, str, str], int]  # schema, table and column → Metabase's number of the field

DISPLAYS = {
    "number": "scalar", "trend": "smartscalar", "line": "line", "bar": "bar", "row": "row", "stacked": "bar",
    "map": "map", "table": "table",
}  # fmt: skip
AXES = frozenset({"line", "bar", "row", "stacked"})
_LINES = ("mark", "target", "lower", "upper")  # what is drawn beside the values
WIDGETS = {"category": "string/=", "date": "date/single"}
EVERY_MONDAY = {"schedule_type": "weekly", "schedule_day": "mon", "schedule_hour": 9}  # the week is published by then
EVERY_MORNING = "0 0 7 * * ? *"  # as Quartz writes it
DATABASE_DETAILS = ("host", "port", "dbname", "user", "ssl", "schema-filters-type", "schema-filters-patterns")


def card_body(card: Card, collection: int, database: int, columns: Columns) -> Parts:
    """A card, as POST and PUT /api/card take it."""
    return {
        "name": card.title,
        "type": "question",
        "description": "\n\n".join(filter(None, (card.question, card.notes))),
        "display": "combo" if card.chart == "bar" and card.role("target", "mark") else DISPLAYS[card.chart],
        "collection_id": collection,
        "dataset_query": {
            "type": "native",
            "database": database,
            "native": {
                "query": query(card),
                "template-tags": {one.id: _tag(card, one, columns) for one in card.filters},
            },
        },
        "visualization_settings": _settings(card),
    }


def query(card: Card) -> str:
    """The SQL that Metabase is given: the card's own, or with each of its lines as rows of a series."""
    if not _is_unfolded(card):
        return card.sql
    x, name, y = given(card)
    lines = [(f"c.{name}", f"c.{y}"), *((_literal(one.label), f"c.{one.name}") for one in card.role(*_LINES))]
    values = ",\n    ".join(f"({place}, {label}, {value})" for place, (label, value) in enumerate(lines, start=1))
    return f"""with card as (
{card.sql}
)

select
    c.{x},
    l.{name},
    l.{y}
from card as c
cross join lateral (
    values
    {values}
) as l (place, {name}, {y})
group by c.{x}, l.place, l.{name}, l.{y}
order by c.{x}, l.place, l.{name}"""


def given(card: Card) -> tuple[str, ...]:
    """The columns that `query` gives, in their order."""
    if _is_unfolded(card):
        return tuple(one.name for one in (*card.role("x"), *card.role("series", "label"), *card.role("y")))
    return tuple(one.name for one in card.columns)


def dashboard_shell(dashboard: Dashboard, collection: int) -> Parts:
    """An empty dashboard, as POST /api/dashboard takes it: others can open it once it has a number."""
    return {"name": dashboard.name, "description": dashboard.description, "collection_id": collection}


def dashboard_body(
    dashboard: Dashboard,
    collection: int,
    cards: Mapping[str, tuple[Card, int]],
    dashboards: Mapping[str, int],
    before: Entity,
) -> Parts:
    """A dashboard with all that is on it, as PUT /api/dashboard/:id takes it.

    cards, dashboards: their numbers by id. before: the dashboard as it is: a card that it shows already keeps its
    place's number, and a tab of the same name its own; a negative number makes a new one. What is not named goes.
    """
    there = {one["name"]: one["id"] for one in before.get("tabs") or ()}
    tabs = {name: there.get(name, -number) for number, name in enumerate(dashboard.tabs, start=1)}
    free = {one["card_id"]: one["id"] for one in before.get("dashcards") or () if one.get("card_id")}
    placed = []
    for number, one in enumerate(dashboard.placed, start=1):
        card, id_ = cards[one.card] if one.card else (None, None)
        placed.append(
            {
                "id": free.pop(id_, -number),
                "card_id": id_,
                "row": one.y,
                "col": one.x,
                "size_x": one.width,
                "size_y": one.height,
                **({"dashboard_tab_id": tabs[one.tab]} if one.tab else {}),
                "parameter_mappings": [_mapping(used, id_) for used in _used(dashboard, card)],
                "visualization_settings": _placed_settings(one, card, dashboards),
            }
        )
    return {
        **dashboard_shell(dashboard, collection),
        "width": "full",
        "parameters": [_parameter(one, dashboard.filters) for one in dashboard.filters],
        "tabs": [{"id": number, "name": name} for name, number in tabs.items()],
        "dashcards": placed,
    }


def subscription_body(dashboard: Dashboard, number: int, shown: Entity, recipients: Sequence[str]) -> Parts:
    """A dashboard's weekly e-mail, as POST /api/pulse takes it. shown: the dashboard as the server has it."""
    return {
        "name": dashboard.name,
        "dashboard_id": number,
        "cards": [
            {"id": one["card_id"], "dashboard_card_id": one["id"], "include_csv": False, "include_xls": False}
            for one in shown.get("dashcards") or ()
            if one.get("card_id")
        ],
        "channels": [
            {
                "channel_type": "email",
                "enabled": True,
                "recipients": [{"email": address} for address in recipients],
                **EVERY_MONDAY,
            }
        ],
        "skip_if_empty": False,
    }


def alert_body(card: int, recipients: Sequence[str]) -> Parts:
    """An e-mail each morning on which a card has rows, as POST /api/notification takes it."""
    to = [{"type": "notification-recipient/raw-value", "details": {"value": address}} for address in recipients]
    return {
        "payload_type": "notification/card",
        "payload": {"card_id": card, "send_condition": "has_result", "send_once": False},
        "subscriptions": [{"type": "notification-subscription/cron", "cron_schedule": EVERY_MORNING}],
        "handlers": [{"channel_type": "channel/email", "active": True, "recipients": to}],
        "active": True,
    }


def chosen(filter_: Filter, value: date | str) -> Parts:
    """A filter set to a value, as POST /api/card/:id/query takes it among its parameters."""
    return {
        "id": parameter_id(filter_.id),
        "type": WIDGETS[filter_.kind],
        "target": _tag_of(filter_),
        "value": value.isoformat() if isinstance(value, date) else [value],
    }


def parameter_id(filter_name: str) -> str:
    """The id of a filter, the same on every dashboard."""
    return hashlib.sha256(filter_name.encode()).hexdigest()[:8]


def card_parts(card: Entity) -> Parts:
    """What of a card is compared."""
    query = card["dataset_query"]
    native = query["native"] if "native" in query else query["stages"][0]
    tags = native.get("template-tags") or {}
    return {
        **_common(card),
        "display": card["display"],
        "database": query["database"],
        "SQL": str(native["query"] if "query" in native else native["native"]).strip(),
        "filters": {tag["name"]: _tag_parts(tag) for tag in (tags.values() if isinstance(tags, Mapping) else tags)},
        "settings": card.get("visualization_settings") or {},
    }


def dashboard_parts(dashboard: Entity) -> Parts:
    """What of a dashboard is compared."""
    tabs = {tab["id"]: tab["name"] for tab in dashboard.get("tabs") or ()}
    placed = [
        {
            "at": [tabs.get(one.get("dashboard_tab_id")), one["row"], one["col"], one["size_x"], one["size_y"]],
            "card": one.get("card_id"),
            "filters": sorted(
                [mapping["parameter_id"], _target(mapping["target"])] for mapping in one.get("parameter_mappings") or ()
            ),
            "settings": one.get("visualization_settings") or {},
        }
        for one in dashboard.get("dashcards") or ()
    ]
    return {
        **_common(dashboard),
        "width": dashboard.get("width") or "fixed",
        "filters": [
            {name: value for name, value in one.items() if value not in (None, [], False)}
            for one in dashboard.get("parameters") or ()
        ],
        "tabs": list(tabs.values()),
        "cards": sorted(placed, key=lambda one: [str(one["at"][0]), *one["at"][1:]]),
    }


def collection_parts(collection: Entity) -> Parts:
    """What of a collection is compared."""
    return {
        "title": collection["name"],
        "description": collection.get("description") or None,
        "archived": bool(collection.get("archived")),
        "parent": parent_of(collection),
    }


def parent_of(collection: Entity) -> int | None:
    """The collection that a collection lies in, by number; None for the root."""
    location = collection.get("location")
    if location is None:
        return collection.get("parent_id")
    return int(location.strip("/").split("/")[-1]) if location.strip("/") else None


def database_parts(database: Entity) -> Parts:
    """What of a database connection is compared. The server never shows a password: it counts where we send it."""
    details = database.get("details") or {}
    password = details.get("password") or ""
    return {
        "title": database["name"],
        "connection": {name: details.get(name) for name in DATABASE_DETAILS},
        "password": None if password.startswith("**") else password or None,
    }


def _common(entity: Entity) -> Parts:
    return {
        "title": entity["name"],
        "description": entity.get("description") or None,
        "collection": entity.get("collection_id"),
        "archived": bool(entity.get("archived")),
    }


def _tag(card: Card, filter_: Filter, columns: Columns) -> Parts:
    return {
        "id": hashlib.sha256(f"{card.id}.{filter_.id}".encode()).hexdigest()[:32],
        "name": filter_.id,
        "display-name": filter_.label,
        "type": "dimension",
        "dimension": ["field", columns[filter_.column], None],
        "widget-type": WIDGETS[filter_.kind],
    }


def _tag_parts(tag: Entity) -> Parts:
    numbers = [part for part in tag.get("dimension") or () if isinstance(part, int)]
    return {
        "label": tag["display-name"],
        "type": tag["type"],
        "field": numbers[0] if numbers else None,
        "widget": tag.get("widget-type"),
        "default": tag.get("default"),
        "required": bool(tag.get("required")),
    }


def _target(target: Sequence[Any]) -> str:
    """Which tag a mapping fills; servers add which stage of the query it is in."""
    tag = target[1][1] if len(target) > 1 and isinstance(target[1], list) and len(target[1]) > 1 else target
    return str(tag)


def _parameter(filter_: Filter, others: Sequence[Filter]) -> Parts:
    narrowed_by = [parameter_id(other.id) for other in others if other.id in filter_.narrowed_by]
    return {
        "id": parameter_id(filter_.id),
        "name": filter_.label,
        "slug": filter_.id,
        "type": WIDGETS[filter_.kind],
        "sectionId": "date" if filter_.kind == "date" else "string",
        **({"values_query_type": "list"} if filter_.kind == "category" else {}),
        **({"filteringParameters": narrowed_by} if narrowed_by else {}),
    }


def _used(dashboard: Dashboard, card: Card | None) -> list[Filter]:
    return [one for one in dashboard.filters if card and one in card.filters]


def _mapping(filter_: Filter, card: int | None) -> Parts:
    return {
        "parameter_id": parameter_id(filter_.id),
        "card_id": card,
        "target": _tag_of(filter_),
    }


def _tag_of(filter_: Filter) -> list[Any]:
    return ["dimension", ["template-tag", filter_.id]]


def _placed_settings(placed: Placed, card: Card | None, dashboards: Mapping[str, int]) -> Parts:
    if card is None:
        display = "heading" if placed.heading else "text"
        virtual: Parts = {"name": None, "display": display, "visualization_settings": {}, "dataset_query": {}}
        return {"virtual_card": {**virtual, "archived": False}, "text": placed.heading or placed.text}
    if card.drill is None:
        return {}
    click = {
        "type": "link",
        "linkType": "dashboard",
        "targetId": dashboards[card.drill.dashboard],
        "parameterMapping": {parameter_id(name): _set(card, name, column) for name, column in card.drill.set},
    }
    if card.chart != "table":
        return {"click_behavior": click}
    return {"column_settings": {_column_key(card.drill.set[0][1]): {"click_behavior": click}}}


def _set(card: Card, filter_name: str, column: str) -> Parts:
    [label] = [one.label for one in card.columns if one.name == column]
    return {
        "id": parameter_id(filter_name),
        "source": {"type": "column", "id": column, "name": label},
        "target": {"type": "parameter", "id": parameter_id(filter_name)},
    }


def _is_unfolded(card: Card) -> bool:
    """Whether a chart of lines has both series and several columns."""
    return card.chart == "line" and bool(card.role("label") or (card.role("series") and card.role(*_LINES)))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _settings(card: Card) -> Parts:
    named = given(card)
    settings: Parts = {
        "column_settings": {_column_key(one.name): _column_settings(one) for one in card.columns if one.name in named}
    }
    if card.chart in ("number", "trend"):
        settings["scalar.field"] = card.role("y")[0].name
    if card.chart == "trend":
        settings["scalar.comparisons"] = [
            {"id": "before", "type": "previousValue"},
            *(
                {"id": one.name, "type": "anotherColumn", "column": one.name, "label": one.label}
                for one in card.role("target")
            ),
        ]
    if card.chart == "map":
        settings["map.type"] = "pin"
        settings["map.pin_type"] = "markers"
        settings["map.latitude_column"] = card.role("latitude")[0].name
        settings["map.longitude_column"] = card.role("longitude")[0].name
    elif card.chart == "table":
        settings["table.columns"] = [{"name": one.name, "enabled": True} for one in card.columns]
        settings["table.column_formatting"] = [
            {
                "columns": [one.name],
                "type": "single",
                "operator": rule.when,
                "value": rule.value,
                "color": MEANING[rule.colour],
                "highlight_row": False,
            }
            for one in card.columns
            for rule in one.colours
        ]
    if card.chart in AXES:
        settings |= _axes(card)
    if card.chart == "stacked":
        settings["stackable.stack_type"] = "stacked"
    return settings


def _axes(card: Card) -> Parts:
    """A chart's axes and its series. A series is known by the column it is drawn from, or by its value."""
    [x], ys, series = card.role("x"), card.role("y"), card.role("series")
    if _is_unfolded(card):
        split, metrics = card.role("series", "label"), ys
        drawn = {one.label: _series(card, one, number) for number, one in enumerate(card.role(*_LINES), start=1)}
    else:
        split, metrics = series, ys if series else card.role("y", *_LINES)
        drawn = {one.name: _series(card, one, number) for number, one in enumerate(metrics)}
        if series:  # known by their values
            [y] = ys
            drawn = {
                value: {**_series(card, y, number), "title": value} for number, value in enumerate(series[0].values)
            }
    return {
        "graph.dimensions": [one.name for one in (x, *split)],
        "graph.metrics": [one.name for one in metrics],
        "graph.x_axis.title_text": x.label,
        "graph.x_axis.scale": "timeseries" if x.format in ("date", "moment") else "ordinal",
        "graph.y_axis.title_text": ys[0].label,
        "line.missing": "none",  # of every series that does not say otherwise: a hidden value is a gap, never joined
        "series_settings": drawn,
    }


def _series(card: Card, column: Column, number: int) -> Parts:
    """How one column of values is drawn: values hidden by disclosure control leave a gap and are never drawn as 0."""
    colours = LAYERS if card.chart == "stacked" else SERIES
    series: Parts = {"title": column.label, "color": colours[number % len(colours)], "line.missing": "none"}
    if column.role == "target":
        series |= {"color": INK, "display": "line", "line.style": "dashed", "line.marker_enabled": False}
    elif column.role in ("lower", "upper"):
        series |= {
            "color": QUIET,
            "display": "line",
            "line.style": "dotted",
            "line.marker_enabled": False,
        }
    elif column.role == "mark":
        series |= {"color": MEANING[str(column.colour)], "display": "line", "line.marker_enabled": True}
    elif card.chart == "line":
        series["display"] = "line"
    return series


def _column_settings(column: Column) -> Parts:
    return {"column_title": column.label, **_FORMATS[column.format]}


_FORMATS: dict[str, Parts] = {
    "text": {},
    "yes_no": {},
    "whole": {"number_style": "decimal", "decimals": 0, "number_separators": ".,"},
    "decimal": {"number_style": "decimal", "decimals": 1, "number_separators": ".,"},
    "percent": {"number_style": "percent", "decimals": 1},
    "points": {"number_style": "decimal", "decimals": 1, "scale": 100, "suffix": " points"},
    "date": {"date_style": "D MMMM, YYYY", "date_abbreviate": True, "time_enabled": None},
    "moment": {"date_style": "D MMMM, YYYY", "date_abbreviate": True, "time_enabled": "minutes", "time_style": "HH:mm"},
}


def _column_key(name: str) -> str:
    return f'["name","{name}"]'
