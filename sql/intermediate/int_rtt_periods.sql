/*
One row per RTT period known at the census: running, stopped, nullified, transferred out or removed. A period is a
pathway's wait from one clock start to what ends it; a pathway can hold several, one after the other, and a patient
several pathways (G §2).

The events of a clock are taken in order. The first start opens a period, the first stop after it closes it, and a later
start opens the next. A period is open at the census when start <= census and nothing has ended it by then.
- An unknown stop (a closure without a date) leaves the list from the extract that first told of it and is no completion.
- A completed period takes the treatment function of the activity that stopped it; an incomplete one its current one.
- After active monitoring the clock is new but the patient keeps the old place: prior_wait_days and queue_date are
  carried along the pathway.
- The same period delivered on two referrals of one pathway is one row; a running one is kept before an ended one.
- A transfer between trusts whose extracts both come here leaves two rows: the sender's, transferred out, and the
  receiver's, which runs on from the original start (G §11).
- The key is the pathway and the clock start (and the sender, of what was transferred out), so it is the same in every
  rebuild; a corrected start is another period.

---
kind: intermediate
grain: [period_sk]
not_null: [clock_id, patient_id, pathway_key, clock_start_basis, is_open, is_inferred, data_quality_flags]
indexes: [[clock_id]]
*/
with
events as (
    select
        e.clock_id,
        e.event_source,
        e.source_id,
        e.signal,
        e.is_start,
        e.event_kind,
        e.event_basis,
        e.event_date,
        e.order_date,
        e.event_rank,
        e.treatment_function_code,
        e.is_admitted,
        e.is_inferred
    from int_rtt_events as e
    union all
    select
        m.clock_id,
        'procedure' as event_source,
        m.procedure_id as source_id,
        'treatment' as signal,
        false as is_start,
        'treatment' as event_kind,
        'treatment_inferred' as event_basis,
        m.actual_date as event_date,
        m.actual_date as order_date,
        5 as event_rank,
        m.treatment_function_code,
        m.is_admitted,
        true as is_inferred
    from int_treatment_matches as m
    where m.clock_id is not null
),

clocks as (
    select
        c.clock_id,
        c.referral_id,
        c.patient_id,
        c.trust_id,
        c.treatment_function_code,
        c.pathway_id,
        c.pathway_key,
        c.origin_date,
        c.referral_status,
        c.recorded_stop_date,
        c.waiting_list_type,
        d.census_date
    from int_rtt_clocks as c
    cross join census as d
),

activity as (
    select
        a.clock_id,
        a.unevidenced_dna_date,
        a.outcome_missing_date,
        a.running_date
    from int_clock_activity as a
),

in_order as (
    select
        e.*,
        lag(e.is_start, 1, false) over one_clock as follows_start
    from events as e
    window one_clock as (
        partition by e.clock_id
        order by e.order_date, e.event_rank, e.event_source, e.source_id, e.signal
    )
),

-- A start while the clock runs and an end while it doesn't have no effect: what is left takes turns, so that each start
-- is followed by its stop.
turns as (
    select
        o.clock_id,
        o.is_start,
        o.event_source as start_source,
        o.source_id as start_source_id,
        o.event_basis as clock_start_basis,
        o.event_date as clock_start_date,
        lead(o.event_source) over one_clock as stop_source,
        lead(o.source_id) over one_clock as stop_source_id,
        lead(o.event_kind) over one_clock as stop_event_kind,
        lead(o.event_basis) over one_clock as stop_basis,
        lead(o.event_date) over one_clock as stop_event_date,
        lead(o.treatment_function_code) over one_clock as stop_treatment_function_code,
        lead(o.is_admitted) over one_clock as is_admitted,
        o.is_inferred or lead(o.is_inferred, 1, false) over one_clock as is_inferred,
        lead(o.is_start, 2, false) over one_clock as has_later_period,
        (row_number() over one_clock + 1) / 2 as period_no
    from in_order as o
    where o.is_start <> o.follows_start
    window one_clock as (
        partition by o.clock_id
        order by o.order_date, o.event_rank, o.event_source, o.source_id, o.signal
    )
),

