/*
What has the waiting time been spent on?

Every day of every open wait is in one state, by what was recorded last. It shows where the time went and proves no
cause. Trusts whose count in a state is hidden are left out of it.
---
title: Where the waiting days went
chart: row
columns:
  state: {label: State, role: x}
  share: {label: Share of all days shown, role: y, format: percent, masked: true}
  days: {label: Days, format: whole, masked: true}
  pathways: {label: Pathways in it now, format: whole, masked: true}
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
    k.state_label as state,
    round(sum(k.day_count) / nullif(sum(sum(k.day_count)) over (), 0), 4) as share,
    sum(k.day_count) as days,
    sum(k.current_pathway_count) as pathways
from shared_marts.mart_delay_causes as k
where
    k.census_date = (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.state_label
order by days desc nulls last
