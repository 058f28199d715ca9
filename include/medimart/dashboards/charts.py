"""Draws a card's rows: a Vega-Lite specification, and by vl-convert an SVG that stands in a page with nothing fetched.

Colours are the light ones of this module; a page gives each its counterpart of `DARK` by the value of the SVG's
attribute. Blue is NHS blue; the others keep apart from it and from each other for colour-blind readers, and series
differ in dash and shape of their points as well.
"""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from medimart.dashboards.cards import Card, Column
from medimart.dashboards.words import HIDDEN, written

Row = dict[str, Any]
Spec = dict[str, Any]

INK, QUIET, RULE = "#212b32", "#425563", "#d8dde0"
SERIES = ("#005eb8", "#d55e00", "#00796b", "#ae2573", "#8a6d00", "#56a0d8", "#330072", "#768692")
LAYERS = ("#003087", "#005eb8", "#5fa8dd", "#b3d7f0", "#d3d9dd", "#eef1f3")  # the first is the gravest
MEANING = {"good": "#00796b", "bad": "#b3261e", "warning": "#8a4b00", "neutral": "#330072"}
DARK = {  # each light colour's counterpart on a dark ground
    **{INK: "#e8edee", QUIET: "#aeb7bd", RULE: "#3b4955", "#ffffff": "#10181f"},
    **{"#005eb8": "#6fb1f5", "#d55e00": "#ff9248", "#00796b": "#5fd3c4", "#ae2573": "#f08cc4", "#8a6d00": "#e3c04d"},
    **{"#56a0d8": "#a9d4f5", "#330072": "#c3a4f5", "#768692": "#aeb7bd", "#b3261e": "#ff8f83", "#8a4b00": "#ffc55c"},
    **{"#003087": "#d6ebff", "#5fa8dd": "#3f7fb8", "#b3d7f0": "#28557f", "#d3d9dd": "#55636f", "#eef1f3": "#3b4955"},
}
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "stroke")
FONT = "Arial, Helvetica, Liberation Sans, sans-serif"
STEP = 30
_NUMBER = {"percent": ".0%", "whole": ",.0f", "decimal": ",.1~f"}


def draw(card: Card, rows: Sequence[Row], width: int, name: str) -> str:
    """The SVG of a card's rows, so many pixels wide, with a title and a description for those who do not see it.

    name: unique in the page. At least one value to draw must be there.
    """
    kinds = {"line": _line, "trend": _spark, "bar": _bar, "row": _row, "stacked": _stacked, "map": _map}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",  # a name, never fetched
        "background": None,
        "padding": 2,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "width": width,
        "config": _config(),
        **kinds[card.chart](card, rows, width),
    }
    import vl_convert  # takes a while: only those who draw wait for it

    return _described(vl_convert.vegalite_to_svg(spec), card, rows, name)


def _said(column: Column, value: Any) -> str:
    text = written(column, value)
    return "hidden" if text == HIDDEN else text


def describe(card: Card, rows: Sequence[Row]) -> str:
    """What the chart shows, in a few sentences: its axes, its span, and the newest or first values."""
    if card.chart == "map":
        return _describe_map(card, rows)
    [x], ys, series = card.role("x"), card.role("y"), card.role("series")
    kind = {"line": "Lines", "trend": "A line", "bar": "Bars", "row": "Bars", "stacked": "Stacked bars"}[card.chart]
    what = " and ".join(y.label for y in ys)
    by = f"{x.label}{f' and {series[0].label}' if series else ''}"
    if x.format == "date":
        newest = max(row[x.name] for row in rows)
        first = min(row[x.name] for row in rows)
        span = f" from {written(x, first)} to {written(x, newest)}"
        told = [row for row in rows if row[x.name] == newest]
        lead = "Newest: "
    else:
        span, told, lead = "", [row for row in rows if row[ys[0].name] is not None], ""
    values = [
        ", ".join([*(str(row[c.name]) for c in (series or (x,)) if c.format != "date"), _said(y, row[y.name])])
        for row in told[:8]
        for y in ys
    ]
    more = "; more in the table below" if len(told) > 8 else ""
    return f"{kind}: {what} by {by}{span}. {lead}{'; '.join(values)}{more}."


