/*
One row per trust, source and measure of the quality of what it delivers, as of the census: completeness, validity,
timeliness and consistency. Each census adds its own rows, so the table is a series. It shows how standard the logging of
waits and capacity is between trusts.

A function of the extracts alone: what was delivered, mended or left unknown (the flags of the row), and what was set aside
(a row whose newest delivery is in quarantine is carried on with its last good version). A row that was never good is not
here but in the load audit. Patients name no trust and stand under all trusts (trust_sk -1).
- completeness: the value is there. validity: no value of the row was mended or left unknown, no newer delivery refused.
- timeliness: of what should be known by now, what is; of what comes, what is announced.
- consistency: two things that must agree, do.
A rate is 1 when all is well. The target of a measure, its owner and why it matters are the seed quality_measure. A low rate of
a small trust is few rows: look at the count.

---
kind: snapshot
grain: [census_date, trust_sk, source, measure_code]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
not_null: [quality_dimension, checked_count, good_count]
readers: clinical
owner: Trust data quality lead
disclosure:
  counts: [checked_count, good_count]
  ratios: {good_rate: [good_count, checked_count]}
  shown: [quality_dimension, target_rate]
*/
with
measures as (
    select
        m.source,
        m.measure_code,
        m.quality_dimension,
        m.target_rate
    from ref_quality_measure as m
),

trusts as (
    select
        t.trust_id,
        t.trust_sk
    from dim_trust as t
),

referrals as (
    select
        r.trust_id,
        count(*) as n,
        count(r.treatment_function_code) as specialty_known,
        count(r.rtt_status_code) as rtt_status_known,
        count(r.referral_priority_code) as priority_known,
        count(*) filter (where r.flags is null) as unmended,
        count(*) filter (where not r.is_carried_forward) as accepted,
        count(*) filter (where p.patient_id is not null) as patient_found,
        count(*) filter (where r.referral_status in ('open', 'pending', 'accepted')) as running,
        count(*) filter (
            where r.referral_status in ('open', 'pending', 'accepted')
            and (r.last_validation_date > c.census_date - 84 or r.referral_date > c.census_date - 84)
        ) as validated,
        count(*) filter (where r.clock_start_date is not null and r.clock_stop_date is not null) as both_dates,
        count(*) filter (where r.clock_start_date <= r.clock_stop_date) as dates_in_order
    from stg_referrals as r
    cross join census as c
    left join stg_patients as p on r.patient_id = p.patient_id
    where r.is_current
    group by r.trust_id
),

appointments as (
    select
        a.trust_id,
        count(*) as n,
        count(a.treatment_function_code) as specialty_known,
        count(a.booked_date) as booked_date_known,
        count(a.session_id) as session_known,
        count(*) filter (where a.flags is null) as unmended,
        count(*) filter (where not a.is_carried_forward) as accepted,
        count(*) filter (where a.referral_match_basis not in ('none', 'ambiguous')) as referral_found,
        count(*) filter (where not a.is_status_conflict) as status_agrees,
        count(*) filter (where not a.is_future and a.appointment_date > c.census_date - 28) as recent,
        count(*) filter (
            where not a.is_future and a.appointment_date > c.census_date - 28 and not a.is_outcome_missing
        ) as recent_outcome,
        count(*) filter (where a.is_cancelled_by_patient or a.is_cancelled_by_provider or a.is_cancelled_by_unknown)
            as cancelled,
        count(*) filter (
            where (a.is_cancelled_by_patient or a.is_cancelled_by_provider) and a.cancel_reason_code is not null
        ) as cancel_explained
    from int_appointments as a
    cross join census as c
    where a.is_current
    group by a.trust_id
),

procedures as (
    select
        p.trust_id,
        count(*) as n,
        count(*) filter (where p.procedure_role <> 'unknown') as role_known,
        count(p.clinical_priority_code) as priority_known,
        count(*) filter (where p.flags is null) as unmended,
        count(*) filter (where not p.is_carried_forward) as accepted,
        count(*) filter (where p.referral_id is not null) as referral_found,
        count(*) filter (where p.is_completed or p.is_actual_date_missing) as done,
        count(*) filter (where p.is_completed) as done_dated,
        count(*) filter (where p.is_completed or p.is_outcome_missing) as due,
        count(*) filter (where p.is_completed) as due_outcome
    from int_procedures as p
    where p.is_current
    group by p.trust_id
),

sessions as (
    select
        s.trust_id,
        count(*) as n,
        count(s.planned_slots) as slots_known,
        count(s.treatment_function_code) as specialty_known,
        count(s.site_code) as site_known,
        count(*) filter (where s.flags is null) as unmended,
        count(*) filter (where not s.is_carried_forward) as accepted,
        count(*) filter (where s.session_status = 'cancelled') as cancelled,
        count(*) filter (where s.session_status = 'cancelled' and s.cancel_reason_code is not null) as cancel_explained,
        count(*) filter (where s.session_date <= c.census_date) as past,
        count(*) filter (where s.session_date <= c.census_date and s.session_status in ('held', 'cancelled'))
            as past_closed
    from stg_sessions as s
    cross join census as c
    where s.is_current
    group by s.trust_id
),

answers as (
    select
        e.trust_id,
        count(*) as n,
        count(e.answer_code) as answer_known,
        count(e.treatment_function_code) as specialty_known,
        count(*) filter (where e.flags is null) as unmended,
        count(*) filter (where not e.is_carried_forward) as accepted
    from stg_experience as e
    where e.is_current
    group by e.trust_id
),

