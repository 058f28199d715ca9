"""Records as a hospital system would export them on a given day: one list of texts per row.

Required columns come first, as domain headers; the optional ones follow by their contract keys, so a core-only
row is simply the beginning of a full one. Texts that need it are quoted here.
"""

from __future__ import annotations

from medimart.synthetic.calendar import DMY, ISO, NEVER
from medimart.synthetic.records import Appointment, Condition, Operation, Period, Person
from medimart.synthetic.vocabulary import DIALECTS
from medimart.synthetic.world import CLINIC, THEATRE, Cell, Practice, Trust

CORE: dict[str, tuple[str, ...]] = {
    "patients": ("patient_id", "nhs_number", "first_name", "last_name", "DOB", "gender", "postcode", "ethnicity",
                 "risk_level"),
    "gp": ("gp_id", "name", "practice", "postcode"),
    "trusts": ("trust_id", "name", "region"),
    "referrals": ("referral_id", "patient_id", "gp_id", "referral_date", "specialty", "reason", "referral_status",
                  "trust_id", "notes"),
    "appointments": ("appointment_id", "patient_id", "trust_id", "specialty", "appt_date", "appt_status",
                     "referral_date", "wait_weeks"),
    "procedures": ("procedure_id", "patient_id", "procedure_name", "planned_date", "actual_date", "status"),
    "conditions": ("condition_id", "patient_id", "condition_name", "severity", "active"),
    "sessions": ("session_id", "trust_id", "specialty", "session_date", "session_type", "planned_slots",
                 "session_status", "cancel_reason"),
    "experience": ("response_id", "survey_date", "trust_id", "specialty", "answer"),
}  # fmt: skip

OPTIONAL: dict[str, tuple[str, ...]] = {
    "patients": ("death_date", "imd_decile", "lsoa_code", "prior_admissions", "interpreter_needed",
                 "transport_needed"),
    "gp": ("practice_code", "icb_code", "list_size"),  # list_size: a column that nobody asked for
    "trusts": ("provider_code", "icb_code", "icb_name"),
    "referrals": ("pathway_id", "pathway_issuer", "received_date", "source_of_referral", "rtt_status",
                  "clock_start_date", "clock_stop_date", "status_date", "waiting_list_type", "priority",
                  "clinical_priority", "priority_review_date", "first_activity_date", "decision_to_treat_date",
                  "decision_to_admit_date", "tci_date", "tci_offered_date", "last_validation_date",
                  "last_validated_by", "on_cancer_list", "transferred_out_date", "transferred_in",
                  "mutual_aid_status", "site_code", "commissioner_code", "consultant_code", "team", "is_pifu"),
    "appointments": ("referral_id", "pathway_id", "attendance_code", "appointment_type", "outcome", "rtt_status",
                     "is_communicated", "booked_date", "cancelled_date", "cancelled_by", "cancel_reason",
                     "delay_reason", "session_id", "session_type", "site_code", "consultant_code", "is_pifu"),
    "procedures": ("referral_id", "pathway_id", "trust_id", "specialty", "opcs_code", "clinical_priority",
                   "priority_review_date", "decision_to_admit_date", "tci_date", "tci_offered_date", "rtt_status",
                   "is_admitted", "is_planned_care", "due_date", "is_patient_ready", "is_second_side", "ready_date",
                   "cancelled_date", "cancelled_by", "cancel_reason", "delay_reason", "session_id", "site_code"),
    "conditions": ("diagnosed_date",),
    "sessions": ("site_code",),
    "experience": (),
}  # fmt: skip

REVIEW_DAYS = 84  # a clinical priority is reviewed every twelve weeks
_DATES = (ISO, DMY, ISO)


def header(source: str, core_only: bool) -> tuple[str, ...]:
    """The columns of a source's file."""
    return CORE[source] if core_only else CORE[source] + OPTIONAL[source]


def quoted(text: str) -> str:
    """A text as a CSV field."""
    if "," in text or '"' in text or "\n" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _words(domain: str) -> tuple[dict[str, str], ...]:
    """Per dialect the CSV field of every code of a domain."""
    return tuple({code: quoted(word) for code, word in dialect.items()} for dialect in DIALECTS[domain])


_GENDER, _ETHNICITY, _RISK, _BOOLEAN = map(_words, ("gender", "ethnic_category", "risk_level", "boolean"))
_REFERRAL, _APPOINTMENT, _PROCEDURE = map(_words, ("referral_status", "appointment_status", "procedure_status"))
_ATTENDANCE, _TYPE, _OUTCOME = map(_words, ("attendance", "appointment_type", "attendance_outcome"))
_RTT, _LIST, _PRIORITY = map(_words, ("rtt_status", "waiting_list_type", "referral_priority"))
_SEVERITY, _SOURCE, _BY = map(_words, ("severity", "source_of_referral", "cancelled_by"))
_REASON, _DELAY = map(_words, ("cancel_reason", "delay_reason"))
_SESSION_TYPE, _SESSION_STATUS = map(_words, ("session_type", "session_status"))
_ANSWER = _words("fft_answer")


