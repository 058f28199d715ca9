/*
One row per census, measure, unit and week: the measure's value, its control limits and whether it is a special cause. Is it
noise or change? Levels: all, function, trust, trust_function; what a unit is not split by reads ALL (trust_sk -1,
all trusts, seen by those it is granted to).

- All weeks are as known at this census (int_weekly_list), from the first Sunday of the trust's extracts on; charts of all
  trusts begin when every trust delivers. Flows begin a week later, when the week is known whole.
- Control chart: XmR as in NHSRplotthedots (functions xmr_…): mean ± 2.66 mean moving ranges after screening, four rules, the
  first match wins. Limits are provisional under 20 points. Groups begin anew at the dates of the seed spc_rebase.
- Flows (starts, stops, missed and cancelled bookings) are charted as they are. Stocks (list size, medians, rates of the
  list) follow from the week before, so their limits would be too narrow: charted is the weekly difference, and the value
  itself is a run chart (median, shifts of 6 or more); lag_one_correlation shows how far each week follows the last.
- A chart of fewer than 5 events a week on average has no limits: with so many noughts the screened range is nought and all
  is flagged. Look at it a level higher.
- Improvement or concern by the measure's direction (seed spc_measure). Starts and other removals have none.
- Many charts flag something by chance: expected_false_alarm_count says how many points of this chart, …_total how many
  over all charts of the census, to be held against flagged_point_total (seed spc_false_alarm).

Why it matters: boards react to last week's figure; most of that is noise. Source: NHS England, Making Data Count; Perla,
Provost and Murray 2011 (run charts). Reviewed with its seeds, yearly.

---
kind: snapshot
grain: [census_date, measure_code, level, trust_sk, treatment_function_code, week_end_date]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  week_end_date: dim_date.date
not_null:
  - measure_kind
  - improvement
  - series_value
  - rebase_group
  - is_too_few
  - is_special_cause
  - expected_false_alarm_total
  - flagged_point_total
readers: clinical
owner: Head of performance
disclosure:
  counts: [series_value]
  only: {level: [trust], measure_unit: [count]}
  within: [census_date, measure_code, trust_sk]
  whole: true
  values:
    charted_value: series_value
    mean_value: series_value
    lower_limit: series_value
    upper_limit: series_value
    near_lower_limit: series_value
    near_upper_limit: series_value
    special_cause: series_value
    variation: series_value
    run_median_value: series_value
    is_run_shift: series_value
    lag_one_correlation: series_value
  shown:
    - trust_name
    - measure_label
    - measure_kind
    - improvement
    - rebase_group
    - is_provisional
    - is_too_few
    - expected_false_alarm_total
*/
with
lists as (
    select
        l.week_end_date,
        l.trust_id,
        l.treatment_function_code,
        l.wait_week,
        l.open_count,
        l.start_count,
        l.admitted_stop_count + l.non_admitted_stop_count as stop_count,
        l.nullified_count + l.transferred_out_count + l.other_removal_count as removal_count
    from int_weekly_list as l
),

trust_starts as (
    select
        l.trust_id,
        min(l.week_end_date) as first_sunday
    from lists as l
    group by l.trust_id
),

-- From when on a total over trusts is a total.
common_start as (
    select max(t.first_sunday) as first_sunday
    from trust_starts as t
),

bookings as (
    select
        k.week_end_date,
        k.trust_id,
        k.treatment_function_code,
        sum(k.booked_count) as booked_count,
        sum(k.dna_count) as dna_count,
        sum(k.cancelled_by_patient_count) as cancelled_by_patient_count,
        sum(k.cancelled_by_provider_count) as cancelled_by_provider_count
    from int_weekly_capacity as k
    inner join trust_starts as t on k.trust_id = t.trust_id and k.week_end_date > t.first_sunday
    cross join census as c
    where k.is_current and k.week_end_date <= c.census_date
    group by k.week_end_date, k.trust_id, k.treatment_function_code
),

-- One row per cell and week without gaps, so that nothing is a zero and not a missing point.
cells as (
    select distinct
        l.trust_id,
        l.treatment_function_code
    from lists as l
),

weeks as (
    select
        k.trust_id,
        k.treatment_function_code,
        t.first_sunday,
        g.day::date as week_end_date
    from cells as k
    inner join trust_starts as t on k.trust_id = t.trust_id
    cross join census as c
    cross join lateral generate_series(t.first_sunday, c.census_date, interval '7 days') as g (day)
),

