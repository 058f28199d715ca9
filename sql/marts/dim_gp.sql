/*
One row per general practitioner ever delivered, by their practice, and the unknown one. Referrals are
counted by practice, board and region through it; the practitioner's own name is of no use to that and is
left out.

---
kind: current
grain: [gp_sk]
readers: shared
owner: Trust data quality lead
*/
with
practitioners as (
    select
        gp_id,
        practice_name,
        practice_code,
        icb_code,
        split_part(postcode, ' ', 1) as postcode_district,
        is_current
    from stg_gp
),

geography as (
    select
        postcode_district,
        icb_code,
        icb_name,
        region_name
    from ref_geography
),

boards as (
    select distinct
        icb_code,
        icb_name,
        region_name
    from ref_geography
),

members as (
    select
        pseudonym('gp', p.gp_id) as gp_sk,
        p.practice_name,
        p.practice_code,
        p.icb_code,
        p.postcode_district,
        false as is_unknown,
        p.is_current
    from practitioners as p
    union all
    select
        0::bigint as gp_sk,
        'Unknown practice' as practice_name,
        'UNKNOWN' as practice_code,
        null as icb_code,
        null as postcode_district,
        true as is_unknown,
        true as is_current
)

select
    m.gp_sk, -- Pseudonymous key of the general practitioner; 0 is the unknown one
    coalesce(m.practice_name, m.practice_code, 'Unknown practice') as practice_name, -- Name of the practice
    m.practice_code, -- ODS code of the practice; null when not delivered
    m.postcode_district, -- Outward part of the practice's postcode
    coalesce(m.icb_code, g.icb_code, 'UNKNOWN')
        as icb_code, -- ODS code of the integrated care board: as recorded, else by postcode district
    case
        when m.icb_code is not null then coalesce(b.icb_name, m.icb_code)
        else coalesce(g.icb_name, 'Unknown')
    end as icb_name, -- Name of the integrated care board
    coalesce(b.region_name, g.region_name, 'Unknown') as region_name, -- NHS England region
    m.is_unknown, -- The unknown member
    m.is_current -- Delivered still
from members as m
left join geography as g on m.postcode_district = g.postcode_district
left join boards as b on m.icb_code = b.icb_code
