/*
One row per RTT period open at the census: the postcode district the patient lives in, the site that cares for them, and the
straight line between the two.

- The site is the referral's where the seed site knows its code; else the main site of the responsible trust, found by the
  trust's ODS code, marked main_site; else UNKNOWN.
- A district that the seed geography lacks, or none at all, is UNKNOWN.
- The distance is null where either is unknown. No row is lost for it.

---
kind: intermediate
grain: [period_sk]
*/
with
periods as (
    select
        p.period_sk,
        p.clock_id,
        p.patient_id,
        p.trust_id
    from int_rtt_periods as p
    where p.is_open
),

referrals as (
    select
        r.referral_id,
        r.site_code
    from stg_referrals as r
    where r.is_current
),

patients as (
    select
        s.patient_id,
        split_part(s.postcode, ' ', 1) as postcode_district
    from stg_patients as s
),

trusts as (
    select
        t.trust_id,
        t.provider_code
    from stg_trusts as t
),

sites as (
    select s.site_code
    from ref_site as s
),

-- The first by code, should a seed name two: a pathway must not be at both.
main_sites as (
    select
        m.provider_code,
        min(m.site_code) as site_code
    from ref_site as m
    where m.is_main
    group by m.provider_code
),

districts as (
    select g.postcode_district
    from ref_geography as g
),

distances as (
    select
        d.postcode_district,
        d.site_code,
        d.distance_km
    from int_site_distance as d
),

placed as (
    select
        p.period_sk,
        coalesce(g.postcode_district, 'UNKNOWN') as postcode_district,
        coalesce(s.site_code, m.site_code, 'UNKNOWN') as site_code,
        case
            when s.site_code is not null then 'recorded'
            when m.site_code is not null then 'main_site'
            else 'unknown'
        end as site_basis
    from periods as p
    left join referrals as r on p.clock_id = r.referral_id
    left join sites as s on r.site_code = s.site_code
    left join trusts as t on p.trust_id = t.trust_id
    left join main_sites as m on t.provider_code = m.provider_code
    left join patients as a on p.patient_id = a.patient_id
    left join districts as g on a.postcode_district = g.postcode_district
)

select
    p.period_sk, -- Pseudonymous key of the RTT period
    p.postcode_district, -- Outward part of the patient's postcode; UNKNOWN when not in the seed geography
    p.site_code, -- ODS code of the site; UNKNOWN when neither it nor the trust's main site is in the seed site
    p.site_basis, -- recorded, main_site (of the trust, the code being missing or not in the seed) or unknown
    d.distance_km -- Straight line from district to site in km; null when either is unknown
from placed as p
left join distances as d on p.postcode_district = d.postcode_district and p.site_code = d.site_code
