/*
One row per referral ever delivered: the journey from the referral to the first appointment, the decision and the stop.
A referral whose clock ran more than once (a new clock after active monitoring, a second side, a rebooking after a
nullified first DNA) shows its latest RTT period and counts them all.

Active monitoring is to be reviewed every 12 weeks (RTT rules suite; G §8): the next review counts from its beginning.
Days are counted from the clock start of the period, days to the first appointment from the date received.

---
kind: current
grain: [referral_sk]
references:
  patient_sk: dim_patient
  gp_sk: dim_gp
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
  referral_date: dim_date.date
not_null: [referral_date, referral_status, is_waiting, period_count, is_current]
indexes: [[trust_sk, treatment_function_code], [patient_sk]]
readers: clinical
owner: Trust RTT and access lead
*/
with
referrals as (
    select
        r.referral_id,
        r.patient_id,
        r.gp_id,
        r.trust_id,
        r.treatment_function_code,
        r.referral_date,
        r.received_date,
        r.referral_status,
        r.status_date,
        r.rtt_status_code,
        r.source_of_referral_code,
        r.referral_priority_code,
        r.clinical_priority_code,
        r.first_activity_date,
        r.decision_to_treat_date,
        r.decision_to_admit_date,
        r.transferred_in,
        r.is_pifu,
        r.is_carried_forward,
        r.is_current,
        c.census_date
    from stg_referrals as r
    cross join census as c
),

known_patients as (
    select p.patient_id
    from stg_patients as p
),

known_gps as (
    select g.gp_id
    from stg_gp as g
),

known_trusts as (
    select t.trust_id
    from stg_trusts as t
),

activity as (
    select
        a.clock_id,
        a.first_appointment_date,
        a.first_attended_date,
        a.decision_to_admit_date,
        a.dna_count,
        a.patient_cancellation_count,
        a.provider_cancellation_count
    from int_clock_activity as a
),

periods as (
    select
        p.period_sk,
        p.referral_id,
        p.period_no,
        p.clock_start_date,
        p.clock_start_basis,
        p.clock_stop_date,
        p.stop_kind,
        p.stop_basis,
        p.off_list_date,
        p.is_open,
        p.wait_days,
        p.is_inferred
    from int_rtt_periods as p
    where p.referral_id is not null
),

latest_periods as (
    select distinct on (p.referral_id)
        p.referral_id,
        p.period_sk,
        p.clock_start_date,
        p.clock_start_basis,
        p.clock_stop_date,
        p.stop_kind,
        p.stop_basis,
        p.off_list_date,
        p.is_open,
        p.wait_days,
        p.is_inferred
    from periods as p
    order by p.referral_id asc, p.period_no desc
),

period_counts as (
    select
        p.referral_id,
        count(*) as period_count
    from periods as p
    group by p.referral_id
)

select
    pseudonym('referral', r.referral_id) as referral_sk, -- Pseudonymous key of the referral
    case when q.patient_id is null then 0 else pseudonym('patient', r.patient_id) end as patient_sk, -- The patient
    case when g.gp_id is null then 0 else pseudonym('gp', r.gp_id) end as gp_sk, -- Referring general practitioner
    case when t.trust_id is null then 0 else pseudonym('trust', r.trust_id) end as trust_sk, -- The trust referred to
    coalesce(r.treatment_function_code, 'UNKNOWN') as treatment_function_code, -- Treatment function referred to
    r.referral_date, -- Date of the referral
    r.received_date, -- Date the provider received it
    coalesce(r.referral_status, 'UNKNOWN') as referral_status, -- State of the referral
    r.status_date, -- Date of that state
    r.rtt_status_code, -- RTT period status of the referral as of the extract; null when not delivered
    r.source_of_referral_code, -- Source of referral
    r.referral_priority_code, -- Priority of the referral: 1 routine, 2 urgent, 3 urgent suspected cancer
    r.clinical_priority_code, -- Clinician-assigned priority
    l.period_sk, -- Its latest RTT period; null when it is none
    coalesce(n.period_count, 0)::integer as period_count, -- RTT periods known of it
    l.clock_start_date, -- Start of the latest period
    l.clock_start_basis, -- What that start rests on
    a.first_appointment_date, -- First appointment, whatever became of it
    coalesce(r.first_activity_date, a.first_attended_date) as first_activity_date, -- First attended: recorded, else seen
    coalesce(r.first_activity_date, a.first_attended_date)
    - coalesce(r.received_date, r.referral_date) as days_to_first_activity, -- Days from receipt to first attendance
    r.decision_to_treat_date, -- Decision to treat
    coalesce(a.decision_to_admit_date, r.decision_to_admit_date) as decision_to_admit_date, -- Decision to admit
    coalesce(r.decision_to_treat_date, a.decision_to_admit_date, r.decision_to_admit_date)
    - l.clock_start_date as days_to_decision, -- Days from clock start to the decision
    l.clock_stop_date, -- Stop of the latest period; null while it runs and when unknown
    l.stop_kind, -- admitted_stop, non_admitted_stop, nullified, transferred_out, other_removal
    l.stop_basis, -- What that stop rests on
    l.off_list_date, -- Date from which it is off the list
    l.clock_stop_date - l.clock_start_date as days_to_stop, -- Days from clock start to stop
    case
        when l.stop_basis like 'active_monitoring%'
            then
                l.clock_stop_date + 84 * ((greatest(r.census_date - l.clock_stop_date, 0) / 84) + 1)
    end as active_monitoring_review_date, -- Next 12-weekly review of active monitoring
    coalesce(l.is_open, false) as is_waiting, -- On the list at the newest census
    l.is_inferred, -- The clock rests on the inference table; null when there is none
    coalesce(a.dna_count, 0)::integer as dna_count, -- Appointments not attended without notice
    coalesce(a.patient_cancellation_count, 0)::integer as patient_cancellation_count, -- Cancelled by the patient
    coalesce(a.provider_cancellation_count, 0)::integer as provider_cancellation_count, -- Cancelled by the provider
    r.transferred_in as is_transferred_in, -- Received from another provider; null when not recorded
    r.is_pifu, -- On patient-initiated follow-up; null when not recorded
    r.is_carried_forward, -- A newer delivery was quarantined, so the last good version is carried on
    r.is_current -- Delivered still
from referrals as r
left join known_patients as q on r.patient_id = q.patient_id
left join known_gps as g on r.gp_id = g.gp_id
left join known_trusts as t on r.trust_id = t.trust_id
left join activity as a on r.referral_id = a.clock_id
left join latest_periods as l on r.referral_id = l.referral_id
left join period_counts as n on r.referral_id = n.referral_id
