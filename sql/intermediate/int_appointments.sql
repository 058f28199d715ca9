/*
One row per appointment ever delivered: what became of it, which referral it belongs to, and what is not
known of it.

Attendance: the recorded NHS code wins, except that 0 (not yet) gives way to a status that says more; only 3
is a DNA, 7 (late and not seen) and cancellations at any notice are not (RTT guidance). An outcome counts
from the appointment's date on: one said to be attended after the census is flagged and not counted. A
scheduled or delayed appointment whose date has gone by has an outcome missing; it is no DNA.
Referral: by referral_id where that referral is the same patient's; else patient, trust, specialty and
referral date; else patient, trust and referral date where that is unique, because hospital departments and
referral specialties differ. A match that could be several is none.
First: as recorded; else an appointment before which no other of its referral was attended.

---
kind: intermediate
grain: [appointment_id]
indexes: [[referral_id], [patient_id]]
*/
with
appointments as (
    select
        appointment_id,
        patient_id,
        trust_id,
        treatment_function_code,
        appointment_date,
        appointment_status,
        referral_date,
        recorded_wait_weeks,
        referral_id,
        pathway_id,
        attendance_code,
        appointment_type,
        outcome_code,
        rtt_status_code,
        is_communicated,
        booked_date,
        cancelled_date,
        cancelled_by,
        cancel_reason_code,
        delay_reason_code,
        session_id,
        session_type,
        site_code,
        consultant_code,
        is_pifu,
        flags,
        load_id,
        line_no,
        valid_from,
        is_current,
        is_carried_forward
    from stg_appointments
),

referrals as (
    select
        referral_id,
        patient_id,
        trust_id,
        treatment_function_code,
        referral_date,
        is_current
    from stg_referrals
),

-- One current referral of a patient, trust, specialty and date, or it is no match.
by_specialty as (
    select
        patient_id,
        trust_id,
        treatment_function_code,
        referral_date,
        min(referral_id) as referral_id,
        count(*) as referral_count
    from referrals
    where is_current and treatment_function_code is not null
    group by patient_id, trust_id, treatment_function_code, referral_date
),

by_date as (
    select
        patient_id,
        trust_id,
        referral_date,
        min(referral_id) as referral_id,
        count(*) as referral_count
    from referrals
    where is_current
    group by patient_id, trust_id, referral_date
),

matched as (
    select
        a.appointment_id,
        coalesce(
            r.referral_id,
            case when s.referral_count = 1 then s.referral_id end,
            case when d.referral_count = 1 then d.referral_id end
        ) as referral_id,
        case
            when r.referral_id is not null then 'referral_id'
            when s.referral_count = 1 then 'patient_trust_specialty_date'
            when d.referral_count = 1 then 'patient_trust_date'
            when d.referral_count > 1 then 'ambiguous'
            else 'none'
        end as referral_match_basis
    from appointments as a
    left join referrals as r on a.referral_id = r.referral_id and a.patient_id = r.patient_id
    left join by_specialty as s
        on
        a.patient_id = s.patient_id
        and a.trust_id = s.trust_id
        and a.treatment_function_code = s.treatment_function_code
        and a.referral_date = s.referral_date
    left join by_date as d
        on a.patient_id = d.patient_id and a.trust_id = d.trust_id and a.referral_date = d.referral_date
),

with_attendance as (
    select
        a.appointment_id,
        coalesce(
            nullif(a.attendance_code, '0'),
            case a.appointment_status
                when 'attended' then '5'
                when 'late_not_seen' then '7'
                when 'no_show' then '3'
                when 'cancelled_by_patient' then '2'
                when 'cancelled_by_provider' then '4'
                when 'cancelled' then case a.cancelled_by when 'patient' then '2' when 'provider' then '4' end
                when 'scheduled' then '0'
                when 'delayed' then '0'
            end,
            case when a.appointment_status is null then a.attendance_code end
        ) as attendance_code,
        a.appointment_date > c.census_date as is_future
    from appointments as a
    cross join census as c
),

with_outcome as (
    select
        w.appointment_id,
        w.attendance_code,
        w.is_future,
        coalesce(w.attendance_code in ('5', '6'), false) and not w.is_future as is_attended
    from with_attendance as w
),

-- Of a referral's appointments that are still delivered: those up to the first attended one.
firsts as (
    select
        m.appointment_id,
        not coalesce(
            bool_or(o.is_attended) over (
                partition by m.referral_id
                order by a.appointment_date, a.appointment_id
                rows between unbounded preceding and 1 preceding
            ),
            false
        ) as is_before_attendance
    from matched as m
    inner join appointments as a on m.appointment_id = a.appointment_id
    inner join with_outcome as o on m.appointment_id = o.appointment_id
    where m.referral_id is not null and a.is_current
)

