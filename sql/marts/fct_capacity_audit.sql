/*
One row per past week, trust, treatment function and session type: were the slots that were planned used,
and if not, why?

It is restated every week as late attendances arrive, so an older week may change. Planned slots are those
of sessions that were not cancelled; slots of one day are interchangeable, those of different days are not;
where a trust's extracts do not tell of its sessions, everything that depends on planned slots is null, not
zero. Rows never vanish: a cell whose sessions and bookings were moved or withdrawn stays, with counts of
zero and is_current false. Two sums always hold: booked = attended + dna + late_not_seen + outcome_missing +
the three cancelled; and where sessions are delivered, planned − unused + overbooked = booked − the three
cancelled. The counts are small and not disclosure controlled: for clinical readers.

---
kind: current
grain: [week_end_date, trust_sk, treatment_function_code, session_type]
references: {week_end_date: dim_date, trust_sk: dim_trust, treatment_function_code: dim_specialty}
readers: clinical
owner: ICS operations manager
disclosure:
  counts: [booked_count, dna_count, cancelled_by_patient_count, cancelled_by_provider_count, planned_count, filled_count]
  by: [week_end_date, trust_sk]
  within: [trust_sk]
*/
with
capacity as (
    select
        week_end_date,
        trust_id,
        treatment_function_code,
        session_type,
        has_sessions_delivered,
        session_count,
        cancelled_session_count,
        unknown_slots_session_count,
        planned_count,
        cancelled_slot_count,
        booked_count,
        attended_count,
        dna_count,
        late_not_seen_count,
        outcome_missing_count,
        cancelled_by_patient_count,
        cancelled_by_provider_count,
        cancelled_by_unknown_count,
        filled_count,
        unused_count,
        overbooked_count,
        refilled_count,
        is_current
    from int_weekly_capacity
)

select
    c.week_end_date, -- Sunday that ends the week; only weeks that have ended by the newest census
    case when c.trust_id = 'UNKNOWN' then 0 else pseudonym('trust', c.trust_id) end
        as trust_sk, -- The trust; 0 when unknown
    c.treatment_function_code, -- Treatment function of session and booking
    c.session_type, -- clinic, theatre, or UNKNOWN where a case says neither
    c.has_sessions_delivered, -- The trust's extracts tell of its sessions of this type in this week
    c.session_count, -- Sessions delivered, cancelled ones included
    c.cancelled_session_count, -- Sessions cancelled: their slots are lost, not unused
    c.unknown_slots_session_count, -- Not cancelled, slots not given: planned is too low by theirs
    c.planned_count, -- Slots of sessions not cancelled, so that it compares with actual; null: not delivered
    c.cancelled_slot_count, -- Slots of cancelled sessions, which planned leaves out; null: not delivered
    c.booked_count, -- Appointments or cases made for the week, whatever became of them: what was asked of it
    c.attended_count, -- Patients seen (5, 6), cases completed or abandoned once begun: each used a slot
    c.dna_count, -- Did not attend without notice (3 alone): a slot was held and lost
    c.late_not_seen_count, -- Arrived too late to be seen (7): a slot was held and lost, yet no DNA
    c.outcome_missing_count, -- Nothing says what became of them: attendances may hide here
    c.cancelled_by_patient_count, -- Cancelled by the patient, at any notice
    c.cancelled_by_provider_count, -- Cancelled by the provider
    c.cancelled_by_unknown_count, -- Cancelled, the extract does not say by whom
    c.filled_count, -- Planned slots in which a patient was seen: per day no more than were planned
    c.unused_count, -- Planned slots with no booking that stood (a DNA's was booked); null: not delivered
    c.refilled_count, -- Freed by a cancellation, booked again on or after that day; null: no dates tell
    c.overbooked_count, -- Bookings that stood beyond their day's planned slots; null: not delivered
    case when c.planned_count > 0 then round(c.filled_count::numeric / c.planned_count, 4) end
        as fill_rate, -- filled / planned, 0 to 1; null without planned slots
    c.is_current -- A session or booking of this cell is delivered still
from capacity as c
