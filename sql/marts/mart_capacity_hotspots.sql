/*
One row per measure, trust, treatment function and session type with anything to count: where are overbooking,
cancellation, DNAs and unused slots worst, beyond what chance gives?

A league table ranks noise. Each service's rate is set against funnel limits round the average of all services of its
session type (95% and 99.8%; Spiegelhalter 2005), widened by the additive variance between services where they differ by
more than chance in general (overdispersion: winsorised at 10%; Spiegelhalter 2005, Spiegelhalter et al. 2012). Only what
lies above the upper 95% limit is ranked; everything else has no rank, on purpose. The formulas are in reference.
- Over the window of the seed hotspot_measure, whole weeks, never from before a trust's first extract.
- overbooked and unused need planned slots; where sessions are not delivered they have no row. Overbooked is of the
  bookings that stood.
- Beyond a limit means: not like the others, look into it. It does not say why, nor that anybody is at fault: case mix and
  recording differ. One service in forty lies above the upper 95% limit by chance alone.

---
kind: snapshot
grain: [census_date, measure_code, trust_sk, treatment_function_code, session_type]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [event_count, trial_count, position]
readers: clinical
owner: ICS operations manager
disclosure:
  counts: [trial_count, event_count]
  within: [census_date, measure_code, trust_sk]
  rates: {event_rate: [event_count, trial_count]}
  values: {average_rate: event_count, position: event_count, rank: event_count}
*/
with
measures as (
    select
        m.measure_code,
        m.window_weeks,
        m.least_trials,
        m.least_units
    from ref_hotspot_measure as m
),

first_extracts as (
    select
        t.trust_id,
        t.first_seen_date
    from stg_trust_first_seen as t
),

weeks as (
    select
        k.week_end_date,
        k.trust_id,
        k.treatment_function_code,
        k.session_type,
        k.has_sessions_delivered,
        k.booked_count,
        k.dna_count,
        k.cancelled_by_patient_count,
        k.cancelled_by_provider_count,
        k.cancelled_by_unknown_count,
        k.overbooked_count,
        k.unused_count,
        k.planned_count,
        k.session_count,
        k.cancelled_session_count,
        c.census_date
    from int_weekly_capacity as k
    cross join census as c
    left join first_extracts as f on k.trust_id = f.trust_id
    where k.is_current and coalesce(k.week_end_date > f.first_seen_date, k.trust_id = 'UNKNOWN')
),

counted as (
    select
        w.census_date,
        m.measure_code,
        m.least_trials,
        m.least_units,
        w.trust_id,
        w.treatment_function_code,
        w.session_type,
        count(distinct w.week_end_date) as week_count,
        sum(x.event_count) as event_count,
        sum(x.trial_count) as trial_count
    from weeks as w
    cross join
        lateral (
            values
            ('cancelled_by_provider', w.cancelled_by_provider_count, w.booked_count),
            ('cancelled_by_patient', w.cancelled_by_patient_count, w.booked_count),
            ('dna', w.dna_count, w.booked_count),
            (
                'overbooked',
                w.overbooked_count,
                case
                    when w.has_sessions_delivered
                        then
                            w.booked_count - w.cancelled_by_patient_count - w.cancelled_by_provider_count
                            - w.cancelled_by_unknown_count
                end
            ),
            ('session_cancelled', w.cancelled_session_count, w.session_count),
            ('unused', w.unused_count, w.planned_count)
        ) as x (measure_code, event_count, trial_count)
    inner join measures as m on x.measure_code = m.measure_code
    where w.week_end_date > w.census_date - 7 * m.window_weeks and x.trial_count > 0
    group by
        w.census_date,
        m.measure_code,
        m.least_trials,
        m.least_units,
        w.trust_id,
        w.treatment_function_code,
        w.session_type
),

