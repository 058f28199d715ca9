"""The points of districts and sites: valid by the standard, in their places, no more than the shared reader sees."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from jsonschema import Draft202012Validator
from medimart.dashboards import geojson
from medimart.errors import SettingError
from published_weeks import CENSUSES

NUMBER_OR_NULL = {"type": ["number", "null"]}
POSITION = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
FEATURES = {  # RFC 7946, sections 3.1.2, 3.2, 3.3 and 5, of points
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "bbox": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"}},
        "crs": False,
        "coordinates": False,
        "geometry": False,
        "properties": False,
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "geometry", "properties"],
                "additionalProperties": False,
                "properties": {
                    "type": {"const": "Feature"},
                    "id": {"type": "string"},
                    "geometry": {
                        "oneOf": [
                            {"type": "null"},
                            {
                                "type": "object",
                                "required": ["type", "coordinates"],
                                "additionalProperties": False,
                                "properties": {"type": {"const": "Point"}, "coordinates": POSITION},
                            },
                        ]
                    },
                    "properties": {"type": "object"},
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def written(published: psycopg.Connection[Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both files of the newest census, read again."""
    files = geojson.write(published, folder=tmp_path_factory.mktemp("maps"))
    assert [path.name for path in files] == ["districts.geojson", "sites.geojson"]
    return {path.stem: json.loads(path.read_text()) for path in files}


@pytest.mark.parametrize("name", ["districts", "sites"])
def test_it_is_geojson(written: dict[str, Any], name: str) -> None:
    found = written[name]
    assert list(Draft202012Validator(FEATURES).iter_errors(found)) == []
    assert found["features"]
    assert found["census_date"] == CENSUSES[-1].isoformat()
    ids = [feature["id"] for feature in found["features"]]
    assert ids == sorted(set(ids))
    west, south, east, north = found["bbox"]
    for feature in found["features"]:
        longitude, latitude = feature["geometry"]["coordinates"]
        assert -6.5 <= west <= longitude <= east <= 2  # of England: the other way round it would lie off Somalia
        assert 49.8 <= south <= latitude <= north <= 56


def test_places_are_those_of_the_seeds(written: dict[str, Any], published: psycopg.Connection[Any]) -> None:
    seeds = {
        code: (float(longitude), float(latitude))
        for code, longitude, latitude in published.execute(
            "select postcode_district, longitude, latitude from reference.ref_geography"
        )
    }
    sites = dict(published.execute("select site_code, postcode_district from reference.ref_site").fetchall())
    published.rollback()
    for feature in written["districts"]["features"]:
        assert tuple(feature["geometry"]["coordinates"]) == seeds[feature["id"]]
    for feature in written["sites"]["features"]:
        assert tuple(feature["geometry"]["coordinates"]) == seeds[sites[feature["id"]]]


def test_its_figures_are_those_of_the_shared_view_and_nothing_small(
    written: dict[str, Any], published: psycopg.Connection[Any]
) -> None:
    shown = {
        (place, kind): int(n)
        for kind, column in (("districts", "postcode_district"), ("sites", "site_code"))
        for place, n in published.execute(
            f"select {column}, sum(known_start_count) from shared_marts.mart_spatial_access"
            f" where census_date = %s and {column} <> 'UNKNOWN' group by 1".encode(),
            (CENSUSES[-1],),
        )
    }
    exact = published.execute(
        "select distinct postcode_district from marts.mart_spatial_access"
        " where census_date = %s and level = 'site_district' and postcode_district <> 'UNKNOWN'",
        (CENSUSES[-1],),
    ).fetchall()
    published.rollback()
    found = {
        (feature["id"], kind): feature["properties"]["pathways"]
        for kind in ("districts", "sites")
        for feature in written[kind]["features"]
    }
    assert found == shown
    assert len(exact) > len(written["districts"]["features"])  # there is something that could have been told
    for feature in (*written["districts"]["features"], *written["sites"]["features"]):
        properties = feature["properties"]
        assert properties["pathways"] >= 10
        assert properties["pathways"] % 5 == 0
        assert properties["over_18_weeks"] is None or properties["over_18_weeks"] % 5 == 0
        assert not properties.keys() & {"trust_sk", "patient_sk", "period_sk"}
    for site in written["sites"]["features"]:
        assert site["properties"]["trusts"].endswith("Trust")
        assert site["properties"]["mean_distance_km"] >= 0


def test_an_older_census_can_be_asked_for_and_one_that_is_not_there_cannot(
    published: psycopg.Connection[Any], tmp_path: Path
) -> None:
    first, _ = geojson.write(published, census=CENSUSES[0], folder=tmp_path)
    assert json.loads(first.read_text())["census_date"] == CENSUSES[0].isoformat()
    again = first.read_bytes()
    assert geojson.write(published, census=CENSUSES[0], folder=tmp_path)[0].read_bytes() == again
    with pytest.raises(SettingError, match="The census 2020-01-05 is not published"):
        geojson.write(published, census=date(2020, 1, 5), folder=tmp_path)


def test_a_place_that_is_in_no_seed_has_no_point() -> None:
    found = geojson.collection(date(2026, 4, 5), [{"type": "Feature", "geometry": None, "properties": {}}])
    assert "bbox" not in found
    assert list(Draft202012Validator(FEATURES).iter_errors(found)) == []
