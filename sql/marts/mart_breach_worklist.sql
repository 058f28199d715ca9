/*
One row per open RTT period that is past, or within four weeks of, 18, 52 or 65 weeks or its own priority's target: who has
breached and who will next. Periods whose clock start is unknown are here too, since nobody can say that they have not.

Order (worklist_no): patients of unknown priority are a section of their own, reviewed first and never sorted as routine;
then the clinician-assigned priority, how far past its target, and the date of the place in the queue, which active
monitoring does not lose. The risk score is shown with its parts; it is no sort key unless the seed clinical_approval
records local clinical approval, and then only among patients alike in priority and target.

Why it matters: this is the list that booking and validation work from. It supports them; it does not decide clinical
priority (DCB0129, DCB0160), and every row says what it rests on: as at which date, how many rows are in quarantine and how
many patients may therefore be missing. Limits and notice: seeds wait_threshold, priority_target, worklist_rule (RTT
guidance PRN01045 §10.1.7; Federation of Surgical Specialty Associations). Reviewed with the rule seeds, yearly.

---
kind: snapshot
grain: [census_date, period_sk]
references:
  census_date: dim_date.date
  patient_sk: dim_patient
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null:
  - worklist_section
  - worklist_no
  - reasons
  - is_breached
  - is_undated
  - is_validation_due
  - is_priority_review_due
  - list_note
indexes: [[trust_sk, worklist_no]]
readers: clinical
owner: Clinical lead for elective care
*/
with
waiting as (
    select
        w.census_date,
        w.period_sk,
        w.patient_sk,
        w.referral_sk,
        w.trust_sk,
        w.treatment_function_code,
        w.site_code,
        w.waiting_list_type,
        w.clock_start_date,
        w.wait_days,
        w.wait_band,
        w.queue_date,
        w.breach_date,
        w.over_18_weeks,
        w.over_52_weeks,
        w.over_65_weeks,
        w.next_threshold_weeks,
        w.days_to_next_threshold,
        w.referral_priority_code,
        w.clinical_priority_code,
        w.is_priority_unknown,
        w.priority_sort_order,
        w.priority_target_date,
        w.days_past_priority_target,
        w.priority_review_date,
        w.is_priority_review_due,
        w.next_appointment_date,
        w.tci_date,
        w.next_event_date,
        w.is_undated,
        w.is_tci_lapsed,
        w.last_validation_date,
        w.is_validation_due,
        w.risk_score,
        w.risk_score_age,
        w.risk_score_conditions,
        w.risk_score_prior_admissions,
        w.risk_tier,
        w.is_on_cancer_list,
        w.is_carried_forward,
        w.data_quality_flags
    from fct_waitlist as w
),

rules as (
    select
        r.rule_code,
        r.threshold_weeks,
        r.notice_days,
        r.label,
        t.over_days,
        coalesce(t.threshold_weeks, 0) as rule_order
    from ref_worklist_rule as r
    left join ref_wait_threshold as t on r.threshold_weeks = t.threshold_weeks
),

-- The risk score as a sort key, or nothing where clinicians have not approved it.
approval as (
    select coalesce(bool_or(a.is_approved), false) as is_score_approved
    from ref_clinical_approval as a
    where a.approval_code = 'risk_score_sort'
),

-- Days past each limit; negative before it.
limits as (
    select
        w.period_sk,
        r.rule_code,
        r.label,
        r.rule_order,
        case when r.over_days is null then w.days_past_priority_target else w.wait_days - r.over_days end as days_past,
        r.notice_days
    from waiting as w
    cross join rules as r
),

reached as (
    select
        l.period_sk,
        bool_or(l.days_past >= 0) as is_breached,
        array_agg(
            case when l.days_past >= 0 then 'over ' else 'soon over ' end || l.label order by l.rule_order desc
        ) as reasons
    from limits as l
    where l.days_past >= -l.notice_days
    group by l.period_sk
),

chosen as (
    select
        w.*,
        coalesce(r.is_breached, false) as is_breached,
        coalesce(r.reasons, array['clock start unknown']) as reasons,
        case when a.is_score_approved then w.risk_score end as approved_score
    from waiting as w
    cross join approval as a
    left join reached as r on w.period_sk = r.period_sk
    where r.period_sk is not null or w.clock_start_date is null
)

