/*
What share of bookings is missed or cancelled, week by week?

Did not attend without notice, cancelled by the patient, cancelled by the provider. Trusts whose weekly numbers are
below 8 on average are withheld.
---
title: Missed and cancelled bookings by week
chart: line
columns:
  week_end_date: {label: Week to, role: x, format: date}
  dna: {label: Not attended, role: y, format: percent, masked: true}
  by_patient: {label: Cancelled by the patient, role: y, format: percent, masked: true}
  by_provider: {label: Cancelled by the provider, role: y, format: percent, masked: true}
empty: No week of bookings is delivered for this choice.
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
    k.week_end_date,
    round(sum(k.dna_count) / nullif(sum(k.booked_count) filter (where k.dna_count is not null), 0), 4) as dna,
    round(
        sum(k.cancelled_by_patient_count)
        / nullif(sum(k.booked_count) filter (where k.cancelled_by_patient_count is not null), 0), 4
    ) as by_patient,
    round(
        sum(k.cancelled_by_provider_count)
        / nullif(sum(k.booked_count) filter (where k.cancelled_by_provider_count is not null), 0), 4
    ) as by_provider
from shared_marts.fct_capacity_audit as k
where
    k.week_end_date between (select census_date - 182 from as_at) and (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
group by k.week_end_date
order by k.week_end_date
