/*
One row per open RTT period and state: how many of its days were spent in that state. Each day of a wait is in exactly one,
so the days of a period add up to its wait. States and their rules: seed delay_state.

What was recorded last decides. The events of a clock since its start are taken in order, each sets the state from its day
on until the next; on one day, what comes later in a pathway wins. A booking says something only after an attendance or a
test (before that the patient waits for a first appointment, or after a DNA or cancellation, booked or not). A test is
waited for until it is done. A clock that begins with a decision (after active monitoring, planned care overdue, a second
side) begins as a decision without a date. Periods without a start have no days and no row.

---
kind: intermediate
grain: [period_sk, state_code]
not_null: [day_count, is_current_state]
*/
with
periods as (
    select
        p.period_sk,
        p.clock_id,
        p.clock_start_date,
        p.clock_start_basis,
        c.census_date
    from int_rtt_periods as p
    cross join census as c
    where p.is_open and p.clock_start_date is not null
),

next_events as (
    select
        n.period_sk,
        n.first_activity_date,
        n.decision_to_treat_date,
        n.decision_to_admit_date,
        n.tci_date,
        n.tci_offered_date
    from int_next_events as n
),

appointments as (
    select
        a.referral_id as clock_id,
        a.appointment_date,
        a.booked_date,
        a.cancelled_date,
        a.outcome_code,
        case
            when a.is_attended then 'attended'
            when a.is_dna or a.is_late_not_seen then 'after_dna'
            when a.is_cancelled_by_provider then 'provider_cancelled'
            when a.is_cancelled_by_patient then 'patient_cancelled'
            when a.is_cancelled_by_unknown then 'unknown_cancelled'
            when a.is_outcome_missing then 'outcome_missing'
        end as outcome
    from int_appointments as a
    where a.is_current and a.referral_id is not null
),

procedures as (
    select
        p.referral_id as clock_id,
        p.procedure_role in ('diagnostic', 'monitoring') as is_test,
        p.actual_date,
        p.is_completed,
        p.is_outcome_missing,
        coalesce(p.tci_date, p.planned_date) as due_date,
        coalesce(p.tci_offered_date, p.decision_to_admit_date) as offered_date,
        p.decision_to_admit_date,
        p.procedure_status,
        p.cancelled_by,
        p.cancelled_date
    from int_procedures as p
    where p.is_current and p.referral_id is not null and p.procedure_role <> 'pre_assessment'
),

-- What happened on a clock: a day, the state it sets, and its place among the events of a day.
clock_events as (
    select
        a.clock_id,
        a.appointment_date as event_date,
        case
            when a.outcome = 'attended' and a.outcome_code = 'diagnostic_requested' then 'diagnostics'
            when a.outcome = 'attended' and a.outcome_code = 'listed' then 'decision_no_date'
            when a.outcome = 'attended' then 'no_next_step'
            else a.outcome
        end as state_code,
        case when a.outcome = 'attended' then 2 else 1 end as event_rank
    from appointments as a
    where a.outcome in ('attended', 'after_dna', 'outcome_missing')
    union all
    select
        a.clock_id,
        least(coalesce(a.cancelled_date, a.appointment_date), a.appointment_date) as event_date,
        a.outcome as state_code,
        1 as event_rank
    from appointments as a
    where a.outcome like '%cancelled'
    union all
    select
        a.clock_id,
        a.booked_date as event_date,
        'follow_up' as state_code,
        4 as event_rank
    from appointments as a
    where a.booked_date is not null
    union all
    select
        p.clock_id,
        p.offered_date as event_date,
        case when p.is_test then 'diagnostics' else 'dated' end as state_code,
        case when p.is_test then 3 else 6 end as event_rank
    from procedures as p
    where p.offered_date is not null and p.due_date is not null
    union all
    select
        p.clock_id,
        p.decision_to_admit_date as event_date,
        case when p.is_test then 'diagnostics' else 'decision_no_date' end as state_code,
        case when p.is_test then 3 else 5 end as event_rank
    from procedures as p
    where p.decision_to_admit_date is not null
    union all
    select
        p.clock_id,
        p.actual_date as event_date,
        'no_next_step' as state_code,
        2 as event_rank
    from procedures as p
    where p.is_completed
    union all
    select
        p.clock_id,
        least(coalesce(p.cancelled_date, p.due_date), p.due_date) as event_date,
        coalesce(p.cancelled_by, 'unknown') || '_cancelled' as state_code,
        7 as event_rank
    from procedures as p
    where p.procedure_status = 'cancelled'
    union all
    select
        p.clock_id,
        p.due_date as event_date,
        'outcome_missing' as state_code,
        7 as event_rank
    from procedures as p
    where p.is_outcome_missing
),

