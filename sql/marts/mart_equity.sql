/*
One row per measure, dimension and group of patients: do delays, cancellations and DNAs fall harder on some than on others?

Delays are read from cohorts: of the clocks that started in the window and were followed for 18 (52) weeks, how many were
stopped by treatment by then. The list itself cannot tell, because who waits longest is seen on it most often. Periods
nullified, transferred or removed otherwise are in no cohort: nobody knows when they would have been treated. DNAs and
cancellations are per past appointment. All is counted from the first extract of a trust on, never from before.
- Interval: Wilson, on the effective number of trials where one person counts more than once (clustered by person).
- rate_ratio and rate_gap are to the reference group of the seed equity_dimension. stratified_rate_ratio is Mantel and
  Haenszel's over strata of trust, treatment function and priority (Journal of the National Cancer Institute 1959, 22:719):
  like is compared with like; a stratum that lacks either group says nothing and counts nothing.
- standardised_rate is at one age structure: direct, European Standard Population 2013, Dobson's interval on Byar's; null
  below 10 events, where an age band has nobody, and for age itself.
- Missing (UNKNOWN, Z not stated, 99 not known) is a group of its own.

What it cannot show: why. Groups differ in need, in what they are referred for and in how well they are recorded. It counts
who was referred, not who needed to be. Age, tier and deprivation are as of the census. Many groups are compared, so
some intervals will miss the reference by chance. A difference is a question to ask, not a finding of unfairness; no
difference is no proof of fairness.

---
kind: snapshot
grain: [census_date, measure_code, dimension, group_code]
references: {census_date: dim_date.date}
not_null: [trial_count, event_count, person_count, is_reference]
readers: none
owner: ICS health inequalities lead
disclosure:
  counts: [trial_count, event_count, person_count]
  within: [census_date, measure_code, dimension]
  rates:
    event_rate: [event_count, trial_count]
    rate_lower: [event_count, trial_count, wilson_lower]
    rate_upper: [event_count, trial_count, wilson_upper]
  values: {standardised_rate: event_count}
  shown: [is_reference, reference_group_code, missing_reason]
*/
with
measures as (
    select
        m.measure_code,
        m.unit,
        m.follow_up_days,
        c.census_date,
        (c.census_date - m.follow_up_days)::date as to_date,
        (c.census_date - m.follow_up_days - 7 * m.window_weeks)::date as after_date
    from ref_equity_measure as m
    cross join census as c
),

dimensions as (
    select
        d.dimension,
        d.reference_group
    from ref_equity_dimension as d
),

standard as (
    select
        s.age_band,
        s.population
    from ref_standard_population as s
),

first_extracts as (
    select
        t.trust_id,
        t.first_seen_date
    from stg_trust_first_seen as t
),

patients as (
    select
        r.patient_id,
        d.person_sk,
        coalesce(r.risk_tier, 'UNKNOWN') as risk_tier,
        coalesce(r.deprivation_quintile::text, 'UNKNOWN') as deprivation_quintile,
        coalesce(d.ethnic_category_code, '99') as ethnic_category,
        coalesce(d.gender_code, 'X') as gender,
        coalesce(r.age_band, 'UNKNOWN') as age_band,
        case d.is_interpreter_needed when true then 'yes' when false then 'no' else 'UNKNOWN' end as interpreter,
        case d.is_transport_needed when true then 'yes' when false then 'no' else 'UNKNOWN' end as transport
    from int_patient_risk as r
    inner join dim_patient as d on pseudonym('patient', r.patient_id) = d.patient_sk
),

referrals as (
    select
        r.referral_id,
        coalesce(r.referral_priority_code, 'UNKNOWN') as priority
    from stg_referrals as r
),

