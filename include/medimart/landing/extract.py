"""The landing folder: one dated folder per extract, its files and its completion marker."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medimart.errors import InputError
from medimart.landing.contract import Contract, Delivery, folder_contracts

MARKER = "_complete.json"
SUFFIXES = (".csv", ".csv.gz", ".zip")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Marker:
    """What `_complete.json` says: sources' delivery and files' SHA-256, both optional."""

    delivery: dict[str, Delivery]
    files: dict[str, str]


@dataclass(frozen=True)
class Extract:
    """One dated folder.

    files: source → its file. problems: what keeps the extract from being loaded, in words for people. Without a
    marker it is merely waited for; with one its problems are faults. unexpected: files that no contract asks for.
    """

    date: dt.date
    folder: Path
    files: dict[str, Path]
    marker: Marker | None
    is_complete: bool
    problems: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def census(self) -> dt.date:
        """The Sunday that ends its week, whose run takes it in."""
        return self.date + dt.timedelta(days=7 - self.date.isoweekday())

    def delivery(self, contract: Contract) -> Delivery:
        """How a source comes in this extract: as the marker says, else as its contract does."""
        return (self.marker.delivery if self.marker else {}).get(contract.source, contract.delivery)


def extracts(landing: Path) -> list[Extract]:
    """Every dated folder of the landing folder, by date. A landing folder that isn't there holds none."""
    if not landing.is_dir():
        return []
    contracts = folder_contracts()
    return [_scan(path, date, contracts) for date, path in _dated(landing)]


def extract_in(folder: Path, date: dt.date) -> Extract:
    """The files of any folder as the extract of a date."""
    return _scan(folder, date, folder_contracts())


def strays(landing: Path) -> list[str]:
    """Names in the landing folder that are no extract's date, so that nobody waits for them in vain."""
    if not landing.is_dir():
        return []
    dated = {path.name for _, path in _dated(landing)}
    return [p.name for p in _listed(landing) if p.name not in dated]


def _listed(folder: Path) -> list[Path]:
    """What a folder holds, hidden files apart, by name."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: expected to list it; found {error.strerror}. Mend its access.") from None


def _dated(landing: Path) -> list[tuple[dt.date, Path]]:
    found = []
    for path in _listed(landing):
        if path.is_dir() and _DATE.fullmatch(path.name):
            try:
                found.append((dt.date.fromisoformat(path.name), path))
            except ValueError:
                continue  # 2026-02-30: reported by strays()
    return found


def _scan(folder: Path, date: dt.date, contracts: tuple[Contract, ...]) -> Extract:
    held = _listed(folder)
    names = [path.name for path in held if path.is_file()]
    problems: list[str] = []
    files: dict[str, Path] = {}
    expected = {MARKER}
    for contract in contracts:
        candidates = [n for n in names if n.lower() in {contract.source + suffix for suffix in SUFFIXES}]
        expected.update(candidates)
        if len(candidates) > 1:
            problems.append(
                f"{folder.name}: expected one file of {contract.source}; found {', '.join(candidates)}. "
                "Remove all but one."
            )
        elif candidates:
            files[contract.source] = folder / candidates[0]
        elif contract.required:
            problems.append(
                f"{folder.name}/{contract.source}.csv: expected the file (or .csv.gz, .zip), which its contract "
                f"requires; found {', '.join(n for n in names if n != MARKER) or 'an empty folder'}. "
                "Ask its sender for it."
            )
    marker: Marker | None = None
    if MARKER not in names:
        problems.insert(0, f"{folder.name}: not complete: the marker {MARKER} has not arrived.")
    else:
        marker, faults = read_marker(folder / MARKER, {c.source for c in contracts}, set(names))
        problems.extend(faults)
    return Extract(
        date=date,
        folder=folder,
        files=files,
        marker=marker,
        is_complete=marker is not None and not problems,
        problems=tuple(problems),
        unexpected=tuple(sorted({*names, *(f"{path.name}/" for path in held if path.is_dir())} - expected)),
    )


def read_marker(path: Path, sources: set[str], names: set[str]) -> tuple[Marker, list[str]]:
    """The completion marker and what is wrong in it: `sources` may have a delivery, `names` a SHA-256."""
    where, again = f"{path.parent.name}/{path.name}", "Write it again: `medimart land` does."
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
        document: Any = json.loads(text) if text else {}
    except ValueError:
        return Marker({}, {}), [f"{where}: expected JSON, {{}} at least; found other text. {again}"]
    except OSError as error:
        return Marker({}, {}), [f"{where}: expected to read it; found {error.strerror}. Mend its access."]
    if not isinstance(document, dict):
        return Marker({}, {}), [f"{where}: expected a JSON object; found {type(document).__name__}. {again}"]
    delivery, files = document.get("delivery", {}), document.get("files", {})
    for part, name in ((delivery, "delivery"), (files, "files")):
        if not isinstance(part, dict):
            return Marker({}, {}), [f"{where}: expected an object under `{name}`; found {type(part).__name__}. {again}"]
    faults = [
        f"{where}: expected `delivery` and `files` alone; found `{key}`. Remove it."
        for key in sorted(document.keys() - {"delivery", "files"})
    ]
    for source, kind in delivery.items():
        if source not in sources:
            known = ", ".join(sorted(sources))
            faults.append(f"{where}: expected sources ({known}) under `delivery`; found {source!r}. Mend its name.")
        if kind not in ("full", "changes"):
            faults.append(f"{where}: expected `full` or `changes` for {source}; found {kind!r}. {again}")
    for name, digest in files.items():
        if name not in names:
            faults.append(
                f"{where}: expected the file {name}, which the marker lists; it is missing. Ask its sender for it."
            )
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            faults.append(f"{where}: expected 64 hexadecimal digits (SHA-256) for {name}; found {digest!r}. {again}")
    return Marker(delivery, {n: str(d).lower() for n, d in files.items()}), faults
