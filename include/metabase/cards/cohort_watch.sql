/*
Who will be over 52 or 65 weeks by the dates of the plan if nobody treats them?

Known today: their clocks have started, and the number can only fall. Undated are those with nothing booked by then:
who to book now. Trusts with 1 to 7 are left out: the figures are the least there are.
---
title: Over 52 and 65 weeks by the dates of the plan
chart: bar
columns:
  deadline: {label: Threshold and date, role: x}
  pathways: {label: Over by then if not treated, role: y, format: whole, masked: true}
  undated: {label: Of these undated, role: y, format: whole, masked: true}
  hidden: {label: Trusts hidden, format: whole}
empty: No census is published for this choice.
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
    k.threshold_weeks || ' weeks by ' || to_char(k.watch_date, 'FMDD Mon YYYY') as deadline,
    sum(k.pathway_count) as pathways,
    sum(k.undated_count) as undated,
    count(*) - count(k.pathway_count) as hidden
from shared_marts.mart_cohort_watch as k
where
    k.census_date = (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.threshold_weeks, k.watch_date
order by k.threshold_weeks desc, k.watch_date asc
