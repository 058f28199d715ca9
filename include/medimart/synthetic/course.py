"""One patient's life on the waiting list, from a stream of uniform draws.

Referral, first appointments with their cancellations and missed visits, decision, and then admission, treatment in
clinic, discharge, active monitoring and a new clock, transfer, or death; several pathways side by side. Rates differ
by trust, specialty and deprivation. The clock rules are those of *Recording and reporting RTT waiting times*
(NHS England, v5.0): a missed first appointment nullifies, a cancellation never stops, a transfer keeps the start.
"""

from __future__ import annotations

from medimart.synthetic import waits
from medimart.synthetic.calendar import NEVER, working_day
from medimart.synthetic.draws import Draw
from medimart.synthetic.records import Appointment, Condition, Life, Operation, Period, Person
from medimart.synthetic.vocabulary import (
    CONDITIONS,
    DIAGNOSTICS,
    ETHNIC_MIX,
    NAMES,
    NAMES_OF,
    NOTES,
    OUTPATIENT_TREATMENTS,
    PRE_ASSESSMENT,
    REASONS,
    SPECIALTIES,
    SURVEILLANCE,
    TREATMENTS,
    Specialty,
)
from medimart.synthetic.world import CLINIC, SESSION_LEAD_DAYS, THEATRE, Trust, World

HISTORY_DAYS = 182  # a first extract holds what is open and what closed in the last 26 weeks

# Chances out of a thousand that a period ends in one of the less common ways.
_LESS_COMMON = (
    ("nullified", 35), ("transfer", 20), ("retrospective", 35), ("rejected", 10), ("declined", 30),
    ("patient_monitoring", 15),
)  # fmt: skip


def _table(weights: list[tuple[str, int]]) -> list[str]:
    return [value for value, weight in weights for _ in range(weight)]


_ENDINGS = _table([*_LESS_COMMON, ("", 1000 - sum(w for _, w in _LESS_COMMON))])
_BY_CODE = {s.code: s for s in SPECIALTIES}
_ADULT = _table([(s.code, s.weight) for s in SPECIALTIES if s.code not in ("X04", "430")])
_OLDER = _table([(s.code, s.weight * (4 if s.code in ("130", "430") else 1)) for s in SPECIALTIES if s.code != "X04"])
_CHILD = _table([("X04", 50), ("120", 20), ("110", 12), ("330", 8), ("130", 8), ("140", 6)])
_ETHNICITY = {name: _table(list(mix)) for name, mix in ETHNIC_MIX.items()}
_CONDITIONS = _table(list(CONDITIONS))
_AGES = (0, 3, 8, 14, 19, 24, 29, 34, 38, 42, 46, 50, 53, 56, 59, 62, 65, 68, 71, 74, 77, 80, 83, 87, 91, 98)
_REASONS = ("staff_unavailable", "leave", "emergency", "equipment", "administrative", "industrial_action")
_UNIT = "ABDEFGHJLNPQRSTUWXYZ"


def person(world: World, number: int, draw: Draw) -> Person:
    """The registration of one patient."""
    options = world.options
    home = world.trusts[int(draw() * len(world.trusts))]
    names = home.names
    district = list(names.districts)[int(draw() * len(names.districts))]
    decile = min(10, max(1, names.districts[district] - 1 + int(draw() * 3)))
    ethnicity = _ETHNICITY[names.community][int(draw() * 1000)]
    women, men, families = NAMES[NAMES_OF[ethnicity]]
    chance = draw()
    gender = "2" if chance < 0.55 else "1" if chance < 0.997 else "9" if chance < 0.9985 else "X"
    first_names = women if gender == "2" else men
    place = draw() * (len(_AGES) - 1)
    step = int(place)
    age = _AGES[step] + (_AGES[step + 1] - _AGES[step]) * (place - step)
    chance = draw()
    frailty = chance * chance * (0.4 + age / 70) * (1.3 - decile / 20)
    style = home.style if draw() < 0.85 else int(draw() * 3)
    unit = int(draw() * 3600)
    practices = world.practices_of[names.icb_code]
    return Person(
        number=number,
        patient_id=f"P{number + 1:08d}",
        nhs_number=_nhs_number(world, number, spaced=style == 1),
        first_name=first_names[int(draw() * len(first_names))],
        last_name=families[int(draw() * len(families))],
        birth_day=options.extract_days[0] - 180 - int(age * 365.25 + draw() * 300),
        gender=gender,
        postcode=f"{district} {unit % 9 + 1}{_UNIT[unit // 9 % 20]}{_UNIT[unit // 180]}",
        ethnicity=ethnicity,
        risk_level="low",
        imd_decile=decile,
        lsoa_code=f"E0199{unit:04d}",
        prior_admissions=min(6, int(frailty * frailty * 2.2)),
        interpreter=ethnicity in "CJKLN" and draw() < 0.15,
        transport=age > 70 and draw() < 0.12,
        home=home,
        gp_id=practices[int(draw() * len(practices))].gp_id,
        dialect=style,
    )


