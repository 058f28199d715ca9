/*
What did patients say, wait and lose in the same weeks?

The list is that of the week's Sunday; bookings are those of the week, cancelled by the hospital or not attended. They are
not those of the patients who answered. Newest first.
---
title: Answers, waits and bookings by week
chart: table
columns:
  week_end_date: {label: Week to, format: date}
  answers: {label: Answers, format: whole, masked: true}
  positive: {label: Positive, format: percent, masked: true}
  negative: {label: Negative, format: percent, masked: true}
  waiting: {label: On the list, format: whole, masked: true}
  over_18_weeks: {label: Over 18 weeks, format: percent, masked: true}
  cancelled: {label: Cancelled by the hospital, format: percent, masked: true}
  not_attended: {label: Not attended, format: percent, masked: true}
empty: No survey is delivered for this choice.
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
),

specialties as (
    select treatment_function_code
    from marts.dim_specialty
    where false [[or {{specialty}}]]
)

select
    k.week_end_date,
    case when bool_and(k.answered_count is not null) then sum(k.answered_count) end as answers,
    case
        when bool_and(k.positive_count is not null)
            then round(sum(k.positive_count) / nullif(sum(k.answered_count), 0), 4)
    end as positive,
    case
        when bool_and(k.trust_negative_count is not null)
            then round(sum(k.trust_negative_count) / nullif(sum(k.answered_count), 0), 4)
    end as negative,
    case when bool_and(k.waiting_count is not null) then sum(k.waiting_count) end as waiting,
    case
        when bool_and(k.over_18_weeks_count is not null)
            then round(sum(k.over_18_weeks_count) / nullif(sum(k.waiting_count), 0), 4)
    end as over_18_weeks,
    case
        when bool_and(k.cancelled_by_provider_count is not null)
            then round(sum(k.cancelled_by_provider_count) / nullif(sum(k.booked_count), 0), 4)
    end as cancelled,
    case
        when bool_and(k.dna_count is not null)
            then round(sum(k.dna_count) / nullif(sum(k.booked_count), 0), 4)
    end as not_attended
from shared_marts.mart_patient_experience as k
where
    k.census_date = (select census_date from as_at)
    and k.week_end_date > k.census_date - 182
    and k.trust_sk in (select trust_sk from trusts)
    and case
        when exists (select from specialties)
            then
                k.level = 'trust_function'
                and k.treatment_function_code in (select treatment_function_code from specialties)
        else k.level = 'trust'
    end
group by k.week_end_date
order by k.week_end_date desc
