/*
One row per appointment ever delivered: when, where, with which outcome, and the referral it was matched to.

Current: outcomes arrive late, so the row is what the newest extracts say. Everything about waiting is in
fct_waitlist. Free text and staff identifiers are left out. A patient or trust that was not delivered is the
unknown one.

---
kind: current
grain: [appointment_sk]
references:
  patient_sk: dim_patient
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
  appointment_date: dim_date
  week_end_date: dim_date
indexes: [[patient_sk], [trust_sk, treatment_function_code, week_end_date], [referral_sk]]
readers: clinical
owner: Trust outpatient services manager
*/
with
appointments as (
    select
        appointment_id,
        patient_id,
        referral_id,
        recorded_referral_id,
        referral_match_basis,
        trust_id,
        treatment_function_code,
        appointment_date,
        week_end_date,
        appointment_status,
        attendance_code,
        is_first,
        is_first_basis,
        is_attended,
        is_dna,
        is_late_not_seen,
        is_cancelled_by_patient,
        is_cancelled_by_provider,
        is_cancelled_by_unknown,
        is_future,
        is_outcome_missing,
        is_outcome_in_future,
        is_status_conflict,
        rtt_status_code,
        outcome_code,
        is_communicated,
        booked_date,
        cancelled_date,
        cancel_reason_code,
        delay_reason_code,
        session_type,
        site_code,
        is_pifu,
        flags,
        is_current,
        is_carried_forward
    from int_appointments
),

patients as (
    select patient_id
    from stg_patients
),

trusts as (
    select trust_id
    from stg_trusts
),

labels as (
    select
        code,
        label
    from ref_code_list
    where domain = 'attendance'
)

select
    pseudonym('appointment', a.appointment_id) as appointment_sk, -- Pseudonymous key of the appointment
    coalesce(pseudonym('patient', p.patient_id), 0) as patient_sk, -- The patient; 0 when not delivered
    coalesce(pseudonym('trust', t.trust_id), 0) as trust_sk, -- The trust that holds it; 0 when unknown
    coalesce(a.treatment_function_code, 'UNKNOWN')
        as treatment_function_code, -- Published treatment function; UNKNOWN when not mapped
    coalesce(pseudonym('referral', a.referral_id), 0) as referral_sk, -- The referral it matched; 0: none
    a.referral_match_basis, -- referral_id, patient_trust_specialty_date, patient_trust_date, ambiguous, none
    a.appointment_date, -- Date of the appointment
    a.week_end_date, -- Sunday that ends its week
    a.appointment_status, -- What became of it, in the extract's words; null when not mapped
    a.attendance_code, -- NHS attendance code: as recorded, else from the status; null when neither says
    coalesce(l.label, 'Unknown') as attendance_label, -- The same in words
    a.is_first, -- First appointment; null when unknown
    a.is_first_basis, -- Where is_first comes from: recorded, inferred or unknown
    a.is_attended, -- Seen, on time or late, not after the census
    a.is_dna, -- Did not attend without notice (3 alone)
    a.is_late_not_seen, -- Arrived late and was not seen
    a.is_cancelled_by_patient, -- Cancelled by the patient, at any notice
    a.is_cancelled_by_provider, -- Cancelled by the provider
    a.is_cancelled_by_unknown, -- Cancelled, by whom is not said
    a.is_future, -- Dated after the newest census
    a.is_outcome_missing, -- The date has gone by and nothing says what became of it
    a.is_outcome_in_future, -- An outcome is given for a date after the newest census: not counted
    a.is_status_conflict, -- Recorded attendance code and status contradict each other; the code is used
    a.rtt_status_code, -- RTT period status this activity gave
    a.outcome_code, -- Outcome of the attendance
    a.is_communicated, -- Clearly communicated to the patient; null when not recorded
    a.booked_date, -- Date it was made
    a.appointment_date - a.booked_date as lead_days, -- Days from booking to the appointment; null: not known
    a.cancelled_date, -- Date it was cancelled
    a.cancel_reason_code, -- Why it was cancelled
    a.delay_reason_code, -- Recorded reason for delay
    a.session_type, -- Clinic or theatre
    a.site_code, -- ODS code of the site
    a.is_pifu, -- Moved to patient-initiated follow-up
    p.patient_id is null as is_orphan_patient, -- Names a patient who was not delivered
    a.trust_id is not null and t.trust_id is null as is_orphan_trust, -- Names a trust that was not delivered
    a.recorded_referral_id is not null and a.referral_match_basis <> 'referral_id'
        as is_orphan_referral, -- Names a referral that does not exist or is another patient's
    a.flags is not null as has_mended_value, -- A value was mended or left unknown; quality says which
    a.is_carried_forward, -- A newer delivery was quarantined: this last good version is carried on
    a.is_current -- Delivered still
from appointments as a
left join patients as p on a.patient_id = p.patient_id
left join trusts as t on a.trust_id = t.trust_id
left join labels as l on a.attendance_code = l.code