def _nhs_number(world: World, number: int, spaced: bool) -> str:
    """A number of the 999 test series; past its 909,091 valid numbers a patient has none yet."""
    if number >= len(world.nhs_numbers):
        return ""
    text = str(world.nhs_numbers[number])
    return f"{text[:3]} {text[3:6]} {text[6:]}" if spaced else text


def life(world: World, number: int, draw: Draw) -> Life:
    """Everything that happens to one patient up to the last extract, and the dates then already made."""
    someone = person(world, number, draw)
    story = Life(someone)
    age = (world.options.extract_days[0] - someone.birth_day) // 365
    chance = draw()
    for index in range(1 if chance < 0.80 else 2 if chance < 0.96 else 3):
        _pathway(world, story, age, index, draw)
    if draw() < 0.03:
        _surveillance(world, story, draw)
    _conditions(world, story, age, draw)
    someone.risk_level = _judged_risk(story, age, draw())
    if draw() < 0.002 + age / 12000:
        _death(world, story, draw)
    someone.known_day = min(
        [p.known_day for p in story.periods] + [o.listed_day for o in story.operations if o.period is None]
    )
    return story


def _specialty(someone: Person, age: int, draw: Draw) -> Specialty:
    table = _CHILD if age < 16 else _OLDER if age >= 65 else _ADULT
    code = table[int(draw() * len(table))]
    if code == "502" and someone.gender == "1":
        code = "101"
    return _BY_CODE[code]


def _pathway(world: World, story: Life, age: int, index: int, draw: Draw) -> None:
    """One wait for one condition: its first RTT period, and whatever periods follow from how that ends."""
    someone, options = story.person, world.options
    trust = someone.home if draw() < 0.93 else world.trusts[int(draw() * len(world.trusts))]
    specialty = _specialty(someone, age, draw)
    ending = _ENDINGS[int(draw() * 1000)] or _ending(specialty, draw)
    pace = trust.pace * specialty.pace * (1.08 - someone.imd_decile / 140) * (1.3 if ending == "admitted" else 0.97)
    begin = options.extract_days[0] - HISTORY_DAYS
    span = options.extract_days[-1] - begin
    open_share = waits.MEAN_DAYS * pace / (waits.MEAN_DAYS * pace + span)
    if draw() < open_share:
        age_then, length = waits.age_and_length(draw(), draw(), pace)
        start = begin - age_then
    else:
        start, length = begin + 1 + int(draw() * span), waits.length(draw(), pace)
    start = working_day(start)
    received = start
    referral_day = received - int(draw() * 6)
    pathway_id = f"{trust.names.code}{someone.number + 1:08d}{index + 1}"
    period = _period(
        world, story, trust, specialty, pathway_id, trust.names.code, referral_day, received, start, "10", draw
    )
    _course(world, story, period, length, ending, draw)
    if not options.core_only:
        _afterwards(world, story, period, ending, draw)


def _ending(specialty: Specialty, draw: Draw) -> str:
    if draw() < specialty.admitted:
        return "admitted"
    chance = draw()
    return "treated" if chance < 0.45 else "discharged" if chance < 0.85 else "monitoring"


