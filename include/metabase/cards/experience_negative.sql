/*
What share of patients found their care poor?

Poor or very poor, of all answers, neither and don't know included. By week of the
answer. Told of whole trusts alone: of a specialty they are too few.
---
title: Negative answers
chart: trend
columns:
  week_end_date: {label: Week to, role: x, format: date}
  negative: {label: Negative, role: y, format: percent, masked: true}
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
    case
        when bool_and(k.trust_negative_count is not null)
            then round(sum(k.trust_negative_count) / nullif(sum(k.answered_count), 0), 4)
    end as negative
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
order by k.week_end_date
