/*
One row per entry of a patient's condition: the last version known at the census,
whether or not it is still delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.

---
kind: staging
grain: [condition_id]
*/
select
    h.condition_id, -- The Trust's own identifier of the entry
    h.patient_id, -- The patient
    h.condition_name, -- Name of the condition
    h.severity_code, -- Severity
    h.is_active, -- The condition is active
    h.diagnosed_date, -- Date of diagnosis
    h.condition_code, -- SNOMED CT or ICD-10 code
    h.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    h.load_id, -- The load that delivered this version
    h.line_no, -- Line of the file at which the record starts
    h.valid_from, -- Extract date of this version
    h.valid_to > c.census_date as is_current, -- Still delivered: not deleted, not absent from a later full
    (
        h.valid_to > c.census_date
        and coalesce(h.quarantined_from <= c.census_date, false)
    ) as is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from history.conditions as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
