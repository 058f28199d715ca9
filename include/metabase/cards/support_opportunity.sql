/*
What might reminders, transport, interpreters or a call beforehand win back?

A scenario, not a saving: slots lost for a cause over 26 weeks, times a share assumed to be recoverable (low to high),
times the clock stops a used slot brought. Trusts that are hidden are left out.
---
title: Clock stops that support might win back
chart: row
columns:
  support: {label: Support, role: x}
  stops: {label: Clock stops, role: y, format: decimal, masked: true}
  stops_low: {label: Low, role: lower, format: decimal, masked: true}
  stops_high: {label: High, role: upper, format: decimal, masked: true}
  lost: {label: Slots lost, format: whole, masked: true}
  unfilled: {label: Not filled again, format: decimal, masked: true}
empty: No lost slots are shown for this choice.
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
    coalesce(c.label, k.support_type) as support,
    sum(k.stops_central) as stops,
    sum(k.stops_low) as stops_low,
    sum(k.stops_high) as stops_high,
    sum(k.lost_slot_count) as lost,
    sum(k.unfilled_slots) as unfilled
from shared_marts.mart_support_opportunity as k
left join marts.dim_code as c on c.domain = 'support_type' and k.support_type = c.code
where
    k.census_date = (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.support_type, c.label
order by stops desc nulls last, support asc