cell_weeks as (
    select
        l.week_end_date,
        l.trust_id,
        l.treatment_function_code,
        sum(l.open_count) as open_count,
        sum(l.open_count) filter (where l.wait_week >= 0) as known_count,
        sum(l.open_count) filter (where l.wait_week between 0 and 18) as within_18_weeks_count,
        sum(l.open_count) filter (where l.wait_week >= 53) as over_52_weeks_count,
        sum(l.start_count) as start_count,
        sum(l.stop_count) as stop_count,
        sum(l.removal_count) as removal_count
    from lists as l
    group by l.week_end_date, l.trust_id, l.treatment_function_code
),

totals as (
    select
        w.week_end_date,
        coalesce(w.trust_id, 'ALL') as trust_id,
        coalesce(w.treatment_function_code, 'ALL') as treatment_function_code,
        max(w.first_sunday) as first_sunday,
        sum(coalesce(l.open_count, 0)) as open_count,
        sum(coalesce(l.known_count, 0)) as known_count,
        sum(coalesce(l.within_18_weeks_count, 0)) as within_18_weeks_count,
        sum(coalesce(l.over_52_weeks_count, 0)) as over_52_weeks_count,
        sum(coalesce(l.start_count, 0)) as start_count,
        sum(coalesce(l.stop_count, 0)) as stop_count,
        sum(coalesce(l.removal_count, 0)) as removal_count,
        sum(b.booked_count) as booked_count,
        sum(b.dna_count) as dna_count,
        sum(b.cancelled_by_patient_count) as cancelled_by_patient_count,
        sum(b.cancelled_by_provider_count) as cancelled_by_provider_count
    from weeks as w
    left join cell_weeks as l
        on
        w.week_end_date = l.week_end_date
        and w.trust_id = l.trust_id
        and w.treatment_function_code = l.treatment_function_code
    left join bookings as b
        on
        w.week_end_date = b.week_end_date
        and w.trust_id = b.trust_id
        and w.treatment_function_code = b.treatment_function_code
    group by grouping sets (
        (w.week_end_date),
        (w.week_end_date, w.trust_id),
        (w.week_end_date, w.treatment_function_code),
        (w.week_end_date, w.trust_id, w.treatment_function_code)
    )
),

bands as (
    select
        l.week_end_date,
        coalesce(l.trust_id, 'ALL') as trust_id,
        coalesce(l.treatment_function_code, 'ALL') as treatment_function_code,
        greatest(l.wait_week - 1, 0) as band,
        sum(l.open_count)::bigint as n
    from lists as l
    where l.wait_week >= 0 and l.open_count > 0
    group by grouping sets (
        (l.week_end_date, greatest(l.wait_week - 1, 0)),
        (l.week_end_date, greatest(l.wait_week - 1, 0), l.trust_id),
        (l.week_end_date, greatest(l.wait_week - 1, 0), l.treatment_function_code),
        (l.week_end_date, greatest(l.wait_week - 1, 0), l.trust_id, l.treatment_function_code)
    )
),

medians as materialized (
    select
        b.week_end_date,
        b.trust_id,
        b.treatment_function_code,
        banded_percentile(array_agg(b.band order by b.band), array_agg(b.n order by b.band), 0.5) as median_weeks
    from bands as b
    group by b.week_end_date, b.trust_id, b.treatment_function_code
),

with_medians as (
    select
        t.*,
        m.median_weeks
    from totals as t
    cross join common_start as s
    left join medians as m
        on
        t.week_end_date = m.week_end_date
        and t.trust_id = m.trust_id
        and t.treatment_function_code = m.treatment_function_code
    where t.trust_id <> 'ALL' or t.week_end_date >= s.first_sunday
),

