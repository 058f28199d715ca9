"""What people answer to the Friends and Family Test, by trust, specialty and week.

The survey is anonymous: an answer belongs to nobody, so none is drawn from a simulated patient. How many answer hangs
on the service's size alone; a trust asks all who come to it, far more than wait on its list. How they answer hangs on
the list that Sunday: for ten points more of it over 18 weeks, nine in a hundred fewer are positive.
Cancelled and missed bookings have no effect. So the marts have one link to find, and two not to find.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy

from medimart.synthetic.calendar import COMPACT, NEVER
from medimart.synthetic.draws import stream
from medimart.synthetic.records import Life
from medimart.synthetic.rows import experience
from medimart.synthetic.vocabulary import SPECIALTIES
from medimart.synthetic.world import World

Counts = numpy.ndarray[tuple[int, int, int], numpy.dtype[numpy.int64]]

_ANSWERS = 0.2  # answers a week for each simulated patient, over all services
_MOST = 300  # of one service and week
_POSITIVE = 0.91  # where as many are over 18 weeks as in England, January 2026
_OVER_18 = 0.386
_WAIT_EFFECT = 0.9  # fewer positive, a share, for each share more over 18 weeks
_DAYS_18_WEEKS = 126
_LATE = 0.08  # come with the next week's extract
_BLANK = 0.01
_ANSWER_SHARES = {True: (("1", 0.78), ("2", 1.0)), False: (("3", 0.32), ("4", 0.58), ("5", 0.8), ("6", 1.0))}
_DRAWS = 5  # for one answer: whether it is late, its day, positive, which of these, how the specialty is written


def nobody_waits(world: World) -> Counts:
    """Pathways on the list, and those over 18 weeks, by service and extract: none yet."""
    return numpy.zeros((2, len(world.trusts) * len(SPECIALTIES), world.options.weeks), dtype=numpy.int64)


def add_waits(counts: Counts, places: list[int]) -> None:
    """Count pathways, each given by its place as `wait_places` does."""
    counts += numpy.bincount(places, minlength=counts.size).reshape(counts.shape)


def wait_places(world: World, life: Life) -> Iterator[int]:
    """The place in the flattened counts of every period of a patient on each extract's day on which it is open."""
    days = world.options.extract_days
    services = len(world.trusts) * len(SPECIALTIES)
    for period in life.periods:
        service = period.trust.number * len(SPECIALTIES) + _PLACE[period.specialty.code]
        end = min(period.stop_day, period.stop_known, NEVER)
        for index, day in enumerate(days):
            if max(period.start_day, period.known_day) <= day < end:
                yield service * len(days) + index
                if day - period.start_day > _DAYS_18_WEEKS:
                    yield (services + service) * len(days) + index


_PLACE = {specialty.code: place for place, specialty in enumerate(SPECIALTIES)}
_WEIGHT = sum(specialty.weight for specialty in SPECIALTIES)


def answer_lines(world: World, counts: Counts) -> Iterator[tuple[int, str]]:
    """Rows of `experience`, each with the index of the extract that brings it."""
    options = world.options
    for trust in world.trusts:
        for place, specialty in enumerate(SPECIALTIES):
            usual = min(_MOST, options.patients * _ANSWERS * specialty.weight / _WEIGHT / len(world.trusts))
            waiting, over_18 = counts[:, trust.number * len(SPECIALTIES) + place, :].tolist()
            for index, sunday in enumerate(options.extract_days):
                draw = stream(options.seed, f"experience {trust.trust_id} {specialty.code} {sunday}")
                share = over_18[index] / waiting[index] if waiting[index] else _OVER_18
                positive = min(0.98, max(0.3, _POSITIVE - _WAIT_EFFECT * (share - _OVER_18)))
                for number in range(int(usual * (0.75 + draw() / 2) + draw())):
                    late, day, mood, which, spelt = (draw() for _ in range(_DRAWS))
                    brought = index + (late < _LATE)
                    if brought == options.weeks:
                        continue
                    choices = _ANSWER_SHARES[mood < positive]
                    answer = "" if spelt < _BLANK else next(code for code, upto in choices if which < upto)
                    name = f"F{trust.trust_id}-{specialty.code}-{COMPACT[sunday]}-{number + 1:04d}"
                    text = specialty.texts[int(spelt * len(specialty.texts))]
                    row = experience(trust, name, sunday - int(day * 7), text, answer)
                    yield brought, ",".join(row)
