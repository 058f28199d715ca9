/*
One row per outpatient appointment: the last version known at the census,
whether or not it is still delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.

---
kind: staging
grain: [appointment_id]
*/
select
    h.appointment_id, -- The Trust's own identifier of the appointment
    h.patient_id, -- The patient
    h.trust_id, -- The trust that holds the appointment
    h.treatment_function_code, -- Treatment function of the appointment
    h.appointment_date, -- Date of the appointment
    h.appointment_status, -- What became of it
    h.referral_date, -- Date of the referral it belongs to
    h.recorded_wait_weeks, -- The extract's own wait in weeks; kept beside ours and never used
    h.referral_id, -- The referral it belongs to
    h.pathway_id, -- Patient pathway identifier
    h.attendance_code, -- NHS attended-or-did-not-attend code
    h.appointment_type, -- First or follow-up
    h.outcome_code, -- Outcome of the attendance
    h.rtt_status_code, -- RTT period status this activity gave
    h.is_communicated, -- The appointment was clearly communicated to the patient
    h.booked_date, -- Date the appointment was made
    h.cancelled_date, -- Date it was cancelled
    h.cancelled_by, -- Patient or provider
    h.cancel_reason_code, -- Why it was cancelled
    h.delay_reason_code, -- Recorded reason for delay
    h.session_id, -- The planned session it was booked into
    h.session_type, -- Clinic or theatre
    h.site_code, -- ODS code of the site
    h.consultant_code, -- Code of the consultant
    h.team, -- Team
    h.is_pifu, -- Moved to patient-initiated follow-up
    h.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    h.load_id, -- The load that delivered this version
    h.line_no, -- Line of the file at which the record starts
    h.valid_from, -- Extract date of this version
    h.valid_to > c.census_date as is_current, -- Still delivered: not deleted, not absent from a later full
    (
        h.valid_to > c.census_date
        and coalesce(h.quarantined_from <= c.census_date, false)
    ) as is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from history.appointments as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