period_dates as (
    select
        p.period_sk,
        p.clock_start_date,
        p.census_date,
        n.first_activity_date,
        n.decision_to_treat_date,
        n.decision_to_admit_date,
        n.tci_offered_date,
        case when n.tci_date < p.census_date then n.tci_date end as lapsed_tci_date
    from periods as p
    inner join next_events as n on p.period_sk = n.period_sk
),

dated_events as (
    select
        d.period_sk,
        d.clock_start_date,
        d.census_date,
        x.event_date,
        x.state_code,
        x.event_rank
    from period_dates as d
    cross join lateral unnest(
        array[
            d.first_activity_date, d.decision_to_treat_date, d.decision_to_admit_date, d.tci_offered_date, d.lapsed_tci_date
        ],
        array['no_next_step', 'decision_no_date', 'decision_no_date', 'dated', 'outcome_missing'],
        array[2, 5, 5, 6, 7]
    ) as x (event_date, state_code, event_rank)
),

period_events as (
    select
        p.period_sk,
        p.clock_start_date as event_date,
        case
            when p.clock_start_basis in ('active_monitoring_end', 'planned_overdue', 'second_side') then 'decision_no_date'
            else 'first_appointment'
        end as state_code,
        0 as event_rank
    from periods as p
    union all
    select
        p.period_sk,
        e.event_date,
        e.state_code,
        e.event_rank
    from periods as p
    inner join clock_events as e on p.clock_id = e.clock_id
    where e.event_date between p.clock_start_date and p.census_date
    union all
    select
        d.period_sk,
        d.event_date,
        d.state_code,
        d.event_rank
    from dated_events as d
    where d.event_date between d.clock_start_date and d.census_date
),

-- A booking counts only while the last thing recorded was an attendance, a test or a missing outcome.
in_order as (
    select
        e.*,
        count(*) filter (where e.state_code <> 'follow_up') over in_period as stretch_no
    from period_events as e
    window in_period as (
        partition by e.period_sk
        order by e.event_date, e.event_rank, e.state_code
        rows unbounded preceding
    )
),

kept as (
    select
        o.*,
        first_value(o.state_code) over (
            partition by o.period_sk, o.stretch_no
            order by o.event_date, o.event_rank, o.state_code
        ) as stretch_state
    from in_order as o
),

timed as (
    select
        k.period_sk,
        k.state_code,
        lead(k.event_date) over (
            partition by k.period_sk
            order by k.event_date, k.event_rank, k.state_code, k.stretch_no
        ) as next_date,
        k.event_date
    from kept as k
    where k.state_code <> 'follow_up' or k.stretch_state in ('no_next_step', 'outcome_missing')
)

select
    t.period_sk, -- Pseudonymous key of the RTT period
    t.state_code, -- State, by the rules of the seed delay_state
    sum(coalesce(t.next_date, p.census_date) - t.event_date)::integer as day_count, -- Days of the wait spent in it
    bool_or(t.next_date is null) as is_current_state -- The period is in it at the census
from timed as t
inner join periods as p on t.period_sk = p.period_sk
group by t.period_sk, t.state_code
