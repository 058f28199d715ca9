/*
One row per trust and treatment function at the census: is the queue in balance, and what capacity would bring it to a
size at which the target wait is kept?

The numbers of NHSRwaitinglist (R; Fong et al. 2022, doi 10.1101/2022.08.23.22279117), its functions in reference.
Demand is clocks started a week, throughput is whatever left the list a week, both means over the last whole weeks of the
window of the seed queue_target, never from before a trust's first extract. Two mistakes of the package's wl_stats are
put right: its pressure divides a mean wait in days by a target in weeks, and its window counts a week too many.
- The queue is taken as ONE queue, first come first served. A specialty is many (priorities, procedures, surgeons), so the
  capacities are a lower bound: a guide to where to look, not a plan.
- Throughput is what was done and not what could have been. Slots offered, where sessions are delivered, stand beside it in
  their own unit: a slot is no clock stop, and the two are never divided.
- Relief capacity is given only where the queue is over twice its target size, as the paper does.
- Coefficients of variation are of the days between one start (or end) and the next, those of one day being 0 apart.

---
kind: snapshot
grain: [census_date, trust_sk, treatment_function_code]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [window_weeks, queue_size, start_count, departure_count, target_wait_weeks]
readers: clinical
owner: ICS operations manager
disclosure:
  counts: [queue_size, start_count, departure_count]
  within: [census_date, trust_sk]
  ratios:
    demand_per_week: [start_count, window_weeks]
    throughput_per_week: [departure_count, window_weeks]
    queue_load: [start_count, departure_count]
  values: {mean_wait_weeks: queue_size, target_mean_wait_weeks: queue_size, pressure: queue_size}
  shown: [window_weeks, window_start_date, target_wait_weeks]
*/
with
waitlist as (
    select
        w.trust_sk,
        w.treatment_function_code,
        count(*) as queue_size,
        avg(w.wait_days) / 7 as mean_wait_weeks
    from fct_waitlist as w
    group by w.trust_sk, w.treatment_function_code
),

targets as (
    select
        t.treatment_function_code,
        t.target_wait_weeks,
        t.factor,
        t.window_weeks,
        t.relief_weeks
    from ref_queue_target as t
),

exact_limits as (
    select
        l.event_count,
        l.lower_95,
        l.upper_95
    from ref_poisson_limit as l
),

trusts as (
    select t.trust_id
    from stg_trusts as t
),

weeks as (
    select
        l.week_end_date,
        l.trust_id,
        l.treatment_function_code,
        sum(l.start_count) as start_count,
        sum(
            l.admitted_stop_count + l.non_admitted_stop_count + l.nullified_count + l.transferred_out_count
            + l.other_removal_count
        ) as departure_count
    from int_weekly_list as l
    where l.is_flow_whole
    group by l.week_end_date, l.trust_id, l.treatment_function_code
),

-- The weeks that a trust's series has, a week without starts or ends counting as one.
whole_weeks as (
    select distinct
        w.week_end_date,
        w.trust_id
    from weeks as w
),

services as (
    select
        s.trust_id,
        s.treatment_function_code,
        coalesce(o.target_wait_weeks, a.target_wait_weeks) as target_wait_weeks,
        coalesce(o.factor, a.factor) as factor,
        coalesce(o.window_weeks, a.window_weeks) as window_weeks,
        coalesce(o.relief_weeks, a.relief_weeks) as relief_weeks,
        c.census_date,
        (c.census_date - 7 * coalesce(o.window_weeks, a.window_weeks))::date as after_date
    from (
        select
            w.trust_id,
            w.treatment_function_code
        from weeks as w
        group by w.trust_id, w.treatment_function_code
        union
        select
            coalesce(t.trust_id, 'UNKNOWN') as trust_id,
            coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code
        from int_rtt_periods as p
        left join trusts as t on p.trust_id = t.trust_id
        where p.is_open
    ) as s
    cross join census as c
    left join targets as o on s.treatment_function_code = o.treatment_function_code
    left join targets as a on a.treatment_function_code = 'ANY'
),