described as (
    select
        i.*,
        c.referral_id,
        c.patient_id,
        c.trust_id,
        c.pathway_id,
        c.pathway_key,
        c.origin_date,
        c.referral_status,
        c.recorded_stop_date,
        c.census_date,
        coalesce(i.stop_treatment_function_code, c.treatment_function_code) as treatment_function_code,
        coalesce(i.stop_basis = 'first_seen_closed', false) as is_stop_unknown,
        i.stop_event_kind is null as is_running,
        case
            when i.stop_event_kind = 'treatment'
                then
                    case
                        when coalesce(i.is_admitted, c.waiting_list_type = 'admitted', i.stop_source = 'procedure')
                            then 'admitted_stop'
                        else 'non_admitted_stop'
                    end
            else i.stop_event_kind
        end as stop_kind,
        coalesce(i.clock_start_date, cast('-infinity' as date)) as start_order,
        coalesce(to_char(i.clock_start_date, 'YYYY-MM-DD'), 'unknown|' || i.start_source_id) as start_key,
        case when i.stop_event_kind = 'transferred_out' then '|sender|' || coalesce(c.trust_id, '') else '' end as sender_key
    from turns as i
    inner join clocks as c on i.clock_id = c.clock_id
    where i.is_start
),

-- One period on two referrals of a pathway is one; a rejected attempt and the one that followed it are no duplicates.
ranked as (
    select
        d.*,
        row_number() over one_start as place,
        count(*) filter (where d.stop_basis is distinct from 'rejected') over (
            one_start rows between unbounded preceding and unbounded following
        ) as delivered_count
    from described as d
    window one_start as (
        partition by d.pathway_key, d.sender_key, d.start_order, d.start_key
        order by d.is_running desc, d.stop_event_date desc nulls last, d.clock_id asc, d.period_no asc
    )
),

periods as (
    select
        r.*,
        case when not r.is_stop_unknown then r.stop_event_date end as clock_stop_date,
        case when r.is_stop_unknown then r.stop_event_date end as first_seen_closed_date,
        r.is_running and coalesce(r.clock_start_date <= r.census_date, true) as is_open,
        case
            when r.is_running and r.clock_start_date <= r.census_date then r.census_date - r.clock_start_date
            when not r.is_stop_unknown then r.stop_event_date - r.clock_start_date
        end as wait_days
    from ranked as r
    where r.place = 1
),

-- Along a pathway: who comes back from active monitoring keeps the old place, anyone else takes a new one.
along_pathway as (
    select
        p.*,
        coalesce(
            lag(p.stop_basis) over one_pathway in ('active_monitoring_patient', 'active_monitoring_clinician'), false
        ) as is_return
    from periods as p
    window one_pathway as (partition by p.pathway_key, p.sender_key order by p.start_order, p.start_key)
),

with_place as (
    select
        a.*,
        count(*) filter (where not a.is_return) over (
            partition by a.pathway_key, a.sender_key
            order by a.start_order, a.start_key
            rows unbounded preceding
        ) as place_no
    from along_pathway as a
),

placed as (
    select
        w.*,
        sum(w.wait_days) over (
            one_place rows between unbounded preceding and 1 preceding
        ) as waited_before_days,
        first_value(w.clock_start_date) over one_place as place_date
    from with_place as w
    window one_place as (
        partition by w.pathway_key, w.sender_key, w.place_no
        order by w.start_order, w.start_key
    )
)

