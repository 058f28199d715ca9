/*
One row per week, trust and treatment function: how the waiting list rolled forward from the Sunday before to the census.

opening + starts - admitted_stops - non_admitted_stops - nullified - transferred_out - retrospective_removals
- other_removals + restatements = closing
(G §10; NHS England's waiting-list reconciliation). Each period that is on one list and not on the other is classified by
what became of it; restatements are counted by their own rule and are not what is left over, so that the sum is a check.

Both lists are made from the extracts of their own day: opening is the list at W - 7 as the extracts up to W - 7 told it.
- Start in the week: starts. On the list now, with an earlier start, and not on it then: restatement, plus one.
- Ended in the week: the column of its kind. Ended earlier, learnt of now: retrospective_removals, no completion.
- Ended in the week without having been on the list then: it first comes onto the list (start or restatement), then goes.
  A referral that arrives closed, without a date, was never on any list and counts nowhere.
- No longer delivered: other_removals. The clock start corrected: restatement, minus one for the old period, plus one for
  the new. Moved to another trust or function: restatement, minus one there, plus one here.

---
kind: snapshot
grain: [census_date, trust_sk, treatment_function_code]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null:
  - week_start_date
  - opening
  - starts
  - admitted_stops
  - non_admitted_stops
  - nullified
  - transferred_out
  - retrospective_removals
  - other_removals
  - restatements
  - closing
readers: clinical
owner: Trust RTT and access lead
*/
with
this_week as (
    select
        p.period_sk,
        p.clock_id,
        p.trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        p.clock_start_date,
        p.stop_kind,
        p.stop_basis,
        p.off_list_date,
        p.is_open,
        p.sent_period_sk
    from int_rtt_periods as p
),

-- What has been transferred out since is compared with the sender's row; the receiver's came onto another list.
last_week as (
    select
        coalesce(t.period_sk, p.period_sk) as period_sk,
        p.clock_id,
        p.trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code
    from last_week_int_rtt_periods as p
    left join this_week as t on p.period_sk = t.sent_period_sk and p.trust_id = t.trust_id
    where p.is_open
),

trusts as (
    select t.trust_id
    from stg_trusts as t
),

trusts_then as (
    select t.trust_id
    from last_week_stg_trusts as t
),

-- Clocks that have periods this week: a period of theirs that is gone was corrected, not lost.
live_clocks as (
    select distinct t.clock_id
    from this_week as t
),

compared as (
    select
        c.census_date,
        c.previous_census_date,
        coalesce(ol.trust_id, '') as old_trust_id,
        l.treatment_function_code as old_function_code,
        coalesce(nw.trust_id, '') as new_trust_id,
        w.treatment_function_code as new_function_code,
        l.period_sk is not null as was_open,
        coalesce(w.is_open, false) as is_open,
        w.period_sk is not null as is_known,
        v.clock_id is not null as is_clock_known,
        w.clock_start_date > c.previous_census_date and w.clock_start_date <= c.census_date as is_start_in_week,
        w.stop_kind,
        w.stop_basis,
        w.off_list_date > c.previous_census_date and w.off_list_date <= c.census_date as is_end_in_week
    from this_week as w
    full outer join last_week as l on w.period_sk = l.period_sk
    cross join census as c
    left join trusts_then as ol on l.trust_id = ol.trust_id
    left join trusts as nw on w.trust_id = nw.trust_id
    left join live_clocks as v on l.clock_id = v.clock_id
    where l.period_sk is not null or w.is_open or w.off_list_date > c.previous_census_date
),

classified as (
    select
        c.*,
        (
            c.old_trust_id is distinct from c.new_trust_id
            or c.old_function_code is distinct from c.new_function_code
        ) as has_moved,
        case
            when c.was_open and not c.is_known and c.is_clock_known then 'corrected'
            when c.was_open and not c.is_known then 'other_removal'
            when c.was_open and not c.is_open and not coalesce(c.is_end_in_week, false) then 'retrospective_removal'
            when not c.is_open and c.is_end_in_week then c.stop_kind
        end as departure,
        case
            when c.was_open or not (c.is_open or c.is_end_in_week) then null
            when not c.is_open and c.stop_basis = 'first_seen_closed' then 'never_listed'
            when c.is_start_in_week then 'start'
            else 'restatement'
        end as arrival
    from compared as c
),

