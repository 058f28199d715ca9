/*
One row per treatment function that NHS England publishes waits by, and the unknown one. All finer codes and
all spellings have been rolled up to these before (seeds treatment_function and value_alias), so that
figures compare with the monthly publication. The published total C_999 is no member: it would be counted
twice.

---
kind: current
grain: [treatment_function_code]
readers: shared
owner: Trust RTT and access lead
*/
with
functions as (
    select
        treatment_function_code,
        treatment_function_name,
        sort_order
    from ref_treatment_function
    where is_published
),

members as (
    select
        treatment_function_code,
        treatment_function_name,
        sort_order,
        false as is_unknown
    from functions
    union all
    select
        'UNKNOWN' as treatment_function_code,
        'Unknown specialty' as treatment_function_name,
        9999 as sort_order,
        true as is_unknown
)

select
    m.treatment_function_code, -- Published treatment function; UNKNOWN where nothing could be mapped
    m.treatment_function_name, -- Its name
    m.sort_order, -- Order in lists, as published; the unknown one last
    m.is_unknown, -- The unknown member
    true as is_current -- Published still: it is in the seed
from members as m
