"""The model manifest: what every SQL model is, read from its file once and kept as JSON.

Light on purpose: DAG files import this module alone, and neither sqlglot nor YAML comes with it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medimart.errors import MedimartError
from medimart.settings import SQL

MANIFEST = SQL / "manifest.json"
DEFAULT_PIPELINE = "waiting_list"
LAST_WEEK = "last_week_"
MART_KINDS = ("snapshot", "current", "fixed")


@dataclass(frozen=True)
class Column:
    """An output column: its name, its meaning for readers, the `table.column`s it is computed from."""

    name: str
    meaning: str
    lineage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A foreign key: `column` of this model points to `target` of the model `table`."""

    column: str
    table: str
    target: str


@dataclass(frozen=True)
class Disclosure:
    """How shared readers see a mart: see `medimart.models.disclosure`. Whatever it does not name is not shown.

    counts: columns of counts, the first of which is what a row is about. Only a table that shared readers see as it is
    has none: its view is a list to choose from.
    no_zeros: counts whose zeros are hidden too, so that none and few look alike.
    only: rows that have one of these values in a column; the others do not exist for shared readers.
    by: columns that rows are added up to first; empty: rows as they are.
    within: columns that tell apart the groups of rows whose totals are shown elsewhere.
    whole: a group is shown when none of its counts is hidden, and else not at all.
    of: the column that the one count is a part of, where its own cells are shown elsewhere too: hidden both ways.
    absent_hidden: a row whose first count is hidden or zero does not exist.
    rates, ratios: columns made again from two shown columns, events and trials; with a third, by that function.
    values: columns shown where a count is. shown: columns shown as they are.
    """

    counts: tuple[str, ...]
    no_zeros: tuple[str, ...] = ()
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    whole: bool = False
    of: str = ""
    absent_hidden: bool = False
    rates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ratios: dict[str, tuple[str, ...]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it names."""
        named = [*self.by, *self.within, *self.counts, *self.rates, *self.ratios, *self.values, *self.shown]
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True)
class Model:
    """One SQL file.

    layer: staging, intermediate or marts, its folder.
    path: of the file, relative to the SQL root.
    kind: staging, intermediate, or for marts snapshot, current or fixed.
    grain: columns that say what a row is; its primary key.
    models, last_week, seeds, sources: what its SELECT reads; `last_week` holds the names of models wanted
    as of the census before.
    sha256: of the file's bytes.
    """

    name: str
    layer: str
    path: str
    description: str
    kind: str
    grain: tuple[str, ...]
    sha256: str
    columns: tuple[Column, ...] = ()
    references: tuple[Reference, ...] = ()
    not_null: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    pipeline: str = DEFAULT_PIPELINE
    readers: str = "none"
    owner: str = ""
    disclosure: Disclosure | None = None
    models: tuple[str, ...] = ()
    last_week: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def is_mart(self) -> bool:
        """Whether the model is published."""
        return self.kind in MART_KINDS

    def column(self, name: str) -> Column:
        """The output column of that name; KeyError when there is none."""
        return {column.name: column for column in self.columns}[name]


@dataclass(frozen=True)
class Manifest:
    """All models by name, and the folder their paths are relative to."""

    models: dict[str, Model]
    root: Path = field(default=SQL)

    def __getitem__(self, name: str) -> Model:
        if name not in self.models:
            raise MedimartError(
                f"There is no model {name!r}. If its file is new, run `medimart compile`; "
                f"the models are: {', '.join(sorted(self.models))}."
            )
        return self.models[name]

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """The models named and all that they read, this week or last, directly or not."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                model = self[name]
                waiting += [*model.models, *model.last_week]
        return found

    def order(self, names: Iterable[str]) -> list[str]:
        """The models named, each after those of them it reads; ties by name, so always the same order."""
        left = {name: {*self[name].models, *self[name].last_week} for name in names}
        done: list[str] = []
        while left:
            free = sorted(name for name, needs in left.items() if not needs & left.keys())
            if not free:
                raise MedimartError(f"These models read one another in a circle: {', '.join(sorted(left))}.")
            done += free
            left = {name: needs for name, needs in left.items() if name not in free}
        return done

    def pipeline(self, pipeline: str) -> list[str]:
        """All models of one pipeline, in an order in which they can be built."""
        return self.order(name for name, model in self.models.items() if model.pipeline == pipeline)

    def sources(self, pipeline: str) -> list[str]:
        """The sources that a pipeline's models read."""
        return sorted({source for name in self.pipeline(pipeline) for source in self[name].sources})

    def marts(self, pipeline: str) -> list[Model]:
        """The published models of one pipeline: referenced ones before those that refer to them."""
        marts = {n: m for n, m in self.models.items() if m.is_mart and m.pipeline == pipeline}
        left = {n: {r.table for r in m.references if r.table != n} & marts.keys() for n, m in marts.items()}
        done: list[Model] = []
        while left:
            free = sorted(name for name, needs in left.items() if not needs & left.keys())
            if not free:
                raise MedimartError(f"Marts refer to one another in a circle: {', '.join(sorted(left))}.")
            done += [marts[name] for name in free]
            left = {name: needs for name, needs in left.items() if name not in free}
        return done

    def sql(self, name: str) -> str:
        """The text of a model's file, refused when the manifest was made from another."""
        return sql_text(self.root, self[name])


def sql_text(root: Path, model: Model) -> str:
    """The text of a model's file.

    Raises MedimartError when it is not the file the manifest was made from.
    """
    path = root / model.path
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != model.sha256:
        raise MedimartError(f"{path} is not the file that {MANIFEST.name} was made from; run `medimart compile`.")
    return path.read_text()


def load_manifest(path: Path = MANIFEST, root: Path = SQL) -> Manifest:
    """Read the manifest that `medimart compile` wrote."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise MedimartError(f"{path} is missing; run `medimart compile`.") from None
    return _parse(text, path, root)


@functools.lru_cache(maxsize=4)  # every task reads it: what forked its process has read the same text before
def _parse(text: str, path: Path, root: Path) -> Manifest:
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        raise MedimartError(f"{path} is not JSON (line {error.lineno}); run `medimart compile`.") from None
    return Manifest({name: _model(entry) for name, entry in loaded["models"].items()}, root)


def to_json(manifest: Manifest) -> str:
    """The manifest as it is kept in git: sorted, a line per value, the same bytes for the same models."""
    models = {name: asdict(model) for name, model in sorted(manifest.models.items())}
    return json.dumps({"models": models}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _model(entry: dict[str, Any]) -> Model:
    plain = ("grain", "not_null", "models", "last_week", "seeds", "sources")
    return Model(
        **{
            **entry,
            **{key: tuple(entry[key]) for key in plain},
            "columns": tuple(Column(c["name"], c["meaning"], tuple(c["lineage"])) for c in entry["columns"]),
            "references": tuple(Reference(**reference) for reference in entry["references"]),
            "indexes": tuple(tuple(index) for index in entry["indexes"]),
            "disclosure": as_disclosure(entry["disclosure"]) if entry["disclosure"] else None,
        }
    )


def as_disclosure(entry: dict[str, Any]) -> Disclosure:
    """The rule as a header and the manifest's JSON hold it."""
    return Disclosure(
        counts=tuple(entry.get("counts", ())),
        no_zeros=tuple(entry.get("no_zeros", ())),
        only={name: tuple(values) for name, values in entry.get("only", {}).items()},
        by=tuple(entry.get("by", ())),
        within=tuple(entry.get("within", ())),
        whole=bool(entry.get("whole", False)),
        of=str(entry.get("of", "")),
        absent_hidden=bool(entry.get("absent_hidden", False)),
        rates={name: tuple(parts) for name, parts in entry.get("rates", {}).items()},
        ratios={name: tuple(parts) for name, parts in entry.get("ratios", {}).items()},
        values=dict(entry.get("values", {})),
        shown=tuple(entry.get("shown", ())),
    )
