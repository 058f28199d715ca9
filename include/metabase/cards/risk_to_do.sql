/*
What is still to be done for each risk tier?

Of the pathways shown: how many have nothing booked, no clinical priority, or a validation due. Hidden cells are left
out.
---
title: Open tasks by risk tier
chart: table
columns:
  tier: {label: Risk tier}
  pathways: {label: Pathways, format: whole, masked: true}
  undated: {label: Nothing booked, format: whole, masked: true}
  priority_unknown: {label: Priority unknown, format: whole, masked: true}
  validation_due: {label: Validation due, format: whole, masked: true}
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
    coalesce(c.label, k.risk_tier) as tier,
    sum(k.pathway_count) as pathways,
    sum(k.undated_count) as undated,
    sum(k.priority_unknown_count) as priority_unknown,
    sum(k.validation_due_count) as validation_due
from shared_marts.mart_risk_backlog as k
left join marts.dim_code as c on c.domain = 'risk_tier' and k.risk_tier = c.code
where
    k.census_date = (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.risk_tier, c.label, c.sort_order
order by nullif(c.sort_order, 999) desc nulls last
