/*
Where are patients less content, and where do they wait?

Answers of the last 13 weeks. The wait is that of the newest week's Sunday. A difference of a few points between
specialties of few answers is chance. The 30 with most answers of the choice, worst first.
---
title: Specialty by specialty
chart: table
columns:
  specialty: {label: Specialty}
  trust: {label: Trust}
  answers: {label: Answers, format: whole, masked: true}
  positive: {label: Positive, format: percent, masked: true}
  over_18_weeks: {label: Over 18 weeks now, format: percent, masked: true}
  median_wait: {label: Median wait now (weeks), format: decimal, masked: true}
empty: No survey is delivered for this choice, or every specialty has a week too small to show.
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
),

services as (
    select
        s.treatment_function_name as specialty,
        t.trust_name as trust,
        sum(k.answered_count) as answers,
        case
            when bool_and(k.positive_count is not null)
                then round(sum(k.positive_count) / nullif(sum(k.answered_count), 0), 4)
        end as positive,
        max(k.over_18_weeks_rate) filter (where k.week_end_date = k.census_date) as over_18_weeks,
        max(k.median_wait_weeks) filter (where k.week_end_date = k.census_date) as median_wait
    from shared_marts.mart_patient_experience as k
    inner join trusts as t on k.trust_sk = t.trust_sk
    inner join specialties as s on k.treatment_function_code = s.treatment_function_code
    where
        k.census_date = (select census_date from as_at)
        and k.week_end_date > k.census_date - 91
        and k.level = 'trust_function'
    group by s.treatment_function_name, t.trust_name
    having bool_and(k.answered_count is not null) and sum(k.answered_count) > 0
    order by answers desc, specialty asc, trust asc
    limit 30
)

select
    v.specialty,
    v.trust,
    v.answers,
    v.positive,
    v.over_18_weeks,
    v.median_wait
from services as v
order by v.positive asc nulls last, v.specialty asc, v.trust asc