def _period(
    world: World, story: Life, trust: Trust, specialty: Specialty, pathway_id: str, issuer: str,
    referral_day: int, received: int, start: int, start_code: str, draw: Draw,
) -> Period:  # fmt: skip
    someone = story.person
    chance = draw()
    late = draw()
    priority = "1" if chance < 0.80 else "2" if chance < 0.93 else "3"
    text = draw()
    dialect = trust.style if draw() < 0.85 else int(draw() * 3)
    source = draw()
    known = received + (0 if late > 0.04 else 3 + int(late * 250))
    detail = draw()
    first_activity_due = working_day(known + 3 + int(draw() * 12))
    period = Period(
        referral_id=f"R{someone.number + 1:08d}-{len(story.periods) + 1}",
        person=someone,
        trust=trust,
        specialty=specialty,
        specialty_text=specialty.texts[int(text * text * len(specialty.texts))],
        dialect=dialect,
        reason=REASONS[int(detail * len(REASONS))],
        notes=NOTES[int(draw() * len(NOTES))],
        pathway_id=pathway_id,
        issuer=issuer,
        source="03" if source < 0.82 else "04" if source < 0.87 else "05" if source < 0.94 else _other(specialty),
        referral_day=referral_day,
        received_day=received,
        known_day=known,
        start_day=start,
        start_code=start_code,
        priority=priority,
        clinical_priority="" if detail < 0.5 else "D2" if priority != "1" else "D3" if detail < 0.8 else "D4",
        on_cancer_list=priority == "3",
        consultant=f"C{trust.number + 1:02d}{specialty.code}{int(detail * 6) + 1}",
        accepted_day=first_activity_due,
    )
    if priority == "3" and not period.clinical_priority:
        period.clinical_priority = "D1"
    if period.clinical_priority:
        period.reviews.append(known)
    story.periods.append(period)
    return period


def _other(specialty: Specialty) -> str:
    return {"130": "15", "140": "92", "110": "14"}.get(specialty.code, "05")


def _close(period: Period, day: int, code: str, closing: str, known: int | None = None) -> None:
    period.stop_day, period.stop_code, period.closing = day, code, closing
    period.stop_known = max(day if known is None else known, period.known_day)


def _course(world: World, story: Life, period: Period, length: int, ending: str, draw: Draw) -> None:
    """Lead a period from its start to its end."""
    start = period.start_day
    target = start + length
    if ending == "rejected":
        period.stop_known = working_day(period.known_day + 2 + int(draw() * 12))
        period.closing = "rejected"
        return
    if ending == "nullified":
        day = _visit(world, story, period, target, True, "33", "discharged", draw, missed=True)
        _close(period, day, "33", "closed")
    elif ending in ("transfer", "declined", "patient_monitoring", "retrospective"):
        if length > 40 and draw() < 0.6:
            _visit(world, story, period, start + int(length * (0.3 + 0.4 * draw())), True, "10",
                   "appointment_later", draw)  # fmt: skip
        day = max(working_day(target), min(period.first_activity_day, target + 90), period.known_day)
        if ending == "transfer":
            _close(period, day, "21", "closed")
        elif ending == "declined":
            _close(period, day, "35", "closed")
        elif ending == "patient_monitoring":
            _close(period, day, "31", "closed")
        else:
            found_out = day + 21 + int(draw() * 120)
            _close(period, day, "34", "discharged", known=working_day(found_out))
    elif ending == "admitted":
        _admission(world, story, period, length, draw)
    else:
        code, closing, outcome = {
            "treated": ("30", "completed", "discharged" if draw() < 0.6 else "another_appointment"),
            "discharged": ("34", "discharged", "discharged"),
            "monitoring": ("32", "closed", "another_appointment"),
        }[ending]
        if draw() < 0.08 and code == "34":
            outcome, period.is_pifu = "pifu", True
        only_visit = length < 5 or draw() < 0.45
        if not only_visit:
            first = _visit(world, story, period, start + int(length * (0.25 + 0.45 * draw())), True, "10",
                           "another_appointment", draw)  # fmt: skip
            if draw() < 0.25 and period.specialty.code in DIAGNOSTICS:
                _test(world, story, period, first, max(target, first + 14), draw)
            target = max(target, first + 7)
        day = _visit(world, story, period, target, only_visit, code, outcome, draw)
        period.dtt_day = day if code == "30" else NEVER
        _close(period, day, code, closing)
        if code == "30":
            operation = OUTPATIENT_TREATMENTS.get(period.specialty.code)
            if operation is not None and draw() < 0.5:
                story.operations.append(
                    Operation(
                        procedure_id=_number("X", story, len(story.operations)), person=story.person, period=period,
                        trust=period.trust, specialty_code=period.specialty.code, specialty_text=period.specialty_text,
            dialect=period.dialect,
                        procedure=operation, listed_day=max(period.known_day, day - 14),
                        offered_day=max(period.known_day, day - 14), tci_day=day, settled_day=day,
                        status="completed", rtt_code="30", clinical_priority="",
                    )
                )  # fmt: skip
            if draw() < 0.35:
                _visit(world, story, period, day + 28 + int(draw() * 60), False, "90", "discharged", draw)
        elif code == "32" and draw() < 0.5:
            _visit(world, story, period, day + 70 + int(draw() * 40), False, "91", "another_appointment", draw)
    _validations(period, draw)


