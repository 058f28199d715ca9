/*
Where will the list be in half a year if all goes on as lately?

Stock and flow from the last year's starts and departures: no season, plan or extra capacity is in it. The band is
what recent weeks missed by, widening with time; it says nothing of what has not happened lately. Each chart is of one
trust; in Metabase choose it, or see the longest list.
---
title: Projected list size
chart: line
columns:
  week_end_date: {label: Week to, role: x, format: date}
  trust: {label: Trust, role: label}
  projected: {label: Projected list size, role: y, format: whole, masked: true}
  lower: {label: Lower limit, role: lower, format: whole, masked: true}
  upper: {label: Upper limit, role: upper, format: whole, masked: true}
each: trust
empty: Not projected. Fewer than 8 whole weeks are known, or the list is too small.
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
),

series as (
    select
        k.week_end_date,
        k.trust_sk,
        k.trust_name,
        k.list_size_now,
        k.list_size as projected,
        k.list_size_lower as lower,
        k.list_size_upper as upper
    from shared_marts.mart_waitlist_projection as k
    where
        k.census_date = (select census_date from as_at)
        and k.level = 'trust'
        and k.trust_sk in (select trust_sk from trusts)
        and k.list_size is not null
),

one as (
    select trust_sk
    from series
    group by trust_sk, trust_name
    order by max(list_size_now) desc, trust_name asc
    limit 1
)

select
    s.week_end_date,
    s.trust_name as trust,
    s.projected,
    s.lower,
    s.upper
from series as s
inner join one as o on s.trust_sk = o.trust_sk
order by s.week_end_date