select
    pseudonym('period', p.pathway_key || '|' || p.start_key || p.sender_key) as period_sk, -- Pseudonymous key of the RTT period
    p.clock_id, -- The referral, or the planned procedure without one, that the clock runs on
    p.period_no, -- Place among the periods of that referral, from 1
    p.referral_id, -- The Trust's own identifier of the referral; null for a planned procedure without one
    p.patient_id, -- The Trust's own identifier of the person
    p.pathway_id, -- Patient pathway identifier, as delivered
    p.pathway_key, -- Patient, pathway and issuer; without a pathway the referral stands in
    p.trust_id, -- The trust that is responsible, as delivered
    p.treatment_function_code, -- Current treatment function; of the stopping activity once stopped; null: unknown
    p.clock_start_date, -- Start of the clock; null when unknown
    p.clock_start_basis, -- What the start rests on
    p.start_source, -- Who says so: referral, appointment or procedure
    p.start_source_id, -- Identifier of the row that says so
    case
        when p.clock_start_basis = 'transfer_original' then greatest(p.clock_start_date, p.origin_date)
        else p.clock_start_date
    end as on_list_date, -- Date from which it is on this trust's list: the clock start, or when a transfer was received
    p.clock_stop_date, -- Date the period ended; null while it runs and when unknown
    p.stop_kind, -- admitted_stop, non_admitted_stop, nullified, transferred_out, other_removal; null while it runs
    p.stop_basis, -- What the end rests on
    p.stop_source, -- Who says so: referral, appointment, procedure or patient
    p.stop_source_id, -- Identifier of the row that says so
    p.first_seen_closed_date, -- Extract that first told of a closure without a date
    coalesce(p.clock_stop_date, p.first_seen_closed_date) as off_list_date, -- Date from which it is off the list
    p.is_open, -- On the list at the census
    case
        when p.sender_key <> '' then pseudonym('period', p.pathway_key || '|' || p.start_key)
    end as sent_period_sk, -- Of what was transferred out: the key it had on the list, which the receiver's row carries on
    p.wait_days, -- Days from start to stop, or to the census while open; null when either is unknown
    coalesce(
        case when p.is_return then p.waited_before_days end,
        case when p.clock_start_basis <> 'active_monitoring_end' then 0 end
    )::integer as prior_wait_days, -- Days waited before active monitoring; null when the period before is not known
    case
        when p.is_return then p.place_date
        when p.clock_start_basis = 'active_monitoring_end' then least(p.origin_date, p.clock_start_date)
        else p.clock_start_date
    end as queue_date, -- Date of the place in the queue: the start of the first period before active monitoring
    p.is_inferred, -- Start or stop rests on the inference table, not on recorded RTT data
    array_remove(
        array[
            case when p.wait_days < 0 then 'negative_wait' end,
            case when p.clock_start_date is null then 'start_unknown' end,
            case when p.clock_start_date > p.census_date then 'start_in_future' end,
            case when p.is_running and p.recorded_stop_date > p.census_date then 'stop_in_future' end,
            case when p.is_stop_unknown then 'stop_unknown' end,
            case when p.is_running and a.unevidenced_dna_date >= coalesce(p.clock_start_date, a.unevidenced_dna_date)
                    then 'dna_not_evidenced'
            end,
            case when p.is_running and a.outcome_missing_date >= coalesce(p.clock_start_date, a.outcome_missing_date)
                    then 'outcome_missing'
            end,
            case
                when not p.is_running and not p.has_later_period and a.running_date > p.stop_event_date
                    then 'running_after_stop'
            end,
            case when p.is_running and p.referral_status in ('closed', 'completed', 'discharged')
                    then 'running_though_closed'
            end,
            case when p.referral_id is not null and p.referral_status is null then 'status_unknown' end,
            case when p.treatment_function_code is null then 'treatment_function_unknown' end,
            case when p.delivered_count > 1 then 'duplicate_period' end
        ],
        null
    ) as data_quality_flags -- What is doubtful about it, in words of the data-quality page
from placed as p
left join activity as a on p.clock_id = a.clock_id
