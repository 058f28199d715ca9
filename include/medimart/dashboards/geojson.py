"""Points of districts and sites as GeoJSON (RFC 7946), for any map, without a network: what the shared reader sees.

Two files: `districts.geojson`, the postcode districts from which enough people wait to be shown, and `sites.geojson`,
the sites that care for them. Positions are longitude and latitude in degrees (WGS84), as the standard asks; a place
without any has a null geometry. Figures are sums and weighted means of what disclosure control has left: a district
that it hides is not there, and what is null is hidden or unknown, never zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from medimart.dashboards.preview import newest_census, reading
from medimart.errors import SettingError
from medimart.pages import layout
from medimart.pages.paths import pages_folder

Connection = psycopg.Connection[Any]
Feature = dict[str, Any]

FOLDER = "geojson"  # among the pages
_ABOUT = (
    "Aggregates under disclosure control: small numbers are hidden, others rounded to 5; null is hidden or unknown. "
    "Distances are straight lines. Deprivation deciles and coordinates are of the seed geography, approximate."
)
_FIGURES = """
    sum(k.known_start_count)::bigint as pathways,
    sum(k.over_18_weeks_count)::bigint as over_18_weeks,
    case
        when sum(k.over_18_weeks_count) > 0
            and sum(k.over_18_weeks_count)
            < sum(k.known_start_count) filter (where k.over_18_weeks_count is not null)
            then
                round(
                    sum(k.over_18_weeks_count)
                    / sum(k.known_start_count) filter (where k.over_18_weeks_count is not null),
                    4
                )
    end as over_18_weeks_rate,
    round(sum(k.mean_wait_weeks * k.known_start_count) / sum(k.known_start_count), 1) as mean_wait_weeks,
    round(
        sum(k.mean_distance_km * k.known_start_count)
        / sum(k.known_start_count) filter (where k.mean_distance_km is not null),
        1
    ) as mean_distance_km
from shared_marts.mart_spatial_access as k
"""
_QUERIES = {
    "districts": f"""
select
    k.postcode_district as id,
    k.latitude,
    k.longitude,
    k.icb_code,
    k.icb_name,
    k.mean_imd_decile::integer as imd_decile,
    {_FIGURES}
where k.census_date = %s and k.postcode_district <> 'UNKNOWN'
group by k.postcode_district, k.latitude, k.longitude, k.icb_code, k.icb_name, k.mean_imd_decile
order by k.postcode_district
""",
    "sites": f"""
select
    k.site_code as id,
    k.site_latitude as latitude,
    k.site_longitude as longitude,
    k.site_name,
    k.site_icb_name as icb_name,
    (
        select string_agg(t.trust_name, ', ' order by t.trust_name)
        from marts.dim_trust as t
        where t.trust_sk = any(array_agg(k.trust_sk))
    ) as trusts,
    count(*) as districts,
    {_FIGURES}
where k.census_date = %s and k.site_code <> 'UNKNOWN'
group by k.site_code, k.site_name, k.site_icb_name, k.site_latitude, k.site_longitude
order by k.site_code
""",
}  # of names and numbers of ours alone


def write(conn: Connection, *, census: date | None = None, folder: Path | None = None) -> tuple[Path, ...]:
    """Write both files, by default of the newest census and to `pages/geojson/` of home; returns their paths.

    Raises SettingError when nothing is published, or not that census.
    """
    with reading(conn, "medimart_shared"):
        wanted = census or newest_census(conn)
        features = {name: _features(conn, name, wanted) for name in _QUERIES}
        if census and not any(features.values()) and not _is_published(conn, census):
            raise SettingError(f"The census {census} is not published; `medimart status` lists those that are.")
    target = folder or pages_folder() / FOLDER
    return tuple(
        layout.write(target / f"{name}.geojson", text(collection(wanted, found))) for name, found in features.items()
    )


def collection(census: date, features: Sequence[Feature]) -> dict[str, Any]:
    """A FeatureCollection, with the box that its points lie in where there are any."""
    points = [feature["geometry"]["coordinates"] for feature in features if feature["geometry"]]
    longitudes, latitudes = [x for x, _ in points], [y for _, y in points]
    box = {"bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)]} if points else {}
    return {
        "type": "FeatureCollection",
        "census_date": census.isoformat(),
        "about": _ABOUT,
        **box,
        "features": list(features),
    }


def text(found: dict[str, Any]) -> str:
    """The collection as JSON, the same bytes for the same figures."""
    return json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _features(conn: Connection, name: str, census: date) -> list[Feature]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_QUERIES[name].encode(), (census,)).fetchall()
    return list(_each(rows))


def _each(rows: Sequence[dict[str, Any]]) -> Iterator[Feature]:
    for row in rows:
        latitude, longitude = _number(row.pop("latitude")), _number(row.pop("longitude"))
        is_placed = latitude is not None and longitude is not None
        yield {
            "type": "Feature",
            "id": row.pop("id"),
            "geometry": {"type": "Point", "coordinates": [longitude, latitude]} if is_placed else None,
            "properties": {name: _number(value) for name, value in row.items()},
        }


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _is_published(conn: Connection, census: date) -> bool:
    row = conn.execute(
        "select exists (select from marts.publication where pipeline = 'waiting_list' and census_date = %s)", (census,)
    ).fetchone()
    return bool(row and row[0])