def patient(p: Person, today: int) -> list[str]:
    """A row of `patients`."""
    dates, yes = _DATES[p.dialect], _BOOLEAN[p.dialect]
    shout = p.dialect == 2
    return [
        p.patient_id,
        p.nhs_number,
        p.first_name,
        p.last_name.upper() if shout else p.last_name,
        dates[p.birth_day],
        _GENDER[p.dialect][p.gender],
        p.postcode.lower() if p.number % 97 == 0 else p.postcode.replace(" ", "") if shout else p.postcode,
        _ETHNICITY[p.dialect][p.ethnicity],
        _RISK[p.dialect][p.risk_level],
        dates[p.death_day] if p.death_day <= today else "",
        str(p.imd_decile),
        p.lsoa_code,
        str(p.prior_admissions),
        yes["t" if p.interpreter else "f"],
        yes["t" if p.transport else "f"],
    ]


def referral(p: Period, today: int) -> list[str]:
    """A row of `referrals`: the period as known today."""
    dates, d, yes = _DATES[p.dialect], p.dialect, _BOOLEAN[p.dialect]
    stopped = p.stop_known <= today
    active = p.first_activity_day <= today
    rejected = stopped and p.closing == "rejected"
    if stopped:
        status, rtt, since = p.closing, p.stop_code or "98", p.stop_day if p.stop_day != NEVER else p.stop_known
    elif active:
        status, rtt, since = "open", "20", p.first_activity_day
    elif p.accepted_day <= today:
        status, rtt, since = "accepted", p.start_code, p.accepted_day
    else:
        status, rtt, since = "pending", p.start_code, p.known_day
    listed = p.dta_day <= today
    offered = coming_in = ""
    for offer_day, day in p.offers:
        if offer_day <= today:
            offered, coming_in = (dates[offer_day], dates[day]) if day else ("", "")
    validated = ""
    for day in p.validations:
        if day <= today:
            validated = dates[day]
    review = 0
    for day in p.reviews:
        if day <= today:
            review = day + REVIEW_DAYS
    return [
        p.referral_id,
        p.person.patient_id,
        p.person.gp_id,
        dates[p.referral_day],
        quoted(p.specialty_text),
        quoted(p.reason),
        _REFERRAL[d][status],
        p.trust.trust_id,
        quoted(p.notes),
        p.pathway_id,
        p.issuer,
        dates[p.received_day],
        _SOURCE[d][p.source],
        _RTT[d][rtt],
        "" if rejected else dates[p.start_day],
        dates[p.stop_day] if stopped and not rejected else "",
        dates[since],
        _LIST[d]["admitted" if listed else "non_admitted"],
        _PRIORITY[d][p.priority],
        p.clinical_priority if review else "",
        dates[review] if review else "",
        dates[p.first_activity_day] if active else "",
        dates[p.dtt_day] if p.dtt_day <= today else "",
        dates[p.dta_day] if listed else "",
        coming_in,
        offered,
        validated,
        "Validation team" if validated else "",
        yes["t" if p.on_cancer_list else "f"],
        dates[p.stop_day] if stopped and p.stop_code == "21" else "",
        yes["t" if p.transferred_in else "f"],
        "",
        p.trust.names.code + "01",
        p.trust.names.commissioner,
        p.consultant,
        f"{p.specialty.texts[0]} team {p.consultant[-1]}".replace(",", ""),
        yes["t" if p.is_pifu and stopped else "f"],
    ]


def appointment(a: Appointment, today: int) -> list[str]:
    """A row of `appointments`."""
    p = a.period
    dates, d = _DATES[p.dialect], p.dialect
    cancelled = a.cancelled_day <= today
    settled = cancelled or a.recorded_day <= today
    weeks = (a.day - p.referral_day) / 7
    return [
        a.appointment_id,
        p.person.patient_id,
        p.trust.trust_id,
        quoted(a.specialty_text),
        dates[a.day],
        _APPOINTMENT[d][a.status if settled else "scheduled"],
        dates[p.referral_day],
        f"{weeks:.1f}",
        p.referral_id,
        p.pathway_id,
        _ATTENDANCE[d][a.attendance if settled else "0"],
        _TYPE[d]["first" if a.is_first else "follow_up"],
        _OUTCOME[d][a.outcome] if settled and a.outcome else "",
        _RTT[d][a.rtt_code] if settled and not cancelled else "",
        _BOOLEAN[d]["t" if a.is_communicated else "f"],
        dates[a.booked_day],
        dates[a.cancelled_day] if cancelled else "",
        _BY[d][a.cancelled_by] if cancelled else "",
        _REASON[d][a.cancel_reason] if cancelled else "",
        _DELAY[d][a.delay_reason] if cancelled and a.delay_reason else "",
        a.session_id,
        _SESSION_TYPE[d][CLINIC],
        p.trust.names.code + "01",
        p.consultant,
        _BOOLEAN[d]["t" if settled and a.outcome == "pifu" else "f"],
    ]


