/*
Are more or fewer waits completed than usual, or is it noise?

A control chart (XmR): the mean and its limits. Points within them are noise; marked ones are a special cause: look
for what changed. Limits from under 20 weeks are provisional. Each chart is of one trust; in Metabase choose it, or
see the trust with most marked points.
---
title: Waits completed a week
chart: line
columns:
  week_end_date: {label: Week to, role: x, format: date}
  trust: {label: Trust, role: label}
  pathways: {label: Waits completed a week, role: y, format: whole, masked: true}
  mean_value: {label: Mean, role: target, format: decimal, masked: true}
  lower_limit: {label: Lower limit, role: lower, format: decimal, masked: true}
  upper_limit: {label: Upper limit, role: upper, format: decimal, masked: true}
  improvement: {label: Improvement, role: mark, colour: good, format: whole}
  concern: {label: Concern, role: mark, colour: bad, format: whole}
  change: {label: Special cause, role: mark, colour: neutral, format: whole}
each: trust
empty: No chart is shown for this choice; a series with any count of 1 to 7 is withheld whole.
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
        k.series_value,
        k.mean_value,
        greatest(k.lower_limit, 0) as lower_limit,
        k.upper_limit,
        k.variation
    from shared_marts.mart_kpi_spc as k
    where
        k.census_date = (select census_date from as_at)
        and k.measure_code = 'clock_stops'
        and k.level = 'trust'
        and k.trust_sk in (select trust_sk from trusts)
),

one as (
    select trust_sk
    from series
    group by trust_sk, trust_name
    order by count(*) filter (where variation <> 'common_cause') desc, trust_name asc
    limit 1
)

select
    s.week_end_date,
    s.trust_name as trust,
    s.series_value as pathways,
    s.mean_value,
    s.lower_limit,
    s.upper_limit,
    case when s.variation = 'improvement' then s.series_value end as improvement,
    case when s.variation = 'concern' then s.series_value end as concern,
    case when s.variation = 'neutral' then s.series_value end as change
from series as s
inner join one as o on s.trust_sk = o.trust_sk
order by s.week_end_date
