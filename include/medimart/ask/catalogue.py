"""The catalogue: the one place where a metric's name, its meaning and its SQL are tied.

`include/catalogue/subjects/*.yaml` hold the metrics, a file per shared mart; `words.yaml` the dimensions and the other
words of questions. A metric's `sql` adds up columns, or products of columns, of the mart's shared view: what disclosure
control has left of it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from medimart.errors import SettingError
from medimart.models import disclosure
from medimart.models.manifest import Manifest, load_manifest
from medimart.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "include" / "catalogue"
FORMS = ("count", "share", "value")
_ALLOWED: tuple[type[exp.Expression], ...] = (
    exp.Column,
    exp.Identifier,
    exp.Sum,
    exp.Min,
    exp.Nullif,
    exp.Div,
    exp.Mul,
    exp.Paren,
    exp.Literal,
)
_ALLOWED += (exp.Cast, exp.DataType)
_METRIC = {"of", "form", "asked", "name", "unit", "meaning", "sql", "where", "needs", "words", "nouns"}
_SUBJECT = {"mart", "time", "where", "dimensions", "nouns", "metrics"}


@dataclass(frozen=True)
class Axis:
    """A dimension as a mart has it: its column, and the values that members stand for where they aren't their own."""

    column: str
    codes: dict[str, tuple[Any, ...]] | None = None


@dataclass(frozen=True)
class Subject:
    """A shared mart that metrics are read from.

    time: census_date, or week_end_date where rows are the weeks of a series as known at a census.
    where: columns fixed to a value, or to one that depends on the dimension used (`otherwise`: where none is).
    within: columns that tell apart the groups which disclosure control withholds whole.
    """

    mart: str
    time: str
    where: dict[str, str | dict[str, str]]
    axes: dict[str, Axis]
    within: tuple[str, ...]


@dataclass(frozen=True)
class Metric:
    """A measure: what it is called and means, and the expression that it is.

    of: what questions name; metrics of the same are told apart by form, by `asked` (members a question must name to
    mean this one), and by the dimensions used; the first that fits, in the catalogue's order, is meant.
    form: count (adds up), share (0 to 1, of sums), value (as it is in one row).
    is_rounded: its columns are counts after disclosure control, rounded to the nearest 5, and it is their sum.
    needs: dimensions of which one member must be named, or each asked for, so that nothing is added up that may not be.
    words name it; nouns name it where no word names another measure.
    """

    code: str
    subject: Subject
    of: str
    form: str
    asked: dict[str, str]
    name: str
    unit: str
    meaning: str
    sql: str
    columns: tuple[str, ...]
    is_rounded: bool
    where: dict[str, str]
    needs: tuple[str, ...]
    words: tuple[str, ...]
    nouns: tuple[str, ...]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What it can be filtered by and split by."""
        return tuple(self.subject.axes)


@dataclass(frozen=True)
class Dimension:
    """What a metric can be split or filtered by. words: its own names. written: its entry of words.yaml."""

    code: str
    name: str
    meaning: str
    words: tuple[str, ...]
    written: dict[str, Any]


@dataclass(frozen=True)
class Catalogue:
    """Metrics and dimensions by code, in the catalogue's order, the words that name none, and nouns of no measure."""

    metrics: dict[str, Metric]
    dimensions: dict[str, Dimension]
    words: dict[str, Any]
    nouns: tuple[str, ...]

    def of(self, concept: str) -> list[Metric]:
        """The metrics that a question may mean by one thing, in the order in which they are tried."""
        return [metric for metric in self.metrics.values() if metric.of == concept]


@functools.cache
def catalogue(folder: Path = FOLDER) -> Catalogue:
    """Read and check the catalogue. Raises SettingError naming file and entry when it is not as it must be."""
    manifest = load_manifest()
    words = _read(folder / "words.yaml")
    dimensions = {
        code: Dimension(code, entry["name"], entry["meaning"], tuple(entry["words"]), entry)
        for code, entry in words["dimensions"].items()
    }
    metrics: dict[str, Metric] = {}
    nouns: list[str] = []
    for path in _subjects(folder, words["subjects"]):
        entry = _read(path)
        _known(path, "the file", entry, _SUBJECT)
        subject = _subject(path, entry, dimensions, manifest)
        nouns += entry.get("nouns", [])
        for code, written in entry["metrics"].items():
            if code in metrics:
                raise SettingError(f"{path}: the metric {code} is in another file too; give it a name of its own.")
            metrics[code] = _metric(path, code, written, subject, manifest)
    return Catalogue(metrics, dimensions, words, tuple(nouns))


