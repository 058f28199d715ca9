/*
One row per census, trust, treatment function, list and state: the days that the open periods have spent in it. What causes
the delay? This is *time in state*: what was recorded last on each day of each wait. It shows where the time went; it is no
proof of what caused it, and an unrecorded booking or decision moves days from one state to another.

Each day of a wait is in one state by the written rules of the seed delay_state, so over the states the days add up exactly
to the waits of fct_waitlist. Days that the record does not explain (a date gone by without an outcome) are unclassified:
their share is printed with every row and warns above 5%. Periods without a clock start have no days and are not here.

Why it matters: a list that waits for first appointments needs clinics, one with decisions and no dates needs theatre, one
after cancellations needs neither. Source: rules of this project, on the events of the RTT guidance (PRN01045 v5.0).
Reviewed with the seed, yearly.

---
kind: snapshot
grain: [census_date, trust_sk, treatment_function_code, waiting_list_type, state_code]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [state_label, is_classified, day_count, pathway_count, current_pathway_count]
readers: clinical
owner: Head of performance
disclosure:
  counts: [current_pathway_count]
  by: [census_date, trust_sk, state_code, state_label, is_classified]
  within: [census_date, trust_sk]
  values: {day_count: current_pathway_count}
*/
with
days as (
    select
        d.period_sk,
        d.state_code,
        d.day_count,
        d.is_current_state
    from int_delay_days as d
),

waiting as (
    select
        w.census_date,
        w.period_sk,
        w.trust_sk,
        w.treatment_function_code,
        w.waiting_list_type
    from fct_waitlist as w
),

states as (
    select
        s.state_code,
        s.sort_order,
        s.is_classified,
        s.label
    from ref_delay_state as s
),

summed as (
    select
        w.census_date,
        w.trust_sk,
        w.treatment_function_code,
        w.waiting_list_type,
        d.state_code,
        sum(d.day_count) as day_count,
        count(*) filter (where d.day_count > 0) as pathway_count,
        count(*) filter (where d.is_current_state) as current_pathway_count
    from days as d
    inner join waiting as w on d.period_sk = w.period_sk
    group by
        w.census_date,
        w.trust_sk,
        w.treatment_function_code,
        w.waiting_list_type,
        d.state_code
)

select
    m.census_date, -- Sunday the list is counted at
    m.trust_sk, -- The trust responsible for the wait
    m.treatment_function_code, -- Current treatment function
    m.waiting_list_type, -- admitted, non_admitted, or UNKNOWN
    m.state_code, -- State, by the rules of the seed delay_state
    s.label as state_label, -- The state in words
    s.sort_order as state_order, -- Order in charts, along the pathway
    s.is_classified, -- The record says what was waited for
    m.day_count::bigint as day_count, -- Days of the waits so far spent in it
    m.pathway_count, -- Pathways that have spent any day in it
    m.current_pathway_count, -- Pathways that are in it at the census
    round(
        sum(m.day_count) filter (where not s.is_classified) over (partition by m.trust_sk)
        / nullif(sum(m.day_count) over (partition by m.trust_sk), 0),
        6
    ) as trust_unclassified_rate, -- Share of the trust's days that are unclassified; null for none
    round(
        coalesce(sum(m.day_count) filter (where not s.is_classified) over (), 0) / nullif(sum(m.day_count) over (), 0), 6
    ) as unclassified_rate -- Share of all days that are unclassified
from summed as m
inner join states as s on m.state_code = s.state_code
