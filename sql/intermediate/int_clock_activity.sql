/*
One row per referral (or planned procedure without one) that has appointments or procedures: what has happened on it
and what is booked, as the waiting list shows it.

A DNA counts as unevidenced when it was of a first appointment and nothing says that the appointment was clearly
communicated: the clock runs on (G §5). An outcome is missing when a date has gone by and nothing says what became of
it; it is not a DNA.

---
kind: intermediate
grain: [clock_id]
*/
with
clocks as (
    select c.clock_id
    from int_rtt_clocks as c
),

appointments as (
    select
        a.referral_id as clock_id,
        min(a.appointment_date) filter (where a.is_attended) as first_attended_date,
        min(a.appointment_date) filter (where a.is_first) as first_appointment_date,
        min(a.appointment_date) filter (
            where
            a.is_future
            and not a.is_cancelled_by_patient
            and not a.is_cancelled_by_provider
            and not a.is_cancelled_by_unknown
        ) as next_appointment_date,
        max(a.appointment_date) filter (
            where
            a.is_first
            and a.is_dna
            and not coalesce(a.is_communicated, coalesce(a.rtt_status_code = '33', false))
        ) as unevidenced_dna_date,
        max(a.appointment_date) filter (where a.is_outcome_missing) as outcome_missing_date,
        max(a.appointment_date) filter (where a.is_attended and a.rtt_status_code in ('10', '20')) as running_date,
        count(*) filter (where a.is_dna) as dna_count,
        count(*) filter (where a.is_cancelled_by_patient) as patient_cancellation_count,
        count(*) filter (where a.is_cancelled_by_provider) as provider_cancellation_count
    from int_appointments as a
    where a.is_current and a.referral_id is not null
    group by a.referral_id
),

procedures as (
    select
        coalesce(c.clock_id, 'procedure|' || p.procedure_id) as clock_id,
        p.procedure_id,
        p.tci_date,
        p.tci_offered_date,
        p.planned_date,
        p.due_date,
        p.decision_to_admit_date,
        p.clinical_priority_code,
        p.priority_review_date,
        p.is_admitted,
        p.is_outcome_missing,
        d.census_date,
        (
            not p.is_completed
            and coalesce(p.procedure_status not in ('cancelled', 'abandoned'), true)
        ) as is_waiting
    from int_procedures as p
    cross join census as d
    left join clocks as c on p.referral_id = c.clock_id
    where p.is_current
),

-- The procedure the patient waits for: the one with the nearest date, booked ones first.
awaited as (
    select distinct on (p.clock_id)
        p.clock_id,
        p.tci_date,
        p.tci_offered_date,
        p.planned_date,
        p.decision_to_admit_date,
        p.clinical_priority_code,
        p.priority_review_date,
        p.is_admitted,
        p.census_date
    from procedures as p
    where p.is_waiting
    order by p.clock_id, p.tci_date nulls last, p.planned_date nulls last, p.procedure_id
),

missing_outcomes as (
    select
        p.clock_id,
        max(coalesce(p.tci_date, p.planned_date)) as outcome_missing_date
    from procedures as p
    where p.is_outcome_missing
    group by p.clock_id
)

select
    c.clock_id, -- The referral, or the planned procedure without one
    a.first_attended_date, -- First attended appointment
    a.first_appointment_date, -- First appointment, whatever became of it
    a.next_appointment_date, -- Nearest appointment after the census that is not cancelled
    a.unevidenced_dna_date, -- Last first-appointment DNA without evidence that it was communicated
    greatest(a.outcome_missing_date, m.outcome_missing_date) as outcome_missing_date, -- Last date without an outcome
    a.running_date, -- Last activity whose RTT status says the clock runs (10, 20)
    coalesce(a.dna_count, 0) as dna_count, -- Appointments not attended without notice
    coalesce(a.patient_cancellation_count, 0) as patient_cancellation_count, -- Appointments the patient cancelled
    coalesce(a.provider_cancellation_count, 0) as provider_cancellation_count, -- Appointments the provider cancelled
    w.tci_date, -- Date the patient is to come in for the awaited procedure
    w.tci_offered_date, -- Date that offer was made
    case
        when w.planned_date > w.census_date then w.planned_date
    end as next_procedure_date, -- Date the awaited procedure is planned for, when it lies ahead
    w.decision_to_admit_date, -- Decision to admit for the awaited procedure
    w.clinical_priority_code, -- Surgical priority of the awaited procedure
    w.priority_review_date, -- Date that priority is next to be reviewed
    w.is_admitted as is_awaiting_admission, -- The awaited procedure is an admission; null when unknown
    w.clock_id is not null as has_awaited_procedure -- A procedure is waited for
from clocks as c
left join appointments as a on c.clock_id = a.clock_id
left join awaited as w on c.clock_id = w.clock_id
left join missing_outcomes as m on c.clock_id = m.clock_id
where a.clock_id is not null or w.clock_id is not null or m.clock_id is not null
