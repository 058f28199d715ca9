"""A month in the format of NHS England's RTT publication ("Full CSV data file"), of fictional trusts.

Every pathway is drawn one by one, so that parts, bands and totals agree as they do in the real file: `C_999` is the sum
of the treatment functions, Part 2A is part of Part 2, and new periods cover those who have waited under four weeks. The
boards and commissioners are real, as everywhere in the synthetic extracts; no real trust is given an invented figure.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medimart.synthetic import waits
from medimart.synthetic.draws import Draw, patients_draws
from medimart.synthetic.vocabulary import SPECIALTIES, TRUSTS, Specialty

PERIOD = "RTT-January-2026"
MEMBER = "20260131-RTT-January-2026-full-extract.csv"
SEED = 1
BANDS = 105
HEADER = (
    "Period", "Provider Parent Org Code", "Provider Parent Name", "Provider Org Code", "Provider Org Name",
    "Commissioner Parent Org Code", "Commissioner Parent Name", "Commissioner Org Code", "Commissioner Org Name",
    "RTT Part Type", "RTT Part Description", "Treatment Function Code", "Treatment Function Name",
    *(f"Gt {week:02d} To {week + 1:02d} Weeks SUM 1" for week in range(BANDS - 1)), "Gt 104 Weeks SUM 1",
    "Total", "Patients with unknown clock start date", "Total All",
)  # fmt: skip

_PARTS = {
    "Part_1A": "Completed Pathways For Admitted Patients",
    "Part_1B": "Completed Pathways For Non-Admitted Patients",
    "Part_2": "Incomplete Pathways",
    "Part_2A": "Incomplete Pathways with DTA",
    "Part_3": "New RTT Periods - All Patients",
}
_FUNCTIONS = {
    "100": "General Surgery Service", "101": "Urology Service", "110": "Trauma and Orthopaedic Service",
    "120": "Ear Nose and Throat Service", "130": "Ophthalmology Service", "140": "Oral Surgery Service",
    "150": "Neurosurgical Service", "160": "Plastic Surgery Service", "170": "Cardiothoracic Surgery Service",
    "300": "General Internal Medicine Service", "301": "Gastroenterology Service", "320": "Cardiology Service",
    "330": "Dermatology Service", "340": "Respiratory Medicine Service", "400": "Neurology Service",
    "410": "Rheumatology Service", "430": "Elderly Medicine Service", "502": "Gynaecology Service",
    "X02": "Other - Medical Services", "X03": "Other - Mental Health Services",
    "X04": "Other - Paediatric Services", "X05": "Other - Surgical Services", "X06": "Other - Other Services",
}  # fmt: skip
_TOTAL = ("C_999", "Total")
_COMMISSIONERS = {  # code: name, code and name of its board; hubs have no board and NONC has no name
    "36J": ("NHS BRADFORD DISTRICT AND CRAVEN (SUB ICB LOCATION)", "QWO", "NHS WEST YORKSHIRE INTEGRATED CARE BOARD"),
    "15F": ("NHS LEEDS (SUB ICB LOCATION)", "QWO", "NHS WEST YORKSHIRE INTEGRATED CARE BOARD"),
    "15N": ("NHS DEVON (SUB ICB LOCATION)", "QJK", "NHS DEVON INTEGRATED CARE BOARD"),
    "04C": ("NHS LEICESTER CITY (SUB ICB LOCATION)", "QK1",
            "NHS LEICESTER, LEICESTERSHIRE AND RUTLAND INTEGRATED CARE BOARD"),
    "13Q": ("NATIONAL COMMISSIONING HUB 1", "", ""),
    "NONC": ("#N/A", "", ""),
}  # fmt: skip


@dataclass(frozen=True)
class _Provider:
    """A fictional trust of the publication: incomplete pathways, pace of its waits, commissioners in per cent."""

    code: str
    incomplete: int
    pace: float
    commissioners: tuple[tuple[str, int], ...]


_PROVIDERS = (
    _Provider("ZA1", 4200, 1.04, (("36J", 74), ("15F", 20), ("13Q", 5), ("NONC", 1))),
    _Provider("ZA2", 2600, 1.17, (("36J", 58), ("15F", 37), ("13Q", 4), ("NONC", 1))),
    _Provider("ZC1", 3100, 0.97, (("15N", 93), ("13Q", 5), ("NONC", 2))),
    _Provider("ZF1", 2300, 1.11, (("04C", 92), ("15N", 2), ("13Q", 5), ("NONC", 1))),
)
# Pathways of each kind for one incomplete pathway (January 2026): new, completed admitted and non-admitted.
_NEW, _ADMITTED, _NON_ADMITTED = 0.25, 0.042, 0.174
_UNKNOWN_START = 0.008
_DECIDED = 1.0  # decisions to admit among incomplete pathways for one admission among completed ones

Key = tuple[str, str, str, str]  # provider, commissioner, part, treatment function


def rows() -> Iterator[tuple[str, ...]]:
    """The lines of the month, header first, in NHS England's order."""
    bands: dict[Key, Counter[int | None]] = defaultdict(Counter)
    for number, provider in enumerate(_PROVIDERS):
        _, draw = next(patients_draws(SEED, number))
        for key, band in _pathways(provider, draw):
            bands[key][band] += 1
            bands[(*key[:3], _TOTAL[0])][band] += 1
    yield HEADER
    names = {trust.code: trust for trust in TRUSTS}
    for code, commissioner, part, function in sorted(bands, key=lambda key: (*key[:3], key[3] == _TOTAL[0], key[3])):
        trust = names[code]
        name, board, board_name = _COMMISSIONERS[commissioner]
        function_name = _TOTAL[1] if function == _TOTAL[0] else _FUNCTIONS[function.removeprefix("C_")]
        yield (
            PERIOD, trust.icb_code, trust.icb_name.upper(), code, trust.name.upper(), board, board_name, commissioner,
            name, part, _PARTS[part], function, function_name,
            *_figures(part, bands[code, commissioner, part, function]),
        )  # fmt: skip


