/*
Are the slots that were planned booked and used?

Clinic and theatre slots of sessions that were not cancelled, bookings made for the week, and slots in which a patient
was seen. The newest week still fills as late outcomes arrive.
---
title: Planned, booked and filled slots by week
chart: line
columns:
  week_end_date: {label: Week to, role: x, format: date}
  planned: {label: Planned slots, role: y, format: whole, masked: true}
  booked: {label: Bookings, role: y, format: whole, masked: true}
  filled: {label: Filled slots, role: y, format: whole, masked: true}
empty: No week of sessions is delivered for this choice.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

trusts as (
    select trust_sk
    from shared_marts.dim_trust
    where true [[and {{icb}}]] [[and {{trust}}]]
)

select
    k.week_end_date,
    case when bool_and(k.planned_count is not null) then sum(k.planned_count) end as planned,
    case when bool_and(k.booked_count is not null) then sum(k.booked_count) end as booked,
    case when bool_and(k.filled_count is not null) then sum(k.filled_count) end as filled
from shared_marts.fct_capacity_audit as k
where
    k.week_end_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.week_end_date
having bool_or(k.planned_count is not null)
order by k.week_end_date
