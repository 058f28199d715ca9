"""The embedded server by itself: started when needed, gone afterwards, plain about what is in its way."""

from __future__ import annotations

import json
import socket

import pytest
from medimart.local.postgres import free_port
from medimart.local.warehouse import Home
from place import QUERY, Place, assert_nothing_is_left


def test_it_starts_for_one_query_and_leaves_nothing(place: Place) -> None:
    done = place.run(*QUERY)
    assert done.returncode == 0, done.stderr
    assert "(1 row)" in done.stdout
    assert_nothing_is_left(place)
    assert place.home.stat().st_mode & 0o077 == 0


def test_what_a_crash_left_is_cleared_away(place: Place) -> None:
    place.home.mkdir(mode=0o700)
    (place.home / "postgres.new").mkdir()
    (place.home / "postgres.new" / "base").write_text("half-made")
    (place.home / "stack.lock").touch()
    (place.home / "stack.json").write_text(
        json.dumps({"pid": 1, "purpose": "the stack", "postgres_port": 1, "sessions": [1]})
    )
    assert place.run(*QUERY).returncode == 0
    assert_nothing_is_left(place)


def test_a_folder_that_is_no_servers_is_left_alone(place: Place) -> None:
    (place.home / "postgres").mkdir(parents=True)
    (place.home / "postgres" / "letter.txt").write_text("mine")
    done = place.run(*QUERY)
    assert done.returncode == 1
    assert "postgres is not empty and not a PostgreSQL data directory" in done.stderr
    assert (place.home / "postgres" / "letter.txt").read_text() == "mine"
    assert_nothing_is_left(place)


@pytest.mark.parametrize(("variable", "arguments"), [("MEDIMART_POSTGRES_PORT", QUERY), ("MEDIMART_PORT", ("up",))])
def test_a_busy_port_is_named(place: Place, variable: str, arguments: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = place.run(*arguments, **{variable: port})
    assert done.returncode == 1
    assert f"Port {port}, wanted for" in done.stderr
    assert variable in done.stderr
    assert done.stderr.count("\n") == 1
    assert_nothing_is_left(place)


def test_a_home_in_use_is_not_taken(place: Place) -> None:
    home = Home(place.home, "the tests")
    try:
        done = place.run("up", MEDIMART_PORT=str(free_port()))
    finally:
        home.release()
    assert done.returncode == 1
    assert "(the tests): stop that one first" in done.stderr
