/*
Who has breached or will within four weeks, in order of clinical priority?

Past, or within four weeks of, 18, 52 or 65 weeks or the target of the priority. The risk score is shown with its
parts and is no sort key. It supports booking and validation and decides no priority. The first 500.
---
title: By clinical priority
chart: table
columns:
  place: {label: "No.", format: whole}
  trust: {label: Trust}
  specialty: {label: Specialty}
  priority: {label: Priority}
  past_target: {label: Days past its target, format: whole, colours: [{when: ">", value: 0, colour: bad}]}
  weeks: {label: Weeks waited, format: decimal}
  why: {label: Why it is here}
  risk: {label: Risk score}
  next_event: {label: Next event}
  next_date: {label: Date, format: date}
  validation_due: {label: Validation due, format: yes_no, colours: [{when: "=", value: "Yes", colour: warning}]}
  flags: {label: Doubts about the row}
  patient: {label: Patient (pseudonym)}
  period: {label: RTT period (pseudonym)}
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
    w.worklist_no as place,
    t.trust_name as trust,
    s.treatment_function_name as specialty,
    coalesce(c.label, w.clinical_priority_code) as priority,
    w.days_past_priority_target as past_target,
    round(w.wait_days / 7.0, 1) as weeks,
    array_to_string(w.reasons, ', ') as why,
    coalesce(
        w.risk_score || ' (age ' || coalesce(w.risk_score_age::text, '?')
        || ', conditions ' || coalesce(w.risk_score_conditions::text, '?')
        || ', admissions ' || coalesce(w.risk_score_prior_admissions::text, '?') || ')',
        'not known'
    ) as risk,
    case when w.is_tci_lapsed then 'none: TCI date has lapsed' else coalesce(w.next_event_kind, 'none') end as next_event,
    w.next_event_date as next_date,
    w.is_validation_due as validation_due,
    replace(array_to_string(w.data_quality_flags, ', '), '_', ' ') as flags,
    w.patient_sk::text as patient,
    w.period_sk::text as period
from marts.mart_breach_worklist as w
inner join trusts as t on w.trust_sk = t.trust_sk
inner join specialties as s on w.treatment_function_code = s.treatment_function_code
left join marts.dim_code as c on c.domain = 'clinical_priority' and w.clinical_priority_code = c.code
where
    w.census_date = (select census_date from as_at)
    and not w.is_priority_unknown
order by w.worklist_no
limit 500
