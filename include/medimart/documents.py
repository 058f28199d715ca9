"""Documents made from the models themselves: data model, lineage, definitions. Written by `medimart docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from medimart.errors import MedimartError
from medimart.models.manifest import LAST_WEEK, Manifest, Model, load_manifest
from medimart.settings import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"
_NOTE = "Made by `medimart docs` from the models; do not edit.\n"


def documents(conn: psycopg.Connection[Any]) -> dict[Path, str]:
    """Every generated document by its path. The connection is only used for scratch tables, rolled back."""
    manifest = load_manifest()
    return {
        DOCS / "lineage.md": lineage(manifest),
        DOCS / "definitions.md": definitions(manifest),
        DOCS / "data-model.puml": data_model(manifest, _column_types(conn, manifest)),
    }


def write(conn: psycopg.Connection[Any]) -> list[Path]:
    """Write every generated document; returns their paths."""
    made = documents(conn)
    for path, text in made.items():
        path.write_text(text)
    return list(made)


def check(conn: psycopg.Connection[Any]) -> None:
    """Raise MedimartError naming the documents that the models would make otherwise today."""
    stale = [path.name for path, text in documents(conn).items() if not path.exists() or path.read_text() != text]
    if stale:
        raise MedimartError(f"Stale documents: {', '.join(stale)}. Run `medimart docs`.")


def lineage(manifest: Manifest) -> str:
    """Which model reads which, as a diagram per pipeline, and where each published column comes from."""
    parts = [f"# Lineage\n\n{_NOTE}"]
    for pipeline in sorted({model.pipeline for model in manifest.models.values()}):
        names = manifest.pipeline(pipeline)
        edges = [f"    {source}[({source})] --> {n}" for n in names for source in manifest[n].sources]
        edges += [f"    {other} --> {name}" for name in names for other in manifest[name].models]
        edges += [f"    {o} -. {LAST_WEEK.strip('_')} .-> {n}" for n in names for o in manifest[n].last_week]
        parts.append(f"## {pipeline}\n\n```mermaid\nflowchart LR\n" + "\n".join(edges) + "\n```\n")
    parts.append("## Columns\n\nA published column, and the columns it is computed from directly.\n")
    for model in _marts(manifest):
        rows = [f"| {column.name} | {', '.join(column.lineage) or '—'} |" for column in model.columns]
        parts.append(f"### {model.name}\n\n| column | from |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def definitions(manifest: Manifest) -> str:
    """What a row and each column of every published table means, in the models' own words."""
    parts = [f"# Definitions\n\n{_NOTE}"]
    for model in _marts(manifest):
        rows = [f"| `{column.name}` | {_cell(column.meaning)} |" for column in model.columns]
        parts.append(
            f"## {model.name}\n\n{model.description}\n\n"
            f"Grain: {', '.join(f'`{column}`' for column in model.grain)} · kind: {model.kind} · "
            f"readers: {model.readers} · owner: {model.owner}\n\n"
            "| column | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def data_model(manifest: Manifest, types: dict[str, dict[str, str]]) -> str:
    """The marts as an entity-relationship diagram in PlantUML, with the types PostgreSQL gives columns."""
    lines = ["@startuml", "' " + _NOTE.strip(), "hide circle", "skinparam linetype ortho"]
    marts = _marts(manifest)
    for model in marts:
        lines.append(f"entity {model.name} {{")
        keys = [f"  * {column} : {types[model.name][column]}" for column in model.grain]
        rest = [c.name for c in model.columns if c.name not in model.grain]
        lines += [*keys, "  --", *(f"  {column} : {types[model.name][column]}" for column in rest), "}"]
    for model in marts:
        lines += [f"{ref.table} ||--o{{ {model.name} : {ref.column}" for ref in model.references]
    return "\n".join([*lines, "@enduml", ""])


def _marts(manifest: Manifest) -> list[Model]:
    return sorted((m for m in manifest.models.values() if m.is_mart), key=lambda m: m.name)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _column_types(conn: psycopg.Connection[Any], manifest: Manifest) -> dict[str, dict[str, str]]:
    """The types PostgreSQL gives every model's columns, from empty tables made and thrown away."""
    from medimart import landing
    from medimart.landing.tables import ensure_tables

    landing.load_seeds(conn)
    conn.commit()
    with conn.transaction(force_rollback=True):
        ensure_tables(conn)
        conn.execute("create schema documents")
        conn.execute("set local search_path = documents, reference")
        conn.execute("create table census (census_date date, week_start date, previous_census_date date)")
        for name in manifest.order(manifest.models):
            select = sql.SQL(manifest.sql(name))
            table = sql.Identifier(name)
            conn.execute(sql.SQL("create table {} as {} with no data").format(table, select))
            conn.execute(sql.SQL("create view {} as table {}").format(sql.Identifier(LAST_WEEK + name), table))
        columns = conn.execute(
            """
            select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
            from pg_attribute as a
            inner join pg_class as c on a.attrelid = c.oid
            where c.relnamespace = 'documents'::regnamespace and a.attnum > 0
            order by c.relname, a.attnum
            """
        ).fetchall()
    types: dict[str, dict[str, str]] = {}
    for table_name, column, kind in columns:
        types.setdefault(str(table_name), {})[str(column)] = str(kind)
    return types
