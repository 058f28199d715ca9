/*
One row per procedure or admission, planned or done: the last version known at the census,
whether or not it is still delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.

---
kind: staging
grain: [procedure_id]
*/
select
    h.procedure_id, -- The Trust's own identifier of the procedure
    h.patient_id, -- The patient
    h.procedure_name, -- Name of the procedure
    h.planned_date, -- Date it is planned for
    h.actual_date, -- Date it was done (for an admission the admission date)
    h.procedure_status, -- What became of it
    h.referral_id, -- The referral it belongs to
    h.pathway_id, -- Patient pathway identifier
    h.trust_id, -- The trust that does it
    h.treatment_function_code, -- Treatment function of the procedure
    h.opcs_code, -- OPCS-4 code
    h.clinical_priority_code, -- Surgical priority P1a to P6
    h.priority_review_date, -- Date the priority is next to be reviewed
    h.decision_to_admit_date, -- Decision to admit
    h.tci_date, -- Date the patient is to come in
    h.tci_offered_date, -- Date the offer to come in was made
    h.rtt_status_code, -- RTT period status this activity gave
    h.is_admitted, -- Done in an admission (day case or inpatient)
    h.is_planned_care, -- On a planned list, outside RTT until overdue
    h.due_date, -- Date planned care is due
    h.is_patient_ready, -- The patient is fit and ready
    h.is_second_side, -- Second side of a bilateral procedure
    h.ready_date, -- Date the patient became fit and ready
    h.cancelled_date, -- Date it was cancelled
    h.cancelled_by, -- Patient or provider
    h.cancel_reason_code, -- Why it was cancelled
    h.delay_reason_code, -- Recorded reason for delay
    h.session_id, -- The planned session it was booked into
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
from history.procedures as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
