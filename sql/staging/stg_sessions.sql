/*
One row per planned clinic or theatre session: the last version known at the census,
whether or not it is still delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.
The source is optional: without it this is empty, and capacity is unknown, not zero.

---
kind: staging
grain: [session_id]
*/
select
    h.session_id, -- The Trust's own identifier of the session
    h.trust_id, -- The trust that runs it
    h.treatment_function_code, -- Treatment function of the session
    h.session_date, -- Date of the session
    h.session_type, -- Clinic or theatre
    h.planned_slots, -- Appointments or cases the session is planned for
    h.session_status, -- Planned or held or cancelled
    h.cancel_reason_code, -- Why it was cancelled
    h.site_code, -- ODS code of the site
    h.consultant_code, -- Code of the consultant
    h.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    h.load_id, -- The load that delivered this version
    h.line_no, -- Line of the file at which the record starts
    h.valid_from, -- Extract date of this version
    h.valid_to > c.census_date as is_current, -- Still delivered: not deleted, not absent from a later full
    (
        h.valid_to > c.census_date
        and coalesce(h.quarantined_from <= c.census_date, false)
    ) as is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from history.sessions as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
