/*
Where do the patients at high risk wait?

Pathways by tier of the risk score and trust. Hidden cells are left out: a bar is at least so long.
---
title: Backlog by risk and trust
chart: stacked
columns:
  trust: {label: Trust, role: x}
  tier: {label: Risk tier, role: series, values: [Very high, High, Medium, Low, Not known]}
  pathways: {label: Pathways, role: y, format: whole, masked: true}
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
)

select
    t.trust_name as trust,
    coalesce(c.label, k.risk_tier) as tier,
    sum(k.pathway_count) as pathways
from shared_marts.mart_risk_backlog as k
inner join trusts as t on k.trust_sk = t.trust_sk
left join marts.dim_code as c on c.domain = 'risk_tier' and k.risk_tier = c.code
where k.census_date = (select census_date from as_at)
group by t.trust_name, k.risk_tier, c.label, c.sort_order
order by sum(sum(k.pathway_count)) over (partition by t.trust_name) desc, t.trust_name asc, nullif(c.sort_order, 999) desc nulls last
