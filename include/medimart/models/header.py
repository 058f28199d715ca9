"""Reads one SQL model: the header a person wrote for people and machine, and the columns its SELECT gives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from medimart.errors import MedimartError
from medimart.models.manifest import (
    DEFAULT_PIPELINE,
    LAST_WEEK,
    MART_KINDS,
    Column,
    Disclosure,
    Model,
    Reference,
    as_disclosure,
)

LAYERS = {"staging": ("staging",), "intermediate": ("intermediate",), "marts": MART_KINDS}
READERS = ("clinical", "shared", "none")
_KEYS = {"kind", "grain", "references", "not_null", "indexes", "pipeline", "readers", "owner", "disclosure"}
_BOTH_WAYS = ("counts", "within", "of", "only", "shown")  # what is proved of tables with totals both ways
_READS = ("model", "last_week", "seed", "source")
_MOVING = {
    *("now", "random", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday"),
    *("gen_random_uuid", "uuidv4", "uuidv7"),
}
_MOVING_NODES = (
    *(exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp),
    *(exp.Localtime, exp.Localtimestamp, exp.Rand),
)
_MEANING = re.compile(r"\s*,?\s*--[ \t]*([^\n]*\S)")


class ModelError(MedimartError):
    """A model's file is not as a model must be. The message begins with the file and the line."""


def parse(path: Path) -> Model:
    """Read one model's file.

    References whose target column is left out have an empty target: only the graph knows the other's grain.

    Raises ModelError naming file and line.
    """
    text = path.read_text()
    header = re.match(r"\s*/\*(.*?)\*/", text, re.DOTALL)
    if not header:
        raise _error(path, 1, "must begin with a header /* … */ that says what a row is")
    prose, line, meta = _split_header(path, header.group(1))
    tree = parse_select(path, text)
    columns = _columns(path, text, tree)
    model = _described(path, prose, line, meta, columns)
    _check_columns(path, line, model)
    for node, moving in _moving(tree):
        raise _error(path, _line(node), f"uses {moving}; the same inputs must give the same rows, use census")
    tables = _tables(path, tree)
    by_kind = {kind: tuple(sorted(name for k, name in tables if k == kind)) for kind in _READS}
    return replace(
        model,
        models=by_kind["model"],
        last_week=by_kind["last_week"],
        seeds=by_kind["seed"],
        sources=by_kind["source"],
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def parse_select(path: Path, text: str) -> exp.Query:
    """The one SELECT of a model's file, as a tree. Raises ModelError when there is not exactly one."""
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect="postgres") if tree is not None]
    except ParseError as error:
        first = error.errors[0]
        what = f"does not parse near {first['highlight']!r}: {first['description']}"
        raise _error(path, int(first["line"] or 1), what) from None
    except SqlglotError as error:
        raise _error(path, 1, f"does not parse: {error}") from None
    trees = [tree for tree in trees if not isinstance(tree, exp.Semicolon)]
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise _error(path, 1, f"must hold one SELECT and nothing else, found {len(trees)} statements")
    return trees[0]


def _split_header(path: Path, comment: str) -> tuple[str, int, dict[str, Any]]:
    """The header's prose, the line its YAML begins at, and the YAML."""
    prose, rule, text = comment.partition("\n---\n")
    line = prose.count("\n") + 3
    if not rule:
        raise _error(path, 1, "the header needs a line `---` and below it kind and grain")
    if not prose.strip():
        raise _error(path, 1, "the header must open with what a row is, in a sentence")
    try:
        meta = yaml.safe_load(text)
    except yaml.YAMLError as error:
        at = getattr(error, "problem_mark", None)
        line += at.line if at else 0
        raise _error(path, line, f"the header's YAML does not read: {error}") from None
    if not isinstance(meta, dict):
        raise _error(path, line, "the header must give kind and grain below `---`")
    if unknown := sorted(meta.keys() - _KEYS):
        raise _error(path, line, f"unknown header entry {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}")
    return prose.strip(), line, meta


