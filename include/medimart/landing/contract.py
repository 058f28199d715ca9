"""What each source must look like: `include/contracts/<source>.yaml` read into frozen dataclasses.

A contract says who owns a source, how it is delivered, what identifies a row and what its columns are:

    source: patients              # also the file's name: patients.csv, .csv.gz or .zip
    title, owner, licence: …      # for people
    landing: folder               # `folder` (default): in every extract's dated folder; `file`: handed in alone
    delivery: full                # `full` or `changes`, when the completion marker does not say
    required: true                # an extract without this file is not complete
    encodings: [utf-8, windows-1252]
    delimiter: ','                # default
    key: [patient_id]             # headers of the columns that identify a row
    quarantine_limit: 0.05        # above this share of a file's rows, quarantine is a critical failure
    extras: keep                  # `keep` (default) columns not named here, or `refuse` a file that has any
    columns:
      dob: {type: date, required: true, nullable: true, name: birth_date, formats: [iso, dmy],
            aliases: [date of birth], meaning: Date of birth}

A column's key is its canonical header and its text column in `raw`; `name` is its typed column in `history`. Headers
match whatever their case, and spaces, underscores and hyphens are the same. Types: `text` (may have a `pattern`),
`code` (with `map`, the alias domain), `integer`, `numeric` (`min`, `max`), `date` (`formats`: iso, dmy), `boolean`,
`nhs_number`, `postcode` and `integer_series`.

An `integer_series` is one typed `integer[]` column made from many columns of the file, in order. Its headers follow
a template, from `first` to `last`, then come those listed in `then`:

    bands:
      type: integer_series
      headers: {template: 'Gt {low:02d} To {high:02d} Weeks SUM 1', first: 0, last: 103, then: [Gt 104 Weeks SUM 1]}
      meaning: People waiting, by week

(`{low}` is the position, `{high}` the one after.) The first element of the array is the first header's. In `raw` its
text columns are `bands_000`, `bands_001`, …; where every cell is blank the array is null.

Every source may also have a column `record_status`: the word `deleted` in it closes the row's key.
"""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from medimart.errors import SettingError
from medimart.settings import CONTRACTS

Delivery = Literal["full", "changes"]
Encoding = Literal["utf-8", "windows-1252"]

