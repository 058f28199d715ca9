/*
One row per condition group, and the unknown one. The group, not the entry or its wording, is what counts
towards the risk score, so it is the grain here; the severity belongs to the patient and is on
bridge_patient_condition. A condition whose name has no row in the seed condition_group is of the unknown
group, and counted there.

---
kind: current
grain: [condition_sk]
readers: shared
owner: Trust clinical risk lead
*/
with
groups as (
    select distinct
        condition_group_code,
        condition_group_name
    from ref_condition_group
),

weights as (
    select
        condition_group_code,
        max(weight) as weight
    from ref_risk_weight
    where component = 'condition'
    group by condition_group_code
),

members as (
    select
        pseudonym('condition', g.condition_group_code) as condition_sk,
        g.condition_group_code,
        g.condition_group_name,
        w.weight as most_risk_points,
        false as is_unknown
    from groups as g
    left join weights as w on g.condition_group_code = w.condition_group_code
    union all
    select
        0::bigint as condition_sk,
        'UNKNOWN' as condition_group_code,
        'Unknown condition' as condition_group_name,
        null as most_risk_points,
        true as is_unknown
)

select
    m.condition_sk, -- Key of the condition group; 0 is the unknown group
    m.condition_group_code, -- Code of the group
    m.condition_group_name, -- Its name
    m.most_risk_points, -- Risk points at the worst severity; null when the seed gives none
    m.is_unknown, -- The unknown member
    true as is_current -- In the seed still
from members as m
