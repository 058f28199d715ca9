/*
How much of the backlog is high risk, and how long has it waited?

By tier of the risk score, which is illustrative until approved locally. Hidden cells of a trust are left out: a bar
is at least so high.
---
title: Backlog by risk and length of wait
chart: stacked
columns:
  wait: {label: Weeks waited, role: x}
  tier: {label: Risk tier, role: series, values: [Very high, High, Medium, Low, Not known]}
  pathways: {label: Pathways, role: y, format: whole, masked: true}
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
    case k.wait_group when 'UNKNOWN' then 'Start not known' else k.wait_group || ' weeks' end as wait,
    coalesce(c.label, k.risk_tier) as tier,
    sum(k.pathway_count) as pathways,
    count(*) - count(k.pathway_count) as hidden
from shared_marts.mart_risk_backlog as k
left join marts.dim_code as c on c.domain = 'risk_tier' and k.risk_tier = c.code
where
    k.census_date = (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.wait_group, k.risk_tier, c.label, c.sort_order
order by nullif(split_part(k.wait_group, '-', 1), 'UNKNOWN') asc, nullif(c.sort_order, 999) desc nulls last
