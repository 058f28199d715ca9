/*
One row per RTT period open at the census: the waiting list as it stood that Sunday. Patients are counted by person_sk
beside the pathways, because one patient may wait on several.

Rules and their sources
- Open: clock start <= census and nothing has ended it by then. A period whose start is unknown is on the list without a
  wait, a band or a breach date, as in the monthly return (G §10.1.7).
- Bands: 0–1 holds days 0–7, then seven days each, 104+ is 729 and more. Thresholds are rows of wait_threshold: within 18
  weeks is 126 days and less, over 52 weeks is 365 and more. Whole weeks are never compared.
- The breach date is the first day over 18 weeks.
- Validation is due at 12, 26 and 52 weeks, and again when the last was over 12 weeks ago (NHS England, WLMDS).
- Priority: the clinician's; its target counts from the decision to admit, else to treat, else the clock start. Unknown
  priority is never routine: priority_sort_order is null and is_priority_unknown says so.
- The risk score is shown and is no sort key; queue_date keeps the old place after active monitoring.
- Undated: neither an appointment, a procedure nor a TCI date lies ahead. Risk, age and deprivation are as of the census.

---
kind: snapshot
grain: [census_date, period_sk]
references:
  census_date: dim_date.date
  patient_sk: dim_patient
  gp_sk: dim_gp
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null:
  - clock_start_basis
  - person_sk
  - referral_sk
  - wait_band
  - waiting_list_type
  - is_inferred
  - is_undated
  - is_tci_lapsed
  - is_validation_due
  - is_priority_unknown
  - data_quality_flags
indexes: [[trust_sk, treatment_function_code], [patient_sk]]
readers: clinical
owner: Trust RTT and access lead
*/
with
periods as (
    select
        p.period_sk,
        p.clock_id,
        p.patient_id,
        p.trust_id,
        p.treatment_function_code,
        p.clock_start_date,
        p.clock_start_basis,
        p.wait_days,
        p.prior_wait_days,
        p.queue_date,
        p.is_inferred,
        p.data_quality_flags
    from int_rtt_periods as p
    where p.is_open
),

next_events as (
    select
        n.period_sk,
        n.first_activity_date,
        n.next_appointment_date,
        n.next_procedure_date,
        n.decision_to_treat_date,
        n.decision_to_admit_date,
        n.tci_date,
        n.tci_offered_date,
        n.clinical_priority_code,
        n.priority_review_date,
        n.waiting_list_type
    from int_next_events as n
),

referrals as (
    select
        r.referral_id,
        r.gp_id,
        r.referral_priority_code,
        r.on_cancer_list,
        r.last_validation_date,
        r.commissioner_code,
        r.site_code,
        r.is_carried_forward
    from stg_referrals as r
    where r.is_current
),

patients as (
    select
        d.patient_sk,
        d.person_sk
    from dim_patient as d
),

known_gps as (
    select g.gp_id
    from stg_gp as g
),

known_trusts as (
    select t.trust_id
    from stg_trusts as t
),

risks as (
    select
        r.patient_id,
        r.risk_score,
        r.risk_score_age,
        r.risk_score_conditions,
        r.risk_score_prior_admissions,
        r.risk_tier,
        r.recorded_risk_level,
        r.is_risk_disagreement,
        r.age_band,
        r.imd_decile,
        r.deprivation_quintile
    from int_patient_risk as r
),

thresholds as (
    select
        max(t.within_days) filter (where t.threshold_weeks = 18) as within_18_days,
        max(t.over_days) filter (where t.threshold_weeks = 18) as over_18_days,
        max(t.over_days) filter (where t.threshold_weeks = 52) as over_52_days,
        max(t.over_days) filter (where t.threshold_weeks = 65) as over_65_days,
        max(t.over_days) filter (where t.threshold_weeks = 78) as over_78_days,
        max(t.over_days) filter (where t.threshold_weeks = 104) as over_104_days
    from ref_wait_threshold as t
),

threshold_steps as (
    select
        t.threshold_weeks,
        t.over_days,
        lag(t.over_days, 1, 0) over (order by t.over_days) as after_days
    from ref_wait_threshold as t
),

clinical_priorities as (
    select
        t.priority_code,
        t.target_days,
        t.sort_order
    from ref_priority_target as t
    where t.priority_domain = 'clinical_priority'
),

