/*
One row per trust, site, treatment function, leading condition group, risk tier and length of wait: how many wait there at
the census. It answers how much of the backlog is high risk, where, with which illness and for how long.

Each pathway counts once. A patient with several active conditions is under the leading one, that which gives most points
in the risk score (the seed risk_weight; ties by the group's code): an additive table cannot show a patient under each.
bridge_patient_condition holds them all. Waits are in the steps of the seed wait_threshold. Rows without pathways do not
exist. The score is illustrative until approved locally; unknown risk is a tier of its own, never low.

---
kind: snapshot
grain: [census_date, trust_sk, site_code, treatment_function_code, condition_group_code, risk_tier, wait_group]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [pathway_count, patient_count, undated_count, priority_unknown_count, validation_due_count]
readers: clinical
owner: Trust clinical risk lead
disclosure:
  counts: [pathway_count, undated_count, priority_unknown_count, validation_due_count]
  by: [census_date, trust_sk, risk_tier, wait_group]
  within: [census_date, trust_sk, wait_group]
*/
with
waitlist as (
    select
        w.census_date,
        w.trust_sk,
        coalesce(w.site_code, 'UNKNOWN') as site_code,
        w.treatment_function_code,
        w.patient_sk,
        w.person_sk,
        w.risk_tier,
        case
            when w.wait_days is null then 'unknown'
            when w.next_threshold_weeks is null then '104+'
            else coalesce(s.from_weeks, 0) || '-' || w.next_threshold_weeks
        end as wait_group,
        w.risk_score,
        w.is_undated,
        w.is_priority_unknown,
        w.is_validation_due
    from fct_waitlist as w
    left join (
        select
            t.threshold_weeks,
            lag(t.threshold_weeks) over (order by t.threshold_weeks) as from_weeks
        from ref_wait_threshold as t
    ) as s on w.next_threshold_weeks = s.threshold_weeks
),

conditions as (
    select
        b.patient_sk,
        b.condition_sk,
        b.severity_code
    from bridge_patient_condition as b
    where b.is_current and b.severity_code is not null and b.patient_sk <> 0
),

groups as (
    select
        g.condition_sk,
        g.condition_group_code
    from dim_condition as g
),

weights as (
    select
        r.condition_group_code,
        r.severity_code,
        r.weight
    from ref_risk_weight as r
    where r.component = 'condition'
),

leading_groups as (
    select distinct on (c.patient_sk)
        c.patient_sk,
        g.condition_group_code
    from conditions as c
    inner join groups as g on c.condition_sk = g.condition_sk
    left join weights as r
        on g.condition_group_code = r.condition_group_code and c.severity_code = r.severity_code
    order by c.patient_sk asc, r.weight desc nulls last, g.condition_group_code asc
)

select
    w.census_date, -- Sunday the list is counted at
    w.trust_sk, -- The trust; 0 when unknown
    w.site_code, -- ODS code of the site; UNKNOWN where the extract names none
    w.treatment_function_code, -- Treatment function, as NHS England publishes by
    coalesce(l.condition_group_code, 'NONE') as condition_group_code, -- Leading active condition group; NONE: none recorded
    w.risk_tier, -- Tier of the risk score at the census; UNKNOWN when there is no score
    w.wait_group, -- Weeks waited: 0-18, 18-52, 52-65, 65-78, 78-104, 104+, or unknown
    count(*) as pathway_count, -- Pathways waiting
    count(distinct w.person_sk) as patient_count, -- People, who may wait on several; unknown ones count as one
    count(*) filter (where w.is_undated) as undated_count, -- Of the pathways, with nothing ahead
    count(*) filter (where w.is_priority_unknown) as priority_unknown_count, -- Of these, without a clinical priority
    count(*) filter (where w.is_validation_due) as validation_due_count, -- Of these, due for validation
    round(avg(w.risk_score), 2) as mean_risk_score -- Mean risk score; null when none is known
from waitlist as w
left join leading_groups as l on w.patient_sk = l.patient_sk
group by
    w.census_date,
    w.trust_sk,
    w.site_code,
    w.treatment_function_code,
    coalesce(l.condition_group_code, 'NONE'),
    w.risk_tier,
    w.wait_group
