/*
In which specialties has an alternative spare slots for those who wait?

As above, by treatment function. Clinic slots are for the non-admitted list, theatre slots for the admitted. All specialties of a pair
are hidden where they hold few people on average.
---
title: Mutual aid by specialty
chart: table
columns:
  specialty: {label: Specialty}
  trust: {label: Trust}
  alternative: {label: Alternative}
  waiting: {label: Waiting over 18 weeks, format: whole, masked: true}
  within_distance: {label: Of these within distance, format: whole, masked: true}
  spare: {label: Spare slots, format: whole, masked: true}
  own: {label: Alternative's own, format: whole, masked: true}
  could_move: {label: Could move (pair), format: whole, masked: true}
  placed: {label: Placed, format: whole, masked: true}
empty: No specialty can be shown; too few wait in each, or no trust is within the distance.
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

specialties as (
    select
        treatment_function_code,
        treatment_function_name
    from marts.dim_specialty
    where true [[and {{specialty}}]]
)

select
    f.treatment_function_name as specialty,
    t.trust_name as trust,
    a.trust_name as alternative,
    k.waiting_count as waiting,
    k.within_distance_count as within_distance,
    k.spare_slot_count as spare,
    k.own_waiting_count as own,
    k.could_move_count as could_move,
    k.placed_count as placed
from shared_marts.mart_mutual_aid as k
inner join trusts as t on k.trust_sk = t.trust_sk
inner join shared_marts.dim_trust as a on k.alternative_trust_sk = a.trust_sk
inner join specialties as f on k.treatment_function_code = f.treatment_function_code
where
    k.census_date = (select census_date from as_at)
    and k.level = 'pair_function'
    and k.within_distance_count > 0
order by could_move desc nulls last, within_distance desc, specialty asc, trust asc, alternative asc
