"""How many slots a session is planned with: as many as its bookings turned out to need, more or less.

Patients are simulated one by one and none knows of another, so a session cannot fill up. Instead the bookings of all
patients are counted by trust, specialty, session type and day, and the plan is made from the counts: a trust's
staffing says how much above or below its need it plans, and every session differs a little.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy

from medimart.synthetic.records import Life
from medimart.synthetic.world import CLINIC, SESSION_LEAD_DAYS, THEATRE, Cell, World

Counts = numpy.ndarray[tuple[int, int, int], numpy.dtype[numpy.int64]]

_SMALL = 2.0  # bookings a session; services smaller than this hold one only when there is somebody to see


def no_bookings(world: World) -> Counts:
    """Bookings that stood, and those that were cancelled, by cell and day from the first session day: none yet."""
    days = world.options.extract_days[-1] + SESSION_LEAD_DAYS - world.first_session_day + 1
    return numpy.zeros((2, len(world.cells), days), dtype=numpy.int64)


def add_bookings(counts: Counts, places: list[int]) -> None:
    """Count bookings, each given by its place as `booking_places` does."""
    counts += numpy.bincount(places, minlength=counts.size).reshape(counts.shape)


def booking_places(world: World, life: Life, days: int) -> Iterator[int]:
    """The place in the flattened counts of `days` days of every booking of a patient."""
    first, cells = world.first_session_day, len(world.cells)
    for visit in life.appointments:
        if 0 <= visit.day - first < days:
            period = visit.period
            cell = world.cells[period.trust.number, period.specialty.code, CLINIC]
            yield (bool(visit.cancelled_by) * cells + cell.number) * days + visit.day - first
    for operation in life.operations:
        if 0 <= operation.tci_day - first < days:
            kind = THEATRE if operation.procedure.is_admitted else CLINIC
            cell = world.cells[operation.trust.number, operation.specialty_code, kind]
            yield ((operation.status == "cancelled") * cells + cell.number) * days + operation.tci_day - first


class Capacity:
    """The slots of every session, from the bookings of all patients."""

    def __init__(self, world: World, counts: Counts) -> None:
        self.world = world
        self.last_day = world.options.extract_days[-1]
        self.standing: list[list[int]] = counts[0].tolist()
        self.cancelled: list[list[int]] = counts[1].tolist()
        past = self.last_day - world.first_session_day + 1
        self.usual = [
            sum(self.standing[cell.number][:past]) * 7 / (past * sum(cell.sessions)) for cell in world.cells.values()
        ]

    def slots(self, cell: Cell, day: int, index: int) -> int:
        """Slots of the index-th session of a day; 0 when there is no such session."""
        name = cell.session_id(day, index)
        held = [
            n for n in range(cell.sessions[day % 7]) if not self.world.is_session_cancelled(cell.session_id(day, n))
        ]
        usual = self.usual[cell.number]
        at = day - self.world.first_session_day
        standing, cancelled = self.standing[cell.number][at], self.cancelled[cell.number][at]
        if not standing and not cancelled and usual < _SMALL:
            return 0
        need = usual
        if day <= self.last_day and index in held and standing:
            need = standing / len(held)
        chance = zlib.crc32(f"{self.world.options.seed}:{name}:slots".encode())
        wanted = need * cell.trust.staffing * (0.92 + chance % 1009 / 1009 * 0.2)
        return max(1, int(wanted + chance // 1009 % 1013 / 1013))
