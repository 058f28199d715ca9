/*
One row per past Sunday, trust, treatment function, list (admitted or not) and weeks waited: the list as it stood and what
moved in the week that ended then, all as known at the census. What every series over weeks is made of: charts,
projections and their back-tests are sums of these rows, so they agree with one another.

- From the Sunday of a trust's first extract on, at most two years back; earlier lists were never told whole.
- As known at the census: a start, stop or specialty corrected since is shown as corrected. The list published on a past
  Sunday may have differed; fct_rtt_flow keeps that difference as restatements.
- On the list on a Sunday: clock start <= Sunday, and not off the list by then. A referral that arrived closed without a
  date was on no list and counts nowhere. A period without a start is at wait_week -1, on the list from the first Sunday.
- Admitted from the decision to admit on, where it is dated; a period that ended by admission without one, always.
- Stops are at the weeks waited when they stopped, starts at 0. A transfer received comes onto the list where its clock
  stands; it is no start, since the clock started at the sender. The …_next_week columns say how many of the Sunday's list
  were gone by the next: the flow out of each place in the queue, which projections apply.

---
kind: intermediate
grain: [week_end_date, trust_id, treatment_function_code, waiting_list_type, wait_week]
not_null: [open_count, entered_count, treated_next_week_count, removed_next_week_count, start_count, is_flow_whole]
*/
with
first_extracts as (
    select
        f.trust_id,
        f.first_seen_date
    from stg_trust_first_seen as f
),

-- Sundays of each trust's series; the unknown trust has those of all.
trusts as (
    select
        f.trust_id,
        f.first_seen_date
    from first_extracts as f
    union all
    select
        'UNKNOWN' as trust_id,
        min(f.first_seen_date) as first_seen_date
    from first_extracts as f
),

series as (
    select
        t.trust_id,
        greatest(
            t.first_seen_date + (7 - extract(isodow from t.first_seen_date)::integer),
            c.census_date - 728
        )::date as first_sunday,
        c.census_date
    from trusts as t
    cross join census as c
),

periods as (
    select
        p.period_sk,
        p.clock_id,
        p.trust_id,
        p.treatment_function_code,
        p.clock_start_date,
        p.on_list_date,
        p.clock_start_basis,
        p.stop_kind,
        p.stop_basis,
        p.stop_source,
        p.stop_source_id,
        p.off_list_date,
        p.is_open
    from int_rtt_periods as p
),

next_events as (
    select
        n.period_sk,
        n.waiting_list_type,
        n.decision_to_admit_date
    from int_next_events as n
),

referrals as (
    select
        r.referral_id,
        r.decision_to_admit_date
    from stg_referrals as r
    where r.is_current
),

procedures as (
    select
        p.procedure_id,
        p.decision_to_admit_date
    from int_procedures as p
),

never_open as (
    select r.referral_id
    from stg_referral_closures as r
    where not r.is_seen_open
),

-- Days become Sundays: a period is on the lists of the Sundays from first_list_date to last_list_date.
listed as (
    select
        s.trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        s.first_sunday,
        p.clock_start_date,
        p.off_list_date,
        p.stop_kind,
        (p.clock_start_date - extract(isodow from p.clock_start_date)::integer % 7)::date as cohort_sunday,
        (p.on_list_date + (7 - extract(isodow from p.on_list_date)::integer))::date as start_sunday,
        (p.off_list_date + (7 - extract(isodow from p.off_list_date)::integer))::date as off_sunday,
        case
            when p.is_open then s.census_date
            else (p.off_list_date - extract(isodow from p.off_list_date)::integer)::date
        end as last_list_date,
        case
            when not p.is_open and p.stop_kind = 'admitted_stop' then 'admitted'
            when not p.is_open then 'non_admitted'
            when p.clock_start_basis = 'planned_overdue' then 'admitted'
            else coalesce(n.waiting_list_type, 'UNKNOWN')
        end as waiting_list_type,
        least(
            s.census_date,
            coalesce(n.decision_to_admit_date, o.decision_to_admit_date, r.decision_to_admit_date, p.clock_start_date)
        ) as admitted_date,
        p.is_open,
        coalesce(p.stop_basis = 'first_seen_closed', false) as is_stop_unknown
    from periods as p
    left join first_extracts as f on p.trust_id = f.trust_id
    inner join series as s on coalesce(f.trust_id, 'UNKNOWN') = s.trust_id
    left join next_events as n on p.period_sk = n.period_sk
    left join referrals as r on p.clock_id = r.referral_id
    left join procedures as o on p.stop_source = 'procedure' and p.stop_source_id = o.procedure_id
    left join never_open as a on p.clock_id = a.referral_id and p.stop_basis = 'first_seen_closed'
    where
        a.referral_id is null
        and (p.is_open or p.off_list_date > s.first_sunday - 7)
        and coalesce(p.clock_start_date <= s.census_date, true)
),

