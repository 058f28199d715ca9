/*
One row per thing that may start, stop or nullify an RTT clock: a referral's own dates, coded activity, and where no
RTT status was delivered what the inference table allows. int_rtt_periods reads them in order; a start while the clock
runs and a stop while it doesn't have no effect, so nothing here needs to know the state.

Rules and their sources
- Stops: first definitive treatment (30; an admission at its admission date), decision not to treat or listed for
  transplant (34), declined (35), active monitoring (31, 32), discharge to primary care, death (36): G §4, §8.
- A first-appointment DNA (attendance 3 alone) nullifies, if the appointment was clearly communicated; a later one
  stops nothing unless the patient is discharged for it, at the discharge date: G §5.
- A cancellation by either side is no event at all: there are no pauses: G §5.
- Transfer of responsibility (21) is the referral's to say. Activity coded 21 counts only where the referral carries no
  status of its own: a test or opinion elsewhere stays with the sender: G §11.
- New clocks: decision to treat after active monitoring (11); consultant referral for a new condition (12); the second
  side of a bilateral procedure when fit and ready; after a nullified first DNA the earlier of the patient's contact to
  rebook and the decision to re-offer: G §3. Codes 10 and 12 mark activity, not the date of the start: unknown then.
- Planned care starts a clock at its due date once overdue, an admission for treatment of a ready patient alone: G §11.
- Admission for diagnostics or pre-assessment and an abandoned procedure stop nothing: only completed procedures whose
  role is treatment count, unless the RTT status of the procedure itself says 30.
- A completed appointment alone never stops a clock.
- Within a period the referral's own recorded stop outranks what activity says.

---
kind: intermediate
grain: [clock_id, event_source, source_id, signal]
not_null: [order_date, event_rank, is_start, event_kind, is_inferred]
*/
with
-- Read many times and narrow: copies of them would cost more than reading the tables again.
clocks as not materialized (
    select
        c.clock_id,
        c.clock_start_date,
        c.clock_start_basis,
        c.is_start_inferred,
        c.origin_date,
        c.origin_basis,
        c.referral_status,
        c.rtt_status_code,
        coalesce(c.rtt_status_code, '99') = '99' as has_no_status,
        c.is_outside_rtt,
        c.recorded_stop_date,
        c.transferred_out_date,
        c.status_date,
        c.closed_seen_date,
        c.decision_to_treat_date,
        c.death_date,
        d.census_date
    from int_rtt_clocks as c
    cross join census as d
),

appointments as not materialized (
    select
        a.appointment_id,
        a.referral_id as clock_id,
        a.appointment_date,
        a.treatment_function_code,
        a.rtt_status_code,
        coalesce(a.rtt_status_code, '99') = '99' as has_no_status,
        a.outcome_code,
        a.booked_date,
        coalesce(a.is_first, false) as is_first,
        a.is_dna,
        a.is_attended,
        a.is_communicated,
        a.appointment_date <= d.census_date as is_past
    from int_appointments as a
    cross join census as d
    where a.is_current and a.referral_id is not null
),

procedures as not materialized (
    select
        p.procedure_id,
        coalesce(c.clock_id, 'procedure|' || p.procedure_id) as clock_id,
        p.actual_date,
        p.treatment_function_code,
        p.procedure_role,
        p.procedure_status,
        p.rtt_status_code,
        coalesce(p.rtt_status_code, '99') = '99' as has_no_status,
        p.is_completed,
        p.is_admitted,
        p.is_patient_ready,
        p.cancelled_date,
        case when p.is_planned_care then p.due_date end as planned_due_date,
        case when p.is_second_side and p.is_patient_ready is not false then p.ready_date end as second_side_date
    from int_procedures as p
    left join clocks as c on p.referral_id = c.clock_id
    where p.is_current
),