measured as (
    select
        t.week_end_date,
        t.trust_id,
        t.treatment_function_code,
        v.measure_code,
        v.measure_value,
        v.event_count
    from with_medians as t
    cross join lateral (
        values
        ('clock_starts', case when t.week_end_date > t.first_sunday then t.start_count end, t.start_count),
        ('clock_stops', case when t.week_end_date > t.first_sunday then t.stop_count end, t.stop_count),
        ('other_removals', case when t.week_end_date > t.first_sunday then t.removal_count end, t.removal_count),
        ('dna_rate', round(t.dna_count / nullif(t.booked_count, 0), 6), t.dna_count),
        (
            'patient_cancellation_rate',
            round(t.cancelled_by_patient_count / nullif(t.booked_count, 0), 6),
            t.cancelled_by_patient_count
        ),
        (
            'provider_cancellation_rate',
            round(t.cancelled_by_provider_count / nullif(t.booked_count, 0), 6),
            t.cancelled_by_provider_count
        ),
        ('list_size', t.open_count, t.open_count),
        (
            'within_18_weeks_rate',
            round(t.within_18_weeks_count / nullif(t.known_count, 0), 6),
            least(t.within_18_weeks_count, t.known_count - t.within_18_weeks_count)
        ),
        ('over_52_weeks', t.over_52_weeks_count, t.over_52_weeks_count),
        ('median_wait', t.median_weeks, t.known_count)
    ) as v (measure_code, measure_value, event_count)
),

-- Charted: the value of a flow, the difference to the Sunday before of a stock.
points as (
    select
        m.week_end_date,
        m.trust_id,
        m.treatment_function_code,
        m.measure_code,
        d.measure_kind,
        m.measure_value,
        m.event_count,
        d.minimum_events,
        case
            when d.measure_kind = 'flow' then m.measure_value
            else
                m.measure_value - lag(m.measure_value) over (
                    partition by m.measure_code, m.trust_id, m.treatment_function_code
                    order by m.week_end_date
                )
        end as charted_value
    from measured as m
    inner join ref_spc_measure as d on m.measure_code = d.measure_code
),

-- Re-basings so far; each that counts begins a group, several of one day begin one.
grouped as (
    select
        p.*,
        (
            select count(*)
            from ref_spc_rebase as r
            where
                r.rebase_date <= p.week_end_date
                and r.measure_code in (p.measure_code, 'ALL')
                and r.trust_id in (p.trust_id, 'ALL')
                and r.treatment_function_code in (p.treatment_function_code, 'ALL')
        ) as rebase_count
    from points as p
    where p.measure_value is not null
),

charts as materialized (
    select
        g.measure_code,
        g.measure_kind,
        g.trust_id,
        g.treatment_function_code,
        dense_rank() over (
            partition by g.measure_code, g.trust_id, g.treatment_function_code
            order by g.rebase_count
        )::integer as rebase_group,
        array_agg(g.week_end_date order by g.week_end_date) as value_weeks,
        array_agg(g.measure_value order by g.week_end_date) as value_series,
        array_agg(g.week_end_date order by g.week_end_date) filter (where g.charted_value is not null) as charted_weeks,
        array_agg(g.charted_value order by g.week_end_date) filter (where g.charted_value is not null) as charted_series,
        count(g.charted_value)::integer as point_count,
        avg(g.event_count) < min(g.minimum_events) as is_too_few
    from grouped as g
    group by
        g.measure_code,
        g.measure_kind,
        g.trust_id,
        g.treatment_function_code,
        g.rebase_count
),

described as materialized (
    select
        c.*,
        lag_one_correlation(c.value_series) as lag_one_correlation,
        (
            select f.flagged_share
            from ref_spc_false_alarm as f
            where f.points_from <= c.point_count
            order by f.points_from desc
            limit 1
        ) * case when c.is_too_few then 0 else c.point_count end as expected_count
    from charts as c
),

controlled as materialized (
    select
        c.measure_code,
        c.trust_id,
        c.treatment_function_code,
        c.charted_weeks[x.point_no] as week_end_date,
        x.series_value as charted_value,
        x.mean_value,
        x.lower_limit,
        x.upper_limit,
        x.near_lower_limit,
        x.near_upper_limit,
        x.special_cause
    from charts as c
    cross join lateral xmr_points(c.charted_series) as x
    where not c.is_too_few
),

-- The run charts of stocks, each made once and kept aside.
run_charts as materialized (
    select
        c.measure_code,
        c.trust_id,
        c.treatment_function_code,
        c.value_weeks[r.point_no] as week_end_date,
        r.median_value,
        r.is_shift
    from charts as c
    cross join lateral run_chart_points(c.value_series) as r
    where c.measure_kind = 'stock'
),

