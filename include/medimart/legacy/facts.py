"""What the comparison reads: the legacy tables, what is known of each pathway and booking, what the marts count.

All of it runs in a schema of models built as of a census, and names its tables as they stand there.
"""

from __future__ import annotations

from typing import LiteralString

# What a legacy warehouse held: the newest row of each key, words as they were typed, dates as dates.
TABLES: dict[str, LiteralString] = {
    "referrals": """
        select h.referral_id, h.patient_id, h.trust_id, h.referral_date, r.specialty, r.referral_status
        from history.referrals as h
        inner join raw.referrals as r on h.load_id = r.load_id and h.line_no = r.line_no
    """,
    "patients": """
        select h.patient_id, h.birth_date as dob, r.risk_level
        from history.patients as h
        inner join raw.patients as r on h.load_id = r.load_id and h.line_no = r.line_no
    """,
    "conditions": "select h.condition_id, h.patient_id, h.condition_name from history.conditions as h",
    "trusts": "select h.trust_id, h.trust_name from history.trusts as h",
    "appointments": """
        select h.appointment_id, h.trust_id, h.appointment_date as appt_date, r.specialty, r.appt_status
        from history.appointments as h
        inner join raw.appointments as r on h.load_id = r.load_id and h.line_no = r.line_no
    """,
}

AS_OF: LiteralString = """
    cross join census as c
    where not h.is_deleted and h.valid_from <= c.census_date and h.valid_to > c.census_date
"""

# One row per referral that is delivered, and per period on the list without one.
PATHWAYS: LiteralString = """
with
referrals as (
    select r.referral_id, r.patient_id, r.trust_id, r.treatment_function_code, r.referral_date, r.referral_status
    from stg_referrals as r
    where r.is_current
),
listed as (
    select
        p.clock_id, p.patient_id, p.trust_id, p.clock_start_date,
        w.period_sk, w.treatment_function_code, w.wait_days, w.over_18_weeks, w.over_52_weeks, w.risk_tier
    from int_rtt_periods as p
    inner join fct_waitlist as w on p.period_sk = w.period_sk
),
latest as (
    select distinct on (p.clock_id) p.clock_id, p.period_sk, p.clock_start_date, p.stop_kind, p.stop_basis
    from int_rtt_periods as p
    order by p.clock_id asc, p.period_no desc
),
listed_twice as (
    select c.clock_id
    from int_rtt_clocks as c
    inner join int_rtt_periods as p on c.pathway_key = p.pathway_key and c.clock_id <> p.clock_id
    where p.is_open and 'duplicate_period' = any(p.data_quality_flags)
),
subjects as (
    select
        coalesce(r.referral_id, w.clock_id) as clock_id,
        r.referral_id,
        coalesce(r.patient_id, w.patient_id) as patient_id,
        coalesce(w.trust_id, r.trust_id) as trust_id,
        coalesce(w.treatment_function_code, r.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        r.referral_date as referred_date,
        coalesce(r.referral_date, w.clock_start_date) as counted_from_date,
        r.referral_status,
        w.clock_id is not null as is_open,
        w.period_sk,
        w.clock_start_date,
        w.wait_days,
        w.over_18_weeks,
        w.over_52_weeks,
        w.risk_tier
    from referrals as r
    full join listed as w on r.referral_id = w.clock_id
),
breach_rows as (
    select b.referral_id, count(*) as n, sum(b.over_18_weeks) as over_18, sum(b.over_52_weeks) as over_52
    from dbo_vw_breachreport as b
    group by b.referral_id
),
risk_rows as (
    select
        k.referral_id,
        count(*) filter (where k.risk_band = 'High') as high,
        count(*) filter (where k.age >= 75) as aged
    from dbo_vw_riskview as k
    group by k.referral_id
),
with_conditions as (
    select distinct c.patient_id from dbo_conditions as c
),
thresholds as (
    select
        max(t.over_days) filter (where t.threshold_weeks = 18) as over_18_days,
        max(t.over_days) filter (where t.threshold_weeks = 52) as over_52_days
    from ref_wait_threshold as t
)
select
    coalesce(s.period_sk, l.period_sk) as period_sk,
    case when s.referral_id is not null then pseudonym('referral', s.referral_id) end as referral_sk,
    null::bigint as booking_sk,
    case when t.trust_id is null then 0 else pseudonym('trust', s.trust_id) end as trust_sk,
    s.treatment_function_code,
    s.referred_date,
    coalesce(s.clock_start_date, l.clock_start_date) as clock_start_date,
    s.wait_days,
    coalesce(b.n, 0) as waiting_rows,
    coalesce(b.over_18, 0) as over_18_rows,
    coalesce(b.over_52, 0) as over_52_rows,
    coalesce(k.high, 0) as high_risk_rows,
    coalesce(k.aged, 0) as aged_rows,
    coalesce(s.referral_status in ('open', 'accepted', 'pending'), false) as is_status_open,
    p.patient_id is not null and t.trust_id is not null as is_joined,
    s.is_open,
    case
        when s.is_open and s.referral_id is null then 'no_referral'
        when s.is_open and s.referral_status is null then 'status_unknown'
        when s.is_open then 'closed_runs_on'
        when d.clock_id is not null then 'duplicate'
        when l.clock_id is null then 'not_rtt'
        when l.stop_kind is null then 'not_started'
        when l.stop_kind in ('nullified', 'transferred_out') then l.stop_kind
        when l.stop_basis like 'active_monitoring%' then 'active_monitoring'
        when l.stop_basis = 'died' then 'died'
        else 'stopped'
    end as clock_reason,
    c.census_date - s.counted_from_date as referred_days,
    (
        floor((c.census_date - date '1899-12-31') / 7.0) - floor((s.counted_from_date - date '1899-12-31') / 7.0)
    )::integer as referred_sundays,
    h.over_18_days,
    h.over_52_days,
    s.over_18_weeks,
    s.over_52_weeks,
    extract(year from c.census_date) - extract(year from p.dob) as legacy_age,
    x.age_years,
    v.patient_id is not null as has_condition,
    coalesce(lower(rtrim(p.risk_level)) = 'high', false) as is_level_high,
    coalesce(x.recorded_risk_level in ('high', 'very_high'), false) as is_level_high_or_more,
    s.risk_tier in ('high', 'very_high') as is_tier_high
from subjects as s
cross join census as c
cross join thresholds as h
left join latest as l on s.clock_id = l.clock_id
left join (select distinct clock_id from listed_twice) as d on s.clock_id = d.clock_id
left join breach_rows as b on s.referral_id = b.referral_id
left join risk_rows as k on s.referral_id = k.referral_id
left join dbo_patients as p on s.patient_id = p.patient_id
left join dbo_trusts as t on s.trust_id = t.trust_id
left join with_conditions as v on s.patient_id = v.patient_id
left join int_patient_risk as x on s.patient_id = x.patient_id
"""

