/*
How do our specialties compare with what NHS England published?

Share within 18 weeks: own at the census, published at the end of the newest month published by then, which days apart
says. Peers are providers with at least 20 waits in the specialty. The 30 largest of the choice.
---
title: Against England and peers
chart: table
columns:
  specialty: {label: Specialty}
  trust: {label: Trust}
  own: {label: Own, format: percent, masked: true}
  national: {label: England, format: percent}
  against:
    label: Against England
    format: points
    masked: true
    colours:
      - {when: "<", value: 0, colour: bad}
      - {when: ">=", value: 0, colour: good}
  regional: {label: Region, format: percent}
  peer_p25: {label: Lower quarter of peers, format: percent}
  peer_median: {label: Median peer, format: percent}
  peer_p75: {label: Upper quarter of peers, format: percent}
  period_date: {label: Published for, format: date}
  days_apart: {label: Days apart, format: whole}
empty: No publication of NHS England is loaded, or none of this choice can be compared.
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
    s.treatment_function_name as specialty,
    t.trust_name as trust,
    k.own_rate as own,
    k.national_rate as national,
    k.own_rate - k.national_rate as against,
    k.regional_rate as regional,
    k.peer_p25_rate as peer_p25,
    k.peer_median_rate as peer_median,
    k.peer_p75_rate as peer_p75,
    k.period_date,
    k.days_apart
from shared_marts.mart_benchmark as k
inner join trusts as t on k.trust_sk = t.trust_sk
inner join specialties as s on k.treatment_function_code = s.treatment_function_code
where
    k.census_date = (select census_date from as_at)
    and k.measure_code = 'within_18_weeks'
    and k.own_rate is not null
    and k.national_rate is not null
order by k.own_trial_count desc, specialty asc, trust asc
limit 30
