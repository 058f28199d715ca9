"""Write synthetic extracts: one full first export, weekly changes after it, and one more full export midway.

The sample in `data/landing` is made by

    python -m medimart.synthetic.sample

Patients are simulated one by one, in blocks, and every week's rows of a block are appended to the files at once:
memory does not grow with their number. Blocks are shared among processes and written in order, so that the bytes
do not depend on how many there are.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path

from medimart.errors import InputError
from medimart.synthetic import capacity, course, experience, planting, rows
from medimart.synthetic.calendar import date_of
from medimart.synthetic.draws import BLOCK, patients_draws
from medimart.synthetic.files import ExtractFile, write_marker
from medimart.synthetic.options import Options
from medimart.synthetic.records import Appointment, Life, Operation, Period
from medimart.synthetic.world import SESSION_LEAD_DAYS, World

FileKey = tuple[int, str]  # extract index, source
Lines = dict[FileKey, list[str]]
_CHUNK = 4  # blocks of patients per task
_PARALLEL_FROM = 20_000  # patients from which processes pay


@dataclass(frozen=True)
class Generated:
    """What was written: the dated folders, rows (without those planted), bytes, and what was planted."""

    folders: tuple[Path, ...]
    row_count: int
    size: int
    planted: tuple[planting.Planted, ...]


class Delivery:
    """Which extracts bring a record, from the days on which it changed."""

    def __init__(self, options: Options) -> None:
        self.days = options.extract_days
        self.first = self.days[0]
        self.count = len(self.days)
        self.full = sorted(options.full_extracts)

    def index(self, day: int) -> int:
        """The first extract that knows of a day; the number of extracts if none does."""
        return 0 if day <= self.first else min(self.count, (day - self.first + 6) // 7)

    def extracts(self, known: int, changes: list[int], changing: bool) -> list[int]:
        """Indexes of the extracts in which a record known since `known` is delivered."""
        start = self.index(known)
        if start >= self.count:
            return []
        if self.count == 1:
            return [0]
        found = {index for index in self.full if index >= start}
        if changing:
            found.add(start)
            found.update(self.index(day) for day in changes if day > self.first)
            found.discard(self.count)
        return sorted(found)


def _period_changes(p: Period) -> list[int]:
    return [p.accepted_day, p.first_activity_day, p.dtt_day, p.dta_day, p.stop_known, *p.validations, *p.reviews,
            *(day for day, _ in p.offers)]  # fmt: skip


def _appointment_changes(a: Appointment) -> list[int]:
    return [a.recorded_day, a.cancelled_day]


def _operation_changes(o: Operation) -> list[int]:
    return [o.offered_day, o.settled_day, o.due_day]


def is_changing(number: int, share: float) -> bool:
    """Whether a patient is among the share whose weekly changes are delivered (spread evenly over the numbers)."""
    return number * 2654435761 % 2**32 < share * 2**32


def life_lines(life: Life, options: Options, delivery: Delivery, lines: Lines) -> None:
    """Append one patient's rows to the lines of every extract that brings them."""
    days, person = delivery.days, life.person
    changing = is_changing(person.number, options.changing)
    widths = {source: len(rows.header(source, options.core_only)) for source in options.sources}
    known = person.known_day

    width = widths["patients"]
    for index in delivery.extracts(known, [person.death_day], changing):
        lines[index, "patients"].append(",".join(rows.patient(person, days[index])[:width]))
    width = widths["referrals"]
    for period in life.periods:
        for index in delivery.extracts(period.known_day, _period_changes(period), changing):
            lines[index, "referrals"].append(",".join(rows.referral(period, days[index])[:width]))
    width = widths["appointments"]
    for visit in life.appointments:
        for index in delivery.extracts(visit.booked_day, _appointment_changes(visit), changing):
            lines[index, "appointments"].append(",".join(rows.appointment(visit, days[index])[:width]))
    width = widths["procedures"]
    for operation in life.operations:
        since = max(operation.listed_day, known)
        for index in delivery.extracts(since, _operation_changes(operation), changing):
            lines[index, "procedures"].append(",".join(rows.operation(operation, days[index])[:width]))
    width = widths["conditions"]
    for condition in life.conditions:
        for index in delivery.extracts(known, [], changing):
            lines[index, "conditions"].append(",".join(rows.condition(condition, days[index])[:width]))


@dataclass(frozen=True)
class Part:
    """What some patients leave: encoded lines and rows per file, the places of their bookings and of their waits."""

    lines: dict[FileKey, bytes]
    row_count: int
    booking_places: list[int]
    wait_places: list[int]


