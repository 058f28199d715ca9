"""Suites: what is expected of each model, from its header and from `include/expectations/<model>.yaml`.

What the header already says is not said again. From it follow, all critical:
`grain_unique` (the grain has no duplicate), `<column>_not_null` (grain, references and `not_null`) and
`<column>_refers_to_<table>` (every reference is found); and for a staging model, from its source's contract,
`<column>_known_code` (coded columns hold codes of their domain). The YAML file holds the rest; it is a list:

    - expectation: expect_column_values_to_be_between  # Great Expectations' own name, or its class name
      kwargs: {column: wait_days, min_value: 0}        # Great Expectations' own arguments
      severity: critical                               # critical: nothing is published | warning | info
      reason: A negative wait would count a patient as seen before being referred.      # why it matters
      action: Look the period up with `medimart explain`; its clock start is wrong.     # for on-call

    - id: flow_adds_up                                 # stable; a must for queries, else made from the rest
      expectation: unexpected_rows_expectation
      kwargs:
        unexpected_rows_query: |                       # the rows that are wrong; none is right
          select f.week_start, f.trust_sk, f.treatment_function_code
          from {batch} as f
          where f.opening + f.starts - f.stops <> f.closing
      severity: critical
      reason: …
      action: …

In a query `{batch}` is the model; other models, seeds and the one-row table `census` are named plainly. Write
a literal brace twice. Select first the columns that lead to the row: of those, verdicts keep as samples only
pseudonymous keys (`_sk`), `load_id`, `line_no`, and the codes and dates that are a mart's grain, so that no
natural identifier, name or other value leaves the table. A result column named `observed_value` is kept as
what was measured; one named `unexpected_count` counts the rows that are wrong, where a query sums them up.

`mostly: 0.95` (an argument of Great Expectations) allows a share of exceptions; such checks, and those on
aggregates, record what they measured even when they pass, so that there is a trend. Every check on values
passes on an empty table: give each model that must have rows an `expect_table_row_count_to_be_between`.

A check's full name is `<model>.<id>`. Ids are kept stable: "failing since" is read from earlier runs by id.
Each check has a planted fault in `tests/quality/faults/<model>.yaml`, or the tests fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from medimart.errors import SettingError
from medimart.landing import contract
from medimart.models.manifest import Model, Reference
from medimart.settings import EXPECTATIONS

SEVERITIES = ("critical", "warning", "info")
QUERY = "unexpected_rows_expectation"
NOT_NULL = "expect_column_values_to_not_be_null"
UNIQUE = "expect_column_values_to_be_unique"
COMPOUND_UNIQUE = "expect_compound_columns_to_be_unique"
_REQUIRED = {"expectation", "kwargs", "severity", "reason", "action"}
_ID = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Check:
    """One expectation of one model.

    id: unique within the model. expectation: Great Expectations' snake-case name.
    origin: where it is written, for messages.
    """

    model: str
    id: str
    expectation: str
    severity: str
    reason: str
    action: str
    origin: str
    kwargs: dict[str, Any] = field(hash=False)

    @property
    def name(self) -> str:
        """The check's full name, the same in every run."""
        return f"{self.model}.{self.id}"

    @property
    def column(self) -> str | None:
        """The column or columns it is about; None when it is about the table."""
        return ", ".join(columns_of(self.kwargs)) or None

    @property
    def is_query(self) -> bool:
        """Whether it is a query for the wrong rows."""
        return self.expectation == QUERY


def suite(model: Model, folder: Path = EXPECTATIONS) -> list[Check]:
    """All checks of a model: those its header implies, then those of its file, where it has one.

    Raises SettingError naming file and line when the file is not as it must be.
    """
    path = folder / f"{model.name}.yaml"
    checks = [*implied(model), *(written(model.name, path) if path.exists() else [])]
    seen: dict[str, str] = {}
    for check in checks:
        if check.id in seen:
            raise SettingError(
                f"{check.origin}: the id {check.id} is taken by {seen[check.id]}; give it one of its own."
            )
        seen[check.id] = check.origin
    return checks


def implied(model: Model) -> list[Check]:
    """The checks that a model's header implies; critical, every one."""
    origin = f"the header of {model.path}"

    def check(id: str, expectation: str, reason: str, action: str, **kwargs: Any) -> Check:
        return Check(model.name, id, expectation, "critical", reason, action, origin, kwargs)

    grain = ", ".join(model.grain)
    unique = (
        (UNIQUE, {"column": model.grain[0]})
        if len(model.grain) == 1
        else (COMPOUND_UNIQUE, {"column_list": list(model.grain)})
    )
    checks = [
        check(
            "grain_unique",
            unique[0],
            f"Two rows of one {grain} would count the same thing twice.",
            f"Find the join in {model.path} that multiplies rows, or the source that delivers the key twice.",
            **unique[1],
        )
    ]
    keys = [*model.grain, *(reference.column for reference in model.references), *model.not_null]
    checks += [
        check(
            f"{column}_not_null",
            NOT_NULL,
            f"A row without {column} would drop out of joins and totals unseen.",
            f"See how {model.path} computes {column}, and send unknowns to the unknown member.",
            column=column,
        )
        for column in dict.fromkeys(keys)
    ]
    checks += [
        check(
            f"{reference.column}_refers_to_{reference.table}",
            QUERY,
            f"A row whose {reference.column} is not in {reference.table} vanishes from reports that join it.",
            f"Find the missing {reference.target} of {reference.table}; orphans go to its unknown member.",
            unexpected_rows_query=_orphans(model, reference),
        )
        for reference in model.references
    ]
    return checks + [
        check(
            f"{column}_known_code",
            QUERY,
            f"A {column} outside its code list has no label and falls out of every grouping by it.",
            f"Add the code to its seed, or correct the alias in value_alias.csv (domain {domain}).",
            unexpected_rows_query=_unknown_codes(column, domain),
        )
        for column, domain in _coded(model)
    ]