cases as (
    select
        m.measure_code,
        p.patient_id,
        p.trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        p.clock_id as referral_id,
        (
            coalesce(p.stop_kind = 'admitted_stop' or p.stop_basis in ('first_treatment', 'treatment_inferred'), false)
            and p.wait_days <= m.follow_up_days
        )::integer as event
    from int_rtt_periods as p
    inner join measures as m
        on m.unit = 'period' and p.clock_start_date > m.after_date and p.clock_start_date <= m.to_date
    inner join first_extracts as f on p.trust_id = f.trust_id and p.clock_start_date > f.first_seen_date
    where coalesce(p.stop_kind not in ('nullified', 'transferred_out', 'other_removal'), true)
    union all
    select
        m.measure_code,
        a.patient_id,
        a.trust_id,
        coalesce(a.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        a.referral_id,
        case m.measure_code
            when 'dna' then a.is_dna
            when 'cancelled_by_patient' then a.is_cancelled_by_patient
            else a.is_cancelled_by_provider
        end::integer as event
    from int_appointments as a
    inner join measures as m
        on m.unit = 'appointment' and a.appointment_date > m.after_date and a.appointment_date <= m.to_date
    inner join first_extracts as f on a.trust_id = f.trust_id and a.appointment_date > f.first_seen_date
    where a.is_current and not a.is_future
),

-- One row per person and stratum, so that what follows works on fewer rows.
persons as (
    select
        k.measure_code,
        p.person_sk,
        p.risk_tier,
        p.deprivation_quintile,
        p.ethnic_category,
        p.gender,
        p.age_band,
        p.interpreter,
        p.transport,
        k.trust_id || ' ' || k.treatment_function_code || ' ' || coalesce(r.priority, 'UNKNOWN') as stratum,
        count(*) as n,
        sum(k.event) as y
    from cases as k
    inner join patients as p on k.patient_id = p.patient_id
    left join referrals as r on k.referral_id = r.referral_id
    group by
        k.measure_code,
        p.person_sk,
        p.risk_tier,
        p.deprivation_quintile,
        p.ethnic_category,
        p.gender,
        p.age_band,
        p.interpreter,
        p.transport,
        k.trust_id || ' ' || k.treatment_function_code || ' ' || coalesce(r.priority, 'UNKNOWN')
),

grouped as (
    select
        p.measure_code,
        x.dimension,
        x.group_code,
        p.person_sk,
        p.age_band,
        p.stratum,
        p.n,
        p.y
    from persons as p
    cross join lateral (
        values
        ('risk_tier', p.risk_tier),
        ('deprivation_quintile', p.deprivation_quintile),
        ('ethnic_category', p.ethnic_category),
        ('gender', p.gender),
        ('age_band', p.age_band),
        ('interpreter', p.interpreter),
        ('transport', p.transport)
    ) as x (dimension, group_code)
),

clusters as (
    select
        g.measure_code,
        g.dimension,
        g.group_code,
        g.person_sk,
        sum(g.n) as n,
        sum(g.y) as y
    from grouped as g
    group by g.measure_code, g.dimension, g.group_code, g.person_sk
),

totals as (
    select
        k.measure_code,
        k.dimension,
        k.group_code,
        sum(k.n) as trial_count,
        sum(k.y) as event_count,
        count(*) as person_count,
        effective_trials(
            sum(k.y)::double precision,
            sum(k.n)::double precision,
            count(*)::double precision,
            sum(k.y * k.y)::double precision,
            sum(k.y * k.n)::double precision,
            sum(k.n * k.n)::double precision
        ) as effective_count
    from clusters as k
    group by k.measure_code, k.dimension, k.group_code
),

strata as (
    select
        g.measure_code,
        g.dimension,
        g.group_code,
        g.stratum,
        sum(g.n) as n,
        sum(g.y) as y
    from grouped as g
    group by g.measure_code, g.dimension, g.group_code, g.stratum
),

stratified as (
    select
        s.measure_code,
        s.dimension,
        s.group_code,
        sum(s.y * o.n / (s.n + o.n)) / nullif(sum(o.y * s.n / (s.n + o.n)), 0) as rate_ratio
    from strata as s
    inner join dimensions as d on s.dimension = d.dimension and s.group_code <> d.reference_group
    inner join strata as o
        on
        s.measure_code = o.measure_code
        and s.dimension = o.dimension
        and s.stratum = o.stratum
        and d.reference_group = o.group_code
    group by s.measure_code, s.dimension, s.group_code
),

ages as (
    select
        g.measure_code,
        g.dimension,
        g.group_code,
        g.age_band,
        sum(g.n) as n,
        sum(g.y) as y
    from grouped as g
    where g.dimension <> 'age_band'
    group by g.measure_code, g.dimension, g.group_code, g.age_band
),

standardised as (
    select
        t.measure_code,
        t.dimension,
        t.group_code,
        standardised_rate(
            array_agg(
                coalesce(a.y, 0)::double precision
                order by s.age_band
            ),
            array_agg(
                coalesce(a.n, 0)::double precision
                order by s.age_band
            ),
            array_agg(
                s.population::double precision
                order by s.age_band
            )
        ) as at_one_age
    from totals as t
    cross join standard as s
    left join ages as a
        on
        t.measure_code = a.measure_code
        and t.dimension = a.dimension
        and t.group_code = a.group_code
        and s.age_band = a.age_band
    where t.dimension <> 'age_band'
    group by t.measure_code, t.dimension, t.group_code
),

compared as (
    select
        m.census_date,
        m.measure_code,
        coalesce(t.dimension, 'none') as dimension,
        coalesce(t.group_code, 'none') as group_code,
        coalesce(t.trial_count, 0) as trial_count,
        coalesce(t.event_count, 0) as event_count,
        coalesce(t.person_count, 0) as person_count,
        t.effective_count,
        t.event_count / t.trial_count as event_rate,
        d.reference_group,
        o.event_count / o.trial_count as reference_rate,
        s.rate_ratio as stratified_rate_ratio,
        z.at_one_age,
        case
            when t.trial_count is null and m.follow_up_days > 0
                then 'history too short: no start since the first extract was followed for ' || m.follow_up_days || ' days'
            when t.trial_count is null then 'no case since the first extract'
        end as missing_reason
    from measures as m
    left join totals as t on m.measure_code = t.measure_code
    left join dimensions as d on t.dimension = d.dimension
    left join totals as o
        on t.measure_code = o.measure_code and t.dimension = o.dimension and d.reference_group = o.group_code
    left join stratified as s
        on t.measure_code = s.measure_code and t.dimension = s.dimension and t.group_code = s.group_code
    left join standardised as z
        on t.measure_code = z.measure_code and t.dimension = z.dimension and t.group_code = z.group_code
)

select
    c.census_date, -- Sunday of the census
    c.measure_code, -- What is counted, of the seed equity_measure
    c.dimension, -- What patients are grouped by, of the seed equity_dimension; none where there is nothing to count
    c.group_code, -- The group; UNKNOWN, Z and 99 are those of whom it is not known; none where there is nothing to count
    coalesce(c.group_code = c.reference_group, false) as is_reference, -- The group that the others are compared with
    c.trial_count::bigint as trial_count, -- Periods of the cohort, or past appointments
    c.event_count::bigint as event_count, -- Of these, those it happened to
    c.person_count::bigint as person_count, -- People behind them, who may count more than once
    round(c.event_rate, 4) as event_rate, -- event_count / trial_count
    round(wilson_lower(c.event_rate * c.effective_count, c.effective_count)::numeric, 4)
        as rate_lower, -- Lower 95% limit (Wilson, clustered by person)
    round(wilson_upper(c.event_rate * c.effective_count, c.effective_count)::numeric, 4)
        as rate_upper, -- Upper 95% limit
    c.reference_group as reference_group_code, -- Group of the comparison
    round(c.event_rate / nullif(c.reference_rate, 0), 4) as rate_ratio, -- Rate / rate of the reference group, crude
    round(c.event_rate - c.reference_rate, 4) as rate_gap, -- Rate less that of the reference group, crude
    round(c.stratified_rate_ratio, 4)
        as stratified_rate_ratio, -- Ratio within trust, specialty and priority (Mantel-Haenszel); null: nothing to compare
    round((c.at_one_age).rate::numeric, 4) as standardised_rate, -- Rate at the age structure of the standard population
    round((c.at_one_age).rate_lower::numeric, 4) as standardised_lower, -- Its lower 95% limit (Dobson on Byar)
    round((c.at_one_age).rate_upper::numeric, 4) as standardised_upper, -- Its upper 95% limit
    c.missing_reason -- Why there is nothing to count; null when there is
from compared as c
