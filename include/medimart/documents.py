"""Documents made from contracts, models, suites and the catalogue of metrics.

They are extracts, reference data, data model, lineage, definitions, checks and metrics. Written by `medimart docs`,
which also tells when they are stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from medimart.ask.catalogue import Catalogue, Metric, catalogue
from medimart.errors import MedimartError
from medimart.landing.contract import Column, Contract, all_contracts, parse_seed
from medimart.models.manifest import LAST_WEEK, Manifest, Model, load_manifest
from medimart.quality.suites import suite
from medimart.settings import CONTRACTS, PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"
_NOTE = "Made by `medimart docs`; do not edit.\n"
_WORDS = 6  # of a metric are shown; the catalogue holds them all
_LAYERS = ("staging", "intermediate", "marts")


def documents(conn: psycopg.Connection[Any]) -> dict[Path, str]:
    """Every generated document by its path. The connection is only used for scratch tables, rolled back."""
    manifest = load_manifest()
    return {
        DOCS / "extracts.md": extracts(all_contracts()),
        DOCS / "reference-data.md": reference_data(
            [parse_seed(path) for path in sorted((CONTRACTS / "reference").glob("*.yaml"))]
        ),
        DOCS / "checks.md": checks(manifest),
        DOCS / "lineage.md": lineage(manifest),
        DOCS / "definitions.md": definitions(manifest),
        DOCS / "metrics.md": metrics(catalogue()),
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


def extracts(contracts: tuple[Contract, ...]) -> str:
    """What each file must look like, from its contract."""
    parts = [
        f"# Extracts\n\n{_NOTE}\n"
        "A week's extract is one folder named by its date, `YYYY-MM-DD`, with a file per source (`.csv`, `.csv.gz`\n"
        "or `.zip`) and the completion marker `_complete.json`, written last (`{}` is enough). `medimart land FOLDER\n"
        "--date DATE` checks a folder and files it so. Headers are found whatever their case, spaces or\n"
        "underscores, and by their aliases; columns not listed here are kept in `raw` alone, unless it is said that\n"
        "a file with any is refused. Dates are ISO or DD/MM/YYYY. An\n"
        "optional column `record_status` holding `deleted` closes the row's key.\n"
    ]
    for contract in contracts:
        rows = [
            f"| `{column.header}` | {_kind(column)} | {_need(column, contract)} | {_cell(column.meaning)} "
            f"| {', '.join(column.aliases)} |"
            for column in contract.columns
        ]
        arrives = "in every extract" if contract.required else "where there is one"
        if contract.landing == "file":
            arrives = "handed in by itself"
        others = " A file with any other column is refused." if contract.extras == "refuse" else ""
        parts.append(
            f"## {contract.source}\n\n{contract.title}: {arrives}, `{contract.delivery}` unless the marker says "
            f"otherwise. Key: {', '.join(f'`{key}`' for key in contract.key)}. Owner: {contract.owner}. "
            f"Licence: {contract.licence}. Over {contract.quarantine_limit:.0%} of rows in quarantine is critical."
            f"{others}\n\n"
            "| column | type | need | meaning | also read as |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def reference_data(seeds: list[Contract]) -> str:
    """The seeds: what can be adjusted without code, by whom, why, and when it is to be looked at again."""
    rows = [
        f"| [`{seed.source}`](../data/reference/{seed.source}.csv) | {_cell(seed.title)} | {seed.owner} "
        f"| {_cell(' '.join(seed.reason.split()))} | {seed.review_date} |"
        for seed in seeds
    ]
    return (
        f"# Reference data\n\n{_NOTE}\n"
        "Everything that may be adjusted without code is a CSV in `data/reference/`. Edit it, commit it, and run: the\n"
        "censuses it changes are *stale* until `medimart backfill --stale` has redone them.\n\n"
        "| seed | what it holds | owner | why it matters | review by |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def checks(manifest: Manifest) -> str:
    """Every check of every model: its severity, why it matters, what on-call does."""
    parts = [
        f"# Checks\n\n{_NOTE}\n"
        "A critical check that fails stops the publish; the last published marts stay. A warning is reported and the\n"
        "run goes on. That the grain is unique, that keys and references are never null and always found, and that\n"
        "codes are of their list is checked of every model, critically, and is not listed again.\n"
    ]
    for layer in _LAYERS:
        for name in sorted(name for name, model in manifest.models.items() if model.layer == layer):
            written = [check for check in suite(manifest[name]) if not check.origin.startswith("the header")]
            rows = [f"| `{c.id}` | {c.severity} | {_cell(c.reason)} | {_cell(c.action)} |" for c in written]
            if rows:
                parts.append(
                    f"## {name}\n\n| check | severity | why | what to do |\n|---|---|---|---|\n"
                    + "\n".join(rows)
                    + "\n"
                )
    return "\n".join(parts)


def _kind(column: Column) -> str:
    return f"code ({column.map})" if column.type == "code" else column.type.replace("_", " ")


def _need(column: Column, contract: Contract) -> str:
    if column.header in contract.key:
        return "key"
    if not column.required:
        return "optional"
    return "required; may be blank" if column.nullable else "required"


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


def metrics(found: Catalogue) -> str:
    """What can be asked in words: each metric's name, meaning and SQL, what it is split by, and the words for it."""
    parts = [
        f"# Metrics\n\n{_NOTE}\n"
        "What `medimart ask` answers, from `include/catalogue/`. Every figure is read from a view of the schema\n"
        "`shared_marts`, after disclosure control, as the role `medimart_shared`. A question is words for one metric,\n"
        "for what it is of and split by, and for when; each of its words must be known. Without a time the newest\n"
        "published census is meant; of a month, quarter or year its last published one; flows add up the weeks that\n"
        "end in it.\n"
    ]
    by_mart: dict[str, list[Metric]] = {}
    for metric in found.metrics.values():
        by_mart.setdefault(metric.subject.mart, []).append(metric)
    for mart, of_mart in by_mart.items():
        names = [found.dimensions[dimension].name.lower() for dimension in of_mart[0].dimensions]
        time = "week" if of_mart[0].subject.time == "week_end_date" else "census"
        rows = [
            f"| {m.name} (`{m.code}`) | {m.unit} | {_cell(m.meaning)} | `{_cell(m.sql)}`{_of(m)} | {_said(found, m)} |"
            for m in of_mart
        ]
        parts.append(
            f"## {mart}\n\nSplit or filtered by {', '.join(names)}; one figure a {time}.\n\n"
            "| metric | unit | meaning | SQL | asked as |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    rows = [
        f"| {dimension.name} | {_cell(dimension.meaning)} | {', '.join(dimension.words)} |"
        for dimension in found.dimensions.values()
    ]
    parts.append("## Dimensions\n\n| dimension | members | asked as |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _of(metric: Metric) -> str:
    return "".join(f" where `{column}` is `{value}`" for column, value in metric.where.items())


def _said(found: Catalogue, metric: Metric) -> str:
    """The words for a metric: those of all that are told by the same, and what must be named besides."""
    words = dict.fromkeys(word for other in found.of(metric.of) for word in (*other.words, *other.nouns))
    asked = [f"with “{_told(found, *member)}”" for member in metric.asked.items()]
    needs = [f"one {found.dimensions[dimension].name.lower()} or each" for dimension in metric.needs]
    form = ["share, rate"] * (metric.form == "share")
    return "; ".join([", ".join(list(words)[:_WORDS]), *form, *asked, *needs])


def _told(found: Catalogue, dimension: str, code: str) -> str:
    """How a question names a member: in the words written for it; a length of wait as its code says it."""
    written = found.dimensions[dimension].written.get("members", {}).get(code)
    return written["words"][0] if written else f"{code.replace('_', ' ')} weeks"


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