def blocks_part(world: World, first: int, last: int) -> Part:
    """The part of the patients of blocks first … last − 1."""
    options = world.options
    delivery = Delivery(options)
    lines: Lines = defaultdict(list)
    places: list[int] = []
    waits: list[int] = []
    days = capacity.no_bookings(world).shape[2]
    for block in range(first, last):
        for number, draw in patients_draws(options.seed, block):
            if number < options.patients:
                life = course.life(world, number, draw)
                life_lines(life, options, delivery, lines)
                places.extend(capacity.booking_places(world, life, days))
                if "experience" in options.sources:
                    waits.extend(experience.wait_places(world, life))
    encoded = {key: _encoded(texts) for key, texts in lines.items()}
    return Part(encoded, sum(map(len, lines.values())), places, waits)


def _encoded(texts: list[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


_worker_world: World | None = None


def _start_worker(options: Options) -> None:
    global _worker_world
    _worker_world = World(options)


def _work(first: int, last: int) -> Part:
    assert _worker_world is not None  # noqa: S101 - set by the initializer
    return blocks_part(_worker_world, first, last)


def patient_parts(world: World) -> Iterator[Part]:
    """All patients in order, some at a time, by several processes when there are many."""
    options = world.options
    blocks = -(-options.patients // BLOCK)
    chunks = [(first, min(first + _CHUNK, blocks)) for first in range(0, blocks, _CHUNK)]
    workers = options.workers or (cpu_count() or 1 if options.patients >= _PARALLEL_FROM else 1)
    if workers == 1:
        for first, last in chunks:
            yield blocks_part(world, first, last)
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(options,)
    ) as pool:
        waiting: deque[Future[Part]] = deque()
        for first, last in chunks:
            waiting.append(pool.submit(_work, first, last))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def world_lines(world: World) -> dict[FileKey, list[str]]:
    """Rows of trusts and practices, which come whole in every extract."""
    options = world.options
    lines: Lines = defaultdict(list)
    for index in range(options.weeks):
        for source, table in (
            ("trusts", [rows.trust(t) for t in world.trusts]),
            ("gp", [rows.gp(p) for board in world.practices_of.values() for p in board]),
        ):
            width = len(rows.header(source, options.core_only))
            lines[index, source] = [",".join(row[:width]) for row in table]
    return lines


def session_lines(world: World, plan: capacity.Capacity, index: int) -> Iterator[list[str]]:
    """Sessions that an extract brings, by cell: the week now planned, and those held or cancelled since the last."""
    today = world.options.extract_days[index]
    horizon = today + SESSION_LEAD_DAYS
    for cell in world.cells.values():
        result = []
        for day in range(world.first_session_day if index == 0 else today - 6, horizon + 1):
            for number in range(cell.sessions[day % 7]):
                is_cancelled = world.is_session_cancelled(cell.session_id(day, number))
                is_news = day <= today or day > horizon - 7 or (is_cancelled and day <= today + 7)
                if (index == 0 or is_news) and (slots := plan.slots(cell, day, number)):
                    result.append(",".join(rows.session(cell, day, number, slots, is_cancelled, today)))
        yield result


def generate(out: Path, options: Options) -> Generated:
    """Write the extracts of `options` as dated folders beneath `out`, which must not hold any of them yet.

    With something to plant, the list of it is beside them (medimart.synthetic.planting). Raises InputError if a dated
    folder is there already, SettingError if something cannot be planted.
    """
    planting.check(options)
    folders = [out / date_of(day).isoformat() for day in options.extract_days]
    taken = [folder for folder in folders if folder.exists()]
    if taken:
        raise InputError(
            f"generate: {taken[0]} exists already; generated extracts never overwrite. "
            "Choose another folder, or remove the dated folders first."
        )
    world = World(options)
    with ExitStack() as stack:
        files: dict[FileKey, ExtractFile] = {}
        for index, folder in enumerate(folders):
            folder.mkdir(parents=True)
            for source in options.sources:
                files[index, source] = ExtractFile(folder, source, options)
                stack.callback(files[index, source].close)
        row_count = 0
        for key, texts in world_lines(world).items():
            row_count += len(texts)
            files[key].append(_encoded(texts))
        counts = capacity.no_bookings(world)
        waits = experience.nobody_waits(world)
        for part in patient_parts(world):
            row_count += part.row_count
            capacity.add_bookings(counts, part.booking_places)
            experience.add_waits(waits, part.wait_places)
            for key, data in part.lines.items():
                files[key].append(data)
        if "sessions" in options.sources:
            plan = capacity.Capacity(world, counts)
            for index in range(options.weeks):
                for texts in session_lines(world, plan, index):
                    row_count += len(texts)
                    files[index, "sessions"].append(_encoded(texts))
        if "experience" in options.sources:
            answers: dict[int, list[str]] = defaultdict(list)
            for index, text in experience.answer_lines(world, waits):
                answers[index].append(text)
            for index, texts in answers.items():
                row_count += len(texts)
                files[index, "experience"].append(_encoded(texts))
        planted = list(planting.plant_rows(world, files))
    planted += planting.plant_files(options, folders)
    for index, folder in enumerate(folders):
        write_marker(folder, index, options)
    if options.plant:
        planting.write_list(out, planted)
    size = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
    return Generated(tuple(folders), row_count, size, tuple(planted))
