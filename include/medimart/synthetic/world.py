"""What exists before any patient does: trusts, practices, and the clinic and theatre sessions that are planned."""

from __future__ import annotations

import itertools
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy

from medimart.synthetic.calendar import COMPACT
from medimart.synthetic.draws import shuffled
from medimart.synthetic.options import Options
from medimart.synthetic.vocabulary import (
    PRACTICE_FIRST,
    PRACTICE_LAST,
    SPECIALTIES,
    TRUSTS,
    Specialty,
    TrustName,
)

CLINIC, THEATRE = "clinic", "theatre"
SESSION_LEAD_DAYS = 84  # sessions are planned twelve weeks ahead
SESSION_PAST_DAYS = 84  # and the first extract goes twelve weeks back

# Appointments and admissions per patient and week that the life courses give (measured); they size the sessions.
_CLINIC_RATE = 0.0735
_THEATRE_RATE = 0.0078
_WEEKDAYS = (1, 3, 0, 2, 4)  # a single weekly session is on a Tuesday
_SLOTS = {CLINIC: 12, THEATRE: 5}
_FALL = {1: "North", 2: "South", 3: "East", 4: "West"}


@dataclass(frozen=True, slots=True)
class Trust:
    """A fictional trust and how it differs: spelling of its system, pace, missed appointments, staffing.

    style: 0 writes codes and ISO dates, 1 words and DD/MM/YYYY, 2 abbreviations and ISO dates.
    pace: length of its waits against the average.
    missed: its rate of missed appointments against the average.
    staffing: planned sessions against what its appointments need.
    """

    number: int
    trust_id: str
    names: TrustName
    style: int
    pace: float
    missed: float
    staffing: float