SQL_TYPES = {
    "text": "text",
    "code": "text",
    "integer": "integer",
    "numeric": "numeric",
    "date": "date",
    "boolean": "boolean",
    "nhs_number": "text",
    "postcode": "text",
    "integer_series": "integer[]",
}
KEY_TYPES = {"text", "code", "integer", "nhs_number"}  # their text form does not depend on a session's settings
RECORD_STATUS = "record_status"
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LONGEST_NAME = 60  # characters of a column's name in raw; PostgreSQL takes 63
_COLUMN_KEYS = {
    "type", "required", "nullable", "name", "aliases", "meaning", "formats", "map", "pattern", "min", "max",
    "headers",
}  # fmt: skip
_SOURCE_KEYS = {
    "source", "title", "owner", "licence", "landing", "delivery", "required", "encodings", "delimiter", "key",
    "quarantine_limit", "extras", "columns", "reason", "review_date",
}  # fmt: skip
_RESERVED = {
    "flags", "load_id", "line_no", "valid_from", "next_from", "valid_to", "quarantined_from", "closed_by",
    "is_deleted", "broken_rule", "broken_text", RECORD_STATUS,
}  # fmt: skip
_NUMBER = (int, float)
_KINDS: dict[Any, str] = {
    bool: "true or false", str: "text", list: "a list in [brackets]", dict: "settings of its own", _NUMBER: "a number",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column of a source, or one series of columns.

    header: canonical header. name: typed column in history. headers: what a series' columns are called in the file,
    in order (empty for other types). minimum and maximum are inclusive.
    """

    header: str
    name: str
    type: str
    required: bool = False
    nullable: bool = False
    aliases: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    map: str | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    headers: tuple[str, ...] = ()
    meaning: str = ""

    @property
    def sql_type(self) -> str:
        """PostgreSQL's type of the typed column."""
        return SQL_TYPES[self.type]

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The text columns in `raw` that it is typed from."""
        if self.type != "integer_series":
            return (self.header,)
        return tuple(f"{self.header}_{position:03d}" for position in range(len(self.headers)))


@dataclass(frozen=True)
class Contract:
    """One source's or seed's contract.

    sha256: hash of its file. quarantine_limit: a share of rows, 0 to 1. extras: whether columns that it does not name
    are kept in raw, or a file that has any is refused. reason and review_date: why a seed is as it is, and the day it
    is to be looked at again.
    """

    source: str
    title: str
    owner: str
    licence: str
    landing: Literal["folder", "file"]
    delivery: Delivery
    required: bool
    encodings: tuple[Encoding, ...]
    delimiter: str
    key: tuple[str, ...]
    quarantine_limit: float
    columns: tuple[Column, ...]
    sha256: str
    extras: Literal["keep", "refuse"] = "keep"
    reason: str = ""
    review_date: str = ""

    @property
    def keys(self) -> tuple[Column, ...]:
        """The columns that identify a row, in the contract's order of them."""
        by_header = {column.header: column for column in self.columns}
        return tuple(by_header[header] for header in self.key)

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """Every text column of `raw.<source>` that the contract names."""
        return (*(raw for column in self.columns for raw in column.raw_columns), RECORD_STATUS)


@dataclass(frozen=True)
class HeaderMatch:
    """A file's header read by a contract: the raw column of each of its fields, in order, and what is wrong."""

    columns: tuple[str, ...]
    extras: tuple[str, ...]
    missing: tuple[str, ...]
    duplicated: tuple[str, ...]
    recognised: int


def load(source: str) -> Contract:
    """The contract of one source. Raises SettingError naming the file and what is wrong in it."""
    path = CONTRACTS / f"{source}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in CONTRACTS.glob("*.yaml")))
        raise SettingError(f"There is no contract {path} for the source {source!r}; there are {known}.")
    return parse(path)


def folder_contracts() -> tuple[Contract, ...]:
    """The contracts of the files that an extract's dated folder may hold, by name."""
    every = (parse(path) for path in sorted(CONTRACTS.glob("*.yaml")))
    return tuple(contract for contract in every if contract.landing == "folder")


def all_contracts() -> tuple[Contract, ...]:
    """Every contract, by name."""
    return tuple(parse(path) for path in sorted(CONTRACTS.glob("*.yaml")))


def parse(path: Path) -> Contract:
    """Read one contract file. Raises SettingError naming the file, the column and the setting at fault."""
    contract = _parse(path, path.read_bytes())
    for column in contract.columns:
        for name in (column.name, *column.raw_columns):
            if name in _RESERVED:
                raise SettingError(f"{path}: the column name `{name}` is kept for the warehouse; choose another.")
        if column.header in contract.key and column.type not in KEY_TYPES:
            raise SettingError(
                f"{path}: the key `{column.header}` is of type {column.type}; a key is one of {sorted(KEY_TYPES)}."
            )
    return contract


def parse_seed(path: Path) -> Contract:
    """Read a seed's contract: the same words, without the warehouse's reserved names and limits on keys."""
    return _parse(path, path.read_bytes())


@functools.lru_cache(maxsize=64)
def _parse(path: Path, content: bytes) -> Contract:
    try:
        document = yaml.load(content, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise SettingError(f"{path} is not YAML: {error}") from None
    if not isinstance(document, dict):
        raise SettingError(f"{path} must hold settings such as `source:` and `columns:`, not {document!r}.")
    where = "the contract"
    _known(path, where, document, _SOURCE_KEYS)
    for setting in ("source", "columns", "key"):
        if not document.get(setting):
            raise SettingError(f"{path}: `{setting}` is missing.")
    if document["source"] != path.stem:
        raise SettingError(f"{path}: `source: {document['source']}` must be the file's own name, {path.stem}.")
    contract = Contract(
        source=path.stem,
        title=str(document.get("title", path.stem)),
        owner=str(document.get("owner", "")),
        licence=str(document.get("licence", "")),
        landing=_one_of(path, "landing", document.get("landing", "folder"), ("folder", "file")),
        delivery=_one_of(path, "delivery", document.get("delivery", "full"), ("full", "changes")),
        required=_setting(path, where, document, "required", bool, False),
        encodings=tuple(
            _one_of(path, "encodings", name, ("utf-8", "windows-1252"))
            for name in _setting(path, where, document, "encodings", list, ["utf-8"])
        ),
        delimiter=_one_of(path, "delimiter", document.get("delimiter", ","), tuple(DELIMITERS)),
        key=tuple(str(header) for header in _setting(path, where, document, "key", list, [])),
        quarantine_limit=_setting(path, where, document, "quarantine_limit", _NUMBER, 0.05),
        columns=tuple(
            _column(path, str(header), entry)
            for header, entry in _setting(path, where, document, "columns", dict, {}).items()
        ),
        sha256=hashlib.sha256(content).hexdigest(),
        extras=_one_of(path, "extras", document.get("extras", "keep"), ("keep", "refuse")),
        reason=str(document.get("reason", "")),
        review_date=str(document.get("review_date", "")),
    )
    _check(path, contract)
    return contract


def _column(path: Path, header: str, entry: Any) -> Column:
    where = f"column `{header}`"
    if not isinstance(entry, dict) or "type" not in entry:
        raise SettingError(f"{path}: {where} needs at least `type:`.")
    _known(path, where, entry, _COLUMN_KEYS)
    kind = _one_of(path, f"{where}, type", entry["type"], tuple(SQL_TYPES))
    if kind == "code" and not entry.get("map"):
        raise SettingError(f"{path}: {where} is a code and needs `map:`, the alias domain of its words.")
    formats = tuple(
        _one_of(path, f"{where}, formats", name, ("iso", "dmy"))
        for name in _setting(path, where, entry, "formats", list, ["iso"])
    )
    pattern = _setting(path, where, entry, "pattern", str, None)
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise SettingError(f"{path}: {where}: `pattern` is no regular expression: {error}.") from None
    required = _setting(path, where, entry, "required", bool, False)
    return Column(
        header=header,
        name=str(entry.get("name", header)),
        type=kind,
        required=required,
        nullable=_setting(path, where, entry, "nullable", bool, not required),
        aliases=tuple(str(alias) for alias in _setting(path, where, entry, "aliases", list, [])),
        formats=formats if kind == "date" else (),
        map=_setting(path, where, entry, "map", str, None),
        pattern=pattern,
        minimum=_setting(path, where, entry, "min", _NUMBER, None),
        maximum=_setting(path, where, entry, "max", _NUMBER, None),
        headers=_series(path, where, entry) if kind == "integer_series" else (),
        meaning=str(entry.get("meaning", "")),
    )


def _series(path: Path, where: str, entry: dict[str, Any]) -> tuple[str, ...]:
    headers = _setting(path, where, entry, "headers", dict, {})
    try:
        return (
            *(
                str(headers["template"]).format(low=low, high=low + 1)
                for low in range(int(headers["first"]), int(headers["last"]) + 1)
            ),
            *(str(header) for header in headers.get("then", ())),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise SettingError(
            f"{path}: {where} is a series and needs `headers: {{template, first, last, then}}`: {error!r}."
        ) from None


def _check(path: Path, contract: Contract) -> None:
    if not 0 <= contract.quarantine_limit <= 1:
        raise SettingError(f"{path}: `quarantine_limit` is a share, 0 to 1, not {contract.quarantine_limit}.")
    columns = {column.header: column for column in contract.columns}
    for header in contract.key:
        if header not in columns:
            raise SettingError(f"{path}: the key `{header}` is not a column.")
        if not columns[header].required:
            raise SettingError(f"{path}: the key `{header}` must be `required: true`.")
    names = [column.name for column in contract.columns]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"{path}: the typed column `{name}` is named twice.")
        if len(name) > LONGEST_NAME:
            raise SettingError(f"{path}: the column name `{name}` is longer than {LONGEST_NAME} characters.")
    meanings = {fold(RECORD_STATUS): RECORD_STATUS}
    for column in contract.columns:
        for spelling in _spellings(column):
            if meanings.setdefault(spelling, column.header) != column.header:
                raise SettingError(
                    f"{path}: the header {spelling!r} means both `{meanings[spelling]}` and `{column.header}`; "
                    "an alias may belong to one column alone."
                )


def _known(path: Path, where: str, entry: dict[str, Any], known: set[str]) -> None:
    for setting in entry:
        if setting not in known:
            raise SettingError(f"{path}: {where} has the unknown setting `{setting}`; known are {sorted(known)}.")


def _one_of(path: Path, where: str, value: Any, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        raise SettingError(f"{path}: {where}: {value!r} is none of {', '.join(choices)}.")
    return value


def _setting(path: Path, where: str, entry: dict[str, Any], name: str, kind: Any, default: Any) -> Any:
    """One setting by its kind. YAML reads `5%` as text and `[a]` left out of its brackets as a word."""
    value = entry.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise SettingError(f"{path}: {where}: `{name}` must be {_KINDS[kind]}, not {value!r}.")
    return value


def fold(header: str) -> str:
    """A header as headers are compared: lower case, each run of spaces, underscores and hyphens the same."""
    return re.sub(r"[\s_\-\u00a0]+", "_", header.strip().lower()).strip("_")


def _spellings(column: Column) -> set[str]:
    if column.headers:
        return {fold(header) for header in column.headers}
    return {fold(spelling) for spelling in (column.header, column.name, *column.aliases)}


@functools.lru_cache(maxsize=64)
def _meanings(contract: Contract) -> dict[str, str]:
    meanings = {fold(RECORD_STATUS): RECORD_STATUS}
    for column in contract.columns:
        if column.headers:
            meanings |= dict(zip(map(fold, column.headers), column.raw_columns, strict=True))
        else:
            meanings |= {spelling: column.header for spelling in _spellings(column)}
    return meanings


def match_header(contract: Contract, header: list[str]) -> HeaderMatch:
    """Find the raw column of each field of a file's header.

    A header that the contract does not know becomes `extra_<header>`; nothing is dropped. Two fields that mean the
    same column are `duplicated`; required columns that no field means are `missing`.
    """
    meanings = _meanings(contract)
    columns: list[str] = []
    duplicated: list[str] = []
    unknown: set[str] = set()
    recognised = 0
    for position, field in enumerate(header):
        folded = fold(field)
        raw = meanings.get(folded)
        if raw in columns or folded in unknown:
            duplicated.append(field)
        if raw is None:
            raw = _extra(folded, position, columns)
            unknown |= {folded} - {""}
        else:
            recognised += 1
        columns.append(raw)
    missing = tuple(
        name
        for column in contract.columns
        if column.required
        for name, raw in zip(column.headers or (column.header,), column.raw_columns, strict=True)
        if raw not in columns
    )
    extras = tuple(raw for raw in columns if raw.startswith("extra_"))
    return HeaderMatch(tuple(columns), extras, missing, tuple(duplicated), recognised)


def _extra(folded: str, position: int, taken: list[str]) -> str:
    """The raw column of a header that no contract knows; another one where two headers come to the same name."""
    slug = re.sub(r"[^a-z0-9]+", "_", folded).strip("_") or f"column_{position + 1}"
    name = f"extra_{slug}"[:LONGEST_NAME]
    return f"{name[: LONGEST_NAME - 5]}_{position + 1}" if name in taken else name