windows as (
    select
        s.trust_id,
        s.treatment_function_code,
        count(k.week_end_date) as window_weeks,
        min(k.week_end_date) - 6 as window_start_date,
        coalesce(sum(w.start_count), 0) as start_count,
        coalesce(sum(w.departure_count), 0) as departure_count
    from services as s
    left join whole_weeks as k on s.trust_id = k.trust_id and k.week_end_date > s.after_date
    left join weeks as w
        on
        s.trust_id = w.trust_id
        and s.treatment_function_code = w.treatment_function_code
        and k.week_end_date = w.week_end_date
    group by s.trust_id, s.treatment_function_code
),

-- Starts and ends by day, of the window alone.
days as (
    select
        'start' as flow,
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        p.clock_start_date as day,
        count(*) as n
    from int_rtt_periods as p
    cross join census as c
    left join trusts as t on p.trust_id = t.trust_id
    where p.clock_start_date > c.census_date - 728 and p.clock_start_date <= c.census_date
    group by coalesce(t.trust_id, 'UNKNOWN'), coalesce(p.treatment_function_code, 'UNKNOWN'), p.clock_start_date
    union all
    select
        'end' as flow,
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        p.off_list_date as day,
        count(*) as n
    from int_rtt_periods as p
    cross join census as c
    left join trusts as t on p.trust_id = t.trust_id
    where not p.is_open and p.off_list_date > c.census_date - 728 and p.off_list_date <= c.census_date
    group by coalesce(t.trust_id, 'UNKNOWN'), coalesce(p.treatment_function_code, 'UNKNOWN'), p.off_list_date
),

gaps as (
    select
        d.flow,
        d.trust_id,
        d.treatment_function_code,
        d.n,
        d.day - lag(d.day) over (
            partition by d.flow, d.trust_id, d.treatment_function_code
            order by d.day
        ) as gap_days
    from days as d
    inner join windows as w
        on d.trust_id = w.trust_id and d.treatment_function_code = w.treatment_function_code
    where d.day >= w.window_start_date
),

-- Between n events there are n - 1 gaps, those within a day of 0 days.
variation as (
    select
        g.trust_id,
        g.treatment_function_code,
        g.flow,
        sqrt(
            (sum(g.gap_days ^ 2) - sum(g.gap_days) ^ 2 / nullif(sum(g.n) - 1, 0)) / nullif(sum(g.n) - 2, 0)
        ) / nullif(sum(g.gap_days) / nullif(sum(g.n) - 1, 0), 0) as cv
    from gaps as g
    group by g.trust_id, g.treatment_function_code, g.flow
),

slots as (
    select
        k.trust_id,
        k.treatment_function_code,
        sum(k.planned_count) as planned_count
    from int_weekly_capacity as k
    inner join windows as w
        on k.trust_id = w.trust_id and k.treatment_function_code = w.treatment_function_code
    where k.week_end_date >= w.window_start_date and k.has_sessions_delivered
    group by k.trust_id, k.treatment_function_code
),

measured as (
    select
        s.census_date,
        case when s.trust_id = 'UNKNOWN' then 0 else pseudonym('trust', s.trust_id) end as trust_sk,
        s.treatment_function_code,
        s.target_wait_weeks,
        s.factor,
        s.relief_weeks,
        w.window_weeks,
        w.window_start_date,
        w.start_count,
        w.departure_count,
        w.start_count::double precision / nullif(w.window_weeks, 0) as demand,
        w.departure_count::double precision / nullif(w.window_weeks, 0) as throughput,
        k.planned_count::double precision / nullif(w.window_weeks, 0) as offered_slots,
        dv.cv as demand_cv,
        tv.cv as throughput_cv
    from services as s
    inner join windows as w on s.trust_id = w.trust_id and s.treatment_function_code = w.treatment_function_code
    left join slots as k on s.trust_id = k.trust_id and s.treatment_function_code = k.treatment_function_code
    left join variation as dv
        on s.trust_id = dv.trust_id and s.treatment_function_code = dv.treatment_function_code and dv.flow = 'start'
    left join variation as tv
        on s.trust_id = tv.trust_id and s.treatment_function_code = tv.treatment_function_code and tv.flow = 'end'
)

