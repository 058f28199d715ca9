/*
One row per answer to the Friends and Family Test: the last version known at the census, whether or not it is still
delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.
The source is optional and anonymous: without it this is empty, and nothing in it leads to a patient.

---
kind: staging
grain: [response_id]
*/
select
    h.response_id, -- The answer's own identifier; it leads to no patient
    h.survey_date, -- Date the question was answered
    h.trust_id, -- The trust that was asked about
    h.treatment_function_code, -- Treatment function that was asked about
    h.answer_code, -- The answer, 1 very good to 5 very poor, 6 don't know; null when it is none of these
    h.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    h.load_id, -- The load that delivered this version
    h.line_no, -- Line of the file at which the record starts
    h.valid_from, -- Extract date of this version
    h.valid_to > c.census_date as is_current, -- Still delivered: not deleted, not absent from a later full
    (
        h.valid_to > c.census_date
        and coalesce(h.quarantined_from <= c.census_date, false)
    ) as is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from history.experience as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