-- Values in their order.
valued as (
    select
        c.measure_code,
        c.trust_id,
        c.treatment_function_code,
        c.rebase_group,
        c.point_count,
        c.is_too_few,
        c.lag_one_correlation,
        c.expected_count / cardinality(c.value_weeks) as expected_share,
        c.expected_count,
        v.week_end_date,
        v.series_value
    from described as c
    cross join lateral unnest(c.value_weeks, c.value_series) as v (week_end_date, series_value)
),

joined as (
    select
        v.*,
        d.measure_kind,
        d.measure_unit,
        d.improvement,
        d.label,
        x.charted_value,
        x.mean_value,
        x.lower_limit,
        x.upper_limit,
        x.near_lower_limit,
        x.near_upper_limit,
        x.special_cause,
        x.special_cause like '%above%' or x.special_cause = 'trend_up' as is_upward,
        r.median_value,
        r.is_shift
    from valued as v
    inner join ref_spc_measure as d on v.measure_code = d.measure_code
    left join run_charts as r
        on
        v.measure_code = r.measure_code
        and v.trust_id = r.trust_id
        and v.treatment_function_code = r.treatment_function_code
        and v.week_end_date = r.week_end_date
    left join controlled as x
        on
        v.measure_code = x.measure_code
        and v.trust_id = x.trust_id
        and v.treatment_function_code = x.treatment_function_code
        and v.week_end_date = x.week_end_date
),

trusts as (
    select
        t.trust_id,
        t.trust_sk,
        t.trust_name
    from dim_trust as t
)

select
    c.census_date, -- Sunday the series is as known at
    j.measure_code, -- The measure
    case
        when j.trust_id = 'ALL' and j.treatment_function_code = 'ALL' then 'all'
        when j.trust_id = 'ALL' then 'function'
        when j.treatment_function_code = 'ALL' then 'trust'
        else 'trust_function'
    end as level, -- What the chart is of: all, function, trust or trust_function
    t.trust_sk, -- The trust; -1 all trusts, 0 unknown
    j.treatment_function_code, -- Treatment function; ALL
    j.week_end_date, -- Sunday of the list, and end of the week of flows
    t.trust_name, -- Name of the trust
    j.label as measure_label, -- The measure in words
    j.measure_kind, -- flow: charted as it is; stock: charted as weekly difference
    j.measure_unit, -- count, rate (0 to 1) or weeks
    j.improvement, -- Direction of improvement: up, down, none
    round(j.series_value, 6) as series_value, -- The measure in that week
    round(j.charted_value, 6) as charted_value, -- What the control chart shows: the value, or its difference to the week before
    j.rebase_group, -- Group between two re-basings, from 1
    j.point_count, -- Points of the group on the control chart
    j.point_count < 20 as is_provisional, -- Fewer than 20 points: the limits will still move
    j.is_too_few, -- Fewer events a week than an XmR chart bears (seed spc_measure): no limits
    round(j.mean_value, 6) as mean_value, -- Mean of the group
    round(j.lower_limit, 6) as lower_limit, -- Lower process limit
    round(j.upper_limit, 6) as upper_limit, -- Upper process limit
    round(j.near_lower_limit, 6) as near_lower_limit, -- Two thirds of the way to it
    round(j.near_upper_limit, 6) as near_upper_limit, -- Two thirds of the way to it
    j.special_cause, -- Special cause the point is part of; null: common cause
    j.special_cause is not null as is_special_cause, -- Part of a special cause
    case
        when j.special_cause is null then 'common_cause'
        when j.improvement = 'none' then 'neutral'
        when j.is_upward = (j.improvement = 'up') then 'improvement'
        else 'concern'
    end as variation, -- common_cause, improvement, concern, or neutral where neither way is better
    round(j.median_value, 6) as run_median_value, -- Median of the run chart; stocks alone
    j.is_shift as is_run_shift, -- Part of 6 or more in a row on one side of that median; stocks alone
    j.lag_one_correlation, -- Correlation of each week with the one before, within the group
    round(j.expected_count, 2) as expected_false_alarm_count, -- Points of this chart's group flagged by chance alone, if independent
    round(coalesce(sum(j.expected_share) over (), 0), 1) as expected_false_alarm_total, -- The same over all charts of the census
    count(j.special_cause) over ()::integer as flagged_point_total -- Points flagged over all charts of the census
from joined as j
cross join census as c
left join trusts as t on j.trust_id = t.trust_id