def _validations(period: Period, draw: Draw) -> None:
    """Validation falls due at 12, 26 and 52 weeks; trusts under strain are late or skip it."""
    for weeks in (12, 26, 52, 65, 78):
        day = working_day(period.start_day + 7 * weeks - 7 + int(draw() * 21))
        if day >= period.stop_known:
            break
        if draw() < 0.85 - 0.2 * (period.trust.pace > 1) and day >= period.known_day:
            period.validations.append(day)
    while period.reviews and draw() < 0.75:
        day = working_day(period.reviews[-1] + 70 + int(draw() * 30))
        if day >= period.stop_known:
            break
        period.reviews.append(day)


def _number(letter: str, story: Life, count: int) -> str:
    return f"{letter}{story.person.number + 1:08d}-{count + 1:02d}"


def _session(
    world: World, trust: Trust, code: str, kind: str, target: int, earliest: int, draw: Draw
) -> tuple[int, str]:  # fmt: skip
    """The day and identifier of the session nearest a wished day, not before the earliest; it may be cancelled."""
    cell = world.cells[trust.number, code, kind]
    day = target + cell.nearest[target % 7]
    while day < earliest:
        day += 7
    index = int(draw() * cell.sessions[day % 7])
    return day, cell.session_id(day, index)


def _held_session(
    world: World, trust: Trust, code: str, kind: str, target: int, earliest: int, draw: Draw
) -> tuple[int, str]:  # fmt: skip
    """The same, of sessions that are not cancelled."""
    day, session_id = _session(world, trust, code, kind, target, earliest, draw)
    while world.is_session_cancelled(session_id):
        day, session_id = _session(world, trust, code, kind, day + 7, earliest, draw)
    return day, session_id


def _clinic(world: World, period: Period, target: int, draw: Draw) -> tuple[int, str]:
    return _session(world, period.trust, period.specialty.code, CLINIC, target, period.known_day, draw)


def _visit(
    world: World, story: Life, period: Period, target: int, is_first: bool, rtt_code: str, outcome: str, draw: Draw,
    missed: bool = False,
) -> int:  # fmt: skip
    """One outpatient visit and the bookings that came to nothing before it; gives the day it took place."""
    target = max(target, period.known_day)
    someone, trust = story.person, period.trust
    earliest = max(period.known_day, story.appointments[-1].day if story.appointments else 0)
    earliest = earliest if earliest <= target else period.known_day
    room = target - earliest
    chance = draw()
    if room > 30:
        failed = earliest + 10 + int((room - 24) * draw())
        likely_missed = 0.06 * trust.missed * (1.5 - someone.imd_decile / 10)
        if chance < 0.08:
            _cancelled(world, story, period, failed, is_first, "patient", draw)
        elif chance < 0.13:
            _cancelled(world, story, period, failed, is_first, "provider", draw)
        elif chance < 0.13 + likely_missed:
            # Of a first appointment only one whose notice nobody can show: a communicated one would nullify.
            _held(world, story, period, failed, is_first, "33" if is_first else "20", "appointment_later",
                  "no_show", draw, communicated=not is_first)  # fmt: skip
        elif chance < 0.14 + likely_missed:
            _held(world, story, period, failed, is_first, "20", "appointment_later", "late_not_seen", draw)
    day, session_id = _clinic(world, period, target, draw)
    while world.is_session_cancelled(session_id):
        _lost(story, period, day, session_id, is_first, draw)
        day, session_id = _clinic(world, period, day + 7, draw)
    booked = max(period.known_day, day - 7 - int(draw() * (SESSION_LEAD_DAYS - 7)))
    return _record(story, period, day, session_id, booked, is_first, rtt_code, outcome, "attended",
                   "5" if draw() < 0.94 else "6", draw, missed=missed)  # fmt: skip


