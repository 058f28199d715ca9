/*
Is it getting better or worse?

The share of positive answers of each week with its 95% interval (Wilson). Weeks whose intervals overlap are no evidence
of a change. Without a choice: the trust with most answers.
---
title: Positive answers week by week
chart: line
columns:
  week_end_date: {label: Week to, role: x, format: date}
  trust: {label: Trust, role: label}
  positive: {label: Positive answers, role: y, format: percent, masked: true}
  lower: {label: Lower 95% limit, role: lower, format: percent, masked: true}
  upper: {label: Upper 95% limit, role: upper, format: percent, masked: true}
  answers: {label: Answers, format: whole, masked: true}
each: trust
empty: No survey is delivered for this choice.
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

series as (
    select
        k.week_end_date,
        k.trust_sk,
        t.trust_name,
        k.positive_rate,
        k.positive_lower,
        k.positive_upper,
        k.answered_count
    from shared_marts.mart_patient_experience as k
    inner join trusts as t on k.trust_sk = t.trust_sk
    where
        k.census_date = (select census_date from as_at)
        and k.week_end_date > k.census_date - 182
        and k.level = 'trust'
),

one as (
    select trust_sk
    from series
    group by trust_sk, trust_name
    order by sum(answered_count) desc nulls last, trust_name asc
    limit 1
)

select
    s.week_end_date,
    s.trust_name as trust,
    s.positive_rate as positive,
    s.positive_lower as lower,
    s.positive_upper as upper,
    s.answered_count as answers
from series as s
inner join one as o on s.trust_sk = o.trust_sk
order by s.week_end_date
