/*
One row per census and unit: how long the list waits against its targets, and how many removals would close the gap. Units
are at nine levels, told by `level`: all, list (admitted or not), trust, trust_list, function, trust_function,
trust_function_list, site (of a trust) and team (of a trust), the last two where the extract names any. Within one level the
units add up to all; across levels they are the same pathways again. What a unit is not split by reads ALL (trust_sk -1, all
trusts, seen by those it is granted to).

Definitions
- Rate within 18 weeks: at most 126 days, of those with a known start (G §10.1.7). Over 52, 65, 78, 104 weeks likewise.
- Median and 92nd percentile: interpolated from the weekly bands, the method published since October 2022; blank below
  20; 104 with is_…_open_ended is "104 or more".
- First appointment: of those still waiting for it, the share within 18 weeks (planning guidance 2025/26) and the median.
- Validated: of those at 12 weeks and more, the share validated in the last 12 weeks (NHS England: 90%).
- Target: the line between two dates of the seed kpi_trajectory; a trust's own where it has one.
- Gap: removals of pathways over 18 weeks needed by the next target date, so that the share over 18 weeks is then what the
  target allows: over 18 now + tip-ins (within 18 weeks now, over by then if nobody treats them) - (1 - target) × list.
  Its assumption: the list keeps its size, each removal is replaced by a start that is within 18 weeks at the date. For a
  date more than 18 weeks ahead later starts tip in as well and are not counted: the figure is then the least needed.

Why it matters: a KPI cuts breaches when it says how many patients, of whom, by when. Source: RTT guidance PRN01045 v5.0;
operational planning guidance. Reviewed when a new planning framework comes out.

---
kind: snapshot
grain: [census_date, level, trust_sk, treatment_function_code, waiting_list_type, site_code, team]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
not_null:
  - pathway_count
  - patient_count
  - known_start_count
  - within_18_weeks_count
  - over_18_weeks_count
  - over_52_weeks_count
  - over_65_weeks_count
  - over_78_weeks_count
  - over_104_weeks_count
  - is_past_last_target
readers: clinical
owner: Trust RTT and access lead
disclosure:
  counts: [known_start_count, within_18_weeks_count, over_52_weeks_count, over_65_weeks_count, over_78_weeks_count]
  only: {level: [trust, trust_function]}
  within: [census_date, level, trust_sk]
  rates:
    within_18_weeks_rate: [within_18_weeks_count, known_start_count]
    over_52_weeks_rate: [over_52_weeks_count, known_start_count]
  values: {median_weeks: known_start_count, p92_weeks: known_start_count}
  shown: [trust_name, treatment_function_name, target_rate, next_target_date, next_target_rate, is_past_last_target]
*/
with
waiting as (
    select
        w.period_sk,
        w.person_sk,
        w.trust_sk,
        w.treatment_function_code,
        w.waiting_list_type,
        coalesce(w.site_code, 'UNKNOWN') as site_code,
        coalesce(r.team, 'UNKNOWN') as team,
        w.wait_days,
        w.within_18_weeks,
        w.over_18_weeks,
        w.over_52_weeks,
        w.over_65_weeks,
        w.over_78_weeks,
        w.over_104_weeks,
        w.is_undated,
        w.first_activity_date is null as is_awaiting_first,
        w.last_validation_date >= w.census_date - 84 as is_validated,
        w.site_code is not null as has_site,
        r.team is not null as has_team
    from fct_waitlist as w
    inner join int_rtt_periods as p on w.period_sk = p.period_sk
    left join stg_referrals as r on p.clock_id = r.referral_id
),

