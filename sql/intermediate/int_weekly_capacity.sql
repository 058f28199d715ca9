/*
One row per past week, trust, treatment function and session type: the slots that were planned, and what
became of them.

Planned and actual are comparable: both are counted for the same trust, function, session type and date;
slots of cancelled sessions are not planned capacity (they are counted apart), and bookings that were
cancelled take no slot. Slots of one day are interchangeable, those of different days are not: unused,
overbooked, filled and refilled are worked out day by day and then added up, so that a full Tuesday never
hides an empty Wednesday. It needs no link between booking and session, which many extracts lack. Day by
day: planned − unused + overbooked = bookings that stood; booked = attended + DNA + late and not seen +
outcome missing + cancelled by patient, by provider and by whom is unknown. A trust is silent about its
sessions of a type before its first and after its last delivered one: what depends on planned slots is then
null, not zero. Every cell that any extract has shown is here, with is_current false and counts of zero once
nothing of it remains.

---
kind: intermediate
grain: [week_end_date, trust_id, treatment_function_code, session_type]
*/
with
trusts as (
    select
        trust_id,
        first_seen_date
    from stg_trust_first_seen
),

procedure_roles as (
    select
        n.procedure_name,
        r.treatment_function_code
    from (select distinct procedure_name from stg_procedure_weeks) as n
    inner join ref_procedure_role as r on normalise(n.procedure_name) = r.procedure_name
),

cells_seen as (
    select
        week_end_date,
        trust_id,
        treatment_function_code,
        session_type,
        first_seen_date
    from stg_session_weeks
    union all
    select
        week_end_date,
        trust_id,
        treatment_function_code,
        case session_type when 'UNRECORDED' then 'clinic' else session_type end as session_type,
        first_seen_date
    from stg_appointment_weeks
    union all
    select
        w.week_end_date,
        w.trust_id,
        case
            when w.treatment_function_code <> 'UNKNOWN' then w.treatment_function_code
            else coalesce(r.treatment_function_code, 'UNKNOWN')
        end as treatment_function_code,
        case
            when w.is_admitted = 'true' then 'theatre'
            when w.is_admitted = 'false' then 'clinic'
            when w.has_session then 'theatre'
            else 'UNKNOWN'
        end as session_type,
        w.first_seen_date
    from stg_procedure_weeks as w
    left join procedure_roles as r on w.procedure_name = r.procedure_name
),

-- A cell seen before its trust was delivered has been on the unknown trust, and stays there too.
cells as (
    select
        s.week_end_date,
        t.trust_id,
        s.treatment_function_code,
        s.session_type
    from cells_seen as s
    inner join trusts as t on s.trust_id = t.trust_id
    union
    select
        s.week_end_date,
        'UNKNOWN' as trust_id,
        s.treatment_function_code,
        s.session_type
    from cells_seen as s
    left join trusts as t on s.trust_id = t.trust_id
    where t.trust_id is null or s.first_seen_date < t.first_seen_date
),

