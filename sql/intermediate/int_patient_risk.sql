/*
One row per patient ever delivered: age, deprivation and the risk score as of the census, each with where it
comes from.

The score is a plain sum that anyone can check by hand: points for age, for active conditions (one count per
condition group, at its worst severity; inactive ones do not count) and for admissions in the twelve months
before. Points and tiers are the seeds risk_weight and risk_tier, illustrative until approved locally. What
is not known adds nothing and makes the score a lower bound, marked is_risk_incomplete: unknown is never
shown as no risk. The extract's own risk level is kept beside ours, never mixed in. A patient's age goes up
at the start of the birthday; one born on 29 February is a year older on 1 March of a common year (Family
Law Reform Act 1969, section 9).

---
kind: intermediate
grain: [patient_id]
*/
with
patients as (
    select
        p.patient_id,
        p.birth_date,
        p.imd_decile,
        p.prior_admissions,
        p.recorded_risk_level,
        split_part(p.postcode, ' ', 1) as postcode_district,
        c.census_date,
        extract(year from c.census_date)::integer - extract(year from p.birth_date)::integer
        - case
            when
                extract(month from c.census_date) * 100 + extract(day from c.census_date)
                < extract(month from p.birth_date) * 100 + extract(day from p.birth_date)
                then 1
            else 0
        end as years_since_birth
    from stg_patients as p
    cross join census as c
),

conditions as (
    select
        patient_id,
        condition_name,
        severity_code,
        is_active
    from stg_conditions
    where is_current and coalesce(is_active, true)
),

condition_names as (
    select
        n.condition_name,
        g.condition_group_code
    from (select distinct condition_name from conditions) as n
    left join ref_condition_group as g on normalise(n.condition_name) = g.source_text
),

geography as (
    select
        postcode_district,
        imd_decile
    from ref_geography
),

weights as (
    select
        component,
        condition_group_code,
        severity_code,
        value_from,
        value_to,
        weight,
        label
    from ref_risk_weight
),

tiers as (
    select
        risk_tier,
        score_from,
        lead(score_from) over (order by score_from) as next_score_from
    from ref_risk_tier
),

age_bands as (
    select
        age_band,
        age_from,
        age_to
    from ref_age_band
),

-- Two entries of one group are one count, at the worst severity that is known.
counted_groups as (
    select
        c.patient_id,
        n.condition_group_code,
        max(case c.severity_code when 'mild' then 1 when 'moderate' then 2 when 'severe' then 3 else 0 end)
        filter (where c.is_active) as severity_rank,
        bool_or(c.severity_code is null) as has_unknown_severity,
        bool_or(c.is_active is null) as has_unknown_activity
    from conditions as c
    left join condition_names as n on c.condition_name = n.condition_name
    group by c.patient_id, n.condition_group_code
),

condition_parts as (
    select
        g.patient_id,
        coalesce(sum(w.weight), 0)::integer as weight,
        count(w.weight)::integer as group_count,
        string_agg(w.label || ': ' || w.weight, '; ' order by w.weight desc, w.label asc) as explanation,
        bool_or(
            g.condition_group_code is null
            or g.has_unknown_activity
            or (g.has_unknown_severity and g.severity_rank < 3)
            or (g.severity_rank is not null and w.weight is null)
        ) as is_incomplete
    from counted_groups as g
    left join weights as w
        on
        w.component = 'condition'
        and g.condition_group_code = w.condition_group_code
        and w.severity_code = (array['UNKNOWN', 'mild', 'moderate', 'severe'])[g.severity_rank + 1]
    group by g.patient_id
),

aged as (
    select
        p.patient_id,
        p.census_date,
        case when p.years_since_birth between 0 and 120 then p.years_since_birth end as age_years,
        p.birth_date is not null and p.years_since_birth not between 0 and 120 as is_birth_date_implausible,
        coalesce(p.imd_decile, g.imd_decile) as imd_decile,
        case
            when p.imd_decile is not null then 'recorded'
            when g.imd_decile is not null then 'postcode_district'
            else 'unknown'
        end as imd_basis,
        p.prior_admissions,
        p.recorded_risk_level
    from patients as p
    left join geography as g on p.postcode_district = g.postcode_district
),

-- Points and bands are looked up once an age and once a number of admissions, not once a patient.
ages as (
    select
        a.age_years,
        w.weight,
        w.label,
        b.age_band
    from (select distinct age_years from aged) as a
    left join weights as w
        on w.component = 'age' and a.age_years between w.value_from and w.value_to
    left join age_bands as b
        on a.age_years >= b.age_from and (b.age_to is null or a.age_years <= b.age_to)
),

admissions as (
    select
        a.prior_admissions,
        w.weight,
        w.label
    from (select distinct prior_admissions from aged) as a
    inner join weights as w
        on w.component = 'prior_admissions' and a.prior_admissions between w.value_from and w.value_to
),

scored as (
    select
        a.patient_id,
        a.age_years,
        wa.age_band,
        a.is_birth_date_implausible,
        a.imd_decile,
        a.imd_basis,
        a.recorded_risk_level,
        wa.weight as risk_score_age,
        coalesce(c.weight, 0) as risk_score_conditions,
        wp.weight as risk_score_prior_admissions,
        coalesce(wa.weight, 0) + coalesce(c.weight, 0) + coalesce(wp.weight, 0) as risk_score,
        coalesce(c.group_count, 0) as active_condition_group_count,
        wa.weight is null or wp.weight is null or coalesce(c.is_incomplete, false) as is_risk_incomplete,
        concat_ws(
            '; ',
            coalesce(wa.label || ': ' || wa.weight, 'age not known'),
            coalesce(c.explanation, 'no active condition counted: 0'),
            case when c.is_incomplete then 'a condition, its severity or whether it is active not known' end,
            coalesce(wp.label || ': ' || wp.weight, 'prior admissions not known')
        ) as parts_explained
    from aged as a
    left join condition_parts as c on a.patient_id = c.patient_id
    left join ages as wa on a.age_years = wa.age_years
    left join admissions as wp on a.prior_admissions = wp.prior_admissions
)

select
    s.patient_id, -- The Trust's own identifier of the person
    s.age_years, -- Age in whole years at the census, exact to the day; null when not known or implausible
    s.age_band, -- Age band at the census; null when the age is unknown
    s.is_birth_date_implausible, -- Born after the census or over 120 years before: age unknown
    s.imd_decile, -- Deprivation decile, 1 most deprived: as recorded, else typical of the postcode district
    s.imd_basis, -- Where the decile comes from: recorded, postcode_district or unknown
    ((s.imd_decile + 1) / 2)::integer as deprivation_quintile, -- Deprivation quintile, 1 most deprived
    s.risk_score, -- Sum of the known parts; a lower bound when is_risk_incomplete
    s.risk_score_age, -- Points for age; null when the age is unknown
    s.risk_score_conditions, -- Points for active conditions, one count per group at its worst severity
    s.risk_score_prior_admissions, -- Points for admissions in the year before; null when not recorded
    s.active_condition_group_count, -- Condition groups that count towards the score
    s.is_risk_incomplete, -- A part of the score is not known, so the score is a lower bound
    s.parts_explained || ' = ' || s.risk_score as risk_explanation, -- The score in words, part by part
    t.risk_tier, -- Tier of the score by the seed risk_tier
    s.recorded_risk_level, -- The extract's own risk level, kept beside ours
    coalesce(s.recorded_risk_level <> t.risk_tier, false) as is_risk_disagreement -- The extract's is another
from scored as s
left join tiers as t
    on s.risk_score >= t.score_from and (t.next_score_from is null or s.risk_score < t.next_score_from)
