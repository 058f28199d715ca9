/*
One row per week, trust, function, procedure name and place that any version of a procedure has named up to
the census. The capacity audit keeps each of them for ever, so that a moved or withdrawn case leaves its
row, whichever weeks were published.

---
kind: staging
grain: [week_end_date, trust_id, treatment_function_code, procedure_name, is_admitted, has_session]
*/
with
versions as (
    select
        coalesce(h.trust_id, 'UNKNOWN') as trust_id,
        coalesce(h.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        coalesce(h.procedure_name, '') as procedure_name,
        coalesce(h.is_admitted::text, 'unknown') as is_admitted,
        h.session_id is not null as has_session,
        h.valid_from,
        c.census_date,
        (
            coalesce(h.actual_date, h.tci_date, h.planned_date)
            + (7 - extract(isodow from coalesce(h.actual_date, h.tci_date, h.planned_date))::integer)
        )::date as week_end_date
    from history.procedures as h
    cross join census as c
    where not h.is_deleted and h.valid_from <= c.census_date
)

select
    v.week_end_date, -- Sunday that ends the week it was or is to be done in
    v.trust_id, -- The trust that does it, as recorded
    v.treatment_function_code, -- Treatment function, as recorded
    v.procedure_name, -- Name of the procedure; empty when none was given
    v.is_admitted, -- Done in an admission: true, false or unknown
    v.has_session, -- Booked into a session
    min(v.valid_from) as first_seen_date -- Extract date that first said so
from versions as v
where v.week_end_date <= v.census_date
group by
    v.week_end_date,
    v.trust_id,
    v.treatment_function_code,
    v.procedure_name,
    v.is_admitted,
    v.has_session
