"""What a caller may ask of the generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from medimart.errors import SettingError
from medimart.synthetic.calendar import day_of

LAST_CENSUS = date(2026, 4, 5)
CORE_SOURCES = ("patients", "gp", "trusts", "referrals", "appointments", "procedures", "conditions")
SOURCES = (*CORE_SOURCES, "sessions", "experience")


@dataclass(frozen=True)
class Options:
    """Options of one generation; the same options give the same bytes.

    patients: simulated patients, over all weeks together.
    weeks: extracts, one each Sunday, the last on `until`.
    seed: any whole number.
    until: date of the last extract, a Sunday.
    core_only: the seven core extracts with their required columns alone.
    plant: how many of each fault or trap to plant, by name (see medimart.synthetic.planting).
    trusts: number of fictional trusts.
    gzip: sources to write as .csv.gz.
    changing: share of the patients whose changes the weekly extracts bring (1.0: all of them). Less than that
        gives weeks in which little changed; what is left out arrives with the next full extract.
    workers: processes to use (0: as many as help). The output does not depend on it.
    """

    patients: int
    weeks: int = 12
    seed: int = 1
    until: date = LAST_CENSUS
    core_only: bool = False
    plant: Mapping[str, int] = field(default_factory=dict)
    trusts: int = 4
    gzip: frozenset[str] = frozenset()
    changing: float = 1.0
    workers: int = 0

    def __post_init__(self) -> None:
        for name, least in (("patients", 1), ("weeks", 1), ("trusts", 1)):
            if getattr(self, name) < least:
                raise SettingError(f"generate: {name} must be at least {least}, not {getattr(self, name)}.")
        if self.until.weekday() != 6:
            raise SettingError(
                f"generate: until must be a Sunday, as every extract date; {self.until} is a "
                f"{self.until:%A}. Choose {date.fromordinal(self.until.toordinal() - self.until.isoweekday())}."
            )
        if not 0 <= self.changing <= 1:
            raise SettingError(f"generate: changing must be between 0 and 1, not {self.changing}.")
        if self.trusts > 100:
            raise SettingError(f"generate: at most 100 trusts, not {self.trusts}.")
        unknown = self.gzip - set(SOURCES)
        if unknown:
            raise SettingError(f"generate: no such source to compress: {', '.join(sorted(unknown))}.")

    @cached_property
    def extract_days(self) -> tuple[int, ...]:
        """Day numbers of the extracts, first to last."""
        last = day_of(self.until)
        return tuple(last - 7 * back for back in range(self.weeks - 1, -1, -1))

    @property
    def full_extracts(self) -> frozenset[int]:
        """Indexes of the extracts that are full: the first, and from four weeks on one midway."""
        return frozenset({0, self.weeks // 2} if self.weeks >= 4 else {0})

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that are written."""
        return CORE_SOURCES if self.core_only else SOURCES