def _described(path: Path, prose: str, line: int, meta: dict[str, Any], columns: tuple[Column, ...]) -> Model:
    layer = path.parent.name
    kinds = LAYERS.get(layer)
    if kinds is None:
        raise _error(path, 1, f"lies in {layer!r}; models lie in {', '.join(LAYERS)}")
    kind = meta.get("kind")
    if kind not in kinds:
        raise _error(path, line, f"kind is {kind!r}; in {layer} it must be {' or '.join(kinds)}")
    readers = meta.get("readers", "clinical" if layer == "marts" else "none")
    if readers not in READERS or (layer != "marts" and readers != "none"):
        raise _error(path, line, f"readers is {readers!r}; a mart has one of {READERS}, others none")
    if layer == "marts" and not meta.get("owner"):
        raise _error(path, line, "a mart must name its owner")
    grain = _names(path, line, meta, "grain")
    if not grain:
        raise _error(path, line, "grain must list the columns that make a row unique")
    references = meta.get("references") or {}
    if not isinstance(references, dict) or not all(isinstance(target, str) for target in references.values()):
        raise _error(path, line, "references must map a column to `model` or `model.column`")
    indexes = meta.get("indexes") or []
    if not isinstance(indexes, list) or not all(isinstance(index, list) and index for index in indexes):
        raise _error(path, line, "indexes must be a list of lists of columns")
    return Model(
        name=path.stem,
        layer=layer,
        path=f"{layer}/{path.name}",
        description=prose,
        kind=str(kind),
        grain=grain,
        sha256="",
        columns=columns,
        references=tuple(Reference(str(column), *_target(target)) for column, target in sorted(references.items())),
        not_null=_names(path, line, meta, "not_null"),
        indexes=tuple(tuple(str(column) for column in index) for index in indexes),
        pipeline=str(meta.get("pipeline", DEFAULT_PIPELINE)),
        readers=readers,
        owner=str(meta.get("owner", "")),
        disclosure=_disclosure(path, line, meta, layer),
    )


def _disclosure(path: Path, line: int, meta: dict[str, Any], layer: str) -> Disclosure | None:
    """The header's rule of disclosure control, its shape checked; its columns are checked with the others."""
    entry = meta.get("disclosure")
    if entry is None:
        return None
    if layer != "marts":
        raise _error(path, line, "disclosure is for marts")
    lists, maps, others = (
        ("counts", "no_zeros", "by", "within", "shown"),
        ("rates", "ratios", "values"),
        ("only", "whole", "of", "absent_hidden"),
    )
    if meta.get("readers") == "shared":
        if not isinstance(entry, dict) or entry.keys() != {"only", "shown"}:
            what = "disclosure of a mart that shared readers see as it is gives only and shown: a list to choose from"
            raise _error(path, line, what)
    elif not isinstance(entry, dict) or entry.keys() - {*lists, *maps, *others} or not entry.get("counts"):
        raise _error(path, line, f"disclosure must give counts, and may give {', '.join((*lists[1:], *maps, *others))}")
    if entry.get("whole") and not entry.get("within"):
        raise _error(path, line, "disclosure.whole needs within, to tell what is shown whole")
    if entry.get("of") and (not entry.get("within") or len(entry["counts"]) != 1 or entry.keys() - set(_BOTH_WAYS)):
        raise _error(path, line, "disclosure.of needs within and one count, and goes with only and shown alone")
    only = entry.get("only", {})
    if not isinstance(only, dict) or not all(isinstance(values, list) and values for values in only.values()):
        raise _error(path, line, "disclosure.only must map a column to a list of its values")
    for key in lists:
        _names(path, line, entry, key)
    if set(entry.get("no_zeros", ())) - set(entry.get("counts", ())):
        raise _error(path, line, "disclosure.no_zeros must be of its counts")
    if entry.get("by") and entry.get("shown"):
        raise _error(path, line, "disclosure.by adds rows up, and what is shown as it is cannot be")
    for key in maps:
        parts = entry.get(key, {})
        if not isinstance(parts, dict):
            raise _error(path, line, f"disclosure.{key} must map a column to what it rests on")
        for name, rests_on in parts.items():
            if key == "values" and not isinstance(rests_on, str):
                raise _error(path, line, f"disclosure.values.{name} must name a count")
            if key != "values" and not (isinstance(rests_on, list) and len(rests_on) in (2, 3)):
                raise _error(path, line, f"disclosure.{key}.{name} must be [events, trials], or those and a function")
    return as_disclosure(entry)


