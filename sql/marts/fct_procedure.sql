/*
One row per procedure ever delivered: what it is for, when it is planned and was done, and the referral it
names.

Current: the row is what the newest extracts say. The procedure's name is the seed's own wording where the
name is known there; any other text is left out, for it may say anything. A patient or trust that was not
delivered is the unknown one.

---
kind: current
grain: [procedure_sk]
references: {patient_sk: dim_patient, trust_sk: dim_trust, treatment_function_code: dim_specialty}
indexes: [[patient_sk], [trust_sk, treatment_function_code, week_end_date], [referral_sk]]
readers: clinical
owner: Trust theatres and admissions manager
*/
with
procedures as (
    select
        procedure_id,
        patient_id,
        referral_id,
        recorded_referral_id,
        trust_id,
        trust_basis,
        treatment_function_code,
        treatment_function_basis,
        procedure_role,
        procedure_name,
        opcs_code,
        planned_date,
        actual_date,
        week_end_date,
        procedure_status,
        is_completed,
        is_completed_in_future,
        is_actual_date_missing,
        is_outcome_missing,
        is_admitted,
        rtt_status_code,
        clinical_priority_code,
        priority_review_date,
        decision_to_admit_date,
        tci_date,
        tci_offered_date,
        is_planned_care,
        due_date,
        is_patient_ready,
        is_second_side,
        cancelled_date,
        cancelled_by,
        cancel_reason_code,
        delay_reason_code,
        session_type,
        site_code,
        flags,
        is_current,
        is_carried_forward
    from int_procedures
),

patients as (
    select patient_id
    from stg_patients
),

trusts as (
    select trust_id
    from stg_trusts
)

select
    pseudonym('procedure', x.procedure_id) as procedure_sk, -- Pseudonymous key of the procedure
    coalesce(pseudonym('patient', p.patient_id), 0) as patient_sk, -- The patient; 0 when not delivered
    coalesce(pseudonym('trust', t.trust_id), 0) as trust_sk, -- The trust that does it; 0 when unknown
    x.trust_basis, -- Where the trust comes from: recorded, referral or unknown
    coalesce(x.treatment_function_code, 'UNKNOWN')
        as treatment_function_code, -- Published treatment function; UNKNOWN when not known
    x.treatment_function_basis, -- Source of the treatment function: recorded, procedure_role, unknown
    coalesce(pseudonym('referral', x.referral_id), 0) as referral_sk, -- The referral it names; 0: none
    x.procedure_role, -- What it is for: treatment, diagnostic, monitoring, pre_assessment or unknown
    coalesce(x.procedure_name, 'UNKNOWN') as procedure_name, -- The procedure, in the words of the seed
    x.opcs_code, -- OPCS-4 code
    x.procedure_status, -- What became of it, in the extract's words; null when not mapped
    x.planned_date, -- Date it is planned for
    x.actual_date, -- Date it was done (for an admission the admission date)
    x.week_end_date, -- Sunday that ends the week it was or is to be done in; null when undated
    x.is_completed, -- Completed on a date not after the newest census
    x.is_completed_in_future, -- Said to be completed after the newest census: kept, not counted
    x.is_actual_date_missing, -- Completed without a date: stops no clock
    x.is_outcome_missing, -- Not said to be done or cancelled, its date gone by
    x.is_admitted, -- Done in an admission (day case or inpatient); null when not recorded
    x.rtt_status_code, -- RTT period status this activity gave
    x.clinical_priority_code, -- Surgical priority P1a to P6; null when none was given
    x.priority_review_date, -- Date the priority is next to be reviewed
    x.decision_to_admit_date, -- Decision to admit
    x.tci_date, -- Date the patient is to come in
    x.tci_offered_date, -- Date the offer to come in was made
    x.is_planned_care, -- On a planned list, outside RTT until overdue
    x.due_date, -- Date planned care is due
    x.is_patient_ready, -- The patient is fit and ready
    x.is_second_side, -- Second side of a bilateral procedure
    x.cancelled_date, -- Date it was cancelled
    x.cancelled_by, -- Patient or provider
    x.cancel_reason_code, -- Why it was cancelled
    x.delay_reason_code, -- Recorded reason for delay
    x.session_type, -- Theatre if admitted or on a list, clinic if not admitted, else UNKNOWN
    x.site_code, -- ODS code of the site
    p.patient_id is null as is_orphan_patient, -- Names a patient who was not delivered
    x.trust_id is not null and t.trust_id is null as is_orphan_trust, -- Names a trust that was not delivered
    x.recorded_referral_id is not null and x.referral_id is null
        as is_orphan_referral, -- Names a referral that does not exist or is another patient's
    x.flags is not null as has_mended_value, -- A value was mended or left unknown; quality says which
    x.is_carried_forward, -- A newer delivery was quarantined: this last good version is carried on
    x.is_current -- Delivered still
from procedures as x
left join patients as p on x.patient_id = p.patient_id
left join trusts as t on x.trust_id = t.trust_id
