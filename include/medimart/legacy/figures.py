"""The figures of the legacy spreadsheet, and why each is another in the marts.

Every pathway is put through the faults of the legacy logic in one fixed order, mended one after the other. The reason
for which it is counted otherwise is the first mend after which it is counted as the marts count it. So each row of a
difference has one reason, and the reasons add up to the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

PATHWAYS, BOOKINGS = "legacy_pathways", "legacy_bookings"
BY_CLOCK = "clock_reason"  # where a reason depends on the pathway, it is this column


@dataclass(frozen=True)
class Reason:
    """A fault of the legacy logic: what it does, and what holds instead; § is of the RTT guidance, PRN01045 v5.0."""

    name: str
    title: str
    does: str
    holds: str


@dataclass(frozen=True)
class Mend:
    """A fault mended. counted: SQL over the facts, whether a pathway counts once it and those before are mended."""

    reason: str
    counted: str


@dataclass(frozen=True)
class Figure:
    """A figure of the spreadsheet. column: of its query. mart: where the marts tell it.

    rows: the column that says how often the legacy view holds a pathway (a booking). mends: in order; the last is what
    the marts count. facts: the table that both are columns of.
    """

    column: str
    title: str
    mart: str
    rows: str
    mends: tuple[Mend, ...]
    facts: str = PATHWAYS


def _on_the_list(rule: str) -> tuple[Mend, ...]:
    """From the referrals that the view selects to the pathways on the list, of those to whom a rule applies."""
    return (
        Mend("status_words", f"is_status_open and is_joined and {rule}"),
        Mend("inner_join", f"is_status_open and {rule}"),
        Mend(BY_CLOCK, f"is_open and {rule}"),
    )


_HIGH = "({level} or ({age} >= 75 and has_condition))"
_FLAGGED_HIGH = _HIGH.format(level="is_level_high", age="legacy_age")

FIGURES = (
    Figure("waiting", "Waiting", "`mart_breach_kpi.pathway_count`", "waiting_rows", _on_the_list("true")),
    Figure(
        "over_18_weeks",
        "Over 18 weeks",
        "`mart_breach_kpi.over_18_weeks_count`",
        "over_18_rows",
        (
            *_on_the_list("referred_days / 7 > 18"),
            Mend("whole_weeks", "is_open and referred_days >= over_18_days"),
            Mend("clock_start", "is_open and over_18_weeks"),
        ),
    ),
    Figure(
        "over_52_weeks",
        "Over 52 weeks",
        "`mart_breach_kpi.over_52_weeks_count`",
        "over_52_rows",
        (
            *_on_the_list("referred_sundays >= 52"),
            Mend("week_boundaries", "is_open and referred_days >= over_52_days"),
            Mend("clock_start", "is_open and over_52_weeks"),
        ),
    ),
    Figure(
        "high_risk",
        "High risk",
        "`mart_risk_backlog.pathway_count`, tiers high and very high",
        "high_risk_rows",
        (
            *_on_the_list(_FLAGGED_HIGH),
            Mend("age_by_years", f"is_open and {_HIGH.format(level='is_level_high', age='age_years')}"),
            Mend("level_words", f"is_open and {_HIGH.format(level='is_level_high_or_more', age='age_years')}"),
            Mend("no_score", "is_open and is_tier_high"),
        ),
    ),
    Figure(
        "aged_75_plus",
        "Aged 75 and over",
        "`fct_waitlist.age_band`, 75-84 and 85+",
        "aged_rows",
        (*_on_the_list("legacy_age >= 75"), Mend("age_by_years", "is_open and age_years >= 75")),
    ),
    # Bookings that stood; from these it is `CELLS` to the slots planned.
    Figure(
        "capacity",
        "Capacity of the week",
        "`fct_capacity_audit.planned_count`",
        "capacity_rows",
        (
            Mend("cancellation_words", "is_standing and is_in_legacy_week and is_joined and is_appointment"),
            Mend("capacity_inner_join", "is_standing and is_in_legacy_week and is_appointment"),
            Mend("capacity_week", "is_standing and is_in_week and is_appointment"),
            Mend("procedures", "is_standing and is_in_week"),
        ),
        BOOKINGS,
    ),
)
# By trust, function and session type: what the bookings that stood are to be changed by, to be the slots planned.
CELLS = {
    "overbooked": "-overbooked_count",
    "unused": "unused_count",
    "no_sessions": "case when not has_sessions_delivered then -standing_count end",
}

REASONS = {
    reason.name: reason
    for reason in (
        Reason(
            "copies",
            "Rows copied by a join",
            "Patients are joined to conditions: a pathway is there once for each, and `COUNT(*)` counts them all.",
            "A pathway counts once: the grain of the list.",
        ),
        Reason(
            "status_words",
            "A status in other words",
            "Only Open, Accepted and Pending are on the list; *Awaiting triage* is not.",
            "Words are mapped by the seed `value_alias`.",
        ),
        Reason(
            "inner_join",
            "Lost by an inner join",
            "A pathway whose patient or trust is not in its table is left out.",
            "It is on the list, of an unknown patient or trust.",
        ),
        Reason(
            "stopped",
            "The clock has stopped",
            "An open referral is on the list, though treatment, a decision or the patient has stopped the clock.",
            "A stopped clock is off the list, whatever the referral's status (§4).",
        ),
        Reason(
            "active_monitoring",
            "Active monitoring",
            "Patients under active monitoring are on the list while their referral is open.",
            "Active monitoring stops the clock; a later decision to treat starts a new one (§3, §8).",
        ),
        Reason(
            "nullified",
            "First appointment not attended",
            "Patients who did not attend a first appointment that they knew of are on the list.",
            "That nullifies the clock (§5).",
        ),
        Reason(
            "transferred_out",
            "Transferred to another provider",
            "Patients whom another provider has taken over are on the list.",
            "They wait on the receiver's list, from the original start (§11).",
        ),
        Reason("died", "Died", "Patients who have died are on the list.", "Death stops the clock (§8)."),
        Reason(
            "not_rtt",
            "No RTT period",
            "Open referrals after treatment, or outside RTT, are on the list.",
            "RTT status 90, 91, 92 and 98 is no wait.",
        ),
        Reason(
            "not_started",
            "Not yet started",
            "A referral whose clock starts after the census is on the list.",
            "Waiting begins with the clock.",
        ),
        Reason(
            "duplicate",
            "One wait on two referrals",
            "A wait that is delivered on two referrals of one pathway is on the list twice.",
            "A row of the list is an RTT period: pathway, issuer and clock start.",
        ),
        Reason(
            "closed_runs_on",
            "Closed, and the clock runs on",
            "A closed referral is not on the list.",
            "Only what stops a clock takes a patient off; the row is flagged `running_though_closed`.",
        ),
        Reason(
            "status_unknown",
            "Status unknown",
            "A referral whose status is blank, or a word that nobody knows, is not on the list.",
            "The clock decides; the row is flagged `status_unknown`.",
        ),
        Reason(
            "no_referral",
            "Overdue planned care",
            "There is no wait without a referral.",
            "Planned care that is overdue starts a clock of its own at its due date (§11).",
        ),
        Reason(
            "whole_weeks",
            "Weeks rounded down",
            "Weeks are rounded down before they are compared: 130 days are 18 weeks, so not over 18. Days 127 to 132 "
            "are missed.",
            "Over 18 weeks is 127 days and more (§10.1.7).",
        ),
        Reason(
            "week_boundaries",
            "Sundays counted for weeks",
            "`DATEDIFF(week, …)` counts the Sundays passed: on a Sunday, 52 of them in 358 days. Days 358 to 364 are "
            "breaches too soon.",
            "Over 52 weeks is 365 days and more (§10.1.7).",
        ),
        Reason(
            "clock_start",
            "Counted from the referral date",
            "The wait is counted from the date of the referral.",
            "It is counted from the clock start: the date received, the original date of a transfer, the new start "
            "after active monitoring (§2, §3, §11).",
        ),
        Reason(
            "age_by_years",
            "Age by subtracting years",
            "`DATEDIFF(year, …)` counts New Years passed: everybody has their birthday on 1 January.",
            "Age goes up on the birthday.",
        ),
        Reason(
            "level_words",
            "A risk level in other words",
            "Only the level High is high; *Very high* is not.",
            "Words are mapped by the seed `value_alias`, and very high is high.",
        ),
        Reason(
            "no_score",
            "Another definition of high risk",
            "High is the recorded level, or age 75 with any condition, inactive and slight ones too.",
            "High is the score: age, active conditions by severity, admissions (seeds `risk_weight`, `risk_tier`). "
            "This is a change of definition, not a slip mended, and illustrative until approved locally.",
        ),
        Reason(
            "cancellation_words",
            "A cancellation in other words",
            "Two ways of writing a cancellation are left out; *Hospital Cancelled* is capacity.",
            "Words are mapped by the seed `value_alias`; the attendance code goes before the word.",
        ),
        Reason(
            "capacity_inner_join",
            "Lost by an inner join",
            "A booking whose trust is not in its table is left out.",
            "It is of the unknown trust.",
        ),
        Reason(
            "capacity_week",
            "Weeks from Sunday to Saturday",
            "`DATEDIFF(week, …) = 1` on a Sunday is the Sunday before to Saturday.",
            "The week of a census is Monday to Sunday.",
        ),
        Reason(
            "procedures",
            "Procedures left out",
            "Only appointments are counted: no theatre cases, and no procedures in clinic.",
            "They take slots as well.",
        ),
        Reason(
            "overbooked",
            "Overbooking counted as capacity",
            "Bookings beyond the slots of their day are capacity.",
            "Capacity is the slots planned; overbooking is counted apart.",
        ),
        Reason(
            "unused",
            "Empty slots not seen",
            "A slot that nobody is booked into does not exist.",
            "It is capacity, and the first that could be filled.",
        ),
        Reason(
            "no_sessions",
            "No sessions delivered",
            "Bookings are capacity where the extracts tell of no planned session.",
            "Capacity is then unknown, and left out.",
        ),
    )
}
