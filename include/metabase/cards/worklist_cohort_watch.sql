/*
Whom must we book now, so that nobody is over 52 or 65 weeks by the dates of the plan?

Pathways that will be over by then if nobody treats them, by specialty; undated have nothing before the date.
---
title: Cohort watch by specialty
chart: table
columns:
  deadline: {label: Threshold and date}
  trust: {label: Trust}
  specialty: {label: Specialty}
  pathways: {label: Over by then, format: whole}
  admission_dated: {label: Date to come in, format: whole}
  other_dated: {label: Other date, format: whole}
  undated: {label: Undated, format: whole, colours: [{when: ">", value: 0, colour: warning}]}
empty: Nobody, or no trust is granted to this login. An administrator admits logins with quality.admit.
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
    w.threshold_weeks || ' weeks by ' || to_char(w.watch_date, 'FMDD Mon YYYY') as deadline,
    t.trust_name as trust,
    s.treatment_function_name as specialty,
    sum(w.pathway_count) as pathways,
    sum(w.admission_dated_count) as admission_dated,
    sum(w.other_dated_count) as other_dated,
    sum(w.undated_count) as undated
from marts.mart_cohort_watch as w
inner join trusts as t on w.trust_sk = t.trust_sk
inner join specialties as s on w.treatment_function_code = s.treatment_function_code
where w.census_date = (select census_date from as_at)
group by w.threshold_weeks, w.watch_date, t.trust_name, s.treatment_function_name
order by w.watch_date asc, w.threshold_weeks desc, undated desc, trust asc, specialty asc
limit 200
