/*
One row per coded value that aggregate marts are grouped by, and its words: what a reader sees instead of the code, in which
order. The words are the seeds' own, so that a changed label reaches every report without code. Domains are code_list's, each
seed that labels its codes, and each dimension of mart_equity; quality_measure is coded source.measure_code.

---
kind: current
grain: [domain, code]
not_null: [label, sort_order]
readers: shared
owner: Trust data quality lead
*/
with
groups as (
    select
        column1 as domain,
        column2 as code,
        column3 as label,
        column4 as sort_order
    from (
        values
        ('deprivation_quintile', '1', '1, most deprived', 1),
        ('deprivation_quintile', '2', '2', 2),
        ('deprivation_quintile', '3', '3', 3),
        ('deprivation_quintile', '4', '4', 4),
        ('deprivation_quintile', '5', '5, least deprived', 5),
        ('interpreter', 'yes', 'Needs an interpreter', 1),
        ('interpreter', 'no', 'Needs none', 2),
        ('transport', 'yes', 'Needs transport', 1),
        ('transport', 'no', 'Needs none', 2)
    ) as v
),

unknowns as (
    select
        dimension as domain,
        'UNKNOWN' as code,
        'Not known' as label,
        999 as sort_order
    from ref_equity_dimension
),

codes as (
    select
        domain,
        code,
        label,
        sort_order
    from ref_code_list
    union all
    select
        'age_band' as domain,
        age_band as code,
        age_band as label,
        age_from + 1 as sort_order
    from ref_age_band
    union all
    select
        'risk_tier' as domain,
        risk_tier as code,
        label,
        sort_order
    from ref_risk_tier
    union all
    select
        'equity_dimension' as domain,
        dimension as code,
        label,
        sort_order
    from ref_equity_dimension
    union all
    select
        'equity_measure' as domain,
        measure_code as code,
        label,
        sort_order
    from ref_equity_measure
    union all
    select
        'hotspot_measure' as domain,
        measure_code as code,
        label,
        sort_order
    from ref_hotspot_measure
    union all
    select
        'support_type' as domain,
        support_type as code,
        upper(left(support_type, 1)) || replace(substr(support_type, 2), '_', ' ') as label,
        sort_order
    from ref_support_scenario
    union all
    select
        'quality_measure' as domain,
        source || '.' || measure_code as code,
        label,
        row_number() over (order by source, quality_dimension, measure_code)::integer as sort_order
    from ref_quality_measure
    union all
    select
        domain,
        code,
        label,
        sort_order
    from groups
    union all
    select
        domain,
        code,
        label,
        sort_order
    from unknowns
)

select
    c.domain, -- Kind of code
    c.code, -- The code, as the marts hold it
    c.label, -- What a reader sees
    c.sort_order, -- Place among the codes of its domain; the unknown one last
    true as is_current -- In the seeds still
from codes as c