-- What each signal does. A treatment's kind depends on whether the patient was admitted for it.
meanings (signal, is_start, event_rank, event_kind, event_basis) as (
    values
    ('start', true, 0, 'start', null),
    ('earlier_start', true, 0, 'start', null),
    ('10', true, 1, 'start', 'unknown'),
    ('12', true, 1, 'start', 'unknown'),
    ('recorded_stop', false, 2, 'treatment', 'rtt_recorded'),
    ('30', false, 3, 'treatment', 'first_treatment'),
    ('31', false, 3, 'non_admitted_stop', 'active_monitoring_patient'),
    ('32', false, 3, 'non_admitted_stop', 'active_monitoring_clinician'),
    ('91', false, 3, 'non_admitted_stop', 'active_monitoring_clinician'),
    ('33', false, 3, 'nullified', 'first_dna'),
    ('34', false, 3, 'non_admitted_stop', 'decision_not_to_treat'),
    ('35', false, 3, 'non_admitted_stop', 'declined'),
    ('36', false, 3, 'non_admitted_stop', 'died'),
    ('21', false, 4, 'transferred_out', 'transferred_out'),
    ('treatment', false, 5, 'treatment', 'treatment_inferred'),
    ('discharged', false, 6, 'non_admitted_stop', 'discharged'),
    ('rejected', false, 7, 'other_removal', 'rejected'),
    ('referral_closed', false, 7, 'other_removal', 'referral_closed'),
    ('first_seen_closed', false, 8, 'other_removal', 'first_seen_closed'),
    ('11', true, 9, 'start', 'active_monitoring_end'),
    ('second_side', true, 9, 'start', 'second_side'),
    ('planned_overdue', true, 9, 'start', 'planned_overdue'),
    ('rebooked', true, 9, 'start', 'rebooked_after_dna'),
    ('rebooked_undated', true, 10, 'start', 'unknown')
),

-- Stops that activity tells of ------------------------------------------------------------------------------------

procedure_stops as (
    select
        p.clock_id,
        'procedure' as event_source,
        p.procedure_id as source_id,
        case when p.has_no_status then 'treatment' else p.rtt_status_code end as signal,
        p.actual_date as event_date,
        p.treatment_function_code,
        p.is_admitted,
        p.has_no_status as is_inferred
    from procedures as p
    cross join census as d
    where
        p.is_completed
        and p.actual_date <= d.census_date
        and (p.rtt_status_code in ('30', '31', '32', '34', '35') or (p.has_no_status and p.procedure_role = 'treatment'))
        -- Planned care that is done in time was never on the clock.
        and (p.planned_due_date is null or p.actual_date > p.planned_due_date)
),

appointment_stops as (
    select
        a.clock_id,
        'appointment' as event_source,
        a.appointment_id as source_id,
        case
            when a.rtt_status_code = '30' and a.is_attended then '30'
            when a.rtt_status_code in ('31', '32', '34', '35', '36') then a.rtt_status_code
            when a.rtt_status_code = '21' and c.has_no_status then '21'
            when
                a.is_first and a.is_dna
                and (a.is_communicated or (a.rtt_status_code = '33' and a.is_communicated is null)) then '33'
            when a.outcome_code = 'discharged' and a.has_no_status and (a.is_attended or a.is_dna) then 'discharged'
        end as signal,
        case
            when
                a.is_dna and a.outcome_code = 'discharged' and c.referral_status = 'discharged'
                and c.status_date between a.appointment_date and c.census_date
                then c.status_date
            else a.appointment_date
        end as event_date,
        a.treatment_function_code,
        false as is_admitted,
        a.has_no_status as is_inferred
    from appointments as a
    inner join clocks as c on a.clock_id = c.clock_id
    where a.is_past
),

activity_stops as (
    select
        p.clock_id,
        p.event_source,
        p.source_id,
        p.signal,
        p.event_date,
        p.treatment_function_code,
        p.is_admitted,
        p.is_inferred
    from procedure_stops as p
    union all
    select
        a.clock_id,
        a.event_source,
        a.source_id,
        a.signal,
        a.event_date,
        a.treatment_function_code,
        a.is_admitted,
        a.is_inferred
    from appointment_stops as a
    where a.signal is not null
),

-- The end that the referral's row tells of ------------------------------------------------------------------------

first_dnas as (
    select
        a.clock_id,
        max(a.appointment_date) as dna_date,
        bool_and(a.is_communicated is false) as is_not_communicated
    from appointments as a
    where a.is_first and a.is_dna and a.is_past
    group by a.clock_id
),

