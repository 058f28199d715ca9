/*
One row per trust, dimension and group of patients, worst recorded severity and referral priority: how the risk score falls on the
open pathways of each group, among patients who are recorded alike.

NO EVIDENCE OF FAIRNESS. Whether a score is fair is told by outcomes, and this data holds none: a score that is equal between
groups may still miss harm in one of them, and an unequal one may be right. What is here is where to look. Prior admissions
carry access as well as need: a group that reaches hospital less scores less for the same illness. Severity and priority are
recorded by people and may carry the same bias. Groups overlap between dimensions and are not to be added up across them.

disagreement is with the extract's own risk level, of the pathways where both are known. The score is illustrative until it
is approved locally. For clinical readers alone: small groups within severity and priority are few people.

---
kind: snapshot
grain: [census_date, trust_sk, dimension, group_code, severity_code, referral_priority_code]
references: {census_date: dim_date.date, trust_sk: dim_trust}
not_null: [pathway_count, person_count, low_count, medium_count, high_count, very_high_count, unknown_tier_count]
readers: clinical
owner: ICS health inequalities lead
*/
with
waitlist as (
    select
        w.census_date,
        w.trust_sk,
        w.patient_sk,
        w.person_sk,
        coalesce(w.referral_priority_code, 'UNKNOWN') as referral_priority_code,
        w.risk_score,
        w.risk_tier,
        w.recorded_risk_level,
        w.is_risk_disagreement,
        w.age_band,
        coalesce(w.deprivation_quintile::text, 'UNKNOWN') as deprivation_quintile
    from fct_waitlist as w
),

patients as (
    select
        p.patient_sk,
        coalesce(p.ethnic_category_code, '99') as ethnic_category,
        coalesce(p.gender_code, 'X') as gender,
        case p.is_interpreter_needed when true then 'yes' when false then 'no' else 'UNKNOWN' end as interpreter
    from dim_patient as p
),

severities as (
    select
        b.patient_sk,
        max(
            case b.severity_code when 'severe' then 4 when 'moderate' then 3 when 'mild' then 2 else 1 end
        ) as severity_rank
    from bridge_patient_condition as b
    where b.is_current and b.severity_code is not null and b.patient_sk <> 0
    group by b.patient_sk
),

grouped as (
    select
        w.census_date,
        w.trust_sk,
        x.dimension,
        x.group_code,
        (array['none', 'UNKNOWN', 'mild', 'moderate', 'severe'])[coalesce(s.severity_rank, 0) + 1] as severity_code,
        w.referral_priority_code,
        w.person_sk,
        w.risk_score,
        w.risk_tier,
        w.recorded_risk_level is not null and w.risk_tier <> 'UNKNOWN' as has_both_levels,
        w.is_risk_disagreement
    from waitlist as w
    left join patients as p on w.patient_sk = p.patient_sk
    left join severities as s on w.patient_sk = s.patient_sk
    cross join lateral (
        values
        ('deprivation_quintile', w.deprivation_quintile),
        ('ethnic_category', coalesce(p.ethnic_category, '99')),
        ('gender', coalesce(p.gender, 'X')),
        ('age_band', w.age_band),
        ('interpreter', coalesce(p.interpreter, 'UNKNOWN'))
    ) as x (dimension, group_code)
),

counted as (
    select
        g.census_date,
        g.trust_sk,
        g.dimension,
        g.group_code,
        g.severity_code,
        g.referral_priority_code,
        count(*) as pathway_count,
        count(distinct g.person_sk) as person_count,
        count(*) filter (where g.risk_tier = 'low') as low_count,
        count(*) filter (where g.risk_tier = 'medium') as medium_count,
        count(*) filter (where g.risk_tier = 'high') as high_count,
        count(*) filter (where g.risk_tier = 'very_high') as very_high_count,
        count(*) filter (where g.risk_tier not in ('low', 'medium', 'high', 'very_high')) as unknown_tier_count,
        avg(g.risk_score) as mean_score,
        percentile_disc(array[0.25, 0.5, 0.75]) within group (order by g.risk_score) as quartiles,
        count(*) filter (where g.has_both_levels) as both_levels_count,
        count(*) filter (where g.has_both_levels and g.is_risk_disagreement) as disagreement_count
    from grouped as g
    group by g.census_date, g.trust_sk, g.dimension, g.group_code, g.severity_code, g.referral_priority_code
)

select
    c.census_date, -- Sunday the list is counted at
    c.trust_sk, -- The trust; 0 when unknown
    c.dimension, -- deprivation_quintile, ethnic_category, gender, age_band or interpreter
    c.group_code, -- The group; UNKNOWN, Unknown, X, Z and 99 are those of whom it is not known
    c.severity_code, -- Worst severity of the patient's active conditions: severe … mild, UNKNOWN; none without a condition
    c.referral_priority_code, -- Priority of the referral: 1 routine, 2 urgent, 3 suspected cancer, UNKNOWN
    c.pathway_count, -- Open pathways
    c.person_count, -- People behind them; unknown ones count as one
    c.low_count, -- Of the pathways, those of the low tier
    c.medium_count, -- Of the medium tier
    c.high_count, -- Of the high tier
    c.very_high_count, -- Of the very high tier
    c.unknown_tier_count, -- Without a tier
    round((c.high_count + c.very_high_count)::numeric / nullif(c.pathway_count - c.unknown_tier_count, 0), 4)
        as high_risk_rate, -- High or very high, of those with a tier
    round(
        wilson_lower(c.high_count + c.very_high_count, c.pathway_count - c.unknown_tier_count)::numeric, 4
    ) as high_risk_rate_lower, -- Lower 95% limit (Wilson)
    round(
        wilson_upper(c.high_count + c.very_high_count, c.pathway_count - c.unknown_tier_count)::numeric, 4
    ) as high_risk_rate_upper, -- Upper 95% limit
    round(c.mean_score, 2) as mean_score, -- Mean risk score
    c.quartiles[1] as lower_quartile_score, -- A quarter score this or less
    c.quartiles[2] as median_score, -- Half score this or less
    c.quartiles[3] as upper_quartile_score, -- Three quarters score this or less
    c.both_levels_count, -- Pathways with our tier and the extract's own level
    c.disagreement_count, -- Of these, where the two differ
    round(c.disagreement_count::numeric / nullif(c.both_levels_count, 0), 4) as disagreement_rate -- Share that differ
from counted as c