counted as (
    select
        coalesce(w.trust_sk, -1) as trust_sk,
        coalesce(w.treatment_function_code, 'ALL') as treatment_function_code,
        coalesce(w.waiting_list_type, 'ALL') as waiting_list_type,
        coalesce(w.site_code, 'ALL') as site_code,
        coalesce(w.team, 'ALL') as team,
        grouping(w.trust_sk, w.treatment_function_code, w.waiting_list_type, w.site_code, w.team) as grouped,
        bool_or(w.has_site) as has_site,
        bool_or(w.has_team) as has_team,
        count(*) as pathway_count,
        count(distinct w.person_sk) filter (where w.person_sk <> 0)
        + count(*) filter (where w.person_sk = 0) as patient_count,
        count(w.wait_days) as known_start_count,
        count(*) filter (where w.within_18_weeks) as within_18_weeks_count,
        count(*) filter (where w.over_18_weeks) as over_18_weeks_count,
        count(*) filter (where w.over_52_weeks) as over_52_weeks_count,
        count(*) filter (where w.over_65_weeks) as over_65_weeks_count,
        count(*) filter (where w.over_78_weeks) as over_78_weeks_count,
        count(*) filter (where w.over_104_weeks) as over_104_weeks_count,
        count(*) filter (where w.is_undated) as undated_count,
        count(w.wait_days) filter (where w.is_awaiting_first) as awaiting_first_count,
        count(*) filter (where w.is_awaiting_first and w.within_18_weeks) as awaiting_first_within_18_weeks_count,
        count(*) filter (where w.wait_days >= 84) as validation_count,
        count(*) filter (where w.wait_days >= 84 and w.is_validated) as validated_count
    from waiting as w
    group by grouping sets (
        (),
        (w.waiting_list_type),
        (w.trust_sk),
        (w.trust_sk, w.waiting_list_type),
        (w.treatment_function_code),
        (w.trust_sk, w.treatment_function_code),
        (w.trust_sk, w.treatment_function_code, w.waiting_list_type),
        (w.trust_sk, w.site_code),
        (w.trust_sk, w.team)
    )
),

by_day as (
    select
        coalesce(w.trust_sk, -1) as trust_sk,
        coalesce(w.treatment_function_code, 'ALL') as treatment_function_code,
        coalesce(w.waiting_list_type, 'ALL') as waiting_list_type,
        coalesce(w.site_code, 'ALL') as site_code,
        coalesce(w.team, 'ALL') as team,
        grouping(w.trust_sk, w.treatment_function_code, w.waiting_list_type, w.site_code, w.team) as grouped,
        w.wait_days,
        count(*) as n,
        count(*) filter (where w.is_awaiting_first) as awaiting_first_n
    from waiting as w
    where w.wait_days is not null
    group by grouping sets (
        (w.wait_days),
        (w.wait_days, w.waiting_list_type),
        (w.wait_days, w.trust_sk),
        (w.wait_days, w.trust_sk, w.waiting_list_type),
        (w.wait_days, w.treatment_function_code),
        (w.wait_days, w.trust_sk, w.treatment_function_code),
        (w.wait_days, w.trust_sk, w.treatment_function_code, w.waiting_list_type),
        (w.wait_days, w.trust_sk, w.site_code),
        (w.wait_days, w.trust_sk, w.team)
    )
),

levels as (
    select
        l.grouped,
        l.level
    from (
        values
        (31, 'all'),
        (27, 'list'),
        (15, 'trust'),
        (11, 'trust_list'),
        (23, 'function'),
        (7, 'trust_function'),
        (3, 'trust_function_list'),
        (13, 'site'),
        (14, 'team')
    ) as l (grouped, level)
),

trusts as (
    select
        t.trust_sk,
        t.trust_id,
        t.trust_name
    from dim_trust as t
),

functions as (
    select
        f.treatment_function_code,
        f.treatment_function_name
    from dim_specialty as f
),

-- Sites and teams only of trusts that name any.
naming as (
    select
        c.trust_sk,
        c.has_site,
        c.has_team
    from counted as c
    where c.grouped = 15
),

units as (
    select
        d.census_date,
        l.level,
        c.*
    from counted as c
    inner join levels as l on c.grouped = l.grouped
    cross join census as d
    left join naming as n on c.trust_sk = n.trust_sk
    where (l.level <> 'site' or n.has_site) and (l.level <> 'team' or n.has_team)
),