row_ends as (
    select
        c.clock_id,
        c.closed_seen_date,
        c.has_no_status,
        case
            when c.referral_status = 'rejected' then 'rejected'
            when c.rtt_status_code = '21' or c.transferred_out_date <= c.census_date then '21'
            when c.rtt_status_code = '33' and not coalesce(f.is_not_communicated, false) then '33'
            when c.rtt_status_code in ('30', '31', '32', '34', '35', '36', '91') then c.rtt_status_code
            when c.recorded_stop_date <= c.census_date then 'recorded_stop'
            -- A recorded running status outranks the referral's state: int_rtt_periods flags the conflict.
            when c.rtt_status_code in ('10', '11', '12', '20', '33') then null
            when c.referral_status = 'discharged' then 'discharged'
            when c.referral_status in ('closed', 'completed') then 'referral_closed'
            when c.rtt_status_code = '90' then 'first_seen_closed'
        end as signal,
        case
            when c.referral_status = 'rejected' then array[c.status_date]
            when c.rtt_status_code = '21' or c.transferred_out_date <= c.census_date
                then array[c.transferred_out_date, c.recorded_stop_date, c.status_date]
            when c.recorded_stop_date is not null then array[c.recorded_stop_date]
            when c.rtt_status_code = '33' then array[f.dna_date, c.status_date]
            when c.referral_status in ('closed', 'completed', 'discharged') then array[c.status_date]
        end as end_dates,
        -- Open, with an end that lies ahead: on the list until then.
        (
            c.recorded_stop_date > c.census_date
            and coalesce(c.referral_status not in ('rejected', 'closed', 'completed', 'discharged'), true)
        ) as is_end_ahead,
        c.census_date
    from clocks as c
    left join first_dnas as f on c.clock_id = f.clock_id
    where not c.is_outside_rtt
),

row_ends_dated as (
    select
        e.clock_id,
        e.signal,
        e.closed_seen_date,
        e.has_no_status,
        (
            select u.end_date
            from unnest(e.end_dates) with ordinality as u (end_date, place)
            where u.end_date <= e.census_date
            order by u.place
            limit 1
        ) as end_date
    from row_ends as e
    where e.signal is not null and not coalesce(e.is_end_ahead, false)
),

-- Of the day that the row names: the activity that stopped it, for its treatment function and whether it was admitted.
activity_of_day as (
    select distinct on (s.clock_id, s.activity_date)
        s.clock_id,
        s.activity_date,
        s.treatment_function_code,
        s.is_admitted
    from (
        select
            p.clock_id,
            p.actual_date as activity_date,
            p.procedure_id as activity_id,
            p.treatment_function_code,
            p.is_admitted,
            case when p.procedure_role = 'treatment' then 1 else 2 end as preference
        from procedures as p
        where p.is_completed
        union all
        select
            a.clock_id,
            a.appointment_date as activity_date,
            a.appointment_id as activity_id,
            a.treatment_function_code,
            false as is_admitted,
            3 as preference
        from appointments as a
        where a.is_attended and a.is_past
    ) as s
    inner join row_ends_dated as r on s.clock_id = r.clock_id and s.activity_date = r.end_date
    order by s.clock_id, s.activity_date, s.preference, s.activity_id
),

row_stops as (
    select
        r.clock_id,
        'referral' as event_source,
        r.clock_id as source_id,
        case
            when r.end_date is not null or r.signal in ('rejected', '21', '33') then r.signal
            else 'first_seen_closed'
        end as signal,
        coalesce(r.end_date, r.closed_seen_date) as event_date,
        a.treatment_function_code,
        a.is_admitted,
        r.has_no_status and r.signal <> 'recorded_stop' as is_inferred
    from row_ends_dated as r
    left join activity_of_day as a on r.clock_id = a.clock_id and r.end_date = a.activity_date
),

deaths as (
    select
        c.clock_id,
        'patient' as event_source,
        c.clock_id as source_id,
        '36' as signal,
        c.death_date as event_date,
        cast(null as text) as treatment_function_code,
        cast(null as boolean) as is_admitted,
        c.has_no_status as is_inferred
    from clocks as c
    where c.death_date <= c.census_date
),

-- Starts ----------------------------------------------------------------------------------------------------------

