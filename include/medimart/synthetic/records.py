"""What a simulated life leaves in a hospital's systems: four kinds of record, each with the days that change it.

A record knows its whole course from the start; `medimart.synthetic.rows` writes it as it was known on a given day.
Days are day numbers (medimart.synthetic.calendar); NEVER stands for what does not happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from medimart.synthetic.calendar import NEVER
from medimart.synthetic.vocabulary import Procedure, Specialty
from medimart.synthetic.world import Trust


@dataclass(slots=True)
class Person:
    """A patient's registration."""

    number: int
    patient_id: str
    nhs_number: str
    first_name: str
    last_name: str
    birth_day: int
    gender: str
    postcode: str
    ethnicity: str
    risk_level: str
    imd_decile: int
    lsoa_code: str
    prior_admissions: int
    interpreter: bool
    transport: bool
    home: Trust
    gp_id: str
    dialect: int
    known_day: int = NEVER
    death_day: int = NEVER


@dataclass(slots=True)
class Period:
    """A referral's row: one RTT period, its clock and its milestones."""

    referral_id: str
    person: Person
    trust: Trust
    specialty: Specialty
    specialty_text: str
    dialect: int
    reason: str
    notes: str
    pathway_id: str
    issuer: str
    source: str
    referral_day: int
    received_day: int
    known_day: int
    start_day: int
    start_code: str
    priority: str
    clinical_priority: str
    on_cancer_list: bool
    consultant: str
    accepted_day: int
    transferred_in: bool = False
    first_activity_day: int = NEVER
    dtt_day: int = NEVER
    dta_day: int = NEVER
    offers: list[tuple[int, int]] = field(default_factory=list)  # (day offered or withdrawn, day to come in or 0)
    validations: list[int] = field(default_factory=list)
    reviews: list[int] = field(default_factory=list)  # days on which the clinical priority was set or reviewed
    stop_day: int = NEVER
    stop_known: int = NEVER
    stop_code: str = ""
    closing: str = ""  # referral status once the stop is known
    is_pifu: bool = False


@dataclass(slots=True)
class Appointment:
    """An outpatient appointment: booked, then cancelled, or settled and recorded some day."""

    appointment_id: str
    period: Period
    specialty_text: str
    day: int
    booked_day: int
    status: str
    attendance: str
    is_first: bool
    outcome: str
    rtt_code: str
    is_communicated: bool
    session_id: str
    recorded_day: int
    cancelled_day: int = NEVER
    cancelled_by: str = ""
    cancel_reason: str = ""
    delay_reason: str = ""


@dataclass(slots=True)
class Operation:
    """A procedure: listed, offered a date, and done, cancelled or abandoned; planned care has a due date.

    settled_day: when it is recorded what became of it.
    """

    procedure_id: str
    person: Person
    period: Period | None
    trust: Trust
    specialty_code: str
    specialty_text: str
    dialect: int
    procedure: Procedure
    listed_day: int
    offered_day: int
    tci_day: int
    settled_day: int
    status: str
    rtt_code: str
    clinical_priority: str
    session_id: str = ""
    cancelled_by: str = ""
    cancel_reason: str = ""
    delay_reason: str = ""
    due_day: int = NEVER
    is_ready: bool = True
    is_second_side: bool = False
    ready_day: int = NEVER


@dataclass(slots=True)
class Condition:
    """A long-term condition of a patient."""

    condition_id: str
    person: Person
    name: str
    severity: str
    is_active: bool
    diagnosed_day: int
    code: str
    dialect: int


@dataclass(slots=True)
class Life:
    """One patient with all that was recorded."""

    person: Person
    periods: list[Period] = field(default_factory=list)
    appointments: list[Appointment] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