def _record(
    story: Life, period: Period, day: int, session_id: str, booked: int, is_first: bool, rtt_code: str, outcome: str,
    status: str, attendance: str, draw: Draw, missed: bool = False, communicated: bool = True,
) -> int:  # fmt: skip
    chance = draw()
    if missed:
        status, attendance = "no_show", "3"
    specialty = period.specialty
    text = period.specialty_text if chance > 0.03 else specialty.texts[int(chance * 30 * len(specialty.texts))]
    story.appointments.append(
        Appointment(
            appointment_id=_number("A", story, len(story.appointments)), period=period, specialty_text=text,
            day=day, booked_day=booked, status=status, attendance=attendance, is_first=is_first, outcome=outcome,
            rtt_code=rtt_code, is_communicated=communicated, session_id=session_id,
            recorded_day=day if chance > 0.05 else day + 1 + int(chance * 180),
        )
    )  # fmt: skip
    if status == "attended" and day < period.first_activity_day and day >= period.start_day:
        period.first_activity_day = day
    return day


def _held(
    world: World, story: Life, period: Period, target: int, is_first: bool, rtt_code: str, outcome: str, status: str,
    draw: Draw, communicated: bool = True,
) -> None:  # fmt: skip
    """A visit that the patient missed or came too late for."""
    day, session_id = _clinic(world, period, target, draw)
    if not world.is_session_cancelled(session_id):
        booked = max(period.known_day, day - 7 - int(draw() * 28))
        _record(story, period, day, session_id, booked, is_first, "20" if rtt_code == "33" else rtt_code, outcome,
                status, "3" if status == "no_show" else "7", draw, communicated=communicated)  # fmt: skip


def _cancelled(
    world: World, story: Life, period: Period, target: int, is_first: bool, by: str, draw: Draw
) -> None:  # fmt: skip
    day, session_id = _clinic(world, period, target, draw)
    booked = max(period.known_day, day - 10 - int(draw() * 28))
    _record(story, period, day, session_id, booked, is_first, "20", "", "cancelled", "", draw)
    _cancel(story.appointments[-1], by, max(booked, day - int(draw() * draw() * 14)), draw)


def _lost(story: Life, period: Period, day: int, session_id: str, is_first: bool, draw: Draw) -> None:
    """A booking in a session that was then cancelled."""
    booked = max(period.known_day, day - 10 - int(draw() * 28))
    _record(story, period, day, session_id, booked, is_first, "20", "", "cancelled", "", draw)
    _cancel(story.appointments[-1], "provider", max(booked, day - 7), draw)


def _cancel(appointment: Appointment, by: str, day: int, draw: Draw) -> None:
    appointment.cancelled_day, appointment.cancelled_by = day, by
    appointment.recorded_day = NEVER
    chance = draw()
    if by == "patient":
        appointment.status, appointment.attendance = "cancelled_by_patient", "2"
        appointment.cancel_reason = "patient_request" if chance < 0.7 else "patient_unwell"
    else:
        appointment.status, appointment.attendance = "cancelled_by_provider", "4"
        appointment.cancel_reason = _REASONS[int(chance * len(_REASONS))]
        appointment.delay_reason = "outpatient_capacity" if chance < 0.5 else "staffing"


