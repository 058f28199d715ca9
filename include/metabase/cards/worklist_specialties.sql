/*
Which specialties have most to review?

Rows of the worklist by trust and specialty.
---
title: The worklist by specialty
chart: table
columns:
  trust: {label: Trust}
  specialty: {label: Specialty}
  rows_listed: {label: On the list, format: whole}
  breached: {label: Past a limit, format: whole}
  priority_unknown: {label: Priority unknown, format: whole, colours: [{when: ">", value: 0, colour: warning}]}
  undated: {label: Nothing booked, format: whole}
  over_52_weeks: {label: Over 52 weeks, format: whole, colours: [{when: ">", value: 0, colour: bad}]}
  over_65_weeks: {label: Over 65 weeks, format: whole, colours: [{when: ">", value: 0, colour: bad}]}
drill: {dashboard: worklist, set: {specialty: specialty, trust: trust}}
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
    t.trust_name as trust,
    s.treatment_function_name as specialty,
    count(*) as rows_listed,
    count(*) filter (where w.is_breached) as breached,
    count(*) filter (where w.is_priority_unknown) as priority_unknown,
    count(*) filter (where w.is_undated) as undated,
    count(*) filter (where w.over_52_weeks) as over_52_weeks,
    count(*) filter (where w.over_65_weeks) as over_65_weeks
from marts.mart_breach_worklist as w
inner join trusts as t on w.trust_sk = t.trust_sk
inner join specialties as s on w.treatment_function_code = s.treatment_function_code
where
    w.census_date = (select census_date from as_at)
group by t.trust_name, s.treatment_function_name
order by over_65_weeks desc, over_52_weeks desc, rows_listed desc, trust asc, specialty asc