select
    a.appointment_id, -- The Trust's own identifier of the appointment
    a.patient_id, -- The patient
    m.referral_id, -- The referral it belongs to, by referral_match_basis; null when none or several fit
    a.referral_id as recorded_referral_id, -- The referral the extract names, whether or not it exists
    m.referral_match_basis, -- referral_id, patient_trust_specialty_date, patient_trust_date, ambiguous, none
    a.pathway_id, -- Patient pathway identifier
    a.trust_id, -- The trust that holds the appointment
    a.treatment_function_code, -- Treatment function of the appointment
    a.referral_date, -- Date of the referral it belongs to, as the extract says
    a.appointment_date, -- Date of the appointment
    (a.appointment_date + (7 - extract(isodow from a.appointment_date)::integer))::date
        as week_end_date, -- Sunday that ends the week of the appointment
    a.appointment_status, -- What became of it, in the extract's words
    o.attendance_code, -- NHS attendance code: as recorded, else from the status; null when neither says
    coalesce(
        case a.appointment_type when 'first' then true when 'follow_up' then false end, f.is_before_attendance
    ) as is_first, -- First appointment: recorded, else none of its referral was attended before; null unknown
    case
        when a.appointment_type is not null then 'recorded'
        when f.is_before_attendance is not null then 'inferred'
        else 'unknown'
    end as is_first_basis, -- Where is_first comes from: recorded, inferred or unknown
    o.is_attended, -- Seen, on time or late (5, 6), on a date not after the census
    coalesce(o.attendance_code = '3', false) and not o.is_future
        as is_dna, -- Did not attend without notice (3 alone)
    coalesce(o.attendance_code = '7', false) and not o.is_future as is_late_not_seen, -- Late and not seen (7)
    coalesce(o.attendance_code = '2', false) as is_cancelled_by_patient, -- Cancelled by the patient (2)
    coalesce(o.attendance_code = '4', false) as is_cancelled_by_provider, -- Cancelled by the provider (4)
    coalesce(a.appointment_status = 'cancelled' and o.attendance_code is null, false)
        as is_cancelled_by_unknown, -- Cancelled, the extract does not say by whom
    o.is_future, -- Dated after the census
    not o.is_future
    and (
        coalesce(o.attendance_code = '0', false)
        or (o.attendance_code is null and a.appointment_status is distinct from 'cancelled')
    ) as is_outcome_missing, -- The date has gone by and nothing says what became of it; not a DNA
    o.is_future and coalesce(o.attendance_code in ('3', '5', '6', '7'), false)
        as is_outcome_in_future, -- Said to be attended or missed after the census: kept, not counted
    coalesce(
        a.attendance_code <> '0'
        and o.attendance_code <> case a.appointment_status
            when 'attended' then case when a.attendance_code = '6' then '6' else '5' end
            when 'late_not_seen' then '7'
            when 'no_show' then '3'
            when 'cancelled_by_patient' then '2'
            when 'cancelled_by_provider' then '4'
        end,
        false
    ) as is_status_conflict, -- Recorded attendance code and status contradict each other; the code is used
    a.rtt_status_code, -- RTT period status this activity gave
    a.outcome_code, -- Outcome of the attendance
    a.is_communicated, -- The appointment was clearly communicated to the patient; null when not recorded
    a.booked_date, -- Date the appointment was made
    a.cancelled_date, -- Date it was cancelled
    a.cancel_reason_code, -- Why it was cancelled
    a.delay_reason_code, -- Recorded reason for delay
    a.session_id, -- The planned session it was booked into
    coalesce(a.session_type, 'clinic') as session_type, -- As recorded, else clinic: the extract is outpatient
    a.site_code, -- ODS code of the site
    a.consultant_code, -- Code of the consultant
    a.is_pifu, -- Moved to patient-initiated follow-up
    a.recorded_wait_weeks, -- The extract's own wait in weeks; kept beside ours and never used
    a.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    a.load_id, -- The load that delivered this version
    a.line_no, -- Line of the file at which the record starts
    a.valid_from, -- Extract date of this version
    a.is_current, -- Delivered still: not deleted, not absent from a later full extract
    a.is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from appointments as a
inner join matched as m on a.appointment_id = m.appointment_id
inner join with_outcome as o on a.appointment_id = o.appointment_id
left join firsts as f on a.appointment_id = f.appointment_id
