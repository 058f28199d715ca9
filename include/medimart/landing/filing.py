"""Filing an extract: checked as a run would check it, then put in its dated folder, whole and marked complete."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medimart.errors import InputError, SettingError
from medimart.landing.contract import Delivery, load
from medimart.landing.extract import MARKER, Extract, extract_in
from medimart.landing.preflight import check_file


@dataclass(frozen=True)
class Filed:
    """An extract in its place. is_new: it was not there already, byte for byte; unexpected: what was left out."""

    folder: Path
    files: tuple[str, ...]
    unexpected: tuple[str, ...]
    is_new: bool


def file_extract(source: Path, date: dt.date, landing: Path, *, replace: bool = False) -> Filed:
    """Check a folder's files and file them as the extract of a date, in one step: a run sees all of it or nothing.

    The folder's own marker, if it has one, says how each source is delivered, as in the landing folder. The same
    bytes again change nothing; other bytes are refused unless `replace`. Raises InputError naming every fault.
    """
    if not source.is_dir():
        raise InputError(f"{source} is not a folder: give the folder that holds the extract's files.")
    extract = extract_in(source.resolve(), date)
    hashes = _checked(extract)
    place = landing / date.isoformat()
    marker = json.dumps({"delivery": extract.marker.delivery if extract.marker else {}, "files": hashes}, indent=2)
    with _inbox(landing) as inbox:
        fresh = inbox / "fresh"
        _copy(extract, hashes, fresh)
        (fresh / MARKER).write_text(marker + "\n")
        is_new = _put(fresh, place, inbox / "former", date, replace)
    return Filed(place, tuple(sorted(hashes)), extract.unexpected, is_new)


def _checked(extract: Extract) -> dict[str, str]:
    """The SHA-256 of every file, by its name. Raises InputError when one cannot be loaded, or is missing."""
    # A folder without a marker is complete when a person hands it in: that it lacks one is no fault here.
    faults = [problem for problem in extract.problems if extract.marker or MARKER not in problem]
    hashes = {}
    for source, path in extract.files.items():
        contract = load(source)
        expected = extract.marker.files.get(path.name) if extract.marker else None
        try:
            hashes[path.name] = check_file(contract, path, extract.delivery(contract), expected).sha256
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join([*faults, "Nothing has been filed."]))
    return hashes


@contextlib.contextmanager
def _inbox(landing: Path) -> Iterator[Path]:
    """A hidden folder within the landing folder, which runs do not look into."""
    try:
        landing.mkdir(parents=True, exist_ok=True)
        inbox = Path(tempfile.mkdtemp(prefix=".incoming-", dir=landing))
    except OSError as error:
        raise SettingError(
            f"The landing folder {landing} cannot be written ({error.strerror}): "
            "make it yours, or set MEDIMART_LANDING to another folder."
        ) from None
    try:
        yield inbox
    except OSError as error:
        raise SettingError(f"The extract cannot be filed in {landing}: {error.strerror}.") from None
    finally:
        shutil.rmtree(inbox, ignore_errors=True)


def _copy(extract: Extract, hashes: dict[str, str], fresh: Path) -> None:
    fresh.mkdir()
    for path in extract.files.values():
        shutil.copyfile(path, fresh / path.name)
        if _sha256(fresh / path.name) != hashes[path.name]:
            raise InputError(f"{path} changed while it was read: wait until it has been written, then land it again.")


def _put(fresh: Path, place: Path, former: Path, date: dt.date, replace: bool) -> bool:
    """Move a whole folder to its place; False when the same is there already."""
    if place.exists():
        if _contents(extract_in(place, date)) == _contents(extract_in(fresh, date)):
            return False
        if not replace:
            raise InputError(
                f"{place} holds another extract already. To put this one in its place, add --replace: "
                "the censuses that read it become stale, and `medimart backfill --stale` redoes them."
            )
        place.rename(former)
    fresh.rename(place)
    return True


def _contents(extract: Extract) -> tuple[dict[str, str], dict[str, Delivery] | None]:
    """What makes an extract: its files' hashes, and what its marker says of their delivery."""
    hashes = {path.name: _sha256(path) for path in extract.files.values()}
    return hashes, extract.marker.delivery if extract.marker else None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