select
    m.census_date, -- Sunday the list is counted at
    m.trust_sk, -- The trust; 0 when unknown
    m.treatment_function_code, -- Treatment function, as NHS England publishes by
    m.window_weeks::integer as window_weeks, -- Whole weeks that demand and throughput are means of
    m.window_start_date, -- Monday the window begins; null before a trust's second extract
    coalesce(q.queue_size, 0)::bigint as queue_size, -- Pathways on the list
    round(q.mean_wait_weeks, 2) as mean_wait_weeks, -- Their mean wait so far in weeks
    m.start_count::bigint as start_count, -- Clocks started in the window
    m.departure_count::bigint as departure_count, -- Periods that left the list in the window, for whatever reason
    round(m.demand::numeric, 4) as demand_per_week, -- Clocks started a week
    round((count_lower(m.start_count, dl.lower_95) / nullif(m.window_weeks, 0))::numeric, 4)
        as demand_per_week_lower, -- 95% limits of that: Byar, exact Poisson below 10 starts
    round((count_upper(m.start_count, dl.upper_95) / nullif(m.window_weeks, 0))::numeric, 4)
        as demand_per_week_upper, -- The upper of them
    round(m.throughput::numeric, 4) as throughput_per_week, -- Periods that left the list a week
    round((count_lower(m.departure_count, tl.lower_95) / nullif(m.window_weeks, 0))::numeric, 4)
        as throughput_per_week_lower, -- 95% limits of that: Byar, exact Poisson below 10
    round((count_upper(m.departure_count, tl.upper_95) / nullif(m.window_weeks, 0))::numeric, 4)
        as throughput_per_week_upper, -- The upper of them
    round(m.offered_slots::numeric, 2) as offered_slots_per_week, -- Clinic and theatre slots planned; null: not delivered
    round(m.demand_cv::numeric, 4) as demand_cv, -- Coefficient of variation of the days between starts; null below 3
    round(m.throughput_cv::numeric, 4) as throughput_cv, -- The same of the days between departures
    round(queue_load(m.demand, m.throughput)::numeric, 4) as queue_load, -- demand / throughput: over 1 the queue grows
    m.target_wait_weeks, -- Target wait in weeks, of the seed queue_target
    round(target_mean_wait(m.target_wait_weeks, m.factor)::numeric, 2)
        as target_mean_wait_weeks, -- Mean wait at which that is kept: target wait / factor
    round(target_queue_size(m.demand, m.target_wait_weeks, m.factor)::numeric, 1)
        as target_queue_size, -- Queue at which the target wait is kept: demand × target wait / factor
    round((q.queue_size / nullif(target_queue_size(m.demand, m.target_wait_weeks, m.factor), 0))::numeric, 4)
        as queue_ratio, -- Queue / target queue; over 2 relief is called for
    case
        when q.queue_size > 2 * target_queue_size(m.demand, m.target_wait_weeks, m.factor)
            then round(
                    relief_capacity(
                        m.demand,
                        q.queue_size,
                        target_queue_size(m.demand, m.target_wait_weeks, m.factor),
                        m.relief_weeks
                    )::numeric, 2
                )
    end as relief_capacity_per_week, -- Departures a week that bring it to target in relief_weeks; null: not called for
    m.relief_weeks, -- Weeks in which a backlog is to be worked off, of the seed
    round(target_capacity(m.demand, m.target_wait_weeks, m.demand_cv, m.throughput_cv, m.factor)::numeric, 4)
        as target_capacity_per_week, -- Departures a week that keep it at target: demand + (cv² + cv²)/2 × factor/target
    round(waiting_list_pressure(q.mean_wait_weeks, m.target_wait_weeks)::numeric, 4)
        as pressure, -- 2 × mean wait / target wait, both in weeks; over 1 the wait is too long
    round((q.queue_size / nullif(m.throughput, 0))::numeric, 2)
        as clearance_weeks, -- Queue / throughput: weeks to clear it if nobody joined; null: nothing left
    case
        when m.window_weeks = 0 then 'history too short: a first and a second extract are needed'
        when m.start_count < 3 or m.departure_count < 3 then 'too few starts or departures for a variation'
    end as missing_reason -- Why figures are missing; null when none is
from measured as m
left join waitlist as q on m.trust_sk = q.trust_sk and m.treatment_function_code = q.treatment_function_code
left join exact_limits as dl on m.start_count = dl.event_count
left join exact_limits as tl on m.departure_count = tl.event_count
