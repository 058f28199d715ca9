/*
Do answers move with waits, cancellations and missed appointments?

The correlation of the share of positive answers with each, week by week within each specialty of a trust (repeated
measures; 95% interval, for as many weeks as are independent). Below 0: more of it, fewer positive. An interval that takes in
0 shows no link. No cause: see below. One interval in twenty misses 0 by chance.
---
title: Answers against waits and bookings
chart: row
columns:
  measure: {label: Held against, role: series}
  unit: {label: Trust, role: x}
  correlation: {label: Correlation with positive answers, role: y, format: decimal}
  lower: {label: Lower 95% limit, role: lower, format: decimal}
  upper: {label: Upper 95% limit, role: upper, format: decimal}
  finding: {label: What it shows}
  weeks: {label: Weeks of specialties compared, format: whole, masked: true}
empty: Too few weeks with enough answers to say anything, or no survey is delivered.
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

largest as (
    select k.trust_sk
    from shared_marts.mart_experience_link as k
    inner join trusts as t on k.trust_sk = t.trust_sk
    where
        k.census_date = (select census_date from as_at)
        and k.level = 'trust'
        and k.measure_code = 'over_18_weeks'
    order by k.week_count desc nulls last, t.trust_name asc
    limit 8
)

select
    case k.measure_code
        when 'over_18_weeks' then 'Share of the list over 18 weeks'
        when 'cancelled_by_provider' then 'Share of bookings cancelled by the hospital'
        else 'Share of bookings not attended'
    end as measure,
    coalesce(t.trust_name, 'All trusts') as unit,
    k.correlation,
    k.correlation_lower as lower,
    k.correlation_upper as upper,
    case k.finding
        when 'opposite' then 'More of it, fewer positive'
        when 'together' then 'More of it, more positive'
        else 'No link shown'
    end as finding,
    k.week_count as weeks
from shared_marts.mart_experience_link as k
left join trusts as t on k.trust_sk = t.trust_sk and k.level = 'trust'
where
    k.census_date = (select census_date from as_at)
    and k.correlation is not null
    and (k.level = 'all' or (k.level = 'trust' and k.trust_sk in (select trust_sk from largest)))
order by
    case k.measure_code when 'over_18_weeks' then 1 when 'cancelled_by_provider' then 2 else 3 end,
    k.level asc,
    unit asc
