"""Column lineage: which columns of which tables each output column of a model is computed from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from medimart.errors import MedimartError
from medimart.models.header import parse_select
from medimart.models.manifest import LAST_WEEK, Column, Manifest, Model

_HISTORY = (*("flags", "load_id", "line_no", "valid_from", "next_from", "valid_to", "quarantined_from", "is_deleted"),)
_CENSUS = ("census_date", "week_start", "previous_census_date")
_HISTORY_PREFIX = "history__"  # sqlglot wants all tables of a schema mapping at the same depth


def with_lineage(manifest: Manifest, contracts: Path) -> Manifest:
    """The manifest with the lineage of every column filled in.

    Raises MedimartError naming the model and column whose origin cannot be told, a column that no table has.
    """
    tables = {"census": _CENSUS, **_contract_tables(contracts)}
    for model in manifest.models.values():
        columns = tuple(column.name for column in model.columns)
        tables |= {model.name: columns, LAST_WEEK + model.name: columns}
    faults: list[str] = []
    models: dict[str, Model] = {}
    for name, model in manifest.models.items():
        try:
            models[name] = _model_lineage(manifest, model, tables)
        except SqlglotError as error:
            faults.append(f"{model.path}, line 1: {error}.")
    if faults:
        raise MedimartError("\n".join(faults))
    return replace(manifest, models=models)


def _contract_tables(contracts: Path) -> dict[str, tuple[str, ...]]:
    tables: dict[str, tuple[str, ...]] = {}
    for prefix, own, paths in (
        (_HISTORY_PREFIX, _HISTORY, contracts.glob("*.yaml")),
        ("ref_", (), (contracts / "reference").glob("*.yaml")),
    ):
        for path in paths:
            columns = yaml.safe_load(path.read_text())["columns"]
            names = (str(entry.get("name", header)) for header, entry in columns.items())
            tables[prefix + path.stem] = (*names, *own)
    return tables


def _model_lineage(manifest: Manifest, model: Model, tables: dict[str, tuple[str, ...]]) -> Model:
    path = manifest.root / model.path
    tree = parse_select(path, path.read_text())
    for table in tree.find_all(exp.Table):
        if table.db == "history":
            alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
            table.replace(exp.to_table(_HISTORY_PREFIX + table.name, alias=alias))
    read = {*model.models, *model.seeds, "census", *(LAST_WEEK + name for name in model.last_week)}
    read |= {_HISTORY_PREFIX + name for name in model.sources}
    schema: dict[str, object] = {name: dict.fromkeys(tables[name], "text") for name in read}
    qualified = qualify(tree, schema=schema, dialect="postgres", validate_qualify_columns=False)
    scope = build_scope(qualified)

    def origins(column: Column) -> Column:
        found = {
            f"{_shown(node.source.name)}.{_column(node.name)}"
            for node in lineage(column.name, qualified, schema=schema, scope=scope, dialect="postgres").walk()
            if _is_origin(node)
        }
        return replace(column, lineage=tuple(sorted(found)))

    return replace(model, columns=tuple(origins(column) for column in model.columns))


def _is_origin(node: Node) -> bool:
    return isinstance(node.source, exp.Table) and not node.downstream and "." in node.name


def _column(name: str) -> str:
    return name.rpartition(".")[2].strip('"')


def _shown(table: str) -> str:
    return table.replace(_HISTORY_PREFIX, "history.", 1)