-- A row that carries a later period's start: coded activity before it ended an earlier one on the same referral.
earlier_periods as (
    select distinct c.clock_id
    from clocks as c
    inner join activity_stops as s on c.clock_id = s.clock_id
    where
        not s.is_inferred
        and c.origin_date < c.clock_start_date
        and s.event_date >= c.origin_date
        and s.event_date < c.clock_start_date
),

-- After treatment or under active monitoring, with the stop coded on the activity: the row was a period once.
ended_by_activity as (
    select distinct c.clock_id
    from clocks as c
    inner join activity_stops as s on c.clock_id = s.clock_id
    left join procedures as p
        on s.event_source = 'procedure' and s.source_id = p.procedure_id and p.planned_due_date is not null
    where
        c.is_outside_rtt
        and c.rtt_status_code in ('90', '91')
        and s.event_date >= c.clock_start_date
        -- Planned care that was done late ended a clock of its own.
        and p.procedure_id is null
),

first_starts as (
    select
        c.clock_id,
        'referral' as event_source,
        c.clock_id as source_id,
        'start' as signal,
        c.clock_start_date as event_date,
        c.is_start_inferred as is_inferred
    from clocks as c
    left join ended_by_activity as e on c.clock_id = e.clock_id
    where not c.is_outside_rtt or e.clock_id is not null
    union all
    select
        c.clock_id,
        'referral' as event_source,
        c.clock_id as source_id,
        'earlier_start' as signal,
        c.origin_date as event_date,
        true as is_inferred
    from clocks as c
    inner join earlier_periods as e on c.clock_id = e.clock_id
),

activity_starts as (
    select
        a.clock_id,
        'appointment' as event_source,
        a.appointment_id as source_id,
        a.rtt_status_code as signal,
        a.appointment_date as event_date,
        false as is_inferred
    from appointments as a
    inner join clocks as c on a.clock_id = c.clock_id
    left join earlier_periods as e on a.clock_id = e.clock_id
    where
        a.is_attended
        and a.is_past
        and (a.rtt_status_code = '11' or (a.rtt_status_code in ('10', '12') and not c.is_outside_rtt))
        -- Before the referral's own start only an earlier period can have ended and begun again.
        and (e.clock_id is not null or coalesce(a.appointment_date >= c.clock_start_date, true))
),

monitored as (
    select
        s.clock_id,
        min(s.event_date) as monitoring_date
    from (
        select
            a.clock_id,
            a.event_date
        from activity_stops as a
        where a.signal in ('31', '32')
        union all
        select
            r.clock_id,
            r.event_date
        from row_stops as r
        where r.signal in ('31', '32', '91')
    ) as s
    group by s.clock_id
),

decisions_after_monitoring as (
    select
        c.clock_id,
        'referral' as event_source,
        c.clock_id as source_id,
        '11' as signal,
        c.decision_to_treat_date as event_date,
        false as is_inferred
    from clocks as c
    inner join monitored as m on c.clock_id = m.clock_id
    where c.decision_to_treat_date > m.monitoring_date and c.decision_to_treat_date <= c.census_date
),

planned_starts as (
    select
        p.clock_id,
        'procedure' as event_source,
        p.procedure_id as source_id,
        'planned_overdue' as signal,
        p.planned_due_date as event_date,
        p.has_no_status as is_inferred
    from procedures as p
    cross join census as d
    where
        p.planned_due_date < d.census_date
        and p.procedure_role = 'treatment'
        and p.is_admitted is not false
        and p.is_patient_ready is not false
        and not (p.is_completed and p.actual_date <= p.planned_due_date)
        and not (p.procedure_status = 'cancelled' and coalesce(p.cancelled_date <= p.planned_due_date, true))
),

second_side_starts as (
    select
        p.clock_id,
        'procedure' as event_source,
        p.procedure_id as source_id,
        'second_side' as signal,
        p.second_side_date as event_date,
        p.has_no_status as is_inferred
    from procedures as p
    cross join census as d
    where p.second_side_date <= d.census_date
),

nullifications as (
    select
        s.clock_id,
        s.event_date as dna_date
    from activity_stops as s
    where s.signal = '33'
    union
    select
        r.clock_id,
        r.event_date as dna_date
    from row_stops as r
    where r.signal = '33'
),

