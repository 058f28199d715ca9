/*
One row per referral that is delivered at the census (and per planned procedure without a referral): the pathway it
belongs to, when its clock starts and on what basis, and what the row itself says of its end.

The start, in this order (G §2–§3, §11):
1. the recorded RTT period start; for a transfer from another provider that is the ORIGINAL date;
2. a transfer in without it: unknown, for the referral date would hide the wait so far;
3. rejected and re-referred on one pathway: the first conversion;
4. the date the provider received the referral (for e-RS the conversion date);
5. the referral date.
A pathway is its identifier within its issuer; without one the referral stands in. The patient is part of the key, so
that an identifier given to two patients by mistake loses neither.

---
kind: intermediate
grain: [clock_id]
not_null: [patient_id, pathway_key, clock_start_basis]
*/
with
referrals as (
    select
        r.referral_id,
        r.patient_id,
        r.trust_id,
        r.treatment_function_code,
        r.referral_date,
        r.received_date,
        r.referral_status,
        r.pathway_id,
        r.pathway_issuer,
        r.rtt_status_code,
        r.clock_start_date,
        r.clock_stop_date,
        r.status_date,
        r.transferred_out_date,
        r.transferred_in,
        r.waiting_list_type,
        r.decision_to_treat_date
    from stg_referrals as r
    where r.is_current
),

closures as (
    select
        c.referral_id,
        c.closed_seen_date
    from stg_referral_closures as c
),

deaths as (
    select
        p.patient_id,
        p.death_date
    from stg_patients as p
    where p.is_current and p.death_date is not null
),

planned_alone as (
    select
        p.procedure_id,
        p.patient_id,
        p.trust_id,
        p.treatment_function_code,
        p.pathway_id
    from int_procedures as p
    left join referrals as r on p.referral_id = r.referral_id
    where p.is_current and p.is_planned_care and p.due_date is not null and r.referral_id is null
),

keyed as (
    select
        r.*,
        coalesce(r.received_date, r.referral_date) as origin_date,
        case
            when r.pathway_id is null then r.patient_id || '|referral|' || r.referral_id
            else r.patient_id || '|pathway|' || coalesce(r.pathway_issuer, r.trust_id, '') || '|' || r.pathway_id
        end as pathway_key
    from referrals as r
),

rejected_pathways as (
    select distinct k.pathway_key
    from keyed as k
    where k.referral_status = 'rejected' and k.pathway_id is not null
),

-- A rejected referral and the one that follows it on its pathway share a number.
attempts as (
    select
        k.referral_id,
        k.pathway_key,
        k.origin_date,
        count(*) filter (where k.referral_status is distinct from 'rejected') over (
            partition by k.pathway_key
            order by k.origin_date, k.referral_id
            rows between unbounded preceding and 1 preceding
        ) as attempt_no
    from keyed as k
    inner join rejected_pathways as p on k.pathway_key = p.pathway_key
),

conversions as (
    select
        a.referral_id,
        min(a.origin_date) over (partition by a.pathway_key, a.attempt_no) as first_conversion_date
    from attempts as a
)

select
    k.referral_id as clock_id, -- What the clock runs on: the referral, or the planned procedure without one
    k.referral_id, -- The Trust's own identifier of the referral; null for a planned procedure without one
    k.patient_id, -- The Trust's own identifier of the person
    k.trust_id, -- The trust that is responsible, as delivered
    k.treatment_function_code, -- Current treatment function; null when unknown
    k.pathway_id, -- Patient pathway identifier, as delivered
    k.pathway_key, -- Patient, pathway and issuer; without a pathway the referral stands in
    case
        when k.clock_start_date is not null then k.clock_start_date
        when k.transferred_in then null
        else least(n.first_conversion_date, k.origin_date)
    end as clock_start_date, -- Start of the clock; null when a transfer came without its original date
    case
        when k.clock_start_date is not null and k.transferred_in then 'transfer_original'
        when k.clock_start_date is not null and k.rtt_status_code = '11' then 'active_monitoring_end'
        when k.clock_start_date is not null then 'rtt_recorded'
        when k.transferred_in then 'unknown'
        when n.first_conversion_date < k.origin_date then 'first_conversion'
        when k.received_date is not null then 'received_date'
        else 'referral_date'
    end as clock_start_basis, -- What the start rests on
    (
        k.clock_start_date is null and coalesce(k.rtt_status_code, '99') = '99'
    ) as is_start_inferred, -- No RTT start and no RTT status was delivered
    k.origin_date, -- Date received, else of the referral, whatever the recorded clock start
    case
        when k.received_date is not null then 'received_date'
        else 'referral_date'
    end as origin_basis, -- Which of the two the origin is
    k.referral_status, -- State of the referral
    k.rtt_status_code, -- RTT period status of the referral as of the extract
    (
        coalesce(k.rtt_status_code in ('90', '91', '92', '98'), false)
        and k.clock_start_date is null
        and k.clock_stop_date is null
    ) as is_outside_rtt, -- The RTT status says that this row is no RTT period
    k.clock_stop_date as recorded_stop_date, -- Recorded stop of the RTT period, as delivered
    k.transferred_out_date, -- Date responsibility passed to another provider
    k.status_date, -- Date of the referral's present status
    s.closed_seen_date, -- Extract that first said the referral was closed
    k.decision_to_treat_date, -- Decision to treat
    k.waiting_list_type, -- Waiting for admission or not
    d.death_date -- Date of the patient's death
from keyed as k
left join conversions as n on k.referral_id = n.referral_id
left join closures as s on k.referral_id = s.referral_id
left join deaths as d on k.patient_id = d.patient_id
union all
select
    'procedure|' || p.procedure_id as clock_id,
    null as referral_id,
    p.patient_id,
    p.trust_id,
    p.treatment_function_code,
    p.pathway_id,
    case
        when p.pathway_id is null then p.patient_id || '|procedure|' || p.procedure_id
        else p.patient_id || '|pathway|' || coalesce(p.trust_id, '') || '|' || p.pathway_id
    end as pathway_key,
    null as clock_start_date,
    'planned_care' as clock_start_basis,
    true as is_start_inferred,
    null as origin_date,
    null as origin_basis,
    null as referral_status,
    null as rtt_status_code,
    true as is_outside_rtt,
    null as recorded_stop_date,
    null as transferred_out_date,
    null as status_date,
    null as closed_seen_date,
    null as decision_to_treat_date,
    null as waiting_list_type,
    d.death_date
from planned_alone as p
left join deaths as d on p.patient_id = d.patient_id