# One row per booking of the week, by either count of weeks.
BOOKINGS: LiteralString = """
with
bookings as (
    select
        'appointment' as kind,
        a.appointment_id as booking_id,
        a.trust_id,
        a.treatment_function_code,
        a.appointment_date as booking_date,
        not (a.is_cancelled_by_patient or a.is_cancelled_by_provider or a.is_cancelled_by_unknown) as is_standing
    from int_appointments as a
    where a.is_current
    union all
    select
        'procedure',
        p.procedure_id,
        case when p.trust_basis = 'recorded' then p.trust_id end,
        p.treatment_function_code,
        coalesce(p.actual_date, p.tci_date, p.planned_date),
        p.procedure_status is distinct from 'cancelled'
    from int_procedures as p
    where p.is_current
)
select
    null::bigint as period_sk,
    null::bigint as referral_sk,
    pseudonym(b.kind, b.booking_id) as booking_sk,
    case when t.trust_id is null then 0 else pseudonym('trust', b.trust_id) end as trust_sk,
    coalesce(b.treatment_function_code, 'UNKNOWN') as treatment_function_code,
    null::date as referred_date,
    null::date as clock_start_date,
    null::integer as wait_days,
    (v.appointment_id is not null)::integer as capacity_rows,
    b.kind = 'appointment' as is_appointment,
    b.is_standing,
    t.trust_id is not null as is_joined,
    b.booking_date > c.census_date - 7 as is_in_week,
    b.booking_date < c.census_date as is_in_legacy_week
from bookings as b
inner join census as c on b.booking_date between c.census_date - 7 and c.census_date
left join dbo_trusts as t on b.trust_id = t.trust_id
left join dbo_vw_capacityview as v on b.kind = 'appointment' and b.booking_id = v.appointment_id
"""


CURRENT: LiteralString = """
select
    count(*) as waiting,
    count(*) filter (where over_18_weeks) as over_18_weeks,
    count(*) filter (where over_52_weeks) as over_52_weeks,
    count(*) filter (where risk_tier in ('high', 'very_high')) as high_risk,
    count(*) filter (where age_band in ('75-84', '85+')) as aged_75_plus,
    (
        select coalesce(sum(w.planned_count), 0)
        from int_weekly_capacity as w
        inner join census as c on w.week_end_date = c.census_date
    )::integer as capacity
from fct_waitlist
"""

# NHS numbers that begin with 999 are reserved for test data.
IS_SYNTHETIC: LiteralString = """
select coalesce(bool_and(p.nhs_number like '999%'), false) from stg_patients as p where p.nhs_number is not null
"""