-- A period is in one list until the decision to admit and in another from then on.
switched as (
    select
        l.*,
        case when l.waiting_list_type = 'admitted' then 'non_admitted' end as type_before,
        case
            when l.waiting_list_type = 'admitted'
                then (l.admitted_date + (7 - extract(isodow from l.admitted_date)::integer))::date
            else l.first_sunday
        end as switch_sunday
    from listed as l
),

halves as (
    select
        w.*,
        h.is_before,
        case when h.is_before then w.type_before else w.waiting_list_type end as list_type,
        case when h.is_before then w.first_sunday else w.switch_sunday end as half_from,
        case when h.is_before then w.switch_sunday - 7 else w.last_list_date end as half_to
    from switched as w
    cross join (values (true), (false)) as h (is_before)
),

stretches as (
    select
        h.trust_id,
        h.treatment_function_code,
        h.cohort_sunday,
        h.first_sunday,
        h.start_sunday,
        h.list_type as waiting_list_type,
        greatest(h.half_from, h.start_sunday, h.first_sunday) as from_date,
        least(h.half_to, h.last_list_date) as to_date,
        case
            when h.is_open or h.half_to < h.last_list_date then 'stays'
            when h.stop_kind in ('admitted_stop', 'non_admitted_stop') then 'treated'
            else 'removed'
        end as exit_kind
    from halves as h
    where h.list_type is not null
),

-- Few kinds of stretches, many periods of each: counted before they are laid out over the Sundays.
counted as (
    select
        s.trust_id,
        s.treatment_function_code,
        s.waiting_list_type,
        s.cohort_sunday,
        s.first_sunday,
        s.start_sunday,
        s.from_date,
        s.to_date,
        s.exit_kind,
        count(*) as n
    from stretches as s
    where s.from_date <= s.to_date
    group by
        s.trust_id,
        s.treatment_function_code,
        s.waiting_list_type,
        s.cohort_sunday,
        s.first_sunday,
        s.start_sunday,
        s.from_date,
        s.to_date,
        s.exit_kind
),

