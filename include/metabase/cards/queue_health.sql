/*
Which queues grow, and which wait too long?

Load is starts by departures: over 1 the queue grows. Pressure is the mean wait by the one at which the target is
kept: over 1 it waits too long. Taken as one queue, first come first served: a guide to where to look. The 30 largest
of the choice.
---
title: Queue health
chart: table
columns:
  specialty: {label: Specialty}
  trust: {label: Trust}
  queue: {label: Queue, format: whole, masked: true}
  demand: {label: Starts a week, format: decimal, masked: true}
  throughput: {label: Leaving a week, format: decimal, masked: true}
  load:
    label: Load
    format: decimal
    masked: true
    colours: [{when: ">", value: 1.05, colour: bad}, {when: ">", value: 1, colour: warning}]
  mean_wait: {label: Mean wait (weeks), format: decimal, masked: true}
  target_wait: {label: Mean at target (weeks), format: decimal, masked: true}
  pressure:
    label: Pressure
    format: decimal
    masked: true
    colours: [{when: ">", value: 2, colour: bad}, {when: ">", value: 1, colour: warning}]
empty: No census is published for this choice.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

trusts as (
    select
        trust_sk,
        trust_name
    from shared_marts.dim_trust
    where true [[and {{icb}}]] [[and {{trust}}]]
),

specialties as (
    select
        treatment_function_code,
        treatment_function_name
    from marts.dim_specialty
    where true [[and {{specialty}}]]
)

select
    s.treatment_function_name as specialty,
    t.trust_name as trust,
    k.queue_size as queue,
    k.demand_per_week as demand,
    k.throughput_per_week as throughput,
    k.queue_load as load,
    k.mean_wait_weeks as mean_wait,
    k.target_mean_wait_weeks as target_wait,
    k.pressure
from shared_marts.mart_queue_health as k
inner join trusts as t on k.trust_sk = t.trust_sk
inner join specialties as s on k.treatment_function_code = s.treatment_function_code
where k.census_date = (select census_date from as_at)
order by k.queue_size desc nulls last, specialty asc, trust asc
limit 30
