/*
Where do high-risk patients wait over 52 weeks, by specialty?

Pathways of the tiers high and very high, which are illustrative until approved locally. The smallest specialties of a
trust are hidden, up to the largest in which 1 to 7 are at high risk or are not: hidden is not none. Of a trust with few
such waits nothing is shown. The 40 with most over 52 weeks; choose a trust to see all of its specialties.
---
title: High-risk patients by specialty
chart: table
columns:
  specialty: {label: Specialty}
  trust: {label: Trust}
  over_52_weeks: {label: Over 52 weeks, format: whole, masked: true}
  from_18_to_52_weeks: {label: 18 to 52 weeks, format: whole, masked: true}
  within_18_weeks: {label: Within 18 weeks, format: whole, masked: true}
empty: No census is published for this choice, or there are too few to show of any length of wait.
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

counts as (
    select
        w.trust_sk,
        w.treatment_function_code,
        w.wait_group,
        w.high_risk_count
    from shared_marts.mart_high_risk_waits as w
    where
        w.census_date = (select census_date from as_at)
        and w.trust_sk in (select trust_sk from trusts)
),

told as (
    select distinct
        c.trust_sk,
        c.wait_group
    from counts as c
),

cells as (
    select
        s.trust_sk,
        s.treatment_function_code,
        t.wait_group,
        case when c.wait_group is null then 0 else c.high_risk_count end as high_risk_count
    from (select distinct trust_sk, treatment_function_code from counts) as s
    inner join told as t on s.trust_sk = t.trust_sk
    left join counts as c
        on
        s.trust_sk = c.trust_sk
        and s.treatment_function_code = c.treatment_function_code
        and t.wait_group = c.wait_group
)

select
    f.treatment_function_name as specialty,
    t.trust_name as trust,
    max(c.high_risk_count) filter (where c.wait_group = '52+') as over_52_weeks,
    max(c.high_risk_count) filter (where c.wait_group = '18-52') as from_18_to_52_weeks,
    max(c.high_risk_count) filter (where c.wait_group = '0-18') as within_18_weeks
from cells as c
inner join trusts as t on c.trust_sk = t.trust_sk
inner join marts.dim_specialty as f on c.treatment_function_code = f.treatment_function_code
group by f.treatment_function_name, t.trust_name
order by
    over_52_weeks desc nulls last,
    from_18_to_52_weeks desc nulls last,
    within_18_weeks desc nulls last,
    specialty asc,
    trust asc
limit 40