def _describe_map(card: Card, rows: Sequence[Row]) -> str:
    """What a map shows, the largest points first; where they lie is left to the table of figures."""
    [label], [size], [colour] = card.role("label"), card.role("size"), card.role("colour")
    points = [row for row in rows if row[size.name] is not None]
    points.sort(key=lambda row: -float(row[size.name]))
    told = [
        f"{row[label.name]}, {size.label} {written(size, row[size.name])}, {colour.label} "
        f"{written(colour, row[colour.name])}"
        for row in points[:8]
    ]
    landmarks = [str(row[label.name]) for row in rows if row[size.name] is None]
    more = "; more in the table below" if len(points) > 8 else ""
    besides = f" Landmarks: {', '.join(landmarks)}." if landmarks else ""
    return f"A map of {len(points)} points, the largest first: {'; '.join(told)}{more}.{besides}"


def _described(svg: str, card: Card, rows: Sequence[Row], name: str) -> str:
    title, words = html.escape(card.title), html.escape(describe(card, rows))
    head = f'<title id="{name}-t">{title}</title><desc id="{name}-d">{words}</desc>'
    opened = re.match(r"<svg [^>]*>", svg)
    if not opened:
        raise ValueError(f"vl-convert gave no SVG for {card.id}")
    sized = re.sub(r'class="marks"', f'class="chart" role="img" aria-labelledby="{name}-t {name}-d"', opened[0])
    return sized + head + svg[opened.end() :]


def _config() -> Spec:
    return {
        "aria": False,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": QUIET, "titleColor": QUIET, "domainColor": QUIET, "tickColor": QUIET, "gridColor": RULE,
            "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal", "labelLimit": 400,
            "labelPadding": 6,
        },
        "legend": {
            "labelColor": INK, "labelFontSize": 13, "labelLimit": 0, "title": None, "orient": "top",
            "symbolStrokeWidth": 2, "symbolSize": 90, "columnPadding": 16, "offset": 8,
        },
        "text": {"color": INK, "fontSize": 13},
    }  # fmt: skip


def _values(columns: Sequence[Column], rows: Sequence[Row]) -> list[Row]:
    """The rows as Vega-Lite takes them: numbers as floats, dates as texts."""
    return [{column.name: _plain(row[column.name]) for column in columns} for row in rows]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    return _local(value) if isinstance(value, date) else float(value)


def _local(day: date) -> str:
    """A date as a moment of local time: a bare date would be read as one of UTC, and be shown as the day before."""
    return f"{day:%Y-%m-%d}T00:00:00"