def _subjects(folder: Path, order: list[str]) -> list[Path]:
    found = {path.stem: path for path in (folder / "subjects").glob("*.yaml")}
    if set(found) != set(order):
        strange = ", ".join(sorted(set(found) ^ set(order)))
        raise SettingError(f"{folder}: words.yaml and the folder subjects do not name the same files: {strange}.")
    return [found[name] for name in order]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SettingError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise SettingError(f"{path}: expected a mapping.")
    return found


def _known(path: Path, what: str, entry: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(entry) - known):
        raise SettingError(f"{path}: {what} has {', '.join(unknown)}; known are {', '.join(sorted(known))}.")


def _subject(path: Path, entry: dict[str, Any], dimensions: dict[str, Dimension], manifest: Manifest) -> Subject:
    model = manifest.models.get(entry["mart"])
    if model is None or model.disclosure is None:
        raise SettingError(f"{path}: {entry['mart']} is no mart under disclosure control.")
    axes = {
        code: Axis(axis["column"], _codes(axis["codes"])) if isinstance(axis, dict) else Axis(axis)
        for code, axis in entry["dimensions"].items()
    }
    where = entry.get("where", {})
    if unknown := set(axes) - set(dimensions):
        raise SettingError(f"{path}: words.yaml has no dimension {', '.join(sorted(unknown))}.")
    named = {entry["time"], "census_date", *where, *(axis.column for axis in axes.values())}
    if missing := named - set(disclosure.columns(model)):
        raise SettingError(f"{path}: shared readers see no {', '.join(sorted(missing))} in {model.name}.")
    return Subject(model.name, entry["time"], where, axes, model.disclosure.within)


def _codes(written: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values of each member: written as one, or as a list."""
    return {member: tuple(values) if isinstance(values, list) else (values,) for member, values in written.items()}


def _metric(path: Path, code: str, written: dict[str, Any], subject: Subject, manifest: Manifest) -> Metric:
    _known(path, code, written, _METRIC)
    if written["form"] not in FORMS:
        raise SettingError(f"{path}: the form of {code} is {written['form']}; known are {', '.join(FORMS)}.")
    if unknown := set(written.get("needs", [])) - set(subject.axes):
        raise SettingError(f"{path}: {code} needs {', '.join(sorted(unknown))}, which the mart is not split by.")
    model = manifest[subject.mart]
    columns = _columns(path, code, written["sql"], disclosure.columns(model))
    counts = model.disclosure.counts if model.disclosure else ()
    return Metric(
        code=code,
        subject=subject,
        of=written.get("of", code),
        form=written["form"],
        asked=written.get("asked", {}),
        name=written["name"],
        unit=written["unit"],
        meaning=" ".join(written["meaning"].split()),
        sql=written["sql"],
        columns=columns,
        is_rounded=written["form"] == "count" and set(columns) <= set(counts),
        where=written.get("where", {}),
        needs=tuple(written.get("needs", [])),
        words=tuple(written.get("words", [])),
        nouns=tuple(written.get("nouns", [])),
    )


def _columns(path: Path, code: str, text: str, shared: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that an expression adds up. It may do nothing else."""
    tree = sqlglot.parse_one(text, read="postgres")
    if strange := [node for node in tree.walk() if not isinstance(node, _ALLOWED)]:
        raise SettingError(
            f"{path}: the sql of {code} has {strange[0].sql('postgres')}; it may add up columns, no more."
        )
    columns = tuple(dict.fromkeys(column.name for column in tree.find_all(exp.Column)))
    if missing := set(columns) - set(shared):
        raise SettingError(
            f"{path}: the sql of {code} reads {', '.join(sorted(missing))}, which shared readers don't see."
        )
    return columns
