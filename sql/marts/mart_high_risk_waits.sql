/*
One row per trust, treatment function and length of wait with anybody: how many wait there at the census, and how many of
them at high risk. It answers where high-risk patients wait over 52 weeks, by specialty.

High risk is a tier of high or very high (seed risk_tier). Low, medium and unknown are not, and unknown is counted apart:
among those without a score some are at high risk. Three lengths of wait, which add up: 0-18 is within 18 weeks (126 days
and less), 52+ is over 52 weeks (365 days and more), as in mart_breach_kpi (RTT guidance G §10.1.7). Pathways whose clock
start is unknown are in none. The score is illustrative until approved locally.

Why shared readers see it so: what a trust's treatment functions hold (mart_breach_kpi) and what its tiers hold
(mart_risk_backlog) is shown by others, so that each count here has a total both ways. Two groups of tiers, not five,
leave more to be shown; three lengths of wait, not six, likewise, and each is a table of its own, without a pathway of
another. Pathways themselves are not shown here, since mart_breach_kpi hides some of them. See medimart.models.disclosure.

---
kind: snapshot
grain: [census_date, trust_sk, treatment_function_code, wait_group]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [pathway_count, high_risk_count, high_risk_undated_count, unknown_risk_count]
readers: clinical
owner: Trust clinical risk lead
disclosure:
  counts: [high_risk_count]
  of: pathway_count
  within: [census_date, trust_sk, wait_group]
*/
with
waitlist as (
    select
        w.census_date,
        w.trust_sk,
        w.treatment_function_code,
        case when w.within_18_weeks then '0-18' when w.over_52_weeks then '52+' else '18-52' end as wait_group,
        w.risk_tier in ('high', 'very_high') as is_high_risk,
        w.risk_tier = 'UNKNOWN' as is_unknown_risk,
        w.is_undated
    from fct_waitlist as w
    where w.wait_days is not null
)

select
    w.census_date, -- Sunday the list is counted at
    w.trust_sk, -- The trust; 0 when unknown
    w.treatment_function_code, -- Treatment function, as NHS England publishes by
    w.wait_group, -- Weeks waited: 0-18, 18-52 or 52+
    count(*) as pathway_count, -- Pathways waiting
    count(*) filter (where w.is_high_risk) as high_risk_count, -- Of the pathways, those of the tiers high and very high
    count(*) filter (where w.is_high_risk and w.is_undated) as high_risk_undated_count, -- Of these, with nothing ahead
    count(*) filter (where w.is_unknown_risk) as unknown_risk_count, -- Of the pathways, those without a tier
    round(
        count(*) filter (where w.is_high_risk)::numeric / nullif(count(*) filter (where not w.is_unknown_risk), 0), 4
    ) as high_risk_rate -- High or very high, of those with a tier; null when no tier is known
from waitlist as w
group by w.census_date, w.trust_sk, w.treatment_function_code, w.wait_group
