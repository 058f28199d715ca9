"""Great-circle distance: against another formula, against known places, and as a distance must behave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy
import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from medimart.local.postgres import PostgresServer
from medimart.settings import SQL

RADIUS = 6371.0088  # km, mean radius R1 of the IUGG
Point = tuple[float, float]
Measure = Callable[[Point, Point], float]

DEGREE = 1_000_000  # places are told to a millionth of a degree, 11 cm


def degrees(limit: int) -> st.SearchStrategy[float]:
    return st.integers(-limit * DEGREE, limit * DEGREE).map(lambda millionths: millionths / DEGREE)


POINTS = st.tuples(degrees(90), degrees(180))
HALF_ROUND = numpy.pi * RADIUS


@pytest.fixture(scope="module")
def km(server: PostgresServer) -> Iterator[Measure]:
    """The function of the warehouse, in a database that holds the statistics alone."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database distance")
    with psycopg.connect(server.url("distance"), autocommit=True) as conn:
        conn.execute("create schema reference")
        conn.execute((SQL / "setup" / "12_statistics.sql").read_text())  # type: ignore[arg-type]

        def measure(one: Point, other: Point) -> float:
            row = conn.execute("select reference.great_circle_km(%s, %s, %s, %s)", (*one, *other)).fetchone()
            assert row
            return float(row[0])

        yield measure
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("drop database distance with (force)")


def by_vectors(one: Point, other: Point) -> float:
    """The same by another way: the angle between two vectors from the Earth's centre, from cross and dot product."""

    def vector(point: Point) -> numpy.ndarray[Any, numpy.dtype[numpy.float64]]:
        latitude, longitude = numpy.radians(point)
        return numpy.array(
            [
                numpy.cos(latitude) * numpy.cos(longitude),
                numpy.cos(latitude) * numpy.sin(longitude),
                numpy.sin(latitude),
            ]
        )

    a, b = vector(one), vector(other)
    return float(RADIUS * numpy.arctan2(numpy.linalg.norm(numpy.cross(a, b)), numpy.dot(a, b)))


LONDON, PARIS, NEW_YORK = (51.5074, -0.1278), (48.8566, 2.3522), (40.7128, -74.0060)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (LONDON, PARIS, 343.6),  # as widely published for the great circle between the two cities
        (LONDON, NEW_YORK, 5570.2),
        ((36.12, -86.67), (33.94, -118.40), 2886.45),  # Nashville to Los Angeles airport, Rosetta Code, at 6371.0088
        ((0.0, 0.0), (1.0, 0.0), 111.195),  # a degree of latitude
        ((60.0, 0.0), (60.0, 1.0), 55.597),  # at 60 degrees north a degree of longitude is half of that
        ((0.0, 0.0), (0.0, 180.0), 20015.115),  # half round the world
        ((90.0, 0.0), (-90.0, 77.0), 20015.115),  # from pole to pole by any meridian
        ((53.8, 179.9), (53.8, -179.9), 13.135),  # across the date line
    ],
)
def test_known_distances(km: Measure, one: Point, other: Point, expected: float) -> None:
    assert by_vectors(one, other) == pytest.approx(expected, rel=2e-4)
    assert km(one, other) == pytest.approx(expected, rel=2e-4)


@settings(deadline=None, max_examples=300)
@given(POINTS, POINTS)
@example((53.80, -1.55), (53.80, -1.550001))  # 7 cm apart, where the cosine form gives 0 or 95 m
@example((12.3, 45.6), (-12.3, -134.4))  # opposite each other, where rounding passes 1
def test_it_is_the_angle_between_two_vectors(km: Measure, one: Point, other: Point) -> None:
    # Next to the point opposite, where a tiny error of the sine is a large one of the angle, half a metre is lost.
    assert km(one, other) == pytest.approx(by_vectors(one, other), abs=5e-4 if by_vectors(one, other) > 20000 else 1e-6)


@settings(deadline=None, max_examples=200)
@given(POINTS, POINTS)
def test_it_is_the_same_both_ways_and_within_half_the_world(km: Measure, one: Point, other: Point) -> None:
    there = km(one, other)
    assert there == pytest.approx(km(other, one), abs=1e-6)
    assert 0 <= there <= HALF_ROUND + 1e-6


@settings(deadline=None, max_examples=200)
@given(POINTS)
def test_it_is_zero_from_a_point_to_itself_and_has_a_value_to_the_point_opposite(km: Measure, one: Point) -> None:
    assert km(one, one) == 0
    latitude, longitude = one
    opposite = (-latitude, longitude - 180 if longitude > 0 else longitude + 180)
    assert km(one, opposite) == pytest.approx(HALF_ROUND, abs=1e-3)


@settings(deadline=None, max_examples=200)
@given(POINTS, POINTS, POINTS)
def test_a_detour_is_no_shorter(km: Measure, one: Point, other: Point, between: Point) -> None:
    assert km(one, other) <= km(one, between) + km(between, other) + 1e-3


def test_an_unknown_place_has_no_distance(km: Measure, server: PostgresServer) -> None:
    with psycopg.connect(server.url("distance")) as conn:
        assert conn.execute("select reference.great_circle_km(53.8, -1.55, null, -4)").fetchone() == (None,)
