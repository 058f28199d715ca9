/*
One row per procedure ever delivered: what it is for, whether it was done by the census, and what is not
known of it.

Role and, where the extract names none, treatment function come from the seed procedure_role by the
procedure's name; a name without a row there is of unknown role. Only treatment stops a waiting-time clock
(RTT guidance: admission for diagnostics, pre-assessment or an abandoned procedure does not). Completed
means completed on a date not after the census: a completion in the future is kept, flagged and not counted.
One planned, scheduled, delayed or overdue whose date has gone by has an outcome missing.

---
kind: intermediate
grain: [procedure_id]
indexes: [[referral_id], [patient_id]]
*/
with
procedures as (
    select
        procedure_id,
        patient_id,
        procedure_name,
        planned_date,
        actual_date,
        procedure_status,
        referral_id,
        pathway_id,
        trust_id,
        treatment_function_code,
        opcs_code,
        clinical_priority_code,
        priority_review_date,
        decision_to_admit_date,
        tci_date,
        tci_offered_date,
        rtt_status_code,
        is_admitted,
        is_planned_care,
        due_date,
        is_patient_ready,
        is_second_side,
        ready_date,
        cancelled_date,
        cancelled_by,
        cancel_reason_code,
        delay_reason_code,
        session_id,
        site_code,
        consultant_code,
        flags,
        load_id,
        line_no,
        valid_from,
        is_current,
        is_carried_forward
    from stg_procedures
),

referrals as (
    select
        referral_id,
        patient_id,
        trust_id
    from stg_referrals
),

procedure_names as (
    select
        n.procedure_name,
        r.procedure_name as seed_name,
        r.procedure_role,
        r.treatment_function_code
    from (select distinct procedure_name from procedures) as n
    inner join ref_procedure_role as r on normalise(n.procedure_name) = r.procedure_name
)

select
    p.procedure_id, -- The Trust's own identifier of the procedure
    p.patient_id, -- The patient
    r.referral_id, -- The referral it names, where it exists and is the same patient's; else null
    p.referral_id as recorded_referral_id, -- The referral the extract names, whether or not it exists
    p.pathway_id, -- Patient pathway identifier
    coalesce(p.trust_id, r.trust_id) as trust_id, -- The trust that does it: as recorded, else its referral's
    case
        when p.trust_id is not null then 'recorded'
        when r.trust_id is not null then 'referral'
        else 'unknown'
    end as trust_basis, -- Where the trust comes from: recorded, referral or unknown
    coalesce(p.treatment_function_code, n.treatment_function_code)
        as treatment_function_code, -- Treatment function: as recorded, else the usual one of the procedure
    case
        when p.treatment_function_code is not null then 'recorded'
        when n.treatment_function_code is not null then 'procedure_role'
        else 'unknown'
    end as treatment_function_basis, -- Source of the treatment function: recorded, procedure_role, unknown
    coalesce(n.procedure_role, 'unknown')
        as procedure_role, -- What it is for: treatment, diagnostic, monitoring, pre_assessment or unknown
    n.seed_name as procedure_name, -- The procedure in the seed's words; null when it has no row there
    p.opcs_code, -- OPCS-4 code
    p.planned_date, -- Date it is planned for
    p.actual_date, -- Date it was done (for an admission the admission date)
    (
        coalesce(p.actual_date, p.tci_date, p.planned_date)
        + (7 - extract(isodow from coalesce(p.actual_date, p.tci_date, p.planned_date))::integer)
    )::date as week_end_date, -- Sunday that ends the week it was or is to be done in; null: undated
    p.procedure_status, -- What became of it
    coalesce(p.procedure_status = 'completed' and p.actual_date <= c.census_date, false)
        as is_completed, -- Completed on a date not after the census
    coalesce(p.procedure_status = 'completed' and p.actual_date > c.census_date, false)
        as is_completed_in_future, -- Said to be completed on a date after the census: kept, not counted
    coalesce(p.procedure_status = 'completed' and p.actual_date is null, false)
        as is_actual_date_missing, -- Completed without a date: stops no clock
    coalesce(p.procedure_status in ('planned', 'scheduled', 'delayed', 'overdue'), p.procedure_status is null)
    and p.actual_date is null
    and coalesce(coalesce(p.tci_date, p.planned_date) <= c.census_date, false)
        as is_outcome_missing, -- Not said to be done or cancelled, its date (TCI, else planned) gone by
    p.is_admitted, -- Done in an admission (day case or inpatient); null when not recorded
    p.rtt_status_code, -- RTT period status this activity gave
    p.clinical_priority_code, -- Surgical priority P1a to P6
    p.priority_review_date, -- Date the priority is next to be reviewed
    p.decision_to_admit_date, -- Decision to admit
    p.tci_date, -- Date the patient is to come in
    p.tci_offered_date, -- Date the offer to come in was made
    p.is_planned_care, -- On a planned list, outside RTT until overdue
    p.due_date, -- Date planned care is due
    p.is_patient_ready, -- The patient is fit and ready
    p.is_second_side, -- Second side of a bilateral procedure
    p.ready_date, -- Date the patient became fit and ready
    p.cancelled_date, -- Date it was cancelled
    p.cancelled_by, -- Patient or provider
    p.cancel_reason_code, -- Why it was cancelled
    p.delay_reason_code, -- Recorded reason for delay
    p.session_id, -- The planned session it was booked into
    case
        when p.is_admitted then 'theatre'
        when not p.is_admitted then 'clinic'
        when p.session_id is not null then 'theatre'
        else 'UNKNOWN'
    end as session_type, -- Theatre if admitted or on a list, clinic if not admitted, else UNKNOWN
    p.site_code, -- ODS code of the site
    p.consultant_code, -- Code of the consultant
    p.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    p.load_id, -- The load that delivered this version
    p.line_no, -- Line of the file at which the record starts
    p.valid_from, -- Extract date of this version
    p.is_current, -- Delivered still: not deleted, not absent from a later full extract
    p.is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from procedures as p
cross join census as c
left join referrals as r on p.referral_id = r.referral_id and p.patient_id = r.patient_id
left join procedure_names as n on p.procedure_name = n.procedure_name
