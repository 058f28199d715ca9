/*
One row per census, unit and measure: do the answers to the Friends and Family Test and the waits, cancellations or missed
bookings of the same service move together from week to week? Levels: all, trust, trust_function; what a unit is not split by
reads ALL (trust_sk -1, all trusts, seen by those it is granted to).

- The repeated measures correlation (function moving_together: Bland and Altman 1995; Bakdash and Marusich 2017) of the positive
  rate with the measure: each service, a treatment function of a trust, is held against its own mean, so that services that
  differ for good, in their patients or their forms, make no link. At trust_function it is Pearson's correlation of the weeks.
- Interval: Fisher's, 95%, for as many weeks as are independent (Bretherton et al. 1999): two unrelated trends would correlate.
- Weeks count with at least so many answers, services with at least so many weeks (seed experience_setting); else the
  correlation is null and missing_reason says so.
- finding is opposite (more of the measure, fewer positive answers), together, or not_shown, where the interval holds zero.

NO CAUSE. That two move together does not say that one moves the other: a hard winter lengthens lists and tires staff. Nor does
no link shown say that there is none: twelve weeks find only strong ones. Answers are noisy where few, which draws any
correlation towards zero. Of many services one in twenty shows a link by chance alone: look at `all` and `trust` first.

Why it matters: whether shorter waits are felt by those who come is a question; this says how far the data answers it.

---
kind: snapshot
grain: [census_date, level, trust_sk, treatment_function_code, measure_code]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
not_null: [service_count, week_count]
readers: clinical
owner: Trust patient experience lead
disclosure:
  counts: [week_count]
  values:
    correlation: week_count
    correlation_lower: week_count
    correlation_upper: week_count
    finding: week_count
  shown: [missing_reason]
*/
with
settings as (
    select
        s.least_answers,
        s.least_weeks
    from ref_experience_setting as s
),

weeks as (
    select
        e.census_date,
        e.trust_sk,
        e.treatment_function_code,
        e.week_end_date,
        e.answered_count,
        e.positive_count::numeric / nullif(e.answered_count, 0) as positive_rate,
        e.over_18_weeks_count::numeric / nullif(e.waiting_count, 0) as over_18_weeks_rate,
        e.cancelled_by_provider_count::numeric / nullif(e.booked_count, 0) as cancelled_by_provider_rate,
        e.dna_count::numeric / nullif(e.booked_count, 0) as dna_rate
    from mart_patient_experience as e
    where e.level = 'trust_function' and e.response_count > 0
),

services as (
    select distinct
        w.census_date,
        w.trust_sk,
        w.treatment_function_code,
        m.measure_code
    from weeks as w
    cross join (values ('over_18_weeks'), ('cancelled_by_provider'), ('dna')) as m (measure_code)
),

points as (
    select
        w.trust_sk,
        w.treatment_function_code,
        m.measure_code,
        w.week_end_date,
        w.positive_rate,
        m.measure_rate,
        count(*) over (partition by w.trust_sk, w.treatment_function_code, m.measure_code) as service_weeks
    from weeks as w
    cross join settings as s
    cross join
        lateral (
            values
            ('over_18_weeks', w.over_18_weeks_rate),
            ('cancelled_by_provider', w.cancelled_by_provider_rate),
            ('dna', w.dna_rate)
        ) as m (measure_code, measure_rate)
    where w.answered_count >= s.least_answers and m.measure_rate is not null
),

enough as (
    select
        p.trust_sk,
        p.treatment_function_code,
        p.measure_code,
        p.week_end_date,
        p.positive_rate,
        p.measure_rate
    from points as p
    cross join settings as s
    where p.service_weeks >= s.least_weeks
),

gathered as (
    select
        e.measure_code,
        coalesce(e.trust_sk, -1) as trust_sk,
        coalesce(e.treatment_function_code, 'ALL') as treatment_function_code,
        count(distinct e.trust_sk || ' ' || e.treatment_function_code) as service_count,
        count(*) as week_count,
        array_agg(
            e.trust_sk || ' ' || e.treatment_function_code
            order by e.trust_sk, e.treatment_function_code, e.week_end_date
        ) as services,
        array_agg(
            (e.week_end_date - date '1900-01-07') / 7
            order by e.trust_sk, e.treatment_function_code, e.week_end_date
        ) as weeks,
        array_agg(
            e.measure_rate
            order by e.trust_sk, e.treatment_function_code, e.week_end_date
        ) as measure_rates,
        array_agg(
            e.positive_rate
            order by e.trust_sk, e.treatment_function_code, e.week_end_date
        ) as positive_rates
    from enough as e
    group by grouping sets (
        (e.measure_code),
        (e.measure_code, e.trust_sk),
        (e.measure_code, e.trust_sk, e.treatment_function_code)
    )
),

units as (
    select
        s.census_date,
        s.measure_code,
        coalesce(s.trust_sk, -1) as trust_sk,
        coalesce(s.treatment_function_code, 'ALL') as treatment_function_code
    from services as s
    group by grouping sets (
        (s.census_date, s.measure_code),
        (s.census_date, s.measure_code, s.trust_sk),
        (s.census_date, s.measure_code, s.trust_sk, s.treatment_function_code)
    )
),

linked as (
    select
        u.census_date,
        u.measure_code,
        u.trust_sk,
        u.treatment_function_code,
        coalesce(g.service_count, 0) as service_count,
        coalesce(g.week_count, 0) as week_count,
        round(m.correlation::numeric, 4) as correlation,
        round(m.correlation_lower::numeric, 4) as correlation_lower,
        round(m.correlation_upper::numeric, 4) as correlation_upper,
        round(m.degrees::numeric, 1) as degrees,
        s.least_weeks,
        s.least_answers
    from units as u
    cross join settings as s
    left join gathered as g
        on
        u.measure_code = g.measure_code
        and u.trust_sk = g.trust_sk
        and u.treatment_function_code = g.treatment_function_code
    left join lateral moving_together(g.services, g.weeks, g.measure_rates, g.positive_rates) as m on true
)

select
    l.census_date, -- Sunday of the census
    case
        when l.trust_sk = -1 then 'all'
        when l.treatment_function_code = 'ALL' then 'trust'
        else 'trust_function'
    end as level, -- What the unit is split by: all, trust or trust_function
    l.trust_sk, -- The trust that was asked about; 0 unknown, -1 all trusts
    l.treatment_function_code, -- Treatment function that was asked about; UNKNOWN when not mapped, ALL when not split by it
    l.measure_code, -- What the positive rate is held against: over_18_weeks, cancelled_by_provider or dna, as shares
    l.service_count, -- Services with enough weeks
    l.week_count, -- Their weeks with enough answers, all services together
    l.correlation, -- Repeated measures correlation of positive rate and measure, -1 to 1; null with the reason
    l.correlation_lower, -- Its lower 95% limit (Fisher)
    l.correlation_upper, -- Its upper 95% limit
    l.degrees, -- Degrees of freedom of the interval, after autocorrelation
    case
        when l.correlation_upper < 0 then 'opposite'
        when l.correlation_lower > 0 then 'together'
        when l.correlation is not null then 'not_shown'
    end as finding, -- opposite, together, or not_shown: the interval holds zero
    case
        when l.correlation is not null then null
        when l.service_count = 0
            then
                'too short: no service has ' || l.least_weeks || ' weeks with ' || l.least_answers
                || ' answers and the measure'
        else 'one of the two does not vary enough over the weeks'
    end as missing_reason -- Why there is no correlation; null when there is
from linked as l
