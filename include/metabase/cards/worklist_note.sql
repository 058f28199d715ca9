/*
As at when is the list, and who may be missing?

What every copy of the list must say.
---
title: What this list rests on
chart: number
columns:
  note: {label: What this list rests on, role: y}
empty: No row is granted to this login, or nothing is published. An administrator admits logins with quality.admit.
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

select distinct w.list_note as note
from marts.mart_breach_worklist as w
where
    w.census_date = (select census_date from as_at)
    and w.trust_sk in (select trust_sk from trusts)