def _coded(model: Model) -> list[tuple[str, str]]:
    """The coded columns of `stg_<source>` and their domains, from the source's contract."""
    source = model.name.removeprefix("stg_")
    if model.sources != (source,):
        return []
    given = {column.name for column in model.columns}
    columns = contract.load(source).columns
    return [(c.name, c.map) for c in columns if c.type == "code" and c.map and c.name in given]


def _unknown_codes(column: str, domain: str) -> str:
    codes = (
        "select r.treatment_function_code from ref_treatment_function as r where r.is_published"
        if domain == "treatment_function"
        else f"select r.code from ref_code_list as r where r.domain = '{domain}'"
    )
    return f"select b.load_id, b.line_no\nfrom {{batch}} as b\nwhere b.{column} not in ({codes})"


def _orphans(model: Model, reference: Reference) -> str:
    columns = ", ".join(f"b.{column}" for column in dict.fromkeys((*model.grain, reference.column)))
    return (
        f"select {columns}\nfrom {{batch}} as b\nwhere b.{reference.column} is not null and not exists (\n"
        f"    select 1 from {reference.table} as r where r.{reference.target} = b.{reference.column}\n)"
    )


def written(model: str, path: Path) -> list[Check]:
    """The checks of one file. Raises SettingError naming file, line and what was expected."""
    try:
        entries = yaml.load(path.read_text(), Loader=_Lines)  # noqa: S506 — a SafeLoader that also keeps lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SettingError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {error}") from None
    if not isinstance(entries, list):
        raise SettingError(f"{path}:1: must be a list of expectations, each beginning with `- expectation:`.")
    return [_read(model, path, entry) for entry in entries]


def sample_columns(model: Model, columns: Iterable[str]) -> list[str]:
    """Of some columns, those whose values may be kept as samples: they lead to a row and identify nobody.

    Pseudonymous keys, load and line; and for a mart its grain, which holds codes and dates beside such keys.
    """
    grain = set(model.grain) if model.is_mart else set()
    known = {"load_id", "line_no", "census_date", *grain}
    return [column for column in columns if column.endswith("_sk") or column in known]


class _Lines(yaml.CSafeLoader):
    """Reads YAML and keeps for each mapping the line it begins at, under the key None."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        return {**super().construct_mapping(node, deep), None: node.start_mark.line + 1}


def _read(model: str, path: Path, entry: Any) -> Check:
    if not isinstance(entry, dict):
        raise SettingError(f"{path}: {entry!r} is not an expectation; each begins with `- expectation:`.")
    at = f"{path}:{entry.pop(None)}"
    if missing := sorted(_REQUIRED - entry.keys()):
        raise SettingError(f"{at}: {', '.join(missing)} is missing; an expectation has {', '.join(sorted(_REQUIRED))}.")
    if unknown := sorted(entry.keys() - _REQUIRED - {"id"}):
        raise SettingError(f"{at}: {', '.join(unknown)} is not known here; arguments belong under `kwargs`.")
    if entry["severity"] not in SEVERITIES:
        raise SettingError(f"{at}: severity is {entry['severity']!r}; it must be one of {', '.join(SEVERITIES)}.")
    if not isinstance(entry["kwargs"], dict):
        raise SettingError(f"{at}: kwargs must be a mapping of Great Expectations' arguments.")
    kwargs = {key: value for key, value in entry["kwargs"].items() if key is not None}
    expectation = _snake(str(entry["expectation"]))
    id = str(entry.get("id") or _slug(expectation, kwargs, at))
    if not _ID.fullmatch(id):
        raise SettingError(f"{at}: the id {id!r} must be lower-case letters, digits and underscores.")
    reason, action = (" ".join(str(entry[key]).split()) for key in ("reason", "action"))
    return Check(model, id, expectation, entry["severity"], reason, action, at, kwargs)


def _snake(name: str) -> str:
    return name if name.islower() else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _slug(expectation: str, kwargs: dict[str, Any], at: str) -> str:
    """`wait_days_between` for expect_column_values_to_be_between of wait_days."""
    if expectation == QUERY:
        raise SettingError(f"{at}: a query needs an `id` of its own.")
    subject = r"^expect_(column|table|compound_columns|multicolumn|column_pair)_(values_)?"
    about = re.sub(r"(^|_)to_(be_)?", r"\1", re.sub(subject, "", expectation))
    return "_".join([*columns_of(kwargs), about])


def columns_of(kwargs: dict[str, Any]) -> list[str]:
    """The columns that an expectation's arguments name."""
    named = [
        kwargs.get("column"),
        *kwargs.get("column_list", ()),
        kwargs.get("column_A"),
        kwargs.get("column_B"),
    ]
    return [str(column) for column in named if column]