def _target(target: str) -> tuple[str, str]:
    table, _, column = target.partition(".")
    return table, column


def _names(path: Path, line: int, meta: dict[str, Any], key: str) -> tuple[str, ...]:
    names = meta.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _error(path, line, f"{key} must be a list of columns")
    return tuple(names)


def _columns(path: Path, text: str, tree: exp.Query) -> tuple[Column, ...]:
    """Output columns with the meaning written after each on its line."""
    columns: dict[str, Column] = {}
    for selected in tree.selects:
        name = selected.alias_or_name
        named = selected.args.get("alias") if isinstance(selected, exp.Alias) else selected.this
        if not name or name == "*" or not isinstance(named, exp.Identifier):
            raise _error(path, _line(selected), "every column of the final select needs a name (`as …`); `*` has none")
        meaning = _MEANING.match(text, int(named.meta["end"]) + 1)
        if not meaning or "\n" in text[int(named.meta["end"]) + 1 : meaning.start(1)]:
            raise _error(path, _line(named), f"column {name} lacks its meaning: write `-- …` after it")
        if name in columns:
            raise _error(path, _line(named), f"column {name} is given twice")
        columns[name] = Column(name, meaning.group(1).strip())
    return tuple(columns.values())


def _check_columns(path: Path, line: int, model: Model) -> None:
    names = {column.name for column in model.columns}
    wanted = {
        "grain": model.grain,
        "references": tuple(reference.column for reference in model.references),
        "not_null": model.not_null,
        "indexes": tuple(column for index in model.indexes for column in index),
    }
    if model.kind == "current":
        wanted["kind current"] = ("is_current",)
    if rule := model.disclosure:
        rests_on = [part for parts in (*rule.rates.values(), *rule.ratios.values()) for part in parts[:2]]
        of = (rule.of,) if rule.of else ()
        wanted["disclosure"] = (*rule.columns, *rule.only, *of, *rests_on, *rule.values.values())
    for key, columns in wanted.items():
        for column in columns:
            if column not in names:
                raise _error(path, line, f"{key} needs column {column}, which the select does not give")


def _moving(tree: exp.Query) -> Iterator[tuple[exp.Expr, str]]:
    for node in tree.walk():
        if isinstance(node, _MOVING_NODES):
            yield node, node.key
        elif isinstance(node, exp.Anonymous) and node.name.lower() in _MOVING:
            yield node, f"{node.name}()"


def _tables(path: Path, tree: exp.Query) -> set[tuple[str, str]]:
    """What the SELECT reads: (model | last_week | seed | source, name)."""
    found: set[tuple[str, str]] = set()
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
                continue
            name, schema = source.name, source.db
            if schema == "history":
                found.add(("source", name))
            elif schema:
                raise _error(path, _line(source), f"reads {schema}.{name}; only history is named with its schema")
            elif name.startswith("ref_"):
                found.add(("seed", name))
            elif name.startswith(LAST_WEEK):
                found.add(("last_week", name.removeprefix(LAST_WEEK)))
            elif name != "census":
                found.add(("model", name))
    return found


def _line(node: exp.Expr) -> int:
    """The line of the first thing in a node that knows its own."""
    for part in node.find_all(exp.Identifier, exp.Column, exp.Literal):
        if "line" in part.meta:
            return int(part.meta["line"])
    return int(node.meta.get("line", 1))


def _error(path: Path, line: int, what: str) -> ModelError:
    return ModelError(f"{path.parent.name}/{path.name}, line {line}: {what}.")