def _folded(card: Card, rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """One row a value, named by its series, else by its column's label; and the names in order."""
    [x], ys, series = card.role("x"), card.role("y"), card.role("series")
    folded = [
        {"x": _plain(row[x.name]), "y": _plain(row[y.name]), "s": str(row[series[0].name]) if series else y.label}
        for row in rows
        for y in ys
    ]
    there = dict.fromkeys(one["s"] for one in folded)
    known = [name for name in (series[0].values if series else ()) if name in there]
    return folded, list(dict.fromkeys([*known, *there]))


def _colours(card: Card, names: Sequence[str], colours: Sequence[str], width: int) -> Spec:
    """The colour of each series, by its place among those known; a legend, as many columns as fit, of more than one."""
    known = [value for column in card.role("series") for value in column.values]
    places = {name: place for place, name in enumerate(dict.fromkeys([*known, *names]))}
    longest = max(map(len, names)) * 7 + 40
    legend = {"columns": max(1, width // longest), "labelLimit": max(width - 40, 160)} if len(names) > 1 else None
    return {
        "field": "s",
        "type": "nominal",
        "scale": {"domain": names, "range": [colours[places[name] % len(colours)] for name in names]},
        "sort": names,
        "legend": legend,
    }


def _line(card: Card, rows: Sequence[Row], width: int) -> Spec:
    [x], ys = card.role("x"), card.role("y")
    folded, names = _folded(card, rows)
    limits = [column for column in card.columns if column.role in ("y", "target", "lower", "upper", "mark")]
    numbers = [float(row[c.name]) for row in rows for c in limits if row[c.name] is not None]
    vertical = _scale(ys[0], numbers)
    across = _time(x, rows, width)
    layers: list[Spec] = []
    lower, upper = card.role("lower"), card.role("upper")
    if lower and upper:
        values = _values((x, *lower, *upper), rows)
        place = {"x": {"field": x.name, **across}, "y": {"field": lower[0].name, **vertical}}
        layers += [
            {
                "data": {"values": values},
                "mark": {"type": "area", "color": "#b3d7f0", "opacity": 0.45},
                "encoding": {**place, "y2": {"field": upper[0].name}},
            },
            *(
                {
                    "data": {"values": values},
                    "mark": {"type": "line", "color": QUIET, "strokeWidth": 1, "strokeDash": [3, 3]},
                    "encoding": {**place, "y": {"field": bound.name, **vertical}},
                }
                for bound in (*lower, *upper)
            ),
        ]
    for target in card.role("target"):
        values = _values((x, target), {row[x.name]: row for row in rows}.values())  # type: ignore[arg-type]
        at = {"x": {"field": x.name, **across}, "y": {"field": target.name, **vertical}}
        layers.append(
            {
                "data": {"values": values},
                "mark": {"type": "line", "color": INK, "strokeWidth": 1.5, "strokeDash": [8, 4]},
                "encoding": at,
            }
        )
    encoding = {
        "x": {"field": "x", **across},
        "y": {"field": "y", **vertical},
        "color": _colours(card, names, SERIES, width - 50),
    }
    many = len(names) > 1
    series: Spec = {"field": "s", "type": "nominal", "sort": names}
    dash = {**series, "scale": {"domain": names, "range": list(DASHES[: len(names)])}, "legend": None}
    legend = encoding["color"]["legend"]
    shape = {**series, "scale": {"domain": names, "range": list(SHAPES[: len(names)])}, "legend": legend}
    layers.append(
        {
            "data": {"values": folded},
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {**encoding, **({"strokeDash": dash} if many else {})},
        }
    )
    is_dense = len({one["x"] for one in folded}) > width / 12
    layers.append(
        {
            "data": {"values": [one for one in folded if one["y"] is not None]},
            "mark": {"type": "point", "filled": True, "size": 8 if is_dense else 36, "opacity": 1},
            "encoding": {**encoding, **({"shape": shape} if many else {})},
        }
    )
    for marked in card.role("mark"):
        values = [one for one in _values((x, marked), rows) if one[marked.name] is not None]
        shaped = {"good": "diamond", "bad": "triangle-up"}.get(marked.colour or "", "square")
        layers.append(
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "size": 130, "opacity": 1, "shape": shaped}
                | {"color": MEANING[marked.colour or "neutral"]},
                "encoding": {"x": {"field": x.name, **across}, "y": {"field": marked.name, **vertical}},
            }
        )
    return {"height": 150 if width < 300 else 230, "layer": layers, "resolve": {"legend": {"color": "shared"}}}


def _scale(column: Column, numbers: Sequence[float]) -> Spec:
    """The upright axis of lines: from zero only where the values are near it, so that a change can be seen."""
    least, most = min(numbers), max(numbers)
    from_zero = least < 0.6 * most
    written_as = _NUMBER[column.format]
    if column.format == "percent" and most - least < 0.05 and not from_zero:
        written_as = ".1%"
    axis: Spec = {"title": None, "format": written_as, "tickCount": 5, "domain": False, "ticks": False}
    if column.format == "whole":
        axis["tickMinStep"] = 1
    return {"type": "quantitative", "scale": {"zero": from_zero, "nice": True}, "axis": axis}


def _time(x: Column, rows: Sequence[Row], width: int) -> Spec:
    """The axis of dates, marked at dates that are in the data, no more than find room."""
    days = sorted({row[x.name] for row in rows})
    room = max(2, width // 110)
    marked = _marked(days, width)
    year = "%-d %b %Y" if days[0].year != days[-1].year and room > 3 else "%-d %b"
    axis = {
        "title": None,
        "format": year,
        "grid": False,
        "values": marked,
        "labelFlush": True,
        "labelOverlap": "parity",
    }
    return {"type": "temporal", "axis": axis}


def _marked(days: Sequence[date], width: int) -> list[str]:
    """The dates that an axis is marked at: the newest, and from there evenly."""
    step = -(-len(days) // max(2, width // 110))
    return [_local(day) for day in days[::-1][::step]]


def _spark(card: Card, rows: Sequence[Row], _width: int) -> Spec:
    """The small line beside a number: no axis, the newest value marked; a hidden value is a gap."""
    [x], [y] = card.role("x"), card.role("y")
    values = _values((x, y), rows)
    shown = [row for row in values if row[y.name] is not None]
    place = {
        "x": {"field": x.name, "type": "temporal", "axis": None},
        "y": {"field": y.name, "type": "quantitative", "axis": None, "scale": {"zero": False}},
    }
    return {
        "height": 44,
        "layer": [
            {"data": {"values": values}, "mark": {"type": "line", "color": SERIES[0]}, "encoding": place},
            *(
                {
                    "data": {"values": marked},
                    "mark": {"type": "point", "filled": True, "size": size, "color": SERIES[0], "opacity": 1},
                    "encoding": place,
                }
                for marked, size in ((shown, 8), ([row for row in shown if row is values[-1]], 60))
            ),
        ],
    }


def _wrapped(text: Any, letters: int) -> str:
    return "\n".join(textwrap.wrap(str(text), letters) or [""])


def _names(rows: Sequence[Row], x: Column, letters: int) -> tuple[dict[Any, str], Spec]:
    """Each category's label, broken into lines, and the axis that shows it so."""
    labels = {row[x.name]: _wrapped(written(x, row[x.name]), letters) for row in rows}
    axis = {
        "title": None,
        "labelExpr": "split(datum.label, '\\n')",
        "ticks": False,
        "grid": False,
        "labelLineHeight": 15,
    }
    return labels, axis


def _bar(card: Card, rows: Sequence[Row], width: int) -> Spec:
    """Bars side by side, upright; lying where there is no room for the names below them."""
    [x], ys = card.role("x"), card.role("y")
    folded, names = _folded(card, rows)
    room = (width - 50) / len({one["x"] for one in folded})
    is_lying = room < 70
    labels, axis = _names(rows, x, 16 if is_lying else int(room / 8))
    values = [{**one, "x": labels[one["x"]], "t": written(ys[0], one["y"])} for one in folded]
    along, across, offset = ("y", "x", "yOffset") if is_lying else ("x", "y", "xOffset")
    most = max(one["y"] for one in folded if one["y"] is not None)
    amount = {
        "field": "y",
        "type": "quantitative",
        "stack": None,
        "scale": {"domainMax": most * (1.25 if is_lying else 1.05)},
        "axis": {
            "title": None, "format": _NUMBER[ys[0].format], "tickCount": 3 if is_lying else 5, "domain": False,
            "ticks": False,
        },
    }  # fmt: skip
    encoding: Spec = {
        along: {"field": "x", "type": "nominal", "sort": None, "axis": {**axis, "labelAngle": 0}},
        offset: {"field": "s", "type": "nominal", "sort": names},
        across: amount,
    }
    layers: list[Spec] = [
        {"mark": {"type": "bar"}, "encoding": {**encoding, "color": _colours(card, names, SERIES, width)}}
    ]
    if is_lying or room / len(names) > 26:  # else the figures would run into each other
        beside = {"align": "left", "dx": 5} if is_lying else {"dy": -8}
        words = {"mark": {"type": "text", "fontSize": 12, **beside}, "encoding": {**encoding, "text": {"field": "t"}}}
        layers.append(words)
    height: Any = {"step": 18, "for": "offset"} if is_lying else 230
    return {"height": height, "data": {"values": [one for one in values if one["y"] is not None]}, "layer": layers}


def _row(card: Card, rows: Sequence[Row], width: int) -> Spec:
    [x], [y] = card.role("x"), card.role("y")
    lower, upper = card.role("lower"), card.role("upper")
    labels, axis = _names(rows, x, 16 if width < 300 else 24 if width < 450 else 40)
    values = [
        {
            "x": labels[row[x.name]],
            "y": _plain(row[y.name]),
            "t": written(y, row[y.name]),
            "lower": _plain(row[lower[0].name]) if lower else None,
            "upper": _plain(row[upper[0].name]) if upper else _plain(row[y.name]),
        }
        for row in rows
    ]
    for one in values:
        one["end"] = one["upper"] if one["upper"] is not None else one["y"] or 0
    plot = width - 7 * max(len(line) for label in labels.values() for line in label.split("\n")) - 24
    least = min(0, *(one[end] for one in values for end in ("lower", "y") if one[end] is not None))
    most = max(0, *(one["end"] for one in values))
    most += (most - least) * (plot / max(plot - 64, 64) - 1)  # room for the figure at the end
    across = {
        "type": "quantitative",
        "scale": {"domain": [least, most], "nice": False},
        "axis": {
            "title": None, "format": _NUMBER[y.format], "tickCount": max(2, min(6, width // 120)), "domain": False,
            "ticks": False,
        },
    }  # fmt: skip
    place = {"y": {"field": "x", "type": "nominal", "sort": None, "axis": {**axis, "domain": False}}}
    mark: list[Spec]
    if lower:
        mark = [
            {
                "mark": {"type": "rule", "color": SERIES[0], "strokeWidth": 2},
                "encoding": {**place, "x": {"field": "lower", **across}, "x2": {"field": "upper"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "color": SERIES[0], "opacity": 1},
                "encoding": {**place, "x": {"field": "y", **across}},
            },
        ]
    else:
        mark = [
            {
                "mark": {"type": "bar", "color": SERIES[0], "height": {"band": 0.7}},
                "encoding": {**place, "x": {"field": "y", **across}},
            }
        ]
    words = {
        "mark": {"type": "text", "align": "left", "dx": 8},
        "encoding": {**place, "x": {"field": "end", **across}, "text": {"field": "t"}},
    }
    zero = (
        [{"mark": {"type": "rule", "color": RULE, "strokeWidth": 2}, "encoding": {"x": {"datum": 0, **across}}}]
        if least < 0
        else []
    )
    lines = max(label.count("\n") + 1 for label in labels.values())
    return {"height": {"step": max(STEP, 15 * lines + 8)}, "data": {"values": values}, "layer": [*zero, *mark, words]}


def _stacked(card: Card, rows: Sequence[Row], width: int) -> Spec:
    [x] = card.role("x")
    folded, names = _folded(card, rows)
    values = [{**one, "place": names.index(one["s"])} for one in folded if one["y"] is not None]
    names = [name for name in names if any(one["s"] == name for one in values)]
    colour = _colours(card, names, LAYERS, width - (50 if x.format == "date" else width // 3))
    colour["legend"] = {**(colour["legend"] or {}), "symbolType": "square", "symbolStrokeWidth": 0}
    amount: Spec = {
        "field": "y",
        "type": "quantitative",
        "axis": {"title": None, "format": ",.0f", "tickCount": 5, "tickMinStep": 1, "domain": False, "ticks": False},
    }
    mark = {"type": "bar", "stroke": "#ffffff", "strokeWidth": 1}
    order = {"field": "place", "type": "quantitative"}
    if x.format == "date":
        days = sorted({row[x.name] for row in rows})
        axis = {
            "title": None,
            "values": _marked(days, width),
            "labelAngle": 0,
            "labelExpr": "timeFormat(toDate(datum.value), '%-d %b')",
        }
        return {
            "height": 200,
            "data": {"values": values},
            "mark": {**mark, "width": {"band": 0.7}},
            "encoding": {
                "x": {"field": "x", "type": "ordinal", "axis": axis},
                "y": amount,
                "color": colour,
                "order": order,
            },
        }
    labels, axis = _names(rows, x, 16 if width < 400 else 26)
    values = [{**one, "x": labels[one["x"]]} for one in values]
    lines = max(label.count("\n") + 1 for label in labels.values())
    return {
        "height": {"step": max(STEP + 8, 15 * lines + 16)},
        "data": {"values": values},
        "mark": {**mark, "height": {"band": 0.75}},
        "encoding": {
            "y": {"field": "x", "type": "nominal", "sort": None, "axis": {**axis, "domain": False}},
            "x": {**amount, "axis": {**amount["axis"], "tickCount": max(2, min(6, width // 120))}},
            "color": colour,
            "order": order,
        },
    }


HIDDEN_SHADE = "hidden or unknown"
LETTER, LINE = 6.7, 15  # pixels: the width of a letter and the height of a line, about


def _map(card: Card, rows: Sequence[Row], width: int) -> Spec:
    """Points in their places on a plane: equal steps are equal distances, for the few degrees a panel spans.

    There is no outline to learn where one is: the panel's name, the points' names and a grid of so many km tell.
    """
    frame = _frame(card, rows, width)
    [label], [size], [colour] = card.role("label"), card.role("size"), card.role("colour")
    most = max(float(row[size.name]) for row in rows if row[size.name] is not None)
    largest = max(90.0, min(700.0, 1.3 * width))  # square pixels of the largest circle
    places = [
        {
            **_at(card, row, frame),
            "name": str(row[label.name]),
            "area": None if row[size.name] is None else largest * float(row[size.name]) / most,
            "shade": _shade(colour, row[colour.name]),
        }
        for row in rows
    ]
    points = sorted((one for one in places if one["area"] is not None), key=lambda one: -one["area"])
    landmarks = [one for one in places if one["area"] is None]
    shades = _shades(colour)
    if any(one["shade"] == HIDDEN_SHADE for one in points):
        shades = [*shades, HIDDEN_SHADE]
    fill = {
        "field": "shade",
        "type": "nominal",
        "scale": {"domain": shades, "range": [*LAYERS[len(colour.steps) :: -1], "#ffffff"][: len(shades)]},
        "legend": {
            "title": colour.label, "titleColor": INK, "titleFontSize": 13, "titleFontWeight": "normal",
            "columns": max(1, width // (7 * max(map(len, shades)) + 44)), "symbolType": "circle",
            "symbolStrokeColor": INK, "symbolStrokeWidth": 1,
        },
    }  # fmt: skip
    x = {"field": "x", "type": "quantitative", "axis": None, "scale": {"domain": [0, width], "nice": False}}
    y = {**x, "field": "y", "scale": {"domain": [0, frame["height"]], "nice": False}}
    area = {"field": "area", "type": "quantitative", "scale": {"domain": [0, 1], "range": [0, 1]}, "legend": None}
    circle: Spec = {"type": "circle", "opacity": 1, "stroke": INK, "strokeWidth": 1}
    diamond: Spec = {"type": "point", "shape": "diamond", "size": 80, "filled": True, "opacity": 1}
    layers: list[Spec] = [
        *_grid(frame, x, y),
        {"data": {"values": points}, "mark": circle, "encoding": {"x": x, "y": y, "fill": fill, "size": area}},
        {
            "data": {"values": landmarks},
            "mark": {**diamond, "color": MEANING["bad"], "stroke": "#ffffff", "strokeWidth": 1},
            "encoding": {"x": x, "y": y},
        },
        *(
            {
                "data": {"values": [name]},
                "mark": {
                    "type": "text", "fontSize": 12, "baseline": "middle", "align": name["align"],
                    "fontWeight": "bold" if name["is_landmark"] else "normal",
                },
                "encoding": {"x": x, "y": y, "text": {"field": "text"}},
            }
            for name in _named(points, landmarks, frame)
        ),
    ]  # fmt: skip
    return {"height": frame["height"], "view": {"stroke": RULE}, "layer": layers}


def _shades(colour: Column) -> list[str]:
    """The shades of a map in words, the lightest first."""
    at = [written(colour, step).replace(".0%", "%") for step in colour.steps]
    return [f"under {at[0]}", *(f"{low} to {high}" for low, high in pairwise(at)), f"{at[-1]} and over"]


def _shade(colour: Column, value: Any) -> str:
    if value is None:
        return HIDDEN_SHADE
    return _shades(colour)[sum(float(value) >= step for step in colour.steps)]


def _frame(card: Card, rows: Sequence[Row], width: int) -> Spec:
    """What a panel spans: size, middle latitude (radians), south-west corner in km, and the pixels of a km."""
    [latitude] = card.role("latitude")
    latitudes = [float(row[latitude.name]) for row in rows]
    middle = math.radians((min(latitudes) + max(latitudes)) / 2)
    places = [_km(card, row, middle) for row in rows]
    west, east = min(x for x, _ in places), max(x for x, _ in places)
    south, north = min(y for _, y in places), max(y for _, y in places)
    across, up = max(east - west, 8.0), max(north - south, 5.0)  # a single place is not shown from a ladder
    height = round(min(max(width * up / across, 0.55 * width), 0.8 * width))
    scale = min(0.74 * width / across, (height - 90) / up)
    return {
        "width": width,
        "height": height,
        "scale": scale,
        "west": (west + east) / 2 - width / 2 / scale,
        "south": (south + north) / 2 - height / 2 / scale,
        "middle": middle,
    }


def _km(card: Card, row: Row, middle: float) -> tuple[float, float]:
    """A place in km east and north of 0, 0, on the plane that touches the Earth at a middle latitude."""
    [latitude], [longitude] = card.role("latitude"), card.role("longitude")
    return 111.195 * float(row[longitude.name]) * math.cos(middle), 111.195 * float(row[latitude.name])


def _at(card: Card, row: Row, frame: Spec) -> Spec:
    """A place in pixels from the panel's south-west corner."""
    x, y = _km(card, row, frame["middle"])
    return {"x": (x - frame["west"]) * frame["scale"], "y": (y - frame["south"]) * frame["scale"]}


def _grid(frame: Spec, x: Spec, y: Spec) -> list[Spec]:
    """Squares of a round number of km, and what their side is."""
    km = max((n for n in (1, 2, 5, 10, 20, 50, 100, 200) if n * frame["scale"] <= frame["width"] / 4), default=1)
    step = km * frame["scale"]
    width, height = frame["width"], frame["height"]
    lines = [{"x": n * step, "x2": n * step, "y": 0, "y2": height} for n in range(1, math.ceil(width / step))]
    lines += [{"x": 0, "x2": width, "y": n * step, "y2": n * step} for n in range(1, math.ceil(height / step))]
    side = {"x": 6, "y": 9, "text": f"Squares of {km} km"}
    return [
        {
            "data": {"values": lines},
            "mark": {"type": "rule", "color": RULE, "strokeWidth": 0.75},
            "encoding": {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}},
        },
        {
            "data": {"values": [side]},
            "mark": {"type": "text", "align": "left", "color": QUIET, "fontSize": 11},
            "encoding": {"x": x, "y": y, "text": {"field": "text"}},
        },
    ]


def _named(points: Sequence[Spec], landmarks: Sequence[Spec], frame: Spec) -> list[Spec]:
    """The names beside their points, each where it covers least of what is there already."""

    def radius(one: Spec) -> float:
        return math.sqrt((one["area"] or 64) / math.pi)

    taken = [
        (one["x"], one["y"], radius(one), radius(one)) for one in (*points, *landmarks)
    ]  # middle, half of each side
    taken.append((60.0, 9.0, 60.0, 8.0))
    named = []
    for one in (*landmarks, *points):
        half = len(one["name"]) * LETTER * (1.08 if one["area"] is None else 1) / 2
        away = max(radius(other) for other in (*points, one) if math.dist(_xy(other), _xy(one)) < 4)
        boxes = [
            (
                one["x"] + along * (away + 4 + half),
                one["y"] + up * (away + 4 + LINE / 2 - (6 if along else 0)),
                half,
                LINE / 2,
            )
            for _, along, up in _SIDES
        ]
        covered = [round(sum(_shared(box, other) for other in taken) + 3 * _outside(box, frame)) for box in boxes]
        side = covered.index(min(covered))
        taken.append(boxes[side])
        align = _SIDES[side][0]
        start = boxes[side][0] + {"left": -half, "right": half, "center": 0}[align]
        named.append(
            {"x": start, "y": boxes[side][1], "text": one["name"], "align": align, "is_landmark": one["area"] is None}
        )
    return named


_SIDES = (
    *(("left", 1, 0), ("right", -1, 0), ("center", 0, -1), ("center", 0, 1)),
    *(("left", 0.8, 1), ("left", 0.8, -1), ("right", -0.8, 1), ("right", -0.8, -1)),
)


def _xy(one: Spec) -> tuple[float, float]:
    return one["x"], one["y"]


def _shared(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """The area that two boxes have in common."""
    across = one[2] + other[2] - abs(one[0] - other[0])
    up = one[3] + other[3] - abs(one[1] - other[1])
    return max(across, 0) * max(up, 0)


def _outside(box: tuple[float, float, float, float], frame: Spec) -> float:
    """The area of a box that lies beyond the panel."""
    x, y, half, up = box
    width, height = float(frame["width"]), float(frame["height"])
    over = max(half - x, 0.0) + max(x + half - width, 0.0)
    above = max(up - y, 0.0) + max(y + up - height, 0.0)
    return over * 2 * up + above * 2 * half