persons as (
    select
        count(*) filter (where d.has_valid_nhs_number) as nhs_number_valid,
        count(*) filter (where d.person_id_count = 1) as one_identifier
    from dim_patient as d
    where d.is_current and not d.is_unknown
),

patients as (
    select
        count(*) as n,
        min(d.nhs_number_valid) as nhs_number_valid,
        count(*) filter (where p.ethnic_category_code not in ('Z', '99')) as ethnicity_known,
        count(p.birth_date) as birth_date_known,
        count(p.postcode) as postcode_known,
        count(*) filter (where p.flags is null) as unmended,
        count(*) filter (where not p.is_carried_forward) as accepted,
        min(d.one_identifier) as one_identifier
    from stg_patients as p
    cross join persons as d
    where p.is_current
),

measured as (
    select
        r.trust_id,
        'referrals' as source,
        x.measure_code,
        x.checked_count,
        x.good_count
    from referrals as r
    cross join
        lateral (
            values
            ('specialty_known', r.n, r.specialty_known),
            ('rtt_status_known', r.n, r.rtt_status_known),
            ('priority_known', r.n, r.priority_known),
            ('unmended', r.n, r.unmended),
            ('accepted', r.n, r.accepted),
            ('patient_found', r.n, r.patient_found),
            ('validated', r.running, r.validated),
            ('dates_in_order', r.both_dates, r.dates_in_order)
        ) as x (measure_code, checked_count, good_count)
    union all
    select
        a.trust_id,
        'appointments' as source,
        x.measure_code,
        x.checked_count,
        x.good_count
    from appointments as a
    cross join
        lateral (
            values
            ('specialty_known', a.n, a.specialty_known),
            ('booked_date_known', a.n, a.booked_date_known),
            ('session_known', a.n, a.session_known),
            ('unmended', a.n, a.unmended),
            ('accepted', a.n, a.accepted),
            ('referral_found', a.n, a.referral_found),
            ('status_agrees', a.n, a.status_agrees),
            ('outcome_in_time', a.recent, a.recent_outcome),
            ('cancel_explained', a.cancelled, a.cancel_explained)
        ) as x (measure_code, checked_count, good_count)
    union all
    select
        p.trust_id,
        'procedures' as source,
        x.measure_code,
        x.checked_count,
        x.good_count
    from procedures as p
    cross join
        lateral (
            values
            ('role_known', p.n, p.role_known),
            ('priority_known', p.n, p.priority_known),
            ('unmended', p.n, p.unmended),
            ('accepted', p.n, p.accepted),
            ('referral_found', p.n, p.referral_found),
            ('done_dated', p.done, p.done_dated),
            ('outcome_in_time', p.due, p.due_outcome)
        ) as x (measure_code, checked_count, good_count)
    union all
    select
        s.trust_id,
        'sessions' as source,
        x.measure_code,
        x.checked_count,
        x.good_count
    from sessions as s
    cross join
        lateral (
            values
            ('slots_known', s.n, s.slots_known),
            ('specialty_known', s.n, s.specialty_known),
            ('site_known', s.n, s.site_known),
            ('unmended', s.n, s.unmended),
            ('accepted', s.n, s.accepted),
            ('cancel_explained', s.cancelled, s.cancel_explained),
            ('status_in_time', s.past, s.past_closed)
        ) as x (measure_code, checked_count, good_count)
    union all
    select
        a.trust_id,
        'experience' as source,
        x.measure_code,
        x.checked_count,
        x.good_count
    from answers as a
    cross join
        lateral (
            values
            ('answer_known', a.n, a.answer_known),
            ('specialty_known', a.n, a.specialty_known),
            ('unmended', a.n, a.unmended),
            ('accepted', a.n, a.accepted)
        ) as x (measure_code, checked_count, good_count)
    union all
    select
        'ALL' as trust_id,
        'patients' as source,
        x.measure_code,
        x.checked_count,
        x.good_count
    from patients as p
    cross join lateral (
        values
        ('nhs_number_valid', p.n, p.nhs_number_valid),
        ('ethnicity_known', p.n, p.ethnicity_known),
        ('birth_date_known', p.n, p.birth_date_known),
        ('postcode_known', p.n, p.postcode_known),
        ('unmended', p.n, p.unmended),
        ('accepted', p.n, p.accepted),
        ('one_identifier', p.n, p.one_identifier)
    ) as x (measure_code, checked_count, good_count)
)

select
    c.census_date, -- Sunday of the census
    coalesce(t.trust_sk, 0) as trust_sk, -- The trust; 0 unknown; -1 all trusts: patients name none
    e.source, -- The extract
    e.measure_code, -- What is checked, of the seed quality_measure
    m.quality_dimension, -- completeness, validity, timeliness or consistency
    sum(e.checked_count)::bigint as checked_count, -- Rows that the measure applies to
    sum(e.good_count)::bigint as good_count, -- Of these, good
    round(sum(e.good_count) / nullif(sum(e.checked_count), 0), 4) as good_rate, -- Share that is good; null: nothing to check
    m.target_rate, -- Rate to reach, of the seed
    coalesce(sum(e.good_count) / nullif(sum(e.checked_count), 0) < m.target_rate, false)
        as is_below_target -- The rate is under its target
from measured as e
cross join census as c
inner join measures as m on e.source = m.source and e.measure_code = m.measure_code
left join trusts as t on e.trust_id = t.trust_id
group by c.census_date, coalesce(t.trust_sk, 0), e.source, e.measure_code, m.quality_dimension, m.target_rate
