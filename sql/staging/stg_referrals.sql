/*
One row per referral and RTT period: the last version known at the census,
whether or not it is still delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.
Several rows may share one pathway. Free text stays here and reaches no mart.

---
kind: staging
grain: [referral_id]
*/
select
    h.referral_id, -- The Trust's own identifier of the referral
    h.patient_id, -- The patient referred
    h.gp_id, -- The referring general practitioner
    h.referral_date, -- Date of the referral
    h.treatment_function_code, -- Treatment function referred to
    h.referral_reason, -- Free text; reaches no mart
    h.referral_status, -- State of the referral
    h.trust_id, -- The trust referred to
    h.notes, -- Free text; reaches no mart
    h.pathway_id, -- Patient pathway identifier; several RTT periods may share one
    h.pathway_issuer, -- ODS code of the organisation that issued the pathway identifier
    h.received_date, -- Date the provider received the referral (for e-RS the conversion date)
    h.source_of_referral_code, -- Source of referral
    h.rtt_status_code, -- RTT period status as of the extract
    h.clock_start_date, -- Start of the RTT period; for a transfer the original date
    h.clock_stop_date, -- Stop of the RTT period
    h.status_date, -- Date of the referral's present status
    h.waiting_list_type, -- Waiting for admission or not
    h.referral_priority_code, -- Priority of the referral: routine, urgent, urgent suspected cancer
    h.clinical_priority_code, -- Clinician-assigned priority P1a to P6 or D1 to D4
    h.priority_review_date, -- Date the clinical priority is next to be reviewed
    h.first_activity_date, -- First attended activity of the period
    h.decision_to_treat_date, -- Decision to treat
    h.decision_to_admit_date, -- Decision to admit
    h.tci_date, -- Date the patient is to come in
    h.tci_offered_date, -- Date the offer to come in was made
    h.last_validation_date, -- Date the period was last validated
    h.last_validated_by, -- Role that validated it last
    h.on_cancer_list, -- Also on a cancer waiting list
    h.transferred_out_date, -- Date responsibility passed to another provider
    h.transferred_in, -- Received from another provider
    h.mutual_aid_status, -- Mutual aid status of the period
    h.site_code, -- ODS code of the site
    h.commissioner_code, -- ODS code of the commissioner
    h.consultant_code, -- Code of the responsible consultant
    h.team, -- Responsible team
    h.is_pifu, -- On patient-initiated follow-up
    h.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    h.load_id, -- The load that delivered this version
    h.line_no, -- Line of the file at which the record starts
    h.valid_from, -- Extract date of this version
    h.valid_to > c.census_date as is_current, -- Still delivered: not deleted, not absent from a later full
    (
        h.valid_to > c.census_date
        and coalesce(h.quarantined_from <= c.census_date, false)
    ) as is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from history.referrals as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
