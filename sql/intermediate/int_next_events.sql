/*
One row per open RTT period: what is booked for it and decided on it, for the waiting list.

What a procedure says of the awaited admission (TCI, decision to admit, surgical priority) comes before what the
referral says, because it is kept nearer to the booking. A procedure still to be done that names no referral belongs to
the open period it alone fits: same patient and treatment function, same trust where it names one.

---
kind: intermediate
grain: [period_sk]
not_null: [has_awaited_procedure]
*/
with
periods as (
    select
        p.period_sk,
        p.clock_id,
        p.patient_id,
        p.trust_id,
        p.treatment_function_code
    from int_rtt_periods as p
    where p.is_open
),

activity as (
    select
        a.clock_id,
        a.first_attended_date,
        a.next_appointment_date,
        a.next_procedure_date,
        a.tci_date,
        a.tci_offered_date,
        a.decision_to_admit_date,
        a.clinical_priority_code,
        a.priority_review_date,
        a.is_awaiting_admission,
        a.has_awaited_procedure
    from int_clock_activity as a
),

referrals as (
    select
        r.referral_id,
        r.tci_date,
        r.tci_offered_date,
        r.first_activity_date,
        r.decision_to_treat_date,
        r.decision_to_admit_date,
        r.clinical_priority_code,
        r.priority_review_date,
        r.waiting_list_type
    from stg_referrals as r
    where r.is_current
),

unlinked as (
    select
        p.procedure_id,
        p.patient_id,
        p.trust_id,
        p.treatment_function_code,
        p.tci_date,
        p.tci_offered_date,
        p.planned_date,
        p.decision_to_admit_date,
        p.clinical_priority_code,
        p.priority_review_date,
        p.is_admitted,
        c.census_date
    from int_procedures as p
    cross join census as c
    where
        p.is_current
        and p.referral_id is null
        and not p.is_completed
        and not coalesce(p.is_planned_care, false)
        and coalesce(p.procedure_status not in ('cancelled', 'abandoned'), true)
),

fits as (
    select
        u.*,
        p.period_sk,
        count(*) over (partition by u.procedure_id) as period_count
    from unlinked as u
    inner join periods as p
        on
        u.patient_id = p.patient_id
        and u.treatment_function_code = p.treatment_function_code
        and (u.trust_id is null or u.trust_id = p.trust_id)
),

fitting as (
    select distinct on (f.period_sk)
        f.period_sk,
        f.tci_date,
        f.tci_offered_date,
        case when f.planned_date > f.census_date then f.planned_date end as next_procedure_date,
        f.decision_to_admit_date,
        f.clinical_priority_code,
        f.priority_review_date,
        f.is_admitted
    from fits as f
    where f.period_count = 1
    order by f.period_sk, f.tci_date nulls last, f.planned_date nulls last, f.procedure_id
)

select
    p.period_sk, -- Pseudonymous key of the RTT period
    coalesce(r.first_activity_date, a.first_attended_date) as first_activity_date, -- Recorded, else first attended
    a.next_appointment_date, -- Nearest appointment after the census that is not cancelled
    coalesce(a.next_procedure_date, f.next_procedure_date) as next_procedure_date, -- Planned date of the procedure ahead
    r.decision_to_treat_date, -- Decision to treat
    coalesce(
        a.decision_to_admit_date, f.decision_to_admit_date, r.decision_to_admit_date
    ) as decision_to_admit_date, -- Decision to admit
    coalesce(a.tci_date, f.tci_date, r.tci_date) as tci_date, -- Date the patient is to come in
    case
        when a.tci_date is not null then a.tci_offered_date
        when f.tci_date is not null then f.tci_offered_date
        else r.tci_offered_date
    end as tci_offered_date, -- Date the offer to come in was made
    coalesce(
        a.clinical_priority_code, f.clinical_priority_code, r.clinical_priority_code
    ) as clinical_priority_code, -- Clinician-assigned priority
    case
        when a.clinical_priority_code is not null then a.priority_review_date
        when f.clinical_priority_code is not null then f.priority_review_date
        else r.priority_review_date
    end as priority_review_date, -- Date that priority is next to be reviewed
    coalesce(
        r.waiting_list_type,
        case
            when coalesce(a.is_awaiting_admission, f.is_admitted) then 'admitted'
            when coalesce(a.decision_to_admit_date, f.decision_to_admit_date, r.decision_to_admit_date) is not null
                then 'admitted'
            when a.is_awaiting_admission is false or f.is_admitted is false then 'non_admitted'
        end
    ) as waiting_list_type, -- Waiting for admission or not: recorded, else what is booked or decided; null: unknown
    coalesce(a.has_awaited_procedure, false) or f.period_sk is not null as has_awaited_procedure -- One is waited for
from periods as p
left join activity as a on p.clock_id = a.clock_id
left join referrals as r on p.clock_id = r.referral_id
left join fitting as f on p.period_sk = f.period_sk