effects as (
    select
        g.day::date as week_end_date,
        c.trust_id,
        c.treatment_function_code,
        c.waiting_list_type,
        coalesce(least(105, (g.day::date - c.cohort_sunday) / 7), -1) as wait_week,
        'open' as effect,
        c.n
    from counted as c
    cross join lateral generate_series(c.from_date, c.to_date, interval '7 days') as g (day)
    union all
    select
        c.start_sunday as week_end_date,
        c.trust_id,
        c.treatment_function_code,
        c.waiting_list_type,
        (c.start_sunday - c.cohort_sunday) / 7 as wait_week,
        'entered' as effect,
        c.n
    from counted as c
    where c.from_date = c.start_sunday and c.start_sunday > c.first_sunday
    union all
    select
        c.to_date as week_end_date,
        c.trust_id,
        c.treatment_function_code,
        c.waiting_list_type,
        coalesce(least(105, (c.to_date - c.cohort_sunday) / 7), -1) as wait_week,
        c.exit_kind as effect,
        c.n
    from counted as c
    where c.exit_kind <> 'stays'
    union all
    select
        l.start_sunday as week_end_date,
        l.trust_id,
        l.treatment_function_code,
        case
            when l.waiting_list_type = 'admitted' and l.admitted_date > l.start_sunday then 'non_admitted'
            else l.waiting_list_type
        end as waiting_list_type,
        0 as wait_week,
        'start' as effect,
        count(*) as n
    from listed as l
    where
        l.start_sunday > l.first_sunday
        and l.clock_start_date > l.start_sunday - 7
        and coalesce(l.off_list_date > l.start_sunday - 7, true)
        and not (l.is_stop_unknown and l.off_list_date <= l.start_sunday)
    group by
        l.start_sunday,
        l.trust_id,
        l.treatment_function_code,
        case
            when l.waiting_list_type = 'admitted' and l.admitted_date > l.start_sunday then 'non_admitted'
            else l.waiting_list_type
        end
    union all
    select
        l.off_sunday as week_end_date,
        l.trust_id,
        l.treatment_function_code,
        l.waiting_list_type,
        coalesce(greatest(wait_week(l.off_list_date - l.clock_start_date), 0), -1) as wait_week,
        l.stop_kind as effect,
        count(*) as n
    from listed as l
    where
        not l.is_open
        and l.off_sunday > l.first_sunday
        and not (l.is_stop_unknown and coalesce(l.off_list_date <= l.start_sunday, false))
    group by
        l.off_sunday,
        l.trust_id,
        l.treatment_function_code,
        l.waiting_list_type,
        coalesce(greatest(wait_week(l.off_list_date - l.clock_start_date), 0), -1),
        l.stop_kind
)

select
    e.week_end_date, -- Sunday the list is counted at, and the end of the week of the flows
    e.trust_id, -- The trust; UNKNOWN when not delivered
    e.treatment_function_code, -- Treatment function; UNKNOWN when not mapped
    e.waiting_list_type, -- admitted, non_admitted, or UNKNOWN, as on that Sunday
    e.wait_week, -- Weeks of waiting begun: 0 the day of the start, 1 days 1-7, 18 days 120-126, 105 is 729 days and more, -1 unknown
    coalesce(sum(e.n) filter (where e.effect = 'open'), 0)::bigint as open_count, -- On the list that Sunday
    coalesce(sum(e.n) filter (where e.effect = 'entered'), 0)::bigint as entered_count, -- Of these, started in the week
    coalesce(sum(e.n) filter (where e.effect = 'treated'), 0)::bigint
        as treated_next_week_count, -- Of these, completed by the next Sunday
    coalesce(sum(e.n) filter (where e.effect = 'removed'), 0)::bigint
        as removed_next_week_count, -- Of these, gone otherwise by the next Sunday
    coalesce(sum(e.n) filter (where e.effect = 'start'), 0)::bigint
        as start_count, -- Clocks started in the week, those that ended in it included
    coalesce(sum(e.n) filter (where e.effect = 'admitted_stop'), 0)::bigint
        as admitted_stop_count, -- Completed in the week by an admission for treatment
    coalesce(sum(e.n) filter (where e.effect = 'non_admitted_stop'), 0)::bigint
        as non_admitted_stop_count, -- Ended in the week by treatment or a decision without admission
    coalesce(sum(e.n) filter (where e.effect = 'nullified'), 0)::bigint as nullified_count, -- Nullified in the week
    coalesce(sum(e.n) filter (where e.effect = 'transferred_out'), 0)::bigint
        as transferred_out_count, -- Passed to another provider in the week
    coalesce(sum(e.n) filter (where e.effect = 'other_removal'), 0)::bigint
        as other_removal_count, -- Off the list in the week otherwise
    e.week_end_date > min(s.first_sunday) as is_flow_whole -- Flows of the week are known: not of the first Sunday
from effects as e
inner join series as s on e.trust_id = s.trust_id
group by
    e.week_end_date,
    e.trust_id,
    e.treatment_function_code,
    e.waiting_list_type,
    e.wait_week
