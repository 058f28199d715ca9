"""Values as a reader sees them, by the format that a card's column names; and what a rule says of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from medimart.dashboards.cards import Column

HIDDEN = "*"
NOTHING = "–"
_LONDON = ZoneInfo("Europe/London")


def written(column: Column, value: Any) -> str:
    """A value in words and figures: 63.1%, 2,215, 5 Apr 2026. Null is hidden in a masked column, else nothing."""
    if value is None or value == "":
        return HIDDEN if column.masked else NOTHING
    match column.format:
        case "whole":
            return _minus(f"{float(value):,.0f}")
        case "decimal":
            return _minus(f"{float(value):,.2f}" if abs(float(value)) < 10 else f"{float(value):,.1f}")
        case "percent":
            return _minus(f"{float(value) * 100:.1f}%")
        case "points":
            return _minus(f"{float(value) * 100:+.1f} points")
        case "date":
            return day(value)
        case "moment":
            local = value.astimezone(_LONDON) if isinstance(value, datetime) else value
            return f"{day(local)}, {local:%H:%M}"
        case "yes_no":
            return "Yes" if value else "No"
    return str(value)


def day(value: date) -> str:
    """A date as 5 Apr 2026."""
    return f"{value.day} {value:%b %Y}"


def sort_key(column: Column, value: Any) -> str:
    """What a table sorts the value by: plain numbers and ISO dates. Hidden and missing ones come first."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if is_number(column) else ""


def is_number(column: Column) -> bool:
    """Whether the column holds figures, which stand to the right."""
    return column.format in ("whole", "decimal", "percent", "points")


def colour(column: Column, value: Any) -> str | None:
    """The colour of the first rule that holds for a value."""
    if value is None:
        return None
    for rule in column.colours:
        if rule.when == "=":
            holds = str(rule.value) in (str(value), written(column, value))
        else:
            number, bound = float(value), float(rule.value)
            holds = {"<": number < bound, "<=": number <= bound, ">": number > bound, ">=": number >= bound}[rule.when]
        if holds:
            return rule.colour
    return None


def _minus(text: str) -> str:
    return text.replace("-", "−")