-- One row per effect on one cell: a count and its column.
effects as (
    select
        c.old_trust_id as trust_id,
        c.old_function_code as treatment_function_code,
        'opening' as effect,
        1 as amount
    from classified as c
    where c.was_open
    union all
    -- What leaves without a trace in this week's list leaves the cell that it was in.
    select
        c.old_trust_id as trust_id,
        c.old_function_code as treatment_function_code,
        case c.departure when 'corrected' then 'restatement' else c.departure end as effect,
        case c.departure when 'corrected' then -1 else 1 end as amount
    from classified as c
    where c.was_open and (not c.is_known or c.departure = 'retrospective_removal')
    union all
    select
        c.old_trust_id as trust_id,
        c.old_function_code as treatment_function_code,
        'restatement' as effect,
        -1 as amount
    from classified as c
    where c.was_open and c.is_known and c.has_moved and c.departure is distinct from 'retrospective_removal'
    union all
    select
        c.new_trust_id as trust_id,
        c.new_function_code as treatment_function_code,
        'restatement' as effect,
        1 as amount
    from classified as c
    where c.was_open and c.is_known and c.has_moved and c.departure is distinct from 'retrospective_removal'
    union all
    select
        c.new_trust_id as trust_id,
        c.new_function_code as treatment_function_code,
        c.arrival as effect,
        1 as amount
    from classified as c
    where c.arrival in ('start', 'restatement')
    union all
    select
        c.new_trust_id as trust_id,
        c.new_function_code as treatment_function_code,
        c.departure as effect,
        1 as amount
    from classified as c
    where
        c.is_known
        and c.departure is not null
        and c.departure <> 'retrospective_removal'
        and c.arrival is distinct from 'never_listed'
    union all
    select
        c.new_trust_id as trust_id,
        c.new_function_code as treatment_function_code,
        'closing' as effect,
        1 as amount
    from classified as c
    where c.is_open
),

summed as (
    select
        e.trust_id,
        e.treatment_function_code,
        coalesce(sum(e.amount) filter (where e.effect = 'opening'), 0) as opening,
        coalesce(sum(e.amount) filter (where e.effect = 'start'), 0) as starts,
        coalesce(sum(e.amount) filter (where e.effect = 'admitted_stop'), 0) as admitted_stops,
        coalesce(sum(e.amount) filter (where e.effect = 'non_admitted_stop'), 0) as non_admitted_stops,
        coalesce(sum(e.amount) filter (where e.effect = 'nullified'), 0) as nullified,
        coalesce(sum(e.amount) filter (where e.effect = 'transferred_out'), 0) as transferred_out,
        coalesce(sum(e.amount) filter (where e.effect = 'retrospective_removal'), 0) as retrospective_removals,
        coalesce(sum(e.amount) filter (where e.effect = 'other_removal'), 0) as other_removals,
        coalesce(sum(e.amount) filter (where e.effect = 'restatement'), 0) as restatements,
        coalesce(sum(e.amount) filter (where e.effect = 'closing'), 0) as closing
    from effects as e
    group by e.trust_id, e.treatment_function_code
)

select
    c.census_date, -- Sunday the list is counted at
    c.week_start as week_start_date, -- Monday of that week
    case when s.trust_id = '' then 0 else pseudonym('trust', s.trust_id) end as trust_sk, -- The trust; 0 when unknown
    s.treatment_function_code, -- Treatment function, as NHS England publishes by
    s.opening::integer as opening, -- On the list at the Sunday before, as the extracts up to then told it
    s.starts::integer as starts, -- Clocks started in the week
    s.admitted_stops::integer as admitted_stops, -- Completed in the week by an admission for treatment
    s.non_admitted_stops::integer as non_admitted_stops, -- Ended in the week by treatment or a decision without admission
    s.nullified::integer as nullified, -- Clocks nullified in the week by a first-appointment DNA
    s.transferred_out::integer as transferred_out, -- Passed to another provider in the week
    s.retrospective_removals::integer as retrospective_removals, -- Ended before the week, learnt of in it
    s.other_removals::integer as other_removals, -- Rejected, closed without a stop, or no longer delivered
    s.restatements::integer as restatements, -- Came onto (+) or left (-) the list by correction of what was known
    s.closing::integer as closing -- On the list at the census
from summed as s
cross join census as c