-- The trajectory that holds for each trust, and between which two of its dates the census lies.
trajectories as (
    select
        t.trust_sk,
        coalesce(o.trust_id, 'ALL') as trajectory
    from trusts as t
    left join (select distinct k.trust_id from ref_kpi_trajectory as k) as o on t.trust_id = o.trust_id
),

bounds as (
    select
        k.trust_id,
        max(k.target_date) filter (where k.target_date <= d.census_date) as date_before,
        min(k.target_date) filter (where k.target_date > d.census_date) as date_after
    from ref_kpi_trajectory as k
    cross join census as d
    group by k.trust_id
),

targets as (
    select
        t.trust_sk,
        b.date_after,
        n.within_18_weeks_rate as rate_after,
        case
            when b.date_after is null then p.within_18_weeks_rate
            when b.date_before is null then n.within_18_weeks_rate
            else
                p.within_18_weeks_rate
                + (n.within_18_weeks_rate - p.within_18_weeks_rate)
                * (d.census_date - b.date_before) / (b.date_after - b.date_before)
        end as rate_now
    from trajectories as t
    cross join census as d
    inner join bounds as b on t.trajectory = b.trust_id
    left join ref_kpi_trajectory as p on b.trust_id = p.trust_id and b.date_before = p.target_date
    left join ref_kpi_trajectory as n on b.trust_id = n.trust_id and b.date_after = n.target_date
),

banded as (
    select
        y.trust_sk,
        y.treatment_function_code,
        y.waiting_list_type,
        y.site_code,
        y.team,
        y.grouped,
        greatest(wait_week(y.wait_days) - 1, 0) as band,
        sum(y.n)::bigint as n,
        sum(y.awaiting_first_n)::bigint as awaiting_first_n,
        sum(y.n) filter (
            where y.wait_days < t.over_days and y.wait_days + (g.date_after - d.census_date) >= t.over_days
        ) as tip_in_n
    from by_day as y
    cross join census as d
    inner join ref_wait_threshold as t on t.threshold_weeks = 18
    inner join targets as g on y.trust_sk = g.trust_sk
    group by
        y.trust_sk,
        y.treatment_function_code,
        y.waiting_list_type,
        y.site_code,
        y.team,
        y.grouped,
        greatest(wait_week(y.wait_days) - 1, 0)
),

-- Kept aside: joined by many keys, it would else be made anew for each unit.
percentiles as materialized (
    select
        b.trust_sk,
        b.treatment_function_code,
        b.waiting_list_type,
        b.site_code,
        b.team,
        b.grouped,
        coalesce(sum(b.tip_in_n), 0)::bigint as tip_in_count,
        banded_percentile(array_agg(b.band order by b.band), array_agg(b.n order by b.band), 0.5) as median_weeks,
        banded_percentile(array_agg(b.band order by b.band), array_agg(b.n order by b.band), 0.92) as p92_weeks,
        banded_percentile(array_agg(b.band order by b.band), array_agg(b.awaiting_first_n order by b.band), 0.5)
            as awaiting_first_median_weeks
    from banded as b
    group by
        b.trust_sk,
        b.treatment_function_code,
        b.waiting_list_type,
        b.site_code,
        b.team,
        b.grouped
),

measured as (
    select
        u.*,
        coalesce(p.tip_in_count, 0) as tip_in_count,
        p.median_weeks,
        p.p92_weeks,
        p.awaiting_first_median_weeks,
        g.rate_now,
        g.rate_after,
        g.date_after,
        case
            when g.date_after is not null
                then
                    greatest(
                        u.over_18_weeks_count
                        + coalesce(p.tip_in_count, 0)
                        - floor((1 - g.rate_after) * u.known_start_count),
                        0
                    )::bigint
        end as removals_needed_count
    from units as u
    inner join targets as g on u.trust_sk = g.trust_sk
    left join percentiles as p
        on
        u.grouped = p.grouped
        and u.trust_sk = p.trust_sk
        and u.treatment_function_code = p.treatment_function_code
        and u.waiting_list_type = p.waiting_list_type
        and u.site_code = p.site_code
        and u.team = p.team
)

