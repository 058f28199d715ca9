"""Models: what their headers must say, what the graph refuses, and what a build does and refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.errors import CriticalFailure, MedimartError
from medimart.models import build as building
from medimart.models import graph
from medimart.models.manifest import Manifest, load_manifest, to_json

CENSUS = date(2026, 1, 4)
Tree = Callable[..., Path]

STAGED = """/*
One row per thing.

---
kind: staging
grain: [thing_id]
*/
select g.n as thing_id -- The thing
from generate_series(1, 3) as g (n)
"""
MART = """/*
One row per thing, as readers see it.

---
kind: current
grain: [thing_id]
owner: Tests
*/
select
    s.thing_id, -- The thing
    true as is_current -- Still there
from stg_things as s
"""


@dataclass(frozen=True)
class Pins:
    """As much of a run's inputs as a build needs."""

    fingerprint: str = "one"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes an SQL root of two models, one of them with texts replaced."""

    def write(name: str = "marts/dim_things", *edits: tuple[str, str]) -> Path:
        for path, text in (("staging/stg_things", STAGED), ("marts/dim_things", MART)):
            for old, new in edits if path == name else ():
                assert old in text
                text = text.replace(old, new)
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / f"{path}.sql").write_text(text)
        return tmp_path

    return write


def test_the_manifest_in_git_is_what_the_models_give() -> None:
    """Lineage apart, which takes long and follows from the rest; `medimart compile --check` looks at it too."""
    kept = load_manifest().models
    plain = {
        name: dataclasses.replace(
            model, columns=tuple(dataclasses.replace(column, lineage=()) for column in model.columns)
        )
        for name, model in kept.items()
    }
    assert plain == graph.compile_manifest(lineage=False).models


def test_the_manifest_is_read_as_it_was_written(tree: Tree, tmp_path: Path) -> None:
    written = graph.write_manifest(tree(), tmp_path / "manifest.json")
    read = load_manifest(tmp_path / "manifest.json", tmp_path)
    assert read.models == written.models
    assert to_json(read) == to_json(written)
    [origin] = read["dim_things"].column("thing_id").lineage
    assert origin.startswith("stg_things.")


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("marts/dim_things", ("One row per thing, as readers see it.\n", ""), "must open with what a row is"),
        ("marts/dim_things", ("kind: current", "kind: staging"), "line 5: kind is 'staging'; in marts it must be"),
        ("marts/dim_things", ("grain: [thing_id]", "grain: []"), "grain must list the columns"),
        ("marts/dim_things", ("grain: [thing_id]", "grain: [thong_id]"), "grain needs column thong_id"),
        ("marts/dim_things", ("owner: Tests\n", ""), "must name its owner"),
        ("marts/dim_things", ("owner: Tests", "owner: Tests\nreaders: all"), "readers is 'all'"),
        ("marts/dim_things", ("owner: Tests", "owner: Tests\ncolour: red"), "unknown header entry 'colour'"),
        ("marts/dim_things", (" -- Still there", ""), "line 11: column is_current lacks its meaning"),
        ("marts/dim_things", ("true as is_current -- Still there", "true as on -- On"), "kind current needs column"),
        ("marts/dim_things", ("true as", "now() is not null as"), "the same inputs must give the same rows"),
        ("marts/dim_things", ("from stg_things", "from quality.run"), "only history is named with its schema"),
        ("marts/dim_things", ("from stg_things", "from stg_thongs"), "a table that is no model stg_thongs"),
        ("marts/dim_things", ("from stg_things", "from history.patients"), "reads history; only staging may"),
        ("marts/dim_things", ("from stg_things", "from ref_things"), "a seed without contract"),
        (
            "marts/dim_things",
            ("owner: Tests", "owner: Tests\nreferences: {thing_id: dim_other}"),
            "refers to dim_other, which does not exist",
        ),
        ("staging/stg_things", ("from generate_series(1, 3) as g (n)", "from dim_things as g"), "of a later layer"),
        ("staging/stg_things", ("select g.n", "selekt g.n"), "stg_things.sql, line"),
    ],
)
def test_a_faulty_model_is_refused_with_file_and_reason(
    tree: Tree, name: str, edit: tuple[str, str], message: str
) -> None:
    with pytest.raises(MedimartError) as error:
        graph.compile_manifest(tree(name, edit), lineage=False)
    assert message in str(error.value)
    assert f"{name}.sql, line" in str(error.value)


def test_a_model_changed_since_the_manifest_is_refused(tree: Tree) -> None:
    manifest = graph.compile_manifest(tree())
    tree("marts/dim_things", ("true as", "false as"))
    with pytest.raises(MedimartError, match="run `medimart compile`"):
        manifest.sql("dim_things")


def test_marts_come_after_those_they_refer_to_and_circles_are_told(tree: Tree) -> None:
    model = graph.compile_manifest(tree())["dim_things"]
    reference = graph.Reference("thing_id", "b", "thing_id")
    one = dataclasses.replace(model, name="a", models=("b",), references=(reference,))
    other = dataclasses.replace(model, name="b", models=())
    manifest = Manifest({"a": one, "b": other})
    assert [mart.name for mart in manifest.marts("waiting_list")] == ["b", "a"]
    with pytest.raises(MedimartError, match="in a circle: a, b"):
        Manifest({"a": one, "b": dataclasses.replace(other, models=("a",))}).order(["a", "b"])


# Builds


@pytest.fixture
def built(warehouse: psycopg.Connection[Any], tree: Tree) -> Callable[..., building.Build]:
    """Opens a build and builds both models, one of them with texts replaced."""

    def make(name: str = "marts/dim_things", *edits: tuple[str, str], pins: Pins = Pins()) -> building.Build:
        manifest = graph.compile_manifest(tree(name, *edits))
        build = building.open_build(warehouse, CENSUS, "run", pins)
        for model in manifest.order(manifest.models):
            building.build_model(warehouse, build, model, manifest)
        return build

    return make


def _count(conn: psycopg.Connection[Any], table: str) -> int:
    [(rows,)] = conn.execute(f"select count(*) from {table}".encode()).fetchall()
    return int(rows)


def test_a_build_may_be_done_again_and_goes_without_trace(
    built: Callable[..., building.Build], warehouse: psycopg.Connection[Any]
) -> None:
    build = built()
    assert built() == build == building.find_build(warehouse, "run")
    assert _count(warehouse, f"{build.schema}.dim_things") == 3
    [(words,)] = warehouse.execute(f"select obj_description('{build.schema}.dim_things'::regclass)".encode()).fetchall()
    assert words == "One row per thing, as readers see it."
    building.close_build(warehouse, build)
    building.close_build(warehouse, build)
    assert _count(warehouse, "pg_namespace where nspname like 'build%'") == 0
    with pytest.raises(MedimartError, match="Start the run again from its first task"):
        building.find_build(warehouse, "run")


def test_other_inputs_throw_away_what_was_built(
    built: Callable[..., building.Build], warehouse: psycopg.Connection[Any]
) -> None:
    schema = built().schema
    again = building.open_build(warehouse, CENSUS, "run", Pins("other"))
    assert again.schema == schema
    assert _count(warehouse, f"pg_class where relname = 'dim_things' and relnamespace = '{schema}'::regnamespace") == 0


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("g.n as thing_id", "g.n / 2 as thing_id"), "2 rows share 1 values of its grain (thing_id)"),
        (("g.n as thing_id", "nullif(g.n, 2) as thing_id"), "must never be null, but is: thing_id in 1 rows"),
    ],
)
def test_a_broken_grain_is_counted_and_not_quoted(
    built: Callable[..., building.Build], edit: tuple[str, str], message: str
) -> None:
    with pytest.raises(CriticalFailure) as error:
        built("staging/stg_things", edit)
    assert message in str(error.value)


def test_an_error_names_the_model_and_holds_no_value(built: Callable[..., building.Build]) -> None:
    with pytest.raises(MedimartError) as error:
        built("staging/stg_things", ("g.n as thing_id", "('Ann Smith' || g.n)::integer as thing_id"))
    assert "Model stg_things (staging/stg_things.sql) does not build" in str(error.value)
    assert "Ann" not in str(error.value)


def test_old_builds_are_swept(built: Callable[..., building.Build], warehouse: psycopg.Connection[Any]) -> None:
    build = built()
    assert building.sweep(warehouse) == []
    warehouse.execute("update quality.build set opened_at = opened_at - interval '8 days'")
    assert building.sweep(warehouse) == [build.schema]
    assert _count(warehouse, "pg_namespace where nspname like 'build%'") == 0