def _figures(part: str, counts: Counter[int | None]) -> list[str]:
    everyone = str(counts.total())
    if part == "Part_3":
        return [*[""] * (BANDS + 2), everyone]
    weeks = [str(counts[band]) for band in range(BANDS)]
    if part in ("Part_2", "Part_2A"):
        return [*weeks, "", "", everyone]
    return [*weeks, str(counts.total() - counts[None]), str(counts[None]), everyone]


def _pathways(provider: _Provider, draw: Draw) -> Iterator[tuple[Key, int | None]]:
    """Every pathway of a trust as its key and band; no band where the clock start is unknown or the wait just begun."""
    functions = [specialty for specialty in SPECIALTIES for _ in range(specialty.weight)]
    commissioners = [code for code, share in provider.commissioners for _ in range(share)]

    def pathway() -> tuple[Specialty, str]:
        return functions[int(draw() * len(functions))], commissioners[int(draw() * len(commissioners))]

    def key(part: str, specialty: Specialty, commissioner: str) -> Key:
        function = specialty.code if specialty.code.startswith("X") else f"C_{specialty.code}"
        return provider.code, commissioner, part, function

    for _ in range(provider.incomplete):
        specialty, commissioner = pathway()
        days, _total = waits.age_and_length(draw(), draw(), provider.pace * specialty.pace)
        yield key("Part_2", specialty, commissioner), _band(days)
        if draw() < specialty.admitted * _DECIDED and days > 28:
            yield key("Part_2A", specialty, commissioner), _band(days)
    for _ in range(int(provider.incomplete * _NEW)):
        yield key("Part_3", *pathway()), None
    for part, share in (("Part_1A", _ADMITTED), ("Part_1B", _NON_ADMITTED)):
        for _ in range(int(provider.incomplete * share)):
            specialty, commissioner = pathway()
            while part == "Part_1A" and draw() > specialty.admitted * 2:
                specialty, commissioner = pathway()
            days = waits.length(draw(), provider.pace * specialty.pace)
            yield key(part, specialty, commissioner), None if draw() < _UNKNOWN_START else _band(days)


def _band(days: int) -> int:
    return 0 if days <= 7 else min(104, (days - 1) // 7)


def write(path: Path) -> None:
    """Write the month as a .zip that holds its .csv, as NHS England publishes it."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows())
    member = zipfile.ZipInfo(MEMBER)  # dated 1980, so that the bytes are the same on every day
    member.compress_type = zipfile.ZIP_DEFLATED
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, text.getvalue())