select
    c.census_date, -- Sunday the list is as at
    c.period_sk, -- Pseudonymous key of the RTT period
    case when c.is_priority_unknown then '1 priority unknown, review first' else '2 by clinical priority' end
        as worklist_section, -- Section of the list: unknown priority is reviewed first
    row_number() over (
        order by
            c.is_priority_unknown desc,
            c.priority_sort_order asc,
            c.days_past_priority_target desc nulls last,
            c.approved_score desc nulls last,
            c.queue_date asc nulls first,
            c.period_sk asc
    )::integer as worklist_no, -- Place on the list, all trusts together
    c.patient_sk, -- The patient; 0 when the extract holds no such patient
    c.referral_sk, -- The referral; 0 for planned care without one
    c.trust_sk, -- The trust responsible for the wait
    c.treatment_function_code, -- Current treatment function
    c.site_code, -- ODS code of the site
    c.waiting_list_type, -- admitted, non_admitted, or UNKNOWN
    c.is_breached, -- Past one of the limits; else within notice of one, or without a clock start
    c.reasons, -- Why the patient is here: the limits passed or soon to be, longest first
    c.clock_start_date, -- Start of the clock; null when unknown
    c.wait_days, -- Days from clock start to census; null when the start is unknown
    c.wait_band, -- Weekly band as published
    c.queue_date, -- Date of the place in the queue
    c.breach_date, -- First day over 18 weeks
    coalesce(c.over_18_weeks, false) as over_18_weeks, -- Waited 127 days or more
    coalesce(c.over_52_weeks, false) as over_52_weeks, -- Waited 365 days or more
    coalesce(c.over_65_weeks, false) as over_65_weeks, -- Waited 456 days or more
    c.next_threshold_weeks, -- Next threshold the wait will pass
    c.days_to_next_threshold, -- Days until the first day over it
    c.clinical_priority_code, -- Clinician-assigned priority; null when unknown
    c.is_priority_unknown, -- No clinical priority is recorded
    c.priority_target_date, -- Date by which that priority is to be treated
    c.days_past_priority_target, -- Days past that date; negative before it
    c.priority_review_date, -- Date the priority is next to be reviewed
    coalesce(c.is_priority_review_due, false) or c.is_priority_unknown
        as is_priority_review_due, -- Review is due: the date has come, or there is no priority
    c.referral_priority_code, -- Priority of the referral
    c.risk_score, -- Risk score; shown, no sort key without local clinical approval
    c.risk_score_age, -- Its part for age
    c.risk_score_conditions, -- Its part for active conditions
    c.risk_score_prior_admissions, -- Its part for prior admissions
    c.risk_tier, -- Tier of the score
    case
        when c.next_event_date is null then 'none'
        when c.next_event_date = c.next_appointment_date then 'appointment'
        when c.next_event_date = c.tci_date then 'admission'
        else 'procedure'
    end as next_event_kind, -- What is next: appointment, admission, procedure or none
    c.next_event_date, -- Its date
    c.is_undated, -- Nothing lies ahead
    c.is_tci_lapsed, -- The TCI date has gone by and the patient waits on
    c.last_validation_date, -- Date the period was last validated
    c.is_validation_due, -- Validation is due at 12, 26 and 52 weeks and 12 weeks after the last
    c.is_on_cancer_list, -- Also on a cancer waiting list
    c.is_carried_forward, -- A newer delivery of the referral is in quarantine
    c.data_quality_flags, -- What is doubtful about the row
    q.quarantined_row_count, -- Rows in quarantine as of the census, of all sources
    q.patients_at_risk_count, -- Patients of these who may be missing from the list, or out of date on it
    'List as at ' || to_char(c.census_date, 'DD/MM/YYYY') || '; ' || q.quarantined_row_count || ' rows quarantined; '
    || q.patients_at_risk_count || ' patients may be missing. Supports booking and validation; does not decide priority.'
        as list_note -- What every copy of the list must say
from chosen as c
cross join lateral quarantined_as_of(c.census_date) as q