offers as (
    select
        n.clock_id,
        n.dna_date,
        min(
            case
                when a.appointment_date = n.dna_date and a.outcome_code in ('another_appointment', 'appointment_later')
                    then n.dna_date
                when a.appointment_date > n.dna_date and a.booked_date between n.dna_date and d.census_date
                    then a.booked_date
            end
        ) as offered_date,
        bool_or(a.appointment_date > n.dna_date and a.booked_date is null) as has_undated
    from nullifications as n
    inner join appointments as a on n.clock_id = a.clock_id
    cross join census as d
    group by n.clock_id, n.dna_date
),

rebooked_starts as (
    select
        o.clock_id,
        'appointment' as event_source,
        -- One nullified clock gives one new one, so its day names it.
        to_char(o.dna_date, 'YYYY-MM-DD') as source_id,
        case when o.offered_date is not null then 'rebooked' else 'rebooked_undated' end as signal,
        coalesce(o.offered_date, o.dna_date) as event_date,
        false as is_inferred
    from offers as o
    where o.offered_date is not null or o.has_undated
),

-- Together --------------------------------------------------------------------------------------------------------

starts as (
    select * from first_starts
    union all
    select * from activity_starts
    union all
    select * from decisions_after_monitoring
    union all
    select * from planned_starts
    union all
    select * from second_side_starts
    union all
    select * from rebooked_starts
),

stops as (
    select
        s.*,
        s.event_date as order_date
    from activity_stops as s
    inner join clocks as c on s.clock_id = c.clock_id
    -- The referral's own stop outranks what activity says within the period.
    where
        c.recorded_stop_date is null
        or c.recorded_stop_date > c.census_date
        or s.event_date < c.clock_start_date
        or s.event_date >= c.recorded_stop_date
    union all
    -- A row's own stop before its own start is a negative wait, to be flagged, not a stop of nothing.
    select
        r.*,
        greatest(r.event_date, c.clock_start_date) as order_date
    from row_stops as r
    inner join clocks as c on r.clock_id = c.clock_id
    union all
    select
        d.*,
        greatest(d.event_date, c.clock_start_date) as order_date
    from deaths as d
    inner join clocks as c on d.clock_id = c.clock_id
),

events as (
    select
        s.clock_id,
        s.event_source,
        s.source_id,
        s.signal,
        s.event_date,
        coalesce(s.event_date, cast('-infinity' as date)) as order_date,
        cast(null as text) as treatment_function_code,
        cast(null as boolean) as is_admitted,
        s.is_inferred
    from starts as s
    inner join clocks as c on s.clock_id = c.clock_id
    -- Nothing starts anew for a patient who has died.
    where s.signal in ('start', 'earlier_start') or coalesce(s.event_date < c.death_date, true)
    union all
    select
        s.clock_id,
        s.event_source,
        s.source_id,
        s.signal,
        s.event_date,
        s.order_date,
        s.treatment_function_code,
        s.is_admitted,
        s.is_inferred
    from stops as s
)

select
    e.clock_id, -- The referral, or the planned procedure without one, whose clock it is
    e.event_source, -- Who says so: referral, appointment, procedure or patient
    e.source_id, -- Identifier of the row that says so; for a rebooking the day of the DNA before it
    e.signal, -- An RTT status code, or what was seen in its absence
    m.is_start, -- Starts a clock; otherwise ends one
    m.event_kind, -- start, treatment, non_admitted_stop, nullified, transferred_out, other_removal
    case
        when e.signal = 'start' then c.clock_start_basis
        when e.signal = 'earlier_start' then c.origin_basis
        else m.event_basis
    end as event_basis, -- What the start or stop rests on
    case
        when e.signal in ('10', '12', 'rebooked_undated') then null
        else e.event_date
    end as event_date, -- Date of the start or stop; null when only the fact is known
    e.order_date, -- Date by which events are taken in order
    m.event_rank, -- Order within a day: starts, first activity, stops, new starts
    e.treatment_function_code, -- Treatment function of the activity that stopped the clock
    e.is_admitted, -- The stopping activity was an admission; null when unknown
    e.is_inferred -- No RTT status or date says so
from events as e
inner join meanings as m on e.signal = m.signal
inner join clocks as c on e.clock_id = c.clock_id
