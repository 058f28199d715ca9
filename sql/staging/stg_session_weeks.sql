/*
One row per week, trust, function and session type that any version of a session has named up to the census.
The capacity audit keeps each of them for ever, so that a moved or withdrawn session leaves its row,
whichever weeks were published.

---
kind: staging
grain: [week_end_date, trust_id, treatment_function_code, session_type]
*/
with
versions as (
    select
        coalesce(h.trust_id, 'UNKNOWN') as trust_id,
        coalesce(h.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        coalesce(h.session_type, 'UNKNOWN') as session_type,
        h.valid_from,
        c.census_date,
        (h.session_date + (7 - extract(isodow from h.session_date)::integer))::date as week_end_date
    from history.sessions as h
    cross join census as c
    where not h.is_deleted and h.valid_from <= c.census_date
)

select
    v.week_end_date, -- Sunday that ends the week of the session
    v.trust_id, -- The trust that runs it
    v.treatment_function_code, -- Treatment function of the session
    v.session_type, -- Clinic or theatre
    min(v.valid_from) as first_seen_date -- Extract date that first said so
from versions as v
where v.week_end_date <= v.census_date
group by
    v.week_end_date,
    v.trust_id,
    v.treatment_function_code,
    v.session_type