-- In one order, so that the sums are the same to the last bit in every rebuild.
gathered as (
    select
        c.measure_code,
        c.session_type,
        count(*) as unit_count,
        array_agg(
            c.event_count::double precision
            order by c.trust_id, c.treatment_function_code
        ) as events,
        array_agg(
            c.trial_count::double precision
            order by c.trust_id, c.treatment_function_code
        ) as trials
    from counted as c
    where c.trial_count >= c.least_trials
    group by c.measure_code, c.session_type
),

spread as (
    select
        g.measure_code,
        g.session_type,
        g.unit_count,
        d.average,
        d.dispersion,
        d.between_variance
    from gathered as g
    cross join lateral funnel_dispersion(g.events, g.trials) as d
),

judged as (
    select
        c.*,
        s.unit_count,
        s.average,
        s.dispersion,
        s.between_variance,
        c.trial_count >= c.least_trials and s.unit_count >= c.least_units as is_judged,
        funnel_z(c.event_count, c.trial_count, s.average, s.between_variance) as z
    from counted as c
    left join spread as s on c.measure_code = s.measure_code and c.session_type = s.session_type
),

placed as (
    select
        j.*,
        case
            when not coalesce(j.is_judged, false) then 'not_judged'
            when j.z > 3.090232306167813 then 'above_99_8'
            when j.z > 1.959963984540054 then 'above_95'
            when j.z < -3.090232306167813 then 'below_99_8'
            when j.z < -1.959963984540054 then 'below_95'
            else 'inside'
        end as position
    from judged as j
)

select
    p.census_date, -- Sunday of the census
    p.measure_code, -- What is counted, of the seed hotspot_measure
    case when p.trust_id = 'UNKNOWN' then 0 else pseudonym('trust', p.trust_id) end as trust_sk, -- The trust; 0 unknown
    p.treatment_function_code, -- Treatment function; UNKNOWN when not mapped
    p.session_type, -- clinic, theatre or UNKNOWN: services are compared within it
    p.week_count::integer as week_count, -- Weeks of the window with anything to count
    p.event_count::bigint as event_count, -- Bookings, slots or sessions that it happened to
    p.trial_count::bigint as trial_count, -- Out of so many
    round(p.event_count::numeric / p.trial_count, 4) as event_rate, -- event_count / trial_count
    p.unit_count::integer as unit_count, -- Services of the session type with enough cases, the average's
    round(p.average::numeric, 4) as average_rate, -- Rate of all of them together, the funnel's centre
    round(p.dispersion::numeric, 4) as dispersion, -- Mean square of their winsorised z-scores; 1 is chance
    round(p.between_variance::numeric, 8) as between_variance, -- Additive variance between services (arcsine scale)
    case
        when p.is_judged
            then
                round(funnel_lower(p.trial_count, p.average, p.between_variance, 1.959963984540054)::numeric, 4)
    end as lower_95, -- Lower 95% funnel limit at this size; null: not judged
    case
        when p.is_judged
            then
                round(funnel_upper(p.trial_count, p.average, p.between_variance, 1.959963984540054)::numeric, 4)
    end as upper_95, -- Upper 95% funnel limit
    case
        when p.is_judged
            then
                round(funnel_lower(p.trial_count, p.average, p.between_variance, 3.090232306167813)::numeric, 4)
    end as lower_99_8, -- Lower 99.8% funnel limit
    case
        when p.is_judged
            then
                round(funnel_upper(p.trial_count, p.average, p.between_variance, 3.090232306167813)::numeric, 4)
    end as upper_99_8, -- Upper 99.8% funnel limit
    case when p.is_judged then round(p.z::numeric, 4) end as z_score, -- Distance from the average in adjusted deviations
    p.position, -- above_99_8, above_95, inside, below_95, below_99_8, or not_judged: too few cases or services
    case
        when p.position in ('above_95', 'above_99_8')
            then
                rank() over (
                    partition by p.measure_code, p.session_type, p.position in ('above_95', 'above_99_8')
                    order by round(p.z::numeric, 6) desc
                )
    end::integer as rank -- Place among those above the upper 95% limit, worst first; null: not ranked
from placed as p
