/*
One row per provider trust ever delivered, and two members that are none: the unknown trust and all trusts. Who is waiting
where is read through it.

A trust that a later full extract no longer holds stays, not current: facts of earlier weeks point at it. An
activity or referral that names a trust nobody delivered points at the unknown one and is counted there.

One rule for every table: trust_sk 0 is the unknown trust, and nothing else; trust_sk -1 is the total over all trusts, the
unknown one included. No row of a trust is ever under -1, so within one level of a table nothing counts twice.

---
kind: current
grain: [trust_sk]
readers: shared
owner: ICS information lead
disclosure:
  only: {is_total: [false]}
  shown: [trust_id, trust_name, provider_code, region_name, icb_code, icb_name]
*/
with
trusts as (
    select
        trust_id,
        trust_name,
        provider_code,
        region_name,
        icb_code,
        icb_name,
        is_current
    from stg_trusts
),

members as (
    select
        pseudonym('trust', t.trust_id) as trust_sk,
        t.trust_id,
        t.trust_name,
        t.provider_code,
        t.region_name,
        t.icb_code,
        t.icb_name,
        false as is_unknown,
        false as is_total,
        t.is_current
    from trusts as t
    union all
    select
        0::bigint as trust_sk,
        'UNKNOWN' as trust_id,
        'Unknown trust' as trust_name,
        'UNKNOWN' as provider_code,
        null as region_name,
        null as icb_code,
        null as icb_name,
        true as is_unknown,
        false as is_total,
        true as is_current
    union all
    select
        -1::bigint as trust_sk,
        'ALL' as trust_id,
        'All trusts' as trust_name,
        'ALL' as provider_code,
        'All' as region_name,
        'ALL' as icb_code,
        'All' as icb_name,
        false as is_unknown,
        true as is_total,
        true as is_current
)

select
    m.trust_sk, -- Key of the trust; 0 is the unknown trust, -1 all trusts
    m.trust_id, -- Identifier of the trust in the extracts; access is granted by it
    coalesce(m.trust_name, m.provider_code, m.trust_id) as trust_name, -- Name; where none was given its code
    m.provider_code, -- ODS code of the provider; null when not delivered
    coalesce(m.region_name, 'Unknown') as region_name, -- NHS England region
    coalesce(m.icb_code, 'UNKNOWN') as icb_code, -- ODS code of the lead integrated care board
    coalesce(m.icb_name, m.icb_code, 'Unknown') as icb_name, -- Name of the lead integrated care board
    m.is_unknown, -- The unknown member
    m.is_total, -- The member that totals over all trusts point to; leave it out of lists of trusts
    m.is_current -- Delivered still
from members as m
