"""A map of points: in their places, to scale, each named where it covers least, and told in words."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from medimart.dashboards import charts, preview
from medimart.dashboards.cards import load_dashboards
from medimart.settings import DASHBOARDS

CARD = load_dashboards(DASHBOARDS).cards["place_waits"]
SVG = "{http://www.w3.org/2000/svg}"
Row = dict[str, Any]


def point(place: str, latitude: float, longitude: float, pathways: int | None, rate: float | None) -> Row:
    return {
        "board": "NHS West Yorkshire",
        "place": place,
        "latitude": Decimal(str(latitude)),
        "longitude": Decimal(str(longitude)),
        "pathways": pathways,
        "over_18_rate": rate and Decimal(str(rate)),
        "mean_wait": None,
        "decile": None,
    }


ROWS = [
    point("LS1", 53.80, -1.55, 90, 0.25),
    point("LS8", 53.83, -1.51, 80, 0.32),
    point("LS9", 53.80, -1.51, 95, 0.37),
    point("WF9", 53.61, -1.33, 110, 0.41),
    point("BD1", 53.79, -1.75, 130, None),
    point("Airedge Infirmary", 53.80, -1.51, None, None),
]
WIDTHS = (322, 370, 1000)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_km_is_as_long_upright_as_across(width: int) -> None:
    frame = charts._frame(CARD, ROWS, width)
    at = {row["place"]: charts._at(CARD, row, frame) for row in ROWS}
    for one, other in (("LS1", "WF9"), ("LS8", "LS9"), ("BD1", "LS1")):
        pixels = math.dist(charts._xy(at[one]), charts._xy(at[other]))
        assert pixels / frame["scale"] == pytest.approx(km(one, other), rel=0.005)
    assert all(0 < place["x"] < width and 0 < place["y"] < frame["height"] for place in at.values())
    assert at["LS8"]["y"] > at["LS9"]["y"]  # north is up
    assert at["BD1"]["x"] < at["LS1"]["x"]  # and west to the left


def km(one: str, other: str) -> float:
    """By the haversine formula."""
    (a, b), (c, d) = (
        [math.radians(float(row[k])) for k in ("latitude", "longitude")] for row in map(row_of, (one, other))
    )
    chord = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(chord))


def row_of(place: str) -> Row:
    return next(row for row in ROWS if row["place"] == place)


@pytest.mark.parametrize("width", WIDTHS)
def test_names_stand_apart_and_inside(width: int) -> None:
    spec = charts._map(CARD, ROWS, width)
    names = [layer["data"]["values"][0] | layer["mark"] for layer in spec["layer"] if layer["mark"]["type"] == "text"][
        1:
    ]
    assert {name["text"] for name in names} == {row["place"] for row in ROWS}
    boxes = []
    for name in names:
        long = len(name["text"]) * charts.LETTER
        left = name["x"] - {"left": 0, "center": long / 2, "right": long}[name["align"]]
        boxes.append((left, name["y"] - 6, left + long, name["y"] + 6))
        assert left >= 0
        assert left + long <= width
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_shades_are_the_steps_and_what_is_hidden_has_one_of_its_own() -> None:
    assert charts._shades(CARD.role("colour")[0]) == ["under 30%", "30% to 35%", "35% to 40%", "40% and over"]
    [circles] = [layer for layer in charts._map(CARD, ROWS, 500)["layer"] if layer["mark"]["type"] == "circle"]
    assert {one["name"]: one["shade"] for one in circles["data"]["values"]} == {
        "LS1": "under 30%",
        "LS8": "30% to 35%",
        "LS9": "35% to 40%",
        "WF9": "40% and over",
        "BD1": charts.HIDDEN_SHADE,
    }
    scale = circles["encoding"]["fill"]["scale"]
    colours = dict(zip(scale["domain"], scale["range"], strict=True))
    assert len(set(colours.values())) == 5
    assert colours["40% and over"] == charts.LAYERS[0]
    assert set(colours.values()) <= charts.DARK.keys()  # each has its counterpart on a dark ground


def test_areas_are_in_proportion() -> None:
    [circles] = [layer for layer in charts._map(CARD, ROWS, 500)["layer"] if layer["mark"]["type"] == "circle"]
    area = {one["name"]: one["area"] for one in circles["data"]["values"]}
    assert area["BD1"] / area["WF9"] == pytest.approx(130 / 110)


def test_it_is_drawn_and_told_in_words() -> None:
    drawn = charts.draw(CARD, ROWS, 370, "m")
    tree = ElementTree.fromstring(drawn)
    assert tree.get("role") == "img"
    words = tree.findtext(f"{SVG}desc") or ""
    assert words.startswith("A map of 5 points, the largest first: BD1, Waiting 130, Over 18 weeks *; WF9, Waiting 110")
    assert words.endswith("Landmarks: Airedge Infirmary.")
    assert not re.search(r"(href|src)=", drawn)


def test_one_place_alone_is_drawn() -> None:
    assert "LS1" in charts.draw(CARD, ROWS[:1], 322, "m")


def test_a_landmark_hides_nothing() -> None:
    place = [column.name for column in CARD.columns].index("over_18_rate")
    assert preview._cell(CARD, place, row_of("Airedge Infirmary")).text == "–"
    assert preview._cell(CARD, place, row_of("BD1")).is_hidden
