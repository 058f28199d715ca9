"""What can be planted: faulty rows, doubtful values, and the traps of the RTT clock, each with what must be found.

A scenario is a patient of its own with a few hand-made rows. Dates are written as days from the last extract (the
census): `-98` is 98 days before it, `Dmy(-98)` the same as DD/MM/YYYY. Texts may name the scenario's own identifiers:
`{P}` patient, `{R}` referral, `{A}` appointment, `{X}` procedure, `{T}` trust, `{Z}` its code. What is left out is
blank, or the plain value in `medimart.synthetic.planting`. The rules are those of *Recording and reporting RTT waiting
times* (NHS England, v5.0): sections are given as G §n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Dmy:
    """A date written DD/MM/YYYY, as days from the last extract."""

    days: int


Cell = str | int | Dmy
Value = str | int | bool | None | tuple[str, ...]
Break = Literal["", "too_many_fields", "too_few_fields", "broken_quote"]


@dataclass(frozen=True)
class Row:
    """One row of a file. back: extracts before the last one; fault and flag: column and rule that must be found."""

    source: str
    cells: dict[str, Cell]
    back: int = 0
    broken: Break = ""
    fault: tuple[str, str] | None = None
    flag: tuple[str, str] | None = None


@dataclass(frozen=True)
class Find:
    """What a model must say at the last census: its rows of a key, in order of the columns named.

    A key column that ends in `_sk` holds the pseudonym of the text. A number under a column that ends in `_date` is
    days from the last extract.
    """

    model: str
    key: tuple[str, str]
    rows: tuple[Mapping[str, Value], ...]


@dataclass(frozen=True)
class Scenario:
    """Rows that are planted together, after a plain patient if it has one, and what models must say of them."""

    rows: tuple[Row, ...]
    finds: tuple[Find, ...] = ()
    has_patient: bool = True

    @property
    def is_spread(self) -> bool:
        """Whether it may be in any extract: no date in it is reckoned with."""
        return not self.finds and all(row.back == 0 for row in self.rows)

    @property
    def extracts(self) -> int:
        """How many extracts it needs."""
        return 1 + max(row.back for row in self.rows)


def referral(number: int = 1, back: int = 0, /, **cells: Cell) -> Row:
    """A referral of 98 days before the census, running; its clock is recorded."""
    running: dict[str, Cell] = {
        "referral_id": f"{{R}}-{number}", "referral_date": -100, "referral_status": "Open", "rtt_status": "20",
        "received_date": -98, "clock_start_date": -98,
    }  # fmt: skip
    return Row("referrals", running | cells, back)


def bare_referral(number: int = 1, back: int = 0, /, **cells: Cell) -> Row:
    """A referral of 100 days before the census of which nothing but the core columns is known."""
    bare: dict[str, Cell] = {"referral_id": f"{{R}}-{number}", "referral_date": -100, "referral_status": "Open"}
    return Row("referrals", bare | cells, back)


def appointment(number: int = 1, /, **cells: Cell) -> Row:
    """An appointment of the first referral."""
    return Row("appointments", {"appointment_id": f"{{A}}-{number:02d}", **cells})


def procedure(number: int = 1, /, **cells: Cell) -> Row:
    """A procedure that names no referral."""
    return Row("procedures", {"procedure_id": f"{{X}}-{number:02d}", **cells})


def period(
    start: int | None, basis: str, stop: int | None = None, kind: str | None = None, stop_basis: str | None = None,
    *flags: str, **more: Value,
) -> dict[str, Value]:  # fmt: skip
    """A period as int_rtt_periods must tell it; open unless it has a kind of stop."""
    return {
        "clock_start_date": start, "clock_start_basis": basis, "clock_stop_date": stop, "stop_kind": kind,
        "stop_basis": stop_basis, "is_open": kind is None, "data_quality_flags": flags, **more,
    }  # fmt: skip


def clock(*periods: dict[str, Value], clock_id: str = "{R}-1") -> Find:
    """The periods of one clock, by start."""
    return Find("int_rtt_periods", ("clock_id", clock_id), periods)


def running(*flags: str, **more: Value) -> Find:
    """The clock of the plain referral runs on."""
    return clock(period(-98, "rtt_recorded", None, None, None, *flags, **more))


def running_bare(*flags: str) -> Find:
    """The clock of the bare referral runs on, inferred."""
    return clock(period(-100, "referral_date", None, None, None, *flags, is_inferred=True))


def _fault(source: str, column: str, rule: str, name: str = "", **cells: Cell) -> Scenario:
    row = Row(source, cells, fault=(name or column, rule))
    return Scenario((row,), has_patient=source != "patients")


def _flag(source: str, column: str, rule: str, **cells: Cell) -> Scenario:
    return Scenario((Row(source, cells, flag=(column, rule)),), has_patient=source != "patients")


FAULTS: dict[str, Scenario] = {
    "too_many_fields": Scenario((Row("referrals", {}, broken="too_many_fields", fault=("record", "too_many_fields")),)),
    "too_few_fields": Scenario((Row("appointments", {}, broken="too_few_fields", fault=("record", "too_few_fields")),)),
    "broken_quote": Scenario((Row("referrals", {}, broken="broken_quote", fault=("record", "broken_quote")),)),
    "missing_key": _fault("procedures", "procedure_id", "missing_key", procedure_id=""),
    "blank_key": _fault("conditions", "condition_id", "missing_key", condition_id="   "),
    "missing_value": _fault("appointments", "patient_id", "missing_value", patient_id=""),
    "unreadable_date": _fault("referrals", "referral_date", "unreadable_date", referral_date="today"),
    "unreadable_number": _fault(
        "appointments", "wait_weeks", "unreadable_number", "recorded_wait_weeks", wait_weeks="six"
    ),
    "date_before_1900": _fault("patients", "DOB", "impossible_date", "birth_date", DOB="12/05/1863"),
    "impossible_date": _fault("referrals", "referral_date", "impossible_date", referral_date="31/02/2026"),
}
"""Rows that go to quarantine."""

DOUBTS: dict[str, Scenario] = {
    "unmapped_word": _flag("patients", "gender_code", "unmapped", gender="See letter"),
    "unmapped_code": _flag("patients", "ethnic_category_code", "unmapped", ethnicity="W9"),
    "unmapped_status": _flag("referrals", "referral_status", "unmapped", referral_status="With secretary"),
    "unmapped_specialty": _flag("referrals", "treatment_function_code", "unmapped", specialty="Lump Clinic B"),
    "invalid_nhs_number": _flag("patients", "nhs_number", "invalid", nhs_number="999 000 0000"),
    "unreadable_postcode": _flag("patients", "postcode", "unreadable", postcode="No fixed abode"),
    "unreadable_optional_date": _flag("patients", "death_date", "unreadable", death_date="n/k"),
    "out_of_range": _flag("patients", "imd_decile", "out_of_range", imd_decile="11"),
    "unmapped_procedure": Scenario(
        (procedure(procedure_name="As per letter", actual_date=-30, status="Completed"),),
        (Find("int_procedures", ("procedure_id", "{X}-01"), ({"procedure_role": "unknown", "is_completed": True},)),),
    ),
    "orphan_patient": Scenario(
        (bare_referral(),),
        (Find("fct_waitlist", ("referral_sk", "{R}-1"), ({"data_quality_flags": ("patient_unknown",)},)),),
        has_patient=False,
    ),
    "orphan_gp": Scenario(
        (bare_referral(gp_id="G99999"),),
        (Find("fct_waitlist", ("referral_sk", "{R}-1"), ({"data_quality_flags": ("gp_unknown",)},)),),
    ),
    "orphan_trust": Scenario(
        (bare_referral(trust_id="T99"),),
        (Find("fct_waitlist", ("referral_sk", "{R}-1"), ({"data_quality_flags": ("trust_unknown",)},)),),
    ),
    "orphan_referral": Scenario(
        (appointment(appt_date=-30, appt_status="Attended"),),
        (Find("int_appointments", ("appointment_id", "{A}-01"), (
            {"referral_id": None, "referral_match_basis": "none", "is_attended": True},
        )),),
    ),
    "completion_in_future": Scenario(
        (bare_referral(), procedure(actual_date=10, status="Completed")),
        (
            Find("int_procedures", ("procedure_id", "{X}-01"), (
                {"is_completed": False, "is_completed_in_future": True},
            )),
            running_bare(),
        ),
    ),
    "duplicate_key": Scenario(
        (Row("conditions", {"severity": "Mild"}), Row("conditions", {"severity": "Severe"}))
    ),
    "one_person_two_ids": Scenario(
        (Row("patients", {}), Row("patients", {"patient_id": "{P}-B"})),
        (
            Find("dim_patient", ("patient_sk", "{P}"), ({"person_id_count": 2},)),
            Find("dim_patient", ("patient_sk", "{P}-B"), ({"person_id_count": 2},)),
        ),
        has_patient=False,
    ),
    "both_date_formats": Scenario(
        (bare_referral(1, referral_date=-60), bare_referral(2, referral_date=Dmy(-61))),
        (
            Find("stg_referrals", ("referral_id", "{R}-1"), ({"referral_date": -60},)),
            Find("stg_referrals", ("referral_id", "{R}-2"), ({"referral_date": -61},)),
        ),
    ),
    "carried_forward": Scenario(
        (
            bare_referral(1, 1),
            Row("referrals", {"referral_date": -100}, broken="too_many_fields", fault=("record", "too_many_fields")),
        ),
        (Find("fct_waitlist", ("referral_sk", "{R}-1"), ({"data_quality_flags": ("carried_forward",)},)),),
    ),
}  # fmt: skip
"""Values that are kept: unknown or as they are, flagged or counted."""

_RECORDED, _BARE = "rtt_recorded", "referral_date"
_SURVEILLANCE: dict[str, Cell] = {
    "is_planned_care": "1", "is_admitted": "1", "is_patient_ready": "1", "status": "Planned", "due_date": -30,
    "planned_date": -30, "procedure_name": "Removal of Metalwork", "rtt_status": "98",
}  # fmt: skip

TRAPS: dict[str, Scenario] = {
    # First appointments: a DNA alone nullifies, and only if it was clearly communicated (G §5).
    "first_dna_communicated": Scenario(
        (
            referral(rtt_status="33", referral_status="Closed", status_date=-40, clock_stop_date=-40),
            appointment(appt_date=-40, appt_status="DNA", attendance_code="3", appointment_type="1",
                        is_communicated="1", rtt_status="33"),
        ),
        (clock(period(-98, _RECORDED, -40, "nullified", "first_dna")),),
    ),
    "first_dna_rebooked": Scenario(
        (
            referral(),
            appointment(1, appt_date=-40, appt_status="DNA", attendance_code="3", appointment_type="1",
                        is_communicated="1"),
            appointment(2, appt_date=10, appt_status="Scheduled", attendance_code="0", appointment_type="1",
                        booked_date=-33),
        ),
        (clock(period(-98, _RECORDED, -40, "nullified", "first_dna"), period(-33, "rebooked_after_dna")),),
    ),
    "first_dna_not_communicated": Scenario(
        (
            referral(),
            appointment(appt_date=-40, appt_status="DNA", attendance_code="3", appointment_type="1",
                        is_communicated="0"),
        ),
        (running("dna_not_evidenced"),),
    ),
    "first_late_not_seen": Scenario(
        (
            referral(),
            appointment(appt_date=-40, appt_status="Late not seen", attendance_code="7", appointment_type="1",
                        is_communicated="1"),
        ),
        (running(),),
    ),
    # A cancellation by either side, at any notice, never stops and never pauses the clock (G §5).
    "cancelled_by_patient": Scenario(
        (
            referral(),
            appointment(appt_date=-40, appt_status="Cancelled by Patient", attendance_code="2", appointment_type="1",
                        is_communicated="1", cancelled_date=-40, cancelled_by="Patient"),
        ),
        (running(),),
    ),
    "cancelled_by_provider": Scenario(
        (
            referral(),
            appointment(appt_date=-40, appt_status="Cancelled by Provider", attendance_code="4", appointment_type="1",
                        cancelled_date=-41, cancelled_by="Provider"),
            procedure(referral_id="{R}-1", status="Cancelled", planned_date=-20, tci_date=-20, is_admitted="1",
                      cancelled_date=-21, cancelled_by="Provider"),
        ),
        (running(),),
    ),
    # A later DNA stops the clock only if the patient is discharged for it, at the discharge date (G §5).
    "later_dna": Scenario(
        (
            referral(),
            appointment(1, appt_date=-70, appt_status="Attended", attendance_code="5", appointment_type="1",
                        rtt_status="10"),
            appointment(2, appt_date=-30, appt_status="DNA", attendance_code="3", appointment_type="2",
                        is_communicated="1", outcome="2"),
        ),
        (running(),),
    ),
    "later_dna_discharged": Scenario(
        (
            referral(rtt_status="34", referral_status="Discharged", status_date=-25, clock_stop_date=-25),
            appointment(1, appt_date=-70, appt_status="Attended", attendance_code="5", appointment_type="1",
                        rtt_status="10"),
            appointment(2, appt_date=-30, appt_status="DNA", attendance_code="3", appointment_type="2",
                        is_communicated="1", outcome="1"),
        ),
        (clock(period(-98, _RECORDED, -25, "non_admitted_stop", "decision_not_to_treat")),),
    ),
    # Transfers (G §11): off the sender's list and no completion; the receiver carries the original start.
    "transferred_out": Scenario(
        (referral(rtt_status="21", referral_status="Closed", status_date=-20, transferred_out_date=-20),),
        (clock(period(-98, _RECORDED, -20, "transferred_out", "transferred_out")),),
    ),
    "transferred_in": Scenario(
        (referral(received_date=-20, clock_start_date=-300, transferred_in="1"),),
        (clock(period(-300, "transfer_original", wait_days=300)),),
    ),
    "transferred_in_undated": Scenario(
        (referral(received_date=-20, clock_start_date="", transferred_in="1"),),
        (clock(period(None, "unknown", None, None, None, "start_unknown", wait_days=None)),),
    ),
    "test_elsewhere": Scenario(
        (
            referral(),
            appointment(appt_date=-40, appt_status="Attended", attendance_code="5", appointment_type="1",
                        rtt_status="21"),
        ),
        (running(),),
    ),
    # New clocks: at zero, but the place in the queue is kept after active monitoring (G §3).
    "after_active_monitoring": Scenario(
        (
            referral(1, rtt_status="32", referral_status="Closed", referral_date=-300, received_date=-300,
                     clock_start_date=-300, clock_stop_date=-200, status_date=-200, pathway_id="{R}",
                     pathway_issuer="{Z}"),
            referral(2, rtt_status="11", referral_date=-300, received_date=-300, clock_start_date=-50,
                     pathway_id="{R}", pathway_issuer="{Z}"),
        ),
        (
            clock(period(-300, _RECORDED, -200, "non_admitted_stop", "active_monitoring_clinician")),
            clock(period(-50, "active_monitoring_end", wait_days=50, prior_wait_days=100, queue_date=-300),
                  clock_id="{R}-2"),
        ),
    ),
    "second_side": Scenario(
        (
            referral(rtt_status="30", referral_status="Open", clock_start_date=-200, received_date=-200,
                     referral_date=-200, clock_stop_date=-60),
            procedure(1, referral_id="{R}-1", procedure_name="Cataract Surgery", status="Completed", actual_date=-60,
                      rtt_status="30", is_admitted="1"),
            procedure(2, referral_id="{R}-1", procedure_name="Cataract Surgery", status="Planned", planned_date=20,
                      is_admitted="1", is_second_side="1", ready_date=-20),
        ),
        (clock(period(-200, _RECORDED, -60, "admitted_stop", "first_treatment"), period(-20, "second_side")),),
    ),
    "re_referred": Scenario(
        (
            referral(1, rtt_status="34", referral_status="Discharged", clock_stop_date=-70, status_date=-70),
            referral(2, rtt_status="10", referral_date=-32, received_date=-30, clock_start_date=-30),
        ),
        (
            clock(period(-98, _RECORDED, -70, "non_admitted_stop", "decision_not_to_treat")),
            clock(period(-30, _RECORDED, wait_days=30, prior_wait_days=0), clock_id="{R}-2"),
        ),
    ),
    "rejected_and_re_referred": Scenario(
        (
            referral(1, rtt_status="", referral_status="Rejected", status_date=-90, clock_start_date="",
                     pathway_id="{R}", pathway_issuer="{Z}"),
            referral(2, rtt_status="10", referral_date=-80, received_date=-80, clock_start_date="",
                     pathway_id="{R}", pathway_issuer="{Z}"),
        ),
        (clock(period(-98, "first_conversion"), clock_id="{R}-2"),),
    ),
    # What is no treatment stops nothing; what is one does, wherever it is given (G §4).
    "diagnostic_admission": Scenario(
        (
            referral(),
            procedure(referral_id="{R}-1", procedure_name="Colonoscopy", status="Completed", actual_date=-30,
                      is_admitted="1"),
        ),
        (running(),),
    ),
    "pre_assessment": Scenario(
        (
            referral(),
            procedure(referral_id="{R}-1", procedure_name="Pre-operative Assessment", status="Completed",
                      actual_date=-30),
        ),
        (running(),),
    ),
    "abandoned_procedure": Scenario(
        (referral(), procedure(referral_id="{R}-1", status="Abandoned", actual_date=-30, is_admitted="1")),
        (running(),),
    ),
    "treated_in_clinic": Scenario(
        (
            referral(),
            appointment(appt_date=-40, appt_status="Attended", attendance_code="5", appointment_type="1",
                        rtt_status="30"),
        ),
        (clock(period(-98, _RECORDED, -40, "non_admitted_stop", "first_treatment")),),
    ),
    "waiting_for_admission": Scenario(
        (
            referral(waiting_list_type="Admitted", decision_to_admit_date=-40),
            procedure(referral_id="{R}-1", status="Scheduled", planned_date=20, tci_date=20, is_admitted="1"),
        ),
        (running(),),
    ),
    "died": Scenario(
        (Row("patients", {"death_date": -15}), referral()),
        (clock(period(-98, _RECORDED, -15, "non_admitted_stop", "died")),),
        has_patient=False,
    ),
    # Planned care is outside RTT until an admission for treatment of a ready patient is overdue (G §11).
    "planned_overdue": Scenario(
        (procedure(**_SURVEILLANCE),),
        (clock(period(-30, "planned_overdue", None, None, None, "outcome_missing"), clock_id="procedure|{X}-01"),),
    ),
    "planned_overdue_diagnostic": Scenario(
        (procedure(**_SURVEILLANCE | {"procedure_name": "Surveillance Colonoscopy"}),),
        (clock(clock_id="procedure|{X}-01"),),
    ),
    "planned_overdue_not_ready": Scenario(
        (procedure(**_SURVEILLANCE | {"is_patient_ready": "0"}),), (clock(clock_id="procedure|{X}-01"),)
    ),
    "planned_not_due": Scenario(
        (procedure(**_SURVEILLANCE | {"due_date": 30, "planned_date": 30}),), (clock(clock_id="procedure|{X}-01"),)
    ),
    # Dates that try the arithmetic.
    "stop_learnt_late": Scenario(
        (
            referral(1, 1),
            referral(1, 0, rtt_status="34", referral_status="Discharged", clock_stop_date=-40, status_date=-40),
        ),
        (clock(period(-98, _RECORDED, -40, "non_admitted_stop", "decision_not_to_treat")),),
    ),
    "zero_days": Scenario(
        (
            referral(rtt_status="34", referral_status="Discharged", received_date=-30, clock_start_date=-30,
                     clock_stop_date=-30, status_date=-30),
        ),
        (clock(period(-30, _RECORDED, -30, "non_admitted_stop", "decision_not_to_treat", wait_days=0)),),
    ),
    "negative_wait": Scenario(
        (
            referral(rtt_status="34", referral_status="Discharged", received_date=-30, clock_start_date=-30,
                     clock_stop_date=-40, status_date=-40),
        ),
        (clock(period(-30, _RECORDED, -40, "non_admitted_stop", "decision_not_to_treat", "negative_wait",
                      wait_days=-10)),),
    ),
    "stop_in_future": Scenario((referral(clock_stop_date=10),), (running("stop_in_future"),)),
}  # fmt: skip
"""Traps of the clock where RTT data are recorded."""

INFERENCES: dict[str, Scenario] = {
    "inferred_running": Scenario(
        tuple(
            bare_referral(n, referral_status=s, referral_date=-100 - n)
            for n, s in enumerate(("Open", "Pending", "Accepted"), 1)
        ),
        tuple(
            clock(period(-100 - n, _BARE, is_inferred=True, wait_days=100 + n), clock_id=f"{{R}}-{n}")
            for n in (1, 2, 3)
        ),
    ),
    "inferred_rejected": Scenario(
        (bare_referral(referral_status="Rejected"),),
        (clock(period(-100, _BARE, 0, "other_removal", "rejected", is_inferred=True)),),
    ),
    "inferred_closed": Scenario(
        tuple(
            bare_referral(n, referral_status=s, referral_date=-100 - n)
            for n, s in enumerate(("Closed", "Completed", "Discharged"), 1)
        ),
        tuple(
            clock(
                period(-100 - n, _BARE, None, "other_removal", "first_seen_closed", "stop_unknown",
                       is_inferred=True, first_seen_closed_date=0),
                clock_id=f"{{R}}-{n}",
            )
            for n in (1, 2, 3)
        ),
    ),
    "inferred_closed_after_treatment": Scenario(
        (bare_referral(referral_status="Closed"), procedure(status="Completed", actual_date=-40)),
        (clock(period(-100, _BARE, -40, "admitted_stop", "treatment_inferred", is_inferred=True)),),
    ),
    "inferred_attendance": Scenario(
        (bare_referral(), appointment(appt_date=-40, appt_status="Attended")), (running_bare(),)
    ),
    "inferred_treatment": Scenario(
        (bare_referral(), procedure(status="Completed", actual_date=-40)),
        (clock(period(-100, _BARE, -40, "admitted_stop", "treatment_inferred", is_inferred=True)),),
    ),
    "inferred_treatment_fits_none": Scenario(
        (bare_referral(), procedure(procedure_name="Cataract Surgery", status="Completed", actual_date=-40)),
        (
            running_bare(),
            Find("int_treatment_matches", ("procedure_id", "{X}-01"), (
                {"clock_id": None, "match_basis": "fits_none"},
            )),
        ),
    ),
    "inferred_treatment_fits_several": Scenario(
        (bare_referral(1), bare_referral(2, referral_date=-90), procedure(status="Completed", actual_date=-40)),
        (
            running_bare(),
            clock(period(-90, _BARE), clock_id="{R}-2"),
            Find("int_treatment_matches", ("procedure_id", "{X}-01"), (
                {"clock_id": None, "match_basis": "fits_several"},
            )),
        ),
    ),
    "inferred_diagnostic": Scenario(
        (bare_referral(), procedure(procedure_name="MRI Scan", status="Completed", actual_date=-40)), (running_bare(),)
    ),
    "inferred_outcome_missing": Scenario(
        (bare_referral(), appointment(appt_date=-20, appt_status="Scheduled")), (running_bare("outcome_missing"),)
    ),
    "inferred_first_dna": Scenario(
        (bare_referral(), appointment(appt_date=-40, appt_status="No Show")), (running_bare("dna_not_evidenced"),)
    ),
}  # fmt: skip
"""Traps of the clock where it must be inferred: the rows of the inference table."""

SURVEY: dict[str, Scenario] = {
    "unmapped_answer": Scenario(
        (Row("experience", {"answer": "See overleaf"}, flag=("answer_code", "unmapped")),), has_patient=False
    ),
}
"""Answers to the survey that no alias reads: kept as unknown."""

# What is added comes last, so that what was there keeps its patients.
SCENARIOS: dict[str, Scenario] = FAULTS | DOUBTS | TRAPS | INFERENCES | SURVEY
