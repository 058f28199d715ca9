/*
One row per watched threshold and date, trust, treatment function, list and week in which its pathways pass the threshold:
who will be over 52 or 65 weeks by that date if nobody treats them, and which of them have a date already.

The clocks that can be over by a date have started: the cohort is known today and only shrinks, by treatment, removal or
correction. Week 0 holds those who are over already. Thresholds and dates are the seed cohort_watch; a date is watched until
it has come. A date to come in that lies after the watched date does not help and is not counted as one.

Why it matters: the last weeks before a deadline are too late to book; this is who to book now. Days: RTT guidance PRN01045
§10.1.7 (over 52 weeks is 365 days and more). Reviewed with the seed, when plans name new dates.

---
kind: snapshot
grain: [census_date, threshold_weeks, watch_date, trust_sk, treatment_function_code, waiting_list_type, weeks_to_go]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [reach_week_end_date, pathway_count, admission_dated_count, other_dated_count, undated_count]
readers: clinical
owner: Trust RTT and access lead
disclosure:
  counts: [pathway_count, undated_count]
  by: [census_date, threshold_weeks, watch_date, trust_sk]
*/
with
waiting as (
    select
        w.census_date,
        w.trust_sk,
        w.treatment_function_code,
        w.waiting_list_type,
        w.clock_start_date,
        w.wait_days,
        w.next_event_date,
        case when not w.is_tci_lapsed then w.tci_date end as tci_date
    from fct_waitlist as w
    where w.wait_days is not null
),

watches as (
    select
        c.threshold_weeks,
        c.watch_date,
        t.over_days
    from ref_cohort_watch as c
    inner join ref_wait_threshold as t on c.threshold_weeks = t.threshold_weeks
),

cohort as (
    select
        w.census_date,
        h.threshold_weeks,
        h.watch_date,
        w.trust_sk,
        w.treatment_function_code,
        w.waiting_list_type,
        ceil(greatest(h.over_days - w.wait_days, 0) / 7.0)::integer as weeks_to_go,
        coalesce(w.tci_date <= h.watch_date, false) as is_admission_dated,
        coalesce(w.next_event_date <= h.watch_date, false) as is_dated
    from waiting as w
    inner join watches as h on w.census_date < h.watch_date and w.clock_start_date + h.over_days <= h.watch_date
)

select
    c.census_date, -- Sunday the list is counted at
    c.threshold_weeks, -- The threshold in weeks
    c.watch_date, -- The date by which
    c.trust_sk, -- The trust responsible for the wait
    c.treatment_function_code, -- Current treatment function
    c.waiting_list_type, -- admitted, non_admitted, or UNKNOWN
    c.weeks_to_go, -- Weeks from the census to the week in which they pass the threshold; 0 for those over it already
    c.census_date + 7 * c.weeks_to_go as reach_week_end_date, -- Sunday that ends that week
    count(*) as pathway_count, -- Pathways over the threshold by the date if nobody treats them
    count(*) filter (where c.is_admission_dated) as admission_dated_count, -- Of these, with a date to come in by then
    count(*) filter (where not c.is_admission_dated and c.is_dated)
        as other_dated_count, -- Of these, with another appointment or procedure by then
    count(*) filter (where not c.is_admission_dated and not c.is_dated) as undated_count -- Of these, with nothing by then
from cohort as c
group by
    c.census_date,
    c.threshold_weeks,
    c.watch_date,
    c.trust_sk,
    c.treatment_function_code,
    c.waiting_list_type,
    c.weeks_to_go