def _test(world: World, story: Life, period: Period, after: int, before: int, draw: Draw) -> None:
    """A diagnostic procedure between two visits: it stops no clock."""
    procedure = DIAGNOSTICS[period.specialty.code]
    day, session_id = _held_session(
        world, period.trust, period.specialty.code, THEATRE if procedure.is_admitted else CLINIC,
        after + 5 + int(draw() * min(50, max(1, before - after - 8))), after + 1, draw,
    )  # fmt: skip
    listed = max(after, period.known_day)
    story.operations.append(
        Operation(
            procedure_id=_number("X", story, len(story.operations)), person=story.person, period=period,
            trust=period.trust, specialty_code=period.specialty.code, specialty_text=period.specialty_text,
            dialect=period.dialect,
            procedure=procedure, listed_day=listed, offered_day=listed, tci_day=day, settled_day=day,
            status="completed", rtt_code="20", clinical_priority="", session_id=session_id,
        )
    )  # fmt: skip


def _admission(world: World, story: Life, period: Period, length: int, draw: Draw, second_side: int = NEVER) -> None:
    """A decision to admit, offers to come in, perhaps a cancelled one, and the admission that stops the clock."""
    start, target = period.start_day, period.start_day + length
    if second_side == NEVER:
        first = _visit(world, story, period, start + int(length * (0.1 + 0.3 * draw())), True, "10",
                       "diagnostic_requested" if draw() < 0.3 else "listed", draw)  # fmt: skip
        decided = first
        if story.appointments[-1].outcome == "diagnostic_requested" and target - first > 20:
            if period.specialty.code in DIAGNOSTICS:
                _test(world, story, period, first, first + (target - first) // 2, draw)
            decided = _visit(world, story, period, first + (target - first) // 2, False, "20", "listed", draw)
    else:
        decided = period.known_day
    period.dtt_day = period.dta_day = decided
    chance = draw()
    urgent = period.priority != "1"
    clinical = "" if chance < 0.06 else "P2" if urgent or chance < 0.2 else "P3" if chance < 0.5 else "P4"
    if chance > 0.985:
        clinical = "P6" if chance > 0.993 else "P5"
    procedures = TREATMENTS[period.specialty.code]
    procedure = procedures[int(draw() * len(procedures))]
    target = max(target, decided + 2)
    code = period.specialty.code
    day, session_id = _held_session(world, period.trust, code, THEATRE, target, decided + 1, draw)
    if day - decided > 40 and draw() < 0.18:
        _failed_offer(world, story, period, procedure_index=len(story.operations), decided=decided, final=day,
                      clinical=clinical, draw=draw)  # fmt: skip
    offered = max(decided, day - 10 - int(draw() * 25))
    if period.offers and offered <= period.offers[-1][0]:
        offered = min(day, period.offers[-1][0] + 1)
    if day - decided > 21 and draw() < 0.35:
        _pre_assessment(world, story, period, decided, day, draw)
    period.offers.append((offered, day))
    chance = draw()
    recorded = day if chance > 0.05 else day + 3 + int(chance * 400)  # some admissions are told of late
    story.operations.append(
        Operation(
            procedure_id=_number("X", story, len(story.operations)), person=story.person, period=period,
            trust=period.trust, specialty_code=period.specialty.code, specialty_text=period.specialty_text,
            dialect=period.dialect,
            procedure=procedure, listed_day=decided, offered_day=offered, tci_day=day,
            settled_day=recorded, status="completed", rtt_code="30", clinical_priority=clinical, session_id=session_id,
            is_second_side=second_side != NEVER, ready_day=second_side,
            delay_reason="theatre_capacity" if length > 300 and draw() < 0.5 else "",
        )
    )  # fmt: skip
    if clinical:
        period.clinical_priority, period.reviews = clinical, [decided]
    _close(period, day, "30", "completed", known=recorded)
    if draw() < 0.5:
        _visit(world, story, period, day + 35 + int(draw() * 20), False, "90", "discharged", draw)


def _pre_assessment(world: World, story: Life, period: Period, decided: int, admission: int, draw: Draw) -> None:
    code = period.specialty.code
    day, session_id = _held_session(world, period.trust, code, CLINIC, admission - 14, decided + 1, draw)
    if day >= admission:
        return
    listed = max(decided, day - 20)
    story.operations.append(
        Operation(
            procedure_id=_number("X", story, len(story.operations)), person=story.person, period=period,
            trust=period.trust, specialty_code=period.specialty.code, specialty_text=period.specialty_text,
            dialect=period.dialect,
            procedure=PRE_ASSESSMENT, listed_day=listed, offered_day=listed, tci_day=day,
            settled_day=day, status="completed", rtt_code="20", clinical_priority="", session_id=session_id,
        )
    )  # fmt: skip


def _failed_offer(
    world: World, story: Life, period: Period, procedure_index: int, decided: int, final: int, clinical: str,
    draw: Draw,
) -> None:  # fmt: skip
    """An admission that was arranged and then cancelled, by either side; the clock runs on."""
    target = decided + 14 + int((final - decided - 28) * draw())
    day, session_id = _session(world, period.trust, period.specialty.code, THEATRE, target, decided, draw)
    if day <= decided + 1 or day >= final - 7:
        return
    offered = max(decided, day - 10 - int(draw() * 20))
    withdrawn = max(offered + 1, day - int(draw() * 7))
    chance = draw()
    by = "provider" if chance < 0.65 else "patient"
    reason = ("no_bed", "no_theatre_time", "emergency", "staff_unavailable")[int(chance * 6)] if by == "provider" else (
        "patient_unwell" if chance < 0.85 else "patient_request"
    )  # fmt: skip
    procedures = TREATMENTS[period.specialty.code]
    period.offers += [(offered, day), (withdrawn, 0)]
    story.operations.append(
        Operation(
            procedure_id=_number("X", story, procedure_index), person=story.person, period=period,
            trust=period.trust, specialty_code=period.specialty.code, specialty_text=period.specialty_text,
            dialect=period.dialect,
            procedure=procedures[int(chance * 100) % len(procedures)], listed_day=decided, offered_day=offered,
            tci_day=day, settled_day=withdrawn, status="cancelled", rtt_code="20", clinical_priority=clinical,
            session_id=session_id, cancelled_by=by, cancel_reason=reason,
            delay_reason="bed_capacity" if reason == "no_bed" else "theatre_capacity" if by == "provider" else
            "patient_choice",
        )
    )  # fmt: skip


def _afterwards(world: World, story: Life, period: Period, ending: str, draw: Draw) -> None:
    """The periods that follow from how one ended: a new clock, or the same clock at another trust."""
    chance = draw()
    if ending == "transfer" and len(world.trusts) > 1:
        other = world.trusts[(period.trust.number + 1 + int(chance * (len(world.trusts) - 1))) % len(world.trusts)]
        received = working_day(period.stop_day + 1 + int(draw() * 4))
        moved = _period(world, story, other, period.specialty, period.pathway_id, period.issuer, period.referral_day,
                        received, period.start_day, "20", draw)  # fmt: skip
        moved.transferred_in, moved.source = True, "05"
        length = received - period.start_day + 7 + int(waits.length(draw()) * 0.5)
        _course(world, story, moved, length, _ending(period.specialty, draw), draw)
        return
    if ending == "nullified" and chance < 0.6:
        start, code, ending, length = working_day(period.stop_day + 2 + int(draw() * 11)), "10", "discharged", 0
        length = int(waits.length(draw()) * 0.8)
    elif ending in ("monitoring", "patient_monitoring") and chance < 0.3:
        start, code = working_day(period.stop_day + 60 + int(draw() * 110)), "11"
        ending = "admitted" if period.specialty.admitted else "treated"
        length = int(waits.length(draw()) * 0.6)
    elif ending == "admitted" and period.specialty.code == "130" and chance < 0.25:
        start, code, ending = working_day(period.stop_day + 28 + int(draw() * 60)), "10", "second side"
        length = int(waits.length(draw()) * 0.5)
    else:
        return
    again = _period(world, story, period.trust, period.specialty, period.pathway_id, period.issuer,
                    period.referral_day, start, start, code, draw)  # fmt: skip
    again.received_day = period.received_day
    if ending == "second side":
        _admission(world, story, again, length, draw, second_side=start)
        _validations(again, draw)
    else:
        _course(world, story, again, length, ending, draw)


def _surveillance(world: World, story: Life, draw: Draw) -> None:
    """Planned care with a due date, outside RTT until it is overdue."""
    someone, days = story.person, world.options.extract_days
    code, procedure = SURVEILLANCE[int(draw() * len(SURVEILLANCE))]
    trust = someone.home
    due = working_day(days[0] - 60 + int(draw() * (days[-1] - days[0] + 150)))
    overdue = draw() < 0.25
    target = due + (20 + int(draw() * 80) if overdue else -10 + int(draw() * 10))
    day, session_id = _held_session(world, trust, code, THEATRE, target, 0, draw)
    chance = draw()
    story.operations.append(
        Operation(
            procedure_id=_number("X", story, len(story.operations)), person=someone, period=None, trust=trust,
            specialty_code=code, specialty_text=_BY_CODE[code].texts[0], dialect=trust.style, procedure=procedure,
            listed_day=due - 300, offered_day=day - 20, tci_day=day, settled_day=day, status="completed", rtt_code="98",
            clinical_priority="", session_id=session_id, due_day=due, is_ready=chance > 0.1,
        )
    )  # fmt: skip


def _conditions(world: World, story: Life, age: int, draw: Draw) -> None:
    someone = story.person
    likely = 0.12 + age / 110 + (5 - someone.imd_decile) * 0.015
    for index in range(5):
        if draw() > likely * (0.9 - 0.15 * index):
            break
        chance = draw()
        before = someone.birth_day + int((world.options.extract_days[0] - 400 - someone.birth_day) * (0.5 + chance / 2))
        story.conditions.append(
            Condition(
                condition_id=_number("D", story, len(story.conditions)), person=someone,
                name=_CONDITIONS[int(draw() * len(_CONDITIONS))],
                severity="mild" if chance < 0.5 else "moderate" if chance < 0.85 else "severe",
                is_active=draw() < 0.88, diagnosed_day=before, code="", dialect=someone.dialect,
            )
        )  # fmt: skip


def _judged_risk(story: Life, age: int, chance: float) -> str:
    """What the hospital itself thinks of the risk: near what the marts reckon, and in a fifth of cases another."""
    points = sum(age >= limit for limit in (50, 65, 75, 85)) + story.person.prior_admissions + (chance - 0.5) * 3.5
    points += sum({"mild": 0.8, "moderate": 1.8, "severe": 3.0}[c.severity] for c in story.conditions if c.is_active)
    return "low" if points < 3 else "medium" if points < 6 else "high" if points < 10 else "very_high"


def _death(world: World, story: Life, draw: Draw) -> None:
    """The patient dies: every open clock stops that day with code 36, and nothing later happens."""
    days = world.options.extract_days
    day = days[0] - HISTORY_DAYS + int(draw() * (days[-1] - days[0] + HISTORY_DAYS + 7))
    if any(p.known_day >= day for p in story.periods) or any(o.listed_day >= day for o in story.operations):
        return
    story.person.death_day = day
    for period in story.periods:
        if period.stop_known > day:
            if period.stop_day > day:
                period.stop_day, period.stop_code = day, "36"
            period.stop_known, period.closing = day, "closed"
            period.offers = [offer for offer in period.offers if offer[0] < day]
            period.validations = [v for v in period.validations if v < day]
            period.reviews = [r for r in period.reviews if r < day]
    for appointment in story.appointments:
        if min(appointment.recorded_day, appointment.cancelled_day) > day:
            appointment.cancelled_day, appointment.cancelled_by = max(day, appointment.booked_day), "patient"
            appointment.status, appointment.attendance = "cancelled_by_patient", "2"
            appointment.cancel_reason, appointment.recorded_day = "patient_unwell", NEVER
    story.appointments = [a for a in story.appointments if a.booked_day <= day]
    for operation in story.operations:
        if operation.settled_day > day >= operation.tci_day and operation.status == "completed":
            operation.settled_day = day
        elif operation.settled_day > day:
            operation.settled_day, operation.status = day, "cancelled"
            operation.cancelled_by, operation.cancel_reason = "patient", "patient_unwell"