keyed as (
    select
        c.census_date,
        p.period_sk,
        p.clock_id,
        p.patient_id,
        pseudonym('patient', p.patient_id) as patient_sk,
        case when t.trust_id is null then 0 else pseudonym('trust', p.trust_id) end as trust_sk,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        t.trust_id is null as is_trust_unknown,
        p.clock_start_date,
        p.clock_start_basis,
        p.wait_days,
        case
            when p.wait_days <= 7 then 0
            when p.wait_days > 7 then least(104, ceil(p.wait_days / 7.0) - 1)::integer
        end as wait_band_from_weeks,
        p.prior_wait_days,
        p.queue_date,
        p.is_inferred,
        p.data_quality_flags
    from periods as p
    cross join census as c
    left join known_trusts as t on p.trust_id = t.trust_id
),

dated as (
    select
        n.*,
        case
            when k.clock_start_basis = 'planned_overdue' then 'admitted'
            else coalesce(n.waiting_list_type, 'UNKNOWN')
        end as list_type,
        k.clock_start_date + t.over_18_days as breach_date,
        case when n.tci_date >= k.census_date then n.tci_date end as tci_ahead_date,
        least(
            n.next_appointment_date,
            n.next_procedure_date,
            case when n.tci_date >= k.census_date then n.tci_date end
        ) as next_event_date,
        coalesce(n.decision_to_admit_date, n.decision_to_treat_date, k.clock_start_date)
        + q.target_days as priority_target_date,
        q.target_days as priority_target_days,
        q.sort_order as priority_sort_order
    from keyed as k
    inner join next_events as n on k.period_sk = n.period_sk
    cross join thresholds as t
    left join clinical_priorities as q on n.clinical_priority_code = q.priority_code
),

-- A validation dated after the census has not happened.
validated as (
    select
        r.referral_id,
        r.last_validation_date as validation_date
    from referrals as r
    cross join census as c
    where r.last_validation_date <= c.census_date
),

-- The milestones that a validation is due at, in days: 12, 26 and 52 weeks. An unknown start may be past any of them.
validations as (
    select
        k.period_sk,
        coalesce(k.wait_days >= 84, true)
        and (
            v.validation_date is null
            or k.census_date - v.validation_date > 84
            or coalesce(v.validation_date < k.clock_start_date + 84, false)
            or coalesce(k.wait_days >= 182 and v.validation_date < k.clock_start_date + 182, false)
            or coalesce(k.wait_days >= 364 and v.validation_date < k.clock_start_date + 364, false)
        ) as is_validation_due
    from keyed as k
    left join validated as v on k.clock_id = v.referral_id
)

