/*
One row per completed procedure that names no referral: the one RTT period it stops, or none.

A completed procedure whose role is treatment stops the period it fits: same patient, same treatment function, same
trust where it names one, open that day; where it names a pathway, that pathway instead of the treatment function. It
must fit exactly one (the inference table). Fitting none or several it stays on the unknown pathway, counted here by
match_basis. Procedures are taken in order of their dates, because a treatment that ends one of two periods leaves one
for the next; only patients whose procedures and periods compete need that walk.
Planned care done in time, activity whose RTT status says otherwise, diagnostics, monitoring and pre-assessment stop
nothing and are not here.

---
kind: intermediate
grain: [procedure_id]
not_null: [match_basis]
*/
with recursive
treatments as (
    select
        p.procedure_id,
        p.patient_id,
        p.trust_id,
        p.pathway_id,
        p.treatment_function_code,
        p.actual_date,
        p.is_admitted
    from int_procedures as p
    left join int_rtt_clocks as c on p.referral_id = c.clock_id
    where
        p.is_current
        and p.is_completed
        and c.clock_id is null
        and (
            p.rtt_status_code = '30'
            or (p.procedure_role = 'treatment' and coalesce(p.rtt_status_code, '99') = '99')
        )
        -- Planned care runs on a clock of its own, if on any.
        and not coalesce(p.is_planned_care and p.due_date is not null, false)
),

clocks as (
    select
        c.clock_id,
        c.patient_id,
        c.trust_id,
        c.pathway_id,
        c.treatment_function_code
    from int_rtt_clocks as c
),

in_order as (
    select
        e.clock_id,
        e.is_start,
        e.order_date,
        e.event_rank,
        e.event_source,
        e.source_id,
        e.signal,
        e.event_basis,
        lag(e.is_start, 1, false) over one_clock as follows_start
    from int_rtt_events as e
    window one_clock as (
        partition by e.clock_id
        order by e.order_date, e.event_rank, e.event_source, e.source_id, e.signal
    )
),

-- A start while the clock runs and an end while it doesn't have no effect: what is left takes turns.
turns as (
    select
        o.clock_id,
        o.is_start,
        o.order_date as running_from,
        lead(o.order_date, 1, cast('infinity' as date)) over one_clock as ended_date,
        lead(o.event_basis) over one_clock as ended_basis
    from in_order as o
    where o.is_start <> o.follows_start
    window one_clock as (
        partition by o.clock_id
        order by o.order_date, o.event_rank, o.event_source, o.source_id, o.signal
    )
),

-- A stop ends its day; a closure doesn't, for the treatment of that day is what closed it.
running as (
    select
        t.clock_id || '|' || to_char(t.running_from, 'YYYY-MM-DD') as running_id,
        t.clock_id,
        c.patient_id,
        c.trust_id,
        c.pathway_id,
        c.treatment_function_code,
        t.running_from,
        t.ended_date + case
            when t.ended_basis in ('discharged', 'referral_closed', 'first_seen_closed') then 1 else 0
        end as running_to
    from turns as t
    inner join clocks as c on t.clock_id = c.clock_id
    where t.is_start
),

fits as (
    select
        t.procedure_id,
        t.patient_id,
        t.actual_date,
        r.running_id,
        r.clock_id,
        count(*) over (partition by t.procedure_id) as running_count,
        count(*) over (partition by r.running_id) as procedure_count
    from treatments as t
    inner join running as r on t.patient_id = r.patient_id
    where
        t.actual_date >= r.running_from
        and t.actual_date < r.running_to
        and (t.trust_id is null or t.trust_id = r.trust_id)
        and case
            when t.pathway_id is not null and r.pathway_id is not null then t.pathway_id = r.pathway_id
            else t.treatment_function_code = r.treatment_function_code
        end
),

settled as (
    select
        f.procedure_id,
        f.clock_id
    from fits as f
    where f.running_count = 1 and f.procedure_count = 1
),

contested as (
    select
        f.patient_id,
        f.procedure_id,
        f.actual_date,
        array_agg(f.running_id order by f.running_id) as running_ids,
        array_agg(f.clock_id order by f.running_id) as clock_ids,
        row_number() over (partition by f.patient_id order by f.actual_date, f.procedure_id) as step
    from fits as f
    where f.running_count > 1 or f.procedure_count > 1
    group by f.patient_id, f.procedure_id, f.actual_date
),

walk as (
    select distinct
        c.patient_id,
        cast(0 as bigint) as step,
        cast(null as text) as procedure_id,
        cast(null as text) as running_id,
        cast('{}' as text[]) as stopped_ids
    from contested as c
    union all
    select
        w.patient_id,
        c.step,
        c.procedure_id,
        m.running_id,
        case when m.running_id is null then w.stopped_ids else w.stopped_ids || m.running_id end as stopped_ids
    from walk as w
    inner join contested as c on w.patient_id = c.patient_id and w.step + 1 = c.step
    cross join lateral (
        select case when count(*) = 1 then min(u.running_id) end as running_id
        from unnest(c.running_ids) as u (running_id)
        where u.running_id <> all(w.stopped_ids)
    ) as m
),

walked as (
    select
        w.procedure_id,
        c.clock_ids[array_position(c.running_ids, w.running_id)] as clock_id
    from walk as w
    inner join contested as c on w.procedure_id = c.procedure_id
    where w.running_id is not null
),

matches as (
    select
        s.procedure_id,
        s.clock_id
    from settled as s
    union all
    select
        w.procedure_id,
        w.clock_id
    from walked as w
)

select
    t.procedure_id, -- The Trust's own identifier of the procedure
    t.patient_id, -- The patient
    m.clock_id, -- The clock it stops; null when it fits no period or several
    case
        when m.clock_id is not null then 'fits_one'
        when t.treatment_function_code is null and t.pathway_id is null then 'treatment_function_unknown'
        when c.procedure_id is null then 'fits_none'
        when cardinality(c.running_ids) > 1 then 'fits_several'
        else 'fits_none'
    end as match_basis, -- fits_one, fits_none, fits_several, treatment_function_unknown
    t.actual_date, -- Date of the treatment
    t.treatment_function_code, -- Treatment function of the procedure
    t.is_admitted -- Done in an admission; null when not recorded
from treatments as t
left join matches as m on t.procedure_id = m.procedure_id
left join contested as c on t.procedure_id = c.procedure_id
