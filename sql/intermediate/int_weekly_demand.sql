/*
One row per week, trust and treatment function from the first referral on: what was asked of it that week.

Demand is referrals received, by the date the provider received them (else the referral date); those
rejected are counted apart, for they leave again without care. Decisions to admit are the demand on
theatres. Weeks in which nothing came are here with zeros, so that a mean or a variation over weeks is
right. Only weeks that have ended by the census and what is delivered still.

---
kind: intermediate
grain: [week_end_date, trust_id, treatment_function_code]
*/
with
trusts as (
    select trust_id
    from stg_trusts
),

referrals as (
    select
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(r.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        coalesce(r.received_date, r.referral_date) as demand_date,
        coalesce(r.referral_status = 'rejected', false) as is_rejected,
        r.referral_priority_code
    from stg_referrals as r
    left join trusts as t on r.trust_id = t.trust_id
    where r.is_current
),

admissions as (
    select
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(p.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        p.decision_to_admit_date as demand_date
    from int_procedures as p
    left join trusts as t on p.trust_id = t.trust_id
    where p.is_current and p.decision_to_admit_date is not null
),

demands as (
    select
        trust_id,
        treatment_function_code,
        demand_date,
        1 as referral_count,
        is_rejected::integer as rejected_referral_count,
        coalesce(referral_priority_code = '2', false)::integer as urgent_referral_count,
        coalesce(referral_priority_code = '3', false)::integer as suspected_cancer_referral_count,
        0 as decision_to_admit_count
    from referrals
    union all
    select
        trust_id,
        treatment_function_code,
        demand_date,
        0 as referral_count,
        0 as rejected_referral_count,
        0 as urgent_referral_count,
        0 as suspected_cancer_referral_count,
        1 as decision_to_admit_count
    from admissions
),

weeks as (
    select
        (d.demand_date + (7 - extract(isodow from d.demand_date)::integer))::date as week_end_date,
        d.trust_id,
        d.treatment_function_code,
        sum(d.referral_count)::integer as referral_count,
        sum(d.rejected_referral_count)::integer as rejected_referral_count,
        sum(d.urgent_referral_count)::integer as urgent_referral_count,
        sum(d.suspected_cancer_referral_count)::integer as suspected_cancer_referral_count,
        sum(d.decision_to_admit_count)::integer as decision_to_admit_count
    from demands as d
    cross join census as c
    where d.demand_date <= c.census_date
    group by
        (d.demand_date + (7 - extract(isodow from d.demand_date)::integer))::date,
        d.trust_id,
        d.treatment_function_code
),

services as (
    select
        trust_id,
        treatment_function_code,
        min(week_end_date) as first_week_end_date
    from weeks
    group by trust_id, treatment_function_code
),

calendar as (
    select
        s.trust_id,
        s.treatment_function_code,
        g.day::date as week_end_date
    from services as s
    cross join census as c
    cross join lateral generate_series(s.first_week_end_date, c.census_date, interval '7 days') as g (day)
)

select
    k.week_end_date, -- Sunday that ends the week
    k.trust_id, -- The trust; UNKNOWN when not delivered
    k.treatment_function_code, -- Treatment function; UNKNOWN when not mapped
    coalesce(w.referral_count, 0) as referral_count, -- Referrals received
    coalesce(w.rejected_referral_count, 0) as rejected_referral_count, -- Of these, rejected since
    coalesce(w.urgent_referral_count, 0) as urgent_referral_count, -- Of these, urgent
    coalesce(w.suspected_cancer_referral_count, 0)
        as suspected_cancer_referral_count, -- Of these, urgent for suspected cancer
    coalesce(w.decision_to_admit_count, 0) as decision_to_admit_count -- Decisions to admit made
from calendar as k
left join weeks as w
    on
    k.week_end_date = w.week_end_date
    and k.trust_id = w.trust_id
    and k.treatment_function_code = w.treatment_function_code
