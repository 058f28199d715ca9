/*
Which trusts could be asked to see patients who have waited over 18 weeks with nothing ahead?

A scenario for a conversation: the choice is the patient's. Within distance: live near enough to a site of the alternative. Spare: the
slots it would leave unused in four weeks, were they like the last eight; its own patients who wait so come first. Could move is of
one pair alone, and pairs must not be added. Placed may be: each pathway at its nearest alternative, each slot once.
---
title: Mutual aid between trusts
chart: table
columns:
  trust: {label: Trust}
  alternative: {label: Alternative}
  apart: {label: Apart (km), format: whole}
  waiting: {label: Waiting over 18 weeks, format: whole, masked: true}
  within_distance: {label: Of these within distance, format: whole, masked: true}
  spare: {label: Spare slots, format: whole, masked: true}
  own: {label: Alternative's own, format: whole, masked: true}
  could_move: {label: Could move (pair), format: whole, masked: true}
  placed: {label: Placed, format: whole, masked: true}
empty: No trust has another within the distance, or too few wait to be shown.
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
    a.trust_name as alternative,
    k.trust_distance_km as apart,
    k.waiting_count as waiting,
    k.within_distance_count as within_distance,
    k.spare_slot_count as spare,
    k.own_waiting_count as own,
    k.could_move_count as could_move,
    k.placed_count as placed
from shared_marts.mart_mutual_aid as k
inner join trusts as t on k.trust_sk = t.trust_sk
inner join shared_marts.dim_trust as a on k.alternative_trust_sk = a.trust_sk
where
    k.census_date = (select census_date from as_at)
    and k.level = 'pair'
    and k.within_distance_count > 0
order by could_move desc nulls last, within_distance desc, trust asc, alternative asc
