"""Plant faults and traps in known numbers, and list what must be found.

`Options.plant` says how many of each, by name: the scenarios of `medimart.synthetic.scenarios`, the faults of a whole
file below, and `unasked_file`. Scenarios are patients of their own, added to the simulated ones. The list is written
beside the extracts as `.planted.json` (hidden, so that the landing folder holds extracts alone), one entry per thing
that must be found: its name, file and line, the key of its row, and `find`, which is one of

- `{"in": "check", "text": …}`: the extract is refused, with these words about the file;
- `{"in": "unexpected"}`: the file is reported and not loaded;
- `{"in": "quarantine", "column": …, "rule": …}` and `{"in": "flag", "column": …, "rule": …}`;
- `{"in": "duplicates"}`: the row is superseded by one further down the same file;
- `{"in": <model>, "where": [column, text], "rows": […]}`: what the model says of that key at the last census. A column
  that ends in `_sk` holds the pseudonym of the text.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from medimart.errors import SettingError
from medimart.synthetic.calendar import DMY, ISO
from medimart.synthetic.files import ENCODINGS, ExtractFile
from medimart.synthetic.options import CORE_SOURCES, Options
from medimart.synthetic.rows import CORE, quoted
from medimart.synthetic.scenarios import SCENARIOS, Cell, Dmy, Find, Row, Scenario, Value
from medimart.synthetic.world import World

PLANTED = ".planted.json"
UNASKED_NAME, UNASKED_TEXT = "theatre_staffing.csv", "week,theatre,nurses\n1,Main 1,4\n1,Main 2,3\n"
Files = dict[tuple[int, str], ExtractFile]


@dataclass(frozen=True)
class Planted:
    """One thing that must be found. file: folder and name; line and key: of its row, where it is one."""

    name: str
    file: str
    line: int | None
    key: str | None
    find: dict[str, Any]


def check(options: Options) -> None:
    """Raise SettingError for a plant that is not known, or not possible with the other options."""
    known = [*SCENARIOS, *FILE_FAULTS, "unasked_file"]
    for name, count in options.plant.items():
        if name not in known:
            raise SettingError(f"generate: there is nothing called {name!r} to plant; there are {', '.join(known)}.")
        if count < 0:
            raise SettingError(f"generate: {name} can be planted 0 times or more, not {count}.")
        scenario = SCENARIOS.get(name)
        if scenario and count and scenario.extracts > options.weeks:
            raise SettingError(f"generate: {name} needs {scenario.extracts} extracts; ask for that many weeks.")
        if scenario and count and options.core_only and not is_core(scenario):
            raise SettingError(f"generate: {name} needs optional columns; leave out core_only or {name}.")
    wanted = sum(options.plant.get(name, 0) for name in FILE_FAULTS)
    if wanted > options.weeks * len(_SPOILABLE):
        raise SettingError(
            f"generate: {wanted} faults of files need as many files; {options.weeks} weeks have "
            f"{options.weeks * len(_SPOILABLE)}. Plant fewer, or ask for more weeks."
        )


def is_core(scenario: Scenario) -> bool:
    """Whether a scenario needs core columns alone."""
    return all(row.source in CORE_SOURCES and set(row.cells) <= set(CORE[row.source]) for row in scenario.rows)


# Rows --------------------------------------------------------------------------------------------------------------


def plant_rows(world: World, files: Files) -> Iterator[Planted]:
    """Append the rows of every scenario asked for to the files, which must be open."""
    options = world.options
    number = options.patients
    spread = 0
    for name, scenario in SCENARIOS.items():
        for _ in range(options.plant.get(name, 0)):
            last = options.weeks - 1
            if scenario.is_spread:
                last = (last + spread) % options.weeks
                spread += 1
            yield from _plant(_Instance(world, name, scenario, number, last), files)
            number += 1


class _Instance:
    """One planting of a scenario: who its patient is, and on which extract its dates are reckoned."""

    def __init__(self, world: World, name: str, scenario: Scenario, number: int, last: int) -> None:
        self.name, self.scenario, self.last = name, scenario, last
        self.options = world.options
        self.today = world.options.extract_days[last]
        trust = world.trusts[0]
        serial = f"{number + 1:08d}"
        self.names = {
            "P": f"P{serial}", "R": f"R{serial}", "A": f"A{serial}", "X": f"X{serial}", "D": f"D{serial}",
            "F": f"F{serial}", "T": trust.trust_id, "Z": trust.names.code,
        }  # fmt: skip
        known = number < len(world.nhs_numbers)
        gp = world.practices_of[trust.names.icb_code][0].gp_id
        self.plain: dict[str, dict[str, Cell]] = {
            "patients": {
                "patient_id": "{P}", "nhs_number": str(world.nhs_numbers[number]) if known else "",
                "first_name": "Planted", "last_name": "Patient", "DOB": -16000, "gender": "2", "postcode": "BD1 1AA",
                "ethnicity": "A", "risk_level": "low",
            },
            "referrals": {
                "referral_id": "{R}-1", "patient_id": "{P}", "gp_id": gp, "referral_date": -100,
                "specialty": "Trauma & Orthopaedics", "referral_status": "Open", "trust_id": "{T}",
            },
            "appointments": {
                "appointment_id": "{A}-01", "patient_id": "{P}", "trust_id": "{T}",
                "specialty": "Trauma & Orthopaedics", "appt_date": -50, "appt_status": "Attended",
                "referral_date": -100,
            },
            "procedures": {
                "procedure_id": "{X}-01", "patient_id": "{P}", "procedure_name": "Total Hip Replacement",
                "status": "Planned",
            },
            "conditions": {
                "condition_id": "{D}-01", "patient_id": "{P}", "condition_name": "Asthma", "severity": "Mild",
                "active": "Yes",
            },
            "experience": {
                "response_id": "{F}", "survey_date": -3, "trust_id": "{T}", "specialty": "Trauma & Orthopaedics",
                "answer": "Good",
            },
        }  # fmt: skip

    def text(self, cell: Cell) -> str:
        """A cell as the file has it."""
        if isinstance(cell, Dmy):
            return DMY[self.today + cell.days]
        return ISO[self.today + cell] if isinstance(cell, int) else cell.format(**self.names)

    def line(self, row: Row, header: tuple[str, ...]) -> str:
        """A row as the file has it, broken if it is to be."""
        cells = {column: quoted(self.text(cell)) for column, cell in (self.plain[row.source] | row.cells).items()}
        if row.broken == "broken_quote":
            cells["notes"] = '"Seen in clinic'
        line = ",".join(cells.get(column, "") for column in header)
        if row.broken == "too_many_fields":
            return f"{line},surplus"
        return line.rsplit(",", 2)[0] if row.broken == "too_few_fields" else line

    def key(self, row: Row) -> str:
        """The key of a row, as text."""
        column = CORE[row.source][0]
        return self.text((self.plain[row.source] | row.cells)[column])

    def find(self, find: Find) -> dict[str, Any]:
        """A finding in a model, with its dates and identifiers."""
        where = [find.key[0], find.key[1].format(**self.names)]
        rows = [{column: self.value(column, value) for column, value in row.items()} for row in find.rows]
        return {"in": find.model, "where": where, "rows": rows}

    def value(self, column: str, value: Value) -> Any:
        """An expected value as JSON: dates as text."""
        if column.endswith("_date") and value is not None:
            return ISO[self.today + cast("int", value)]
        return list(value) if isinstance(value, tuple) else value


def _plant(instance: _Instance, files: Files) -> Iterator[Planted]:
    scenario = instance.scenario
    patient = (Row("patients", {}, scenario.extracts - 1),) if scenario.has_patient else ()
    lines: dict[tuple[str, str], int] = {}
    for row in (*patient, *scenario.rows):
        first = instance.last - row.back
        # A full extract after it holds the row again, or it would be gone.
        for index in sorted({first, *(full for full in instance.options.full_extracts if full > first)}):
            file = files[index, row.source]
            line, label = file.line_count + 1, f"{file.path.parent.name}/{file.path.name}"
            key = instance.key(row)
            file.append(f"{instance.line(row, file.header)}\n".encode())
            for place, broken in (("quarantine", row.fault), ("flag", row.flag)):
                if broken:
                    find = {"in": place, "column": broken[0], "rule": broken[1]}
                    yield Planted(instance.name, label, line, key, find)
            if (label, key) in lines:
                yield Planted(instance.name, label, lines[label, key], key, {"in": "duplicates"})
            lines[label, key] = line
    (label, key), line = list(lines.items())[-1]
    for found in scenario.finds:
        yield Planted(instance.name, label, line, key, instance.find(found))


# Files -------------------------------------------------------------------------------------------------------------


def plant_files(options: Options, folders: list[Path]) -> Iterator[Planted]:
    """Spoil closed files, the last extract's first, one fault each; and lay down files that nobody asked for."""
    spoilable = ((folder, source) for folder in reversed(folders) for source in _SPOILABLE)
    for name, fault in FILE_FAULTS.items():
        for _ in range(options.plant.get(name, 0)):
            folder, source = next(spoilable)
            suffix = "csv.gz" if source in options.gzip else "csv"
            path = fault.spoil(folder / f"{source}.{suffix}", source)
            yield Planted(name, f"{folder.name}/{path.name}", None, None, {"in": "check", "text": fault.text})
    for number in range(options.plant.get("unasked_file", 0)):
        folder = folders[number % len(folders)]
        name = UNASKED_NAME.replace(".", f"_{number + 1}.")
        (folder / name).write_text(UNASKED_TEXT, encoding="utf-8")
        yield Planted("unasked_file", f"{folder.name}/{name}", None, None, {"in": "unexpected"})