def operation(o: Operation, today: int) -> list[str]:
    """A row of `procedures`."""
    dates, d, yes, p = _DATES[o.dialect], o.dialect, _BOOLEAN[o.dialect], o.period
    settled, offered, planned = o.settled_day <= today, o.offered_day <= today, o.due_day != NEVER
    status = o.status if settled else "scheduled" if offered else "planned"
    if planned and not settled and o.due_day <= today:
        status = "overdue"
    cancelled = settled and o.status == "cancelled"
    done = settled and o.status in ("completed", "abandoned")
    wished = o.tci_day if offered else o.due_day
    return [
        o.procedure_id,
        o.person.patient_id,
        o.procedure.name,
        dates[wished] if wished != NEVER else "",
        dates[o.tci_day] if done else "",
        _PROCEDURE[d][status],
        p.referral_id if p is not None else "",
        p.pathway_id if p is not None else "",
        o.trust.trust_id,
        quoted(o.specialty_text),
        o.procedure.opcs,
        o.clinical_priority,
        dates[o.listed_day + REVIEW_DAYS] if o.clinical_priority else "",
        dates[o.listed_day] if o.procedure.is_admitted and not planned else "",
        dates[o.tci_day] if offered and o.procedure.is_admitted else "",
        dates[o.offered_day] if offered and o.procedure.is_admitted else "",
        _RTT[d][o.rtt_code] if settled else "",
        yes["t" if o.procedure.is_admitted else "f"],
        yes["t" if planned else "f"],
        dates[o.due_day] if planned else "",
        yes["t" if o.is_ready else "f"],
        yes["t" if o.is_second_side else "f"],
        dates[o.ready_day] if o.ready_day != NEVER else "",
        dates[o.settled_day] if cancelled else "",
        _BY[d][o.cancelled_by] if cancelled else "",
        _REASON[d][o.cancel_reason] if cancelled else "",
        _DELAY[d][o.delay_reason] if o.delay_reason and settled else "",
        o.session_id if offered else "",
        o.trust.names.code + "01",
    ]


def condition(c: Condition, today: int) -> list[str]:
    """A row of `conditions`."""
    return [
        c.condition_id,
        c.person.patient_id,
        c.name,
        _SEVERITY[c.dialect][c.severity],
        _BOOLEAN[c.dialect]["t" if c.is_active else "f"],
        _DATES[c.dialect][c.diagnosed_day],
    ]


def session(cell: Cell, day: int, index: int, slots: int, is_cancelled: bool, today: int) -> list[str]:
    """A row of `sessions`: planned, and once its day has come held or cancelled (known a week ahead)."""
    d = cell.trust.style
    if is_cancelled and day - 7 <= today:
        status, reason = "cancelled", _REASON[d][("leave", "staff_unavailable", "industrial_action")[day % 3]]
    else:
        status, reason = "held" if day <= today else "planned", ""
    return [
        cell.session_id(day, index),
        cell.trust.trust_id,
        cell.specialty.texts[0],
        _DATES[d][day],
        _SESSION_TYPE[d][THEATRE if cell.session_type == THEATRE else CLINIC],
        str(slots),
        _SESSION_STATUS[d][status],
        reason,
        cell.trust.names.code + "01",
    ]


def experience(t: Trust, name: str, day: int, specialty: str, answer: str) -> list[str]:
    """A row of `experience`; a blank answer is a question that was skipped."""
    return [name, _DATES[t.style][day], t.trust_id, quoted(specialty), _ANSWER[t.style][answer] if answer else ""]


def gp(practice: Practice) -> list[str]:
    """A row of `gp`."""
    size = 3000 + int(practice.code[1:]) * 37 % 11000
    return [practice.gp_id, practice.name, quoted(practice.practice), practice.postcode, practice.code,
            practice.icb_code, str(size)]  # fmt: skip


def trust(t: Trust) -> list[str]:
    """A row of `trusts`."""
    return [t.trust_id, quoted(t.names.name), t.names.region, t.names.code, t.names.icb_code,
            quoted(t.names.icb_name)]  # fmt: skip