@dataclass(frozen=True, slots=True)
class Practice:
    """One general practitioner at a practice."""

    gp_id: str
    name: str
    practice: str
    postcode: str
    code: str
    icb_code: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The weekly sessions of one trust, specialty and session type: how many on each weekday."""

    number: int
    trust: Trust
    specialty: Specialty
    session_type: str
    prefix: str
    sessions: tuple[int, int, int, int, int, int, int]
    nearest: tuple[int, int, int, int, int, int, int]  # days from each weekday to the nearest one with sessions

    def session_id(self, day: int, index: int) -> str:
        """The identifier of the index-th session on a day."""
        return f"{self.prefix}{COMPACT[day]}-{index + 1:02d}"


def _spread(total: int) -> tuple[int, int, int, int, int, int, int]:
    counts = [0] * 7
    for index in range(total):
        counts[_WEEKDAYS[index % 5]] += 1
    return counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6]


def _nearest(counts: tuple[int, ...]) -> tuple[int, int, int, int, int, int, int]:
    def offset(weekday: int) -> int:
        return min((o for o in range(-3, 7) if counts[(weekday + o) % 7]), key=lambda o: (abs(o), -o))

    return offset(0), offset(1), offset(2), offset(3), offset(4), offset(5), offset(6)


def trusts(count: int) -> list[Trust]:
    """The first `count` fictional trusts; beyond the named ones they are numbered sisters of these."""
    paces = (0.96, 1.10, 1.02, 0.90, 1.05, 0.98, 1.00, 0.94, 1.08, 0.97)
    missed = (1.0, 1.3, 1.1, 0.7, 1.2, 1.0, 0.9, 0.8, 1.1, 1.0)
    staffing = (1.05, 0.93, 1.02, 1.12, 0.98, 1.03, 1.05, 1.0, 0.95, 1.06)
    result = []
    for number in range(count):
        kind, sister = number % len(TRUSTS), number // len(TRUSTS)
        names = TRUSTS[kind]
        if sister:
            side = _FALL[(sister - 1) % 4 + 1] + (f" {(sister - 1) // 4 + 1}" if sister > 4 else "")
            names = TrustName(
                f"{names.name.removesuffix(' NHS Trust').removesuffix(' NHS Foundation Trust')} {side} NHS Trust",
                f"Z{chr(ord('A') + kind)}{sister:03d}", names.region, names.icb_code, names.icb_name,
                names.commissioner, names.districts, names.community,
            )  # fmt: skip
        result.append(Trust(number, f"T{number + 1:02d}", names, number % 3, paces[kind], missed[kind], staffing[kind]))
    return result


def nhs_numbers(seed: int) -> numpy.ndarray[tuple[int], numpy.dtype[numpy.int64]]:
    """All numbers of the test series 999 000 000x … 999 999 999x with a valid check digit, in seeded order.

    The check digit is 11 − (Σ digitᵢ × (11 − i) mod 11); 11 is written 0, and numbers that give 10 do not exist.
    """
    bodies = numpy.arange(999_000_000, 1_000_000_000, dtype=numpy.int64)
    total = numpy.zeros_like(bodies)
    for position in range(9):
        total += bodies // 10 ** (8 - position) % 10 * (10 - position)
    digit = (11 - total % 11) % 11
    valid = (bodies * 10 + digit)[digit != 10]
    mixed: numpy.ndarray[tuple[int], numpy.dtype[numpy.int64]] = valid[shuffled(seed, "nhs number", len(valid))]
    return mixed


class World:
    """Everything that patients meet: made once per generation from the options alone, the same in every process."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.trusts = trusts(options.trusts)
        self.nhs_numbers = nhs_numbers(options.seed)
        kinds = itertools.product(self.trusts, SPECIALTIES, (CLINIC, THEATRE))
        self.cells = {
            (trust.number, specialty.code, kind): self._cell(number, trust, specialty, kind)
            for number, (trust, specialty, kind) in enumerate(kinds)
        }
        self.practices_of = self._practices()

    def _cell(self, number: int, trust: Trust, specialty: Specialty, kind: str) -> Cell:
        total = sum(s.weight * (s.admitted if kind == THEATRE else 1) for s in SPECIALTIES)
        share = specialty.weight * (specialty.admitted if kind == THEATRE else 1) / total
        rate = _THEATRE_RATE if kind == THEATRE else _CLINIC_RATE
        weekly = self.options.patients * rate * share / len(self.trusts)
        count = max(1, round(weekly / _SLOTS[kind]))
        counts = _spread(count)
        return Cell(
            number=number,
            trust=trust,
            specialty=specialty,
            session_type=kind,
            prefix=f"{kind[0].upper()}{trust.trust_id}-{specialty.code}-",
            sessions=counts,
            nearest=_nearest(counts),
        )

    def _practices(self) -> dict[str, list[Practice]]:
        result: dict[str, list[Practice]] = {}
        boards = {trust.names.icb_code: trust.names for trust in self.trusts}
        per_board = min(2000, max(12, self.options.patients // (2500 * len(boards))))
        number = 0
        for code, names in boards.items():
            result[code] = []
            for practice in range(per_board):
                first = PRACTICE_FIRST[(practice * 5 + number) % len(PRACTICE_FIRST)]
                last = PRACTICE_LAST[(practice + number // 3) % len(PRACTICE_LAST)]
                district = list(names.districts)[practice % len(names.districts)]
                for partner in range(3):
                    number += 1
                    initial = "ABCDEFGHJKLMNPRSTW"[(number * 7) % 18]
                    family = ("Ahmed", "Lefèvre", "Okoro", "Whitaker", "Sharma", "Byrne", "Novák", "Castle", "Ismail",
                              "Pryce", "Müller", "Thorne", "Grant")[(number * 5) % 13]  # fmt: skip
                    result[code].append(
                        Practice(
                            gp_id=f"G{number:05d}",
                            name=f"Dr {initial} {family}",
                            practice=f"{first} {last}",
                            postcode=f"{district} {practice % 9 + 1}{'ABDEFGHJLN'[practice % 10]}{'PQRST'[partner]}",
                            code=f"Z{90000 + (number - 1) // 3 % 10000:05d}",
                            icb_code=code,
                        )
                    )
        return result

    @cached_property
    def first_session_day(self) -> int:
        """The first day for which sessions are delivered."""
        return self.options.extract_days[0] - SESSION_PAST_DAYS

    def is_session_cancelled(self, session_id: str) -> bool:
        """About three sessions in a hundred are cancelled; which ones hangs on seed and identifier alone."""
        return zlib.crc32(f"{self.options.seed}:{session_id}".encode()) % 1000 < 30
