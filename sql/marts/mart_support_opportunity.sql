/*
One row per trust, treatment function and kind of non-clinical support: how many slots were lost for a cause that it deals
with, how many were not filled again, and what a share of them would mean in clock stops.

A SCENARIO, NOT A SAVING: lost slots × recoverable share × stops per slot used. The shares are assumptions with a range (seed
support_scenario); stops per slot is what the service did in the same weeks, and a recovered slot may do less.
- Each lost slot counts once, for the first cause that fits: the patient needs an interpreter; needs transport; was unwell
  or unfit (a call beforehand); no longer needed (validation); else reminders. Lost by the patient's side alone: DNA, too
  late to be seen, or cancelled by the patient. What a provider cancels no reminder would save.
- Not filled again: slots of DNAs are lost for good; of cancelled ones the share that its service did not book again in the
  window (refilled_count of int_weekly_capacity; where no dates tell, none is taken to be refilled and that is said).
- Whole weeks of the window, never from before a trust's first extract.

---
kind: snapshot
grain: [census_date, trust_sk, treatment_function_code, support_type]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [lost_slot_count, is_refill_known]
readers: clinical
owner: ICS operations manager
disclosure:
  counts: [lost_slot_count]
  by: [census_date, trust_sk, support_type]
  within: [census_date, trust_sk]
  values:
    unfilled_slots: lost_slot_count
    stops_low: lost_slot_count
    stops_central: lost_slot_count
    stops_high: lost_slot_count
*/
with
scenarios as (
    select
        s.support_type,
        s.low_share,
        s.central_share,
        s.high_share,
        s.window_weeks
    from ref_support_scenario as s
),

-- One window for all of them, so that a slot cannot be in one cause's and not in another's.
window_weeks as (
    select
        c.census_date,
        (c.census_date - 7 * max(s.window_weeks))::date as after_date
    from scenarios as s
    cross join census as c
    group by c.census_date
),

first_extracts as (
    select
        t.trust_id,
        t.first_seen_date
    from stg_trust_first_seen as t
),

needs as (
    select
        p.patient_id,
        coalesce(p.interpreter_needed, false) as is_interpreter_needed,
        coalesce(p.transport_needed, false) as is_transport_needed
    from stg_patients as p
),

losses as (
    select
        a.trust_id,
        coalesce(a.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        a.patient_id,
        a.is_cancelled_by_patient as is_cancelled,
        a.cancel_reason_code
    from int_appointments as a
    cross join window_weeks as w
    inner join first_extracts as f on a.trust_id = f.trust_id and a.week_end_date > f.first_seen_date
    where
        a.is_current
        and not a.is_future
        and (a.is_dna or a.is_late_not_seen or a.is_cancelled_by_patient)
        and a.week_end_date > w.after_date
        and a.week_end_date <= w.census_date
    union all
    select
        p.trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        p.patient_id,
        true as is_cancelled,
        p.cancel_reason_code
    from int_procedures as p
    cross join window_weeks as w
    inner join first_extracts as f on p.trust_id = f.trust_id and p.week_end_date > f.first_seen_date
    where
        p.is_current
        and p.procedure_status = 'cancelled'
        and p.cancelled_by = 'patient'
        and p.week_end_date > w.after_date
        and p.week_end_date <= w.census_date
),

caused as (
    select
        l.trust_id,
        l.treatment_function_code,
        l.is_cancelled,
        case
            when n.is_interpreter_needed then 'interpreters'
            when n.is_transport_needed then 'transport'
            when l.cancel_reason_code in ('patient_unwell', 'patient_unfit') then 'pre_assessment_calls'
            when l.cancel_reason_code = 'not_needed' then 'validation_staff'
            else 'reminders'
        end as support_type
    from losses as l
    left join needs as n on l.patient_id = n.patient_id
),

lost as (
    select
        c.trust_id,
        c.treatment_function_code,
        c.support_type,
        count(*) as lost_count,
        count(*) filter (where c.is_cancelled) as cancelled_count
    from caused as c
    group by c.trust_id, c.treatment_function_code, c.support_type
),

capacity as (
    select
        k.trust_id,
        k.treatment_function_code,
        sum(k.attended_count) as attended_count,
        sum(k.refilled_count) as refilled_count,
        sum(k.cancelled_by_patient_count + k.cancelled_by_provider_count + k.cancelled_by_unknown_count)
        filter (where k.refilled_count is not null) as cancelled_count
    from int_weekly_capacity as k
    cross join window_weeks as w
    inner join first_extracts as f on k.trust_id = f.trust_id and k.week_end_date > f.first_seen_date
    where k.is_current and k.week_end_date > w.after_date
    group by k.trust_id, k.treatment_function_code
),

stops as (
    select
        l.trust_id,
        l.treatment_function_code,
        sum(l.admitted_stop_count + l.non_admitted_stop_count) as stop_count
    from int_weekly_list as l
    cross join window_weeks as w
    where l.is_flow_whole and l.week_end_date > w.after_date
    group by l.trust_id, l.treatment_function_code
),

rated as (
    select
        l.trust_id,
        l.treatment_function_code,
        l.support_type,
        l.lost_count,
        k.cancelled_count > 0 as is_refill_known,
        l.lost_count
        - l.cancelled_count * coalesce(least(1, k.refilled_count::numeric / nullif(k.cancelled_count, 0)), 0)
            as unfilled,
        coalesce(t.stop_count, 0)::numeric / nullif(k.attended_count, 0) as stops_per_slot
    from lost as l
    left join capacity as k on l.trust_id = k.trust_id and l.treatment_function_code = k.treatment_function_code
    left join stops as t on l.trust_id = t.trust_id and l.treatment_function_code = t.treatment_function_code
)

select
    w.census_date, -- Sunday of the census
    pseudonym('trust', r.trust_id) as trust_sk, -- The trust
    r.treatment_function_code, -- Treatment function; UNKNOWN when not mapped
    r.support_type, -- interpreters, transport, pre_assessment_calls, validation_staff or reminders
    r.lost_count as lost_slot_count, -- Slots lost by the patient's side in the window for a cause of this kind; each slot once
    coalesce(r.is_refill_known, false) as is_refill_known, -- Dates tell which cancelled slots were booked again
    round(r.unfilled, 2) as unfilled_slots, -- Of these, not booked again, at the share of its service
    s.low_share, -- Assumed share that would be recovered, low
    s.central_share, -- The same, central
    s.high_share, -- The same, high
    round(r.unfilled * s.low_share, 2) as recovered_slots_low, -- Slots recovered in the window, low
    round(r.unfilled * s.central_share, 2) as recovered_slots_central, -- Slots recovered in the window, central
    round(r.unfilled * s.high_share, 2) as recovered_slots_high, -- Slots recovered in the window, high
    round(r.stops_per_slot, 4) as stops_per_slot, -- Clock stops per patient seen by the service; null: nobody was seen
    round(r.unfilled * s.low_share * r.stops_per_slot, 2) as stops_low, -- Scenario: clock stops more in the window, low
    round(r.unfilled * s.central_share * r.stops_per_slot, 2) as stops_central, -- The same, central
    round(r.unfilled * s.high_share * r.stops_per_slot, 2) as stops_high -- The same, high
from rated as r
cross join window_weeks as w
inner join scenarios as s on r.support_type = s.support_type
