"""The graph of all models: compiled from their SQL, checked as a whole, kept as a manifest.

Only compiling needs sqlglot and YAML; reading the manifest is `load_manifest`, which is light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from medimart.errors import MedimartError
from medimart.models.manifest import MANIFEST, Manifest, Model, Reference, load_manifest, to_json
from medimart.settings import CONTRACTS, SQL

__all__ = ["Manifest", "check_manifest", "compile_manifest", "load_manifest", "read_models", "write_manifest"]


def read_models(root: Path = SQL) -> tuple[dict[str, Model], list[str]]:
    """Every model that reads by itself, and the faults of those that do not.

    For whoever works on one model while another is half written; `compile_manifest` wants all of them whole.
    """
    from medimart.models import header  # sqlglot takes longer to import than a DAG file may

    models: dict[str, Model] = {}
    faults: list[str] = []
    for path in sorted(path for layer in header.LAYERS for path in (root / layer).glob("*.sql")):
        try:
            model = header.parse(path)
        except MedimartError as error:
            faults.append(str(error))
            continue
        if model.name in models:
            faults.append(f"{model.path}: {models[model.name].path} has the same name; names are unique.")
        models[model.name] = model
    return {name: _with_targets(models, model) for name, model in models.items()}, faults


def compile_manifest(root: Path = SQL, contracts: Path = CONTRACTS, lineage: bool = True) -> Manifest:
    """Read and check every model under a SQL root.

    Raises MedimartError that lists all faults, each with its file and line.
    """
    models, faults = read_models(root)
    for model in models.values():
        faults += [f"{model.path}, line 1: {fault}." for fault in _faults(model, models, contracts)]
    if faults:
        raise MedimartError("\n".join(faults))
    manifest = Manifest(models, root)
    manifest.order(models)
    if lineage:
        from medimart.models.lineage import with_lineage  # sqlglot, as above

        manifest = with_lineage(manifest, contracts)
    return manifest


def write_manifest(root: Path = SQL, path: Path = MANIFEST) -> Manifest:
    """Compile all models and write the manifest."""
    manifest = compile_manifest(root)
    path.write_text(to_json(manifest))
    return manifest


def check_manifest(root: Path = SQL, path: Path = MANIFEST) -> None:
    """Raise MedimartError when the manifest on disk is not what the models would give now."""
    if not path.exists() or path.read_text() != to_json(compile_manifest(root)):
        raise MedimartError(f"{path} is stale: the models have changed since. Run `medimart compile`.")


def _with_targets(models: dict[str, Model], model: Model) -> Model:
    """Fill in the target column of references that only name the other model: the column of its grain."""

    def full(reference: Reference) -> Reference:
        other = models.get(reference.table)
        if reference.target or other is None or len(other.grain) != 1:
            return reference
        return replace(reference, target=other.grain[0])

    return replace(model, references=tuple(full(reference) for reference in model.references))


def _faults(model: Model, models: dict[str, Model], contracts: Path) -> list[str]:
    known: list[tuple[tuple[str, ...], Callable[[str], bool], str]] = [
        (model.models, models.__contains__, "a table that is no model"),
        (model.last_week, models.__contains__, "last week's rows of a model that does not exist:"),
        (
            model.seeds,
            lambda seed: (contracts / "reference" / f"{seed.removeprefix('ref_')}.yaml").exists(),
            "a seed without contract in include/contracts/reference:",
        ),
        (
            model.sources,
            lambda source: (contracts / f"{source}.yaml").exists(),
            "history of a source without contract:",
        ),
    ]
    faults = [f"reads {what} {name}" for names, exists, what in known for name in names if not exists(name)]
    if model.sources and model.layer != "staging":
        faults.append("reads history; only staging may")
    order = {"staging": 0, "intermediate": 1, "marts": 2}
    for name in (*model.models, *model.last_week):
        other = models.get(name)
        if other and order[other.layer] > order[model.layer]:
            faults.append(f"reads {name} of a later layer")
        if other and other.pipeline != model.pipeline:
            faults.append(f"reads {name} of another pipeline, {other.pipeline}")
    for reference in model.references:
        other = models.get(reference.table)
        if other is None:
            faults.append(f"column {reference.column} refers to {reference.table}, which does not exist")
        elif other.grain != (reference.target,):
            faults.append(
                f"column {reference.column} refers to {reference.table}.{reference.target or '?'}, "
                f"but the grain of {reference.table} is ({', '.join(other.grain)}), not that column"
            )
        elif model.is_mart and not other.is_mart:
            faults.append(f"column {reference.column} refers to {reference.table}, which is not published")
    return faults