sessions as (
    select
        s.session_date as activity_date,
        (s.session_date + (7 - extract(isodow from s.session_date)::integer))::date as week_end_date,
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(s.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        coalesce(s.session_type, 'UNKNOWN') as session_type,
        coalesce(s.session_status = 'cancelled', false) as is_cancelled,
        s.planned_slots,
        s.session_id
    from stg_sessions as s
    left join trusts as t on s.trust_id = t.trust_id
    where s.is_current
),

coverage as (
    select
        trust_id,
        session_type,
        min(week_end_date) as first_week_end_date,
        max(week_end_date) as last_week_end_date
    from sessions
    group by trust_id, session_type
),

session_days as (
    select
        s.activity_date,
        s.trust_id,
        s.treatment_function_code,
        s.session_type,
        count(*) as session_count,
        count(*) filter (where s.is_cancelled) as cancelled_session_count,
        count(*) filter (where s.planned_slots is null and not s.is_cancelled) as unknown_slots_session_count,
        coalesce(sum(s.planned_slots) filter (where not s.is_cancelled), 0) as planned_count,
        coalesce(sum(s.planned_slots) filter (where s.is_cancelled), 0) as cancelled_slot_count
    from sessions as s
    cross join census as c
    where s.activity_date <= c.census_date
    group by s.activity_date, s.trust_id, s.treatment_function_code, s.session_type
),

bookings as (
    select
        a.appointment_date as activity_date,
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(a.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        a.session_type,
        a.session_id,
        a.booked_date,
        a.cancelled_date,
        case
            when a.is_attended then 'attended'
            when a.is_dna then 'dna'
            when a.is_late_not_seen then 'late_not_seen'
            when a.is_cancelled_by_patient then 'cancelled_by_patient'
            when a.is_cancelled_by_provider then 'cancelled_by_provider'
            when a.is_cancelled_by_unknown then 'cancelled_by_unknown'
            else 'outcome_missing'
        end as outcome
    from int_appointments as a
    cross join census as c
    left join trusts as t on a.trust_id = t.trust_id
    where a.is_current and a.appointment_date <= c.census_date
    union all
    select
        coalesce(p.actual_date, p.tci_date, p.planned_date) as activity_date,
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        p.session_type,
        p.session_id,
        p.tci_offered_date as booked_date,
        p.cancelled_date,
        case
            when p.procedure_status = 'cancelled' and p.cancelled_by = 'patient' then 'cancelled_by_patient'
            when p.procedure_status = 'cancelled' and p.cancelled_by = 'provider' then 'cancelled_by_provider'
            when p.procedure_status = 'cancelled' then 'cancelled_by_unknown'
            when p.is_completed or p.procedure_status = 'abandoned' then 'attended'
            else 'outcome_missing'
        end as outcome
    from int_procedures as p
    cross join census as c
    left join trusts as t on p.trust_id = t.trust_id and p.trust_basis = 'recorded'
    where p.is_current and coalesce(p.actual_date, p.tci_date, p.planned_date) <= c.census_date
),

-- A booking of a cancelled session frees no slot that another could take.
told_apart as (
    select
        b.activity_date,
        b.trust_id,
        b.treatment_function_code,
        b.session_type,
        b.outcome,
        b.booked_date,
        b.outcome like 'cancelled%' as is_cancelled,
        b.outcome like 'cancelled%' and not coalesce(s.is_cancelled, false) as is_slot_freed,
        case
            when b.outcome like 'cancelled%' and not coalesce(s.is_cancelled, false) then b.cancelled_date
        end as freed_date
    from bookings as b
    left join sessions as s on b.session_id = s.session_id
),

in_order as (
    select
        activity_date,
        trust_id,
        treatment_function_code,
        session_type,
        outcome,
        booked_date,
        is_cancelled,
        is_slot_freed,
        min(freed_date) over (
            partition by activity_date, trust_id, treatment_function_code, session_type
        ) as first_freed_date
    from told_apart
),

booking_days as (
    select
        activity_date,
        trust_id,
        treatment_function_code,
        session_type,
        count(*) as booked_count,
        count(*) filter (where outcome = 'attended') as attended_count,
        count(*) filter (where outcome = 'dna') as dna_count,
        count(*) filter (where outcome = 'late_not_seen') as late_not_seen_count,
        count(*) filter (where outcome = 'outcome_missing') as outcome_missing_count,
        count(*) filter (where outcome = 'cancelled_by_patient') as cancelled_by_patient_count,
        count(*) filter (where outcome = 'cancelled_by_provider') as cancelled_by_provider_count,
        count(*) filter (where outcome = 'cancelled_by_unknown') as cancelled_by_unknown_count,
        count(*) filter (where not is_cancelled) as standing_count,
        count(*) filter (where is_slot_freed) as freed_count,
        count(*) filter (where not is_cancelled and booked_date >= first_freed_date) as booked_after_count,
        count(*) filter (where not is_cancelled and booked_date is not null) as dated_count,
        min(first_freed_date) as first_freed_date
    from in_order
    group by activity_date, trust_id, treatment_function_code, session_type
),

days as (
    select
        coalesce(b.activity_date, s.activity_date) as activity_date,
        coalesce(b.trust_id, s.trust_id) as trust_id,
        coalesce(b.treatment_function_code, s.treatment_function_code) as treatment_function_code,
        coalesce(b.session_type, s.session_type) as session_type,
        coalesce(s.session_count, 0) as session_count,
        coalesce(s.cancelled_session_count, 0) as cancelled_session_count,
        coalesce(s.unknown_slots_session_count, 0) as unknown_slots_session_count,
        coalesce(s.planned_count, 0) as planned_count,
        coalesce(s.cancelled_slot_count, 0) as cancelled_slot_count,
        coalesce(b.booked_count, 0) as booked_count,
        coalesce(b.attended_count, 0) as attended_count,
        coalesce(b.dna_count, 0) as dna_count,
        coalesce(b.late_not_seen_count, 0) as late_not_seen_count,
        coalesce(b.outcome_missing_count, 0) as outcome_missing_count,
        coalesce(b.cancelled_by_patient_count, 0) as cancelled_by_patient_count,
        coalesce(b.cancelled_by_provider_count, 0) as cancelled_by_provider_count,
        coalesce(b.cancelled_by_unknown_count, 0) as cancelled_by_unknown_count,
        least(coalesce(b.attended_count, 0), coalesce(s.planned_count, 0)) as filled_count,
        greatest(coalesce(s.planned_count, 0) - coalesce(b.standing_count, 0), 0) as unused_count,
        greatest(coalesce(b.standing_count, 0) - coalesce(s.planned_count, 0), 0) as overbooked_count,
        coalesce(b.standing_count, 0) as standing_count,
        coalesce(b.freed_count, 0) as freed_count,
        coalesce(b.booked_after_count, 0) as booked_after_count,
        coalesce(b.dated_count, 0) > 0 and b.first_freed_date is not null as is_refill_known
    from booking_days as b
    full join session_days as s
        on
        b.activity_date = s.activity_date
        and b.trust_id = s.trust_id
        and b.treatment_function_code = s.treatment_function_code
        and b.session_type = s.session_type
),

-- A freed slot was taken again only so far as fewer slots were left than had been freed.
weeks as (
    select
        (activity_date + (7 - extract(isodow from activity_date)::integer))::date as week_end_date,
        trust_id,
        treatment_function_code,
        session_type,
        sum(session_count)::integer as session_count,
        sum(cancelled_session_count)::integer as cancelled_session_count,
        sum(unknown_slots_session_count)::integer as unknown_slots_session_count,
        sum(planned_count)::integer as planned_count,
        sum(cancelled_slot_count)::integer as cancelled_slot_count,
        sum(booked_count)::integer as booked_count,
        sum(attended_count)::integer as attended_count,
        sum(dna_count)::integer as dna_count,
        sum(late_not_seen_count)::integer as late_not_seen_count,
        sum(outcome_missing_count)::integer as outcome_missing_count,
        sum(cancelled_by_patient_count)::integer as cancelled_by_patient_count,
        sum(cancelled_by_provider_count)::integer as cancelled_by_provider_count,
        sum(cancelled_by_unknown_count)::integer as cancelled_by_unknown_count,
        sum(filled_count)::integer as filled_count,
        sum(unused_count)::integer as unused_count,
        sum(overbooked_count)::integer as overbooked_count,
        sum(least(greatest(freed_count - unused_count, 0), booked_after_count))::integer as refilled_count,
        bool_and(freed_count <= unused_count or standing_count = 0 or is_refill_known) as is_refill_known
    from days
    group by
        (activity_date + (7 - extract(isodow from activity_date)::integer))::date,
        trust_id,
        treatment_function_code,
        session_type
),

covered as (
    select
        k.week_end_date,
        k.trust_id,
        k.treatment_function_code,
        k.session_type,
        v.trust_id is not null as has_sessions_delivered
    from cells as k
    left join coverage as v
        on
        k.trust_id = v.trust_id
        and k.session_type = v.session_type
        and k.week_end_date between v.first_week_end_date and v.last_week_end_date
)

select
    k.week_end_date, -- Sunday that ends the week
    k.trust_id, -- The trust; UNKNOWN when not delivered
    k.treatment_function_code, -- Treatment function; UNKNOWN when not mapped
    k.session_type, -- clinic, theatre or UNKNOWN
    k.has_sessions_delivered, -- The trust's extracts tell of its sessions of this type in this week
    coalesce(w.session_count, 0) as session_count, -- Sessions delivered, cancelled ones included
    coalesce(w.cancelled_session_count, 0) as cancelled_session_count, -- Of these, cancelled
    coalesce(w.unknown_slots_session_count, 0)
        as unknown_slots_session_count, -- Sessions not cancelled whose slots were not given
    case when k.has_sessions_delivered then coalesce(w.planned_count, 0) end
        as planned_count, -- Slots of sessions that were not cancelled
    case when k.has_sessions_delivered then coalesce(w.cancelled_slot_count, 0) end
        as cancelled_slot_count, -- Slots of cancelled sessions
    coalesce(w.booked_count, 0) as booked_count, -- Bookings for the week, whatever became of them
    coalesce(w.attended_count, 0) as attended_count, -- Patients seen; cases done or begun
    coalesce(w.dna_count, 0) as dna_count, -- Did not attend without notice
    coalesce(w.late_not_seen_count, 0) as late_not_seen_count, -- Arrived late and were not seen
    coalesce(w.outcome_missing_count, 0) as outcome_missing_count, -- Nothing says what became of them
    coalesce(w.cancelled_by_patient_count, 0) as cancelled_by_patient_count, -- Cancelled by the patient
    coalesce(w.cancelled_by_provider_count, 0) as cancelled_by_provider_count, -- Cancelled by the provider
    coalesce(w.cancelled_by_unknown_count, 0) as cancelled_by_unknown_count, -- Cancelled, by whom is not said
    case when k.has_sessions_delivered then coalesce(w.filled_count, 0) end
        as filled_count, -- Planned slots in which a patient was seen
    case when k.has_sessions_delivered then coalesce(w.unused_count, 0) end
        as unused_count, -- Planned slots with no booking that stood
    case when k.has_sessions_delivered then coalesce(w.overbooked_count, 0) end
        as overbooked_count, -- Bookings that stood beyond the planned slots of their day
    case
        when k.has_sessions_delivered and coalesce(w.is_refill_known, true) then coalesce(w.refilled_count, 0)
    end as refilled_count, -- Slots freed by a cancellation and booked again; null where no dates tell
    w.week_end_date is not null as is_current -- A session or booking of this cell is delivered still
from covered as k
left join weeks as w
    on
    k.week_end_date = w.week_end_date
    and k.trust_id = w.trust_id
    and k.treatment_function_code = w.treatment_function_code
    and k.session_type = w.session_type