select
    m.census_date, -- Sunday the list is counted at
    m.level, -- What the row is split by; add up within one level alone
    m.trust_sk, -- The trust; -1 all trusts, 0 unknown
    m.treatment_function_code, -- Treatment function; ALL
    m.waiting_list_type, -- admitted, non_admitted, UNKNOWN; ALL
    m.site_code, -- ODS code of the site; UNKNOWN where not named; ALL
    m.team, -- Responsible team; UNKNOWN where not named; ALL
    t.trust_name, -- Name of the trust
    coalesce(f.treatment_function_name, 'All specialties') as treatment_function_name, -- Name of the treatment function
    m.pathway_count, -- Pathways waiting
    m.patient_count, -- People waiting; one whom the extract does not identify counts once a pathway
    m.known_start_count, -- Pathways with a known clock start, the n of rates and weeks
    m.within_18_weeks_count, -- Waited 126 days or less
    round(m.within_18_weeks_count::numeric / nullif(m.known_start_count, 0), 6)
        as within_18_weeks_rate, -- Share of known starts within 18 weeks
    m.median_weeks, -- Median wait in weeks, interpolated from bands; blank below 20
    m.median_weeks = 104 as is_median_open_ended, -- The median is 104 weeks or more
    m.p92_weeks, -- Weeks within which 92 in 100 have waited; blank below 20
    m.p92_weeks = 104 as is_p92_open_ended, -- The 92nd percentile is 104 weeks or more
    m.over_18_weeks_count, -- Waited 127 days or more
    m.over_52_weeks_count, -- Waited 365 days or more
    round(m.over_52_weeks_count::numeric / nullif(m.known_start_count, 0), 6)
        as over_52_weeks_rate, -- Share over 52 weeks
    m.over_65_weeks_count, -- Waited 456 days or more
    m.over_78_weeks_count, -- Waited 547 days or more
    m.over_104_weeks_count, -- Waited 729 days or more
    m.undated_count, -- Nothing lies ahead
    m.awaiting_first_count, -- Waiting for a first appointment, start known
    round(m.awaiting_first_within_18_weeks_count::numeric / nullif(m.awaiting_first_count, 0), 6)
        as awaiting_first_within_18_weeks_rate, -- Of these, share within 18 weeks
    m.awaiting_first_median_weeks, -- Of these, median wait in weeks so far; blank below 20
    m.validation_count, -- Waited 12 weeks or more
    round(m.validated_count::numeric / nullif(m.validation_count, 0), 6)
        as validated_rate, -- Of these, share validated in the last 12 weeks
    round(m.rate_now, 6) as target_rate, -- Share within 18 weeks the trajectory asks for at the census
    round(m.within_18_weeks_count::numeric / nullif(m.known_start_count, 0) - m.rate_now, 6)
        as target_gap_rate, -- Share less target; negative is short of it
    m.date_after as next_target_date, -- Next date of the trajectory; null after the last
    m.rate_after as next_target_rate, -- Share within 18 weeks to be reached by then
    case when m.date_after is not null then m.tip_in_count end
        as tip_in_count, -- Within 18 weeks now, over by that date if nobody treats them
    m.removals_needed_count, -- Removals of those over 18 weeks needed by then, tip-ins included, if the list keeps its size
    round(m.removals_needed_count / ((m.date_after - m.census_date) / 7.0), 1)
        as removals_needed_per_week, -- The same a week
    m.date_after is null as is_past_last_target -- The trajectory has ended: no gap is computed
from measured as m
left join trusts as t on m.trust_sk = t.trust_sk
left join functions as f on m.treatment_function_code = f.treatment_function_code
