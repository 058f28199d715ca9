/*
One row per patient and condition name that any version of an entry has held up to the census. The bridge
keeps each of them for ever, so that a corrected entry leaves a row that is no longer current, whichever
weeks were published.

---
kind: staging
grain: [patient_id, condition_name]
*/
select
    h.patient_id, -- The patient
    coalesce(h.condition_name, '') as condition_name, -- Name of the condition; empty when none was given
    min(h.valid_from) as first_seen_date -- Extract date that first said so
from history.conditions as h
cross join census as c
where not h.is_deleted and h.valid_from <= c.census_date
group by h.patient_id, coalesce(h.condition_name, '')