select
    k.census_date, -- Sunday the list is counted at
    k.period_sk, -- Pseudonymous key of the RTT period
    coalesce(p.patient_sk, 0) as patient_sk, -- The patient; 0 when the extract holds no such patient
    coalesce(p.person_sk, 0) as person_sk, -- The person, for counting people beside pathways; 0 when unknown
    coalesce(pseudonym('referral', r.referral_id), 0) as referral_sk, -- The referral; 0: planned care without one
    case when g.gp_id is null then 0 else pseudonym('gp', r.gp_id) end as gp_sk, -- Referring general practitioner
    k.trust_sk, -- The trust responsible for the wait
    k.treatment_function_code, -- Current treatment function, as NHS England publishes by
    r.commissioner_code, -- ODS code of the commissioner
    r.site_code, -- ODS code of the site
    k.clock_start_date, -- Start of the clock; null when unknown
    k.clock_start_basis, -- What the start rests on
    k.is_inferred, -- The clock rests on the inference table: no RTT status was delivered
    k.wait_days, -- Days from clock start to census; null when the start is unknown
    k.wait_band_from_weeks, -- Lower bound of the weekly band in weeks, 0 to 104; null when the start is unknown
    case
        when k.wait_band_from_weeks is null then 'unknown'
        when k.wait_band_from_weeks = 104 then '104+'
        else k.wait_band_from_weeks || '-' || (k.wait_band_from_weeks + 1)
    end as wait_band, -- Weekly band as published: 0-1 … 103-104, 104+, or unknown
    k.wait_days <= t.within_18_days as within_18_weeks, -- Waited 126 days or less
    k.wait_days >= t.over_18_days as over_18_weeks, -- Waited 127 days or more
    k.wait_days >= t.over_52_days as over_52_weeks, -- Waited 365 days or more
    k.wait_days >= t.over_65_days as over_65_weeks, -- Waited 456 days or more
    k.wait_days >= t.over_78_days as over_78_weeks, -- Waited 547 days or more
    k.wait_days >= t.over_104_days as over_104_weeks, -- Waited 729 days or more
    d.breach_date, -- First day over 18 weeks
    s.threshold_weeks as next_threshold_weeks, -- Next threshold the wait will pass; null beyond the last
    s.over_days - k.wait_days as days_to_next_threshold, -- Days until the first day over it
    d.list_type as waiting_list_type, -- admitted, non_admitted, or UNKNOWN
    d.decision_to_treat_date, -- Decision to treat
    d.decision_to_admit_date, -- Decision to admit
    d.tci_date, -- Date the patient is to come in
    d.tci_offered_date, -- Date that offer was made
    d.next_appointment_date, -- Nearest appointment after the census that is not cancelled
    d.next_event_date, -- Nearest of appointment, procedure and TCI date that lie ahead
    d.next_event_date is null as is_undated, -- Nothing lies ahead
    coalesce(d.tci_date < k.census_date, false) as is_tci_lapsed, -- The TCI date has gone by and the patient waits on
    d.tci_date >= d.breach_date as is_tci_after_breach, -- The TCI date is over 18 weeks; null without either date
    d.first_activity_date, -- First attended activity: recorded, else from appointments
    r.referral_priority_code, -- Priority of the referral: 1 routine, 2 urgent, 3 urgent suspected cancer
    d.clinical_priority_code, -- Clinician-assigned priority P1a to P6 or D1 to D4; null when unknown
    d.clinical_priority_code is null as is_priority_unknown, -- No clinical priority: a section of its own, reviewed first
    d.priority_sort_order, -- Place of the priority on a worklist; null when unknown
    d.priority_target_days, -- Days within which that priority is to be treated; null when none is set
    d.priority_target_date, -- Date by which it is to be treated
    k.census_date - d.priority_target_date as days_past_priority_target, -- Days past that date; negative before it
    d.priority_review_date, -- Date the priority is next to be reviewed
    d.priority_review_date <= k.census_date as is_priority_review_due, -- That date has come; null without one
    x.risk_score, -- Risk score, the sum of its known parts; shown, and no sort key
    x.risk_score_age, -- Its part for age
    x.risk_score_conditions, -- Its part for active conditions
    x.risk_score_prior_admissions, -- Its part for prior admissions
    coalesce(x.risk_tier, 'UNKNOWN') as risk_tier, -- Tier of the score
    x.recorded_risk_level, -- The extract's own risk level
    x.is_risk_disagreement, -- The two disagree
    coalesce(x.age_band, 'Unknown') as age_band, -- Age band at the census
    x.imd_decile, -- Deprivation decile at the census, 1 most deprived
    x.deprivation_quintile, -- Deprivation quintile at the census, 1 most deprived
    r.on_cancer_list as is_on_cancer_list, -- Also on a cancer waiting list; null when not recorded
    r.last_validation_date, -- Date the period was last validated
    v.is_validation_due, -- Validation is due at 12, 26 and 52 weeks and 12 weeks after the last
    k.prior_wait_days, -- Days waited before active monitoring; null when not known
    k.queue_date, -- Date of the place in the queue
    coalesce(r.is_carried_forward, false) as is_carried_forward, -- A newer delivery of the referral is in quarantine
    k.data_quality_flags
    || array_remove(
        array[
            case when p.patient_sk is null then 'patient_unknown' end,
            case when k.is_trust_unknown then 'trust_unknown' end,
            case when r.gp_id is not null and g.gp_id is null then 'gp_unknown' end,
            case when r.is_carried_forward then 'carried_forward' end
        ],
        null
    ) as data_quality_flags -- What is doubtful about the row, in words of the data-quality page
from keyed as k
inner join dated as d on k.period_sk = d.period_sk
inner join validations as v on k.period_sk = v.period_sk
cross join thresholds as t
left join referrals as r on k.clock_id = r.referral_id
left join patients as p on k.patient_sk = p.patient_sk
left join known_gps as g on r.gp_id = g.gp_id
left join risks as x on k.patient_id = x.patient_id
left join threshold_steps as s on k.wait_days >= s.after_days and k.wait_days < s.over_days