@dataclass(frozen=True)
class FileFault:
    """A fault of a whole file. text: words by which it is refused; spoil: gives the path of the spoilt file."""

    text: str
    spoil: Callable[[Path, str], Path]


def _missing(path: Path, source: str) -> Path:
    path.unlink()
    return path


def _empty(path: Path, source: str) -> Path:
    path.write_bytes(b"")
    return path


def _unknown_encoding(path: Path, source: str) -> Path:
    """A byte that is neither UTF-8 nor defined in Windows-1252."""
    with gzip.open(path, "ab") if path.suffix == ".gz" else path.open("ab") as file:
        file.write(b"\x81\n")
    return path


def _truncated_archive(path: Path, source: str) -> Path:
    archive = path if path.suffix == ".gz" else path.with_name(f"{path.name}.gz")
    if archive != path:
        with path.open("rb") as plain, gzip.GzipFile(archive, "wb", 6, mtime=0) as packed:
            shutil.copyfileobj(plain, packed)
        path.unlink()
    os.truncate(archive, archive.stat().st_size // 2)
    return archive


def _in_every_row(
    change: Callable[[int, list[str]], list[str] | None], delimiter: str = ","
) -> Callable[[Path, str], Path]:
    """A spoiler that writes the file again with every row changed, given its number; None leaves it out."""

    def spoil(path: Path, source: str) -> Path:
        spoilt = path.with_name(f"spoilt-{path.name}")
        opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
        text = {"encoding": ENCODINGS.get(source, "utf-8"), "newline": ""}
        with opener(path, "rt", **text) as read, opener(spoilt, "wt", **text) as write:
            changed = (change(number, row) for number, row in enumerate(csv.reader(read)))
            csv.writer(write, delimiter=delimiter).writerows(row for row in changed if row is not None)
        return spoilt.replace(path)

    return spoil


FILE_FAULTS: dict[str, FileFault] = {
    "missing_file": FileFault("expected the file", _missing),
    "empty_file": FileFault("found an empty file (0 bytes)", _empty),
    "no_header": FileFault("found no header", _in_every_row(lambda n, row: row if n else None)),
    "unknown_encoding": FileFault("the invalid byte 0x81", _unknown_encoding),
    "missing_column": FileFault("expected the required column", _in_every_row(lambda n, row: [row[0], *row[2:]])),
    "duplicated_header": FileFault(
        "found the duplicated header", _in_every_row(lambda n, row: [*row, row[0] if n == 0 else ""])
    ),
    "wrong_delimiter": FileFault("found fields separated by semicolons", _in_every_row(lambda n, row: row, ";")),
    "truncated_archive": FileFault("found a truncated or damaged one", _truncated_archive),
}
"""Faults for which an extract is refused."""
_SPOILABLE = ("patients", "referrals", "appointments", "procedures", "conditions", "gp", "trusts")


def write_list(out: Path, planted: list[Planted]) -> None:
    """Write the list beside the extracts."""
    entries = ",\n".join(json.dumps(asdict(one), ensure_ascii=False) for one in planted)
    (out / PLANTED).write_text(f"[\n{entries}\n]\n", encoding="utf-8")


def read_list(out: Path) -> list[Planted]:
    """The list of what was planted in a landing folder."""
    return [Planted(**entry) for entry in json.loads((out / PLANTED).read_text(encoding="utf-8"))]
