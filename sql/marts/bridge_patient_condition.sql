/*
One row per patient and condition group ever delivered together: whether the patient has it now and how
badly.

Several entries of one group are one row, at the worst severity of the active ones, as the risk score counts
them. A row never vanishes: when its entries are corrected, resolved or withdrawn it stays, with what is
left of them. Entries of a patient who was not delivered are on the unknown patient, one row a group.

---
kind: current
grain: [patient_sk, condition_sk]
references: {patient_sk: dim_patient, condition_sk: dim_condition}
readers: clinical
owner: Trust clinical risk lead
*/
with
names_seen as (
    select
        patient_id,
        condition_name,
        first_seen_date
    from stg_condition_names
),

patients_seen as (
    select
        patient_id,
        first_seen_date
    from stg_patient_first_seen
),

conditions as (
    select
        patient_id,
        coalesce(condition_name, '') as condition_name,
        severity_code,
        is_active,
        diagnosed_date
    from stg_conditions
    where is_current
),

condition_names as (
    select
        n.condition_name,
        coalesce(g.condition_group_code, 'UNKNOWN') as condition_group_code
    from (select distinct condition_name from names_seen) as n
    left join ref_condition_group as g on normalise(n.condition_name) = g.source_text
),

-- A row for each pair that any census up to this one has shown; an empty patient_id is the unknown patient.
pairs as (
    select
        p.patient_id,
        n.condition_group_code
    from names_seen as s
    inner join patients_seen as p on s.patient_id = p.patient_id
    inner join condition_names as n on s.condition_name = n.condition_name
    union
    select
        '' as patient_id,
        n.condition_group_code
    from names_seen as s
    left join patients_seen as p on s.patient_id = p.patient_id
    inner join condition_names as n on s.condition_name = n.condition_name
    where p.patient_id is null or s.first_seen_date < p.first_seen_date
),

entries as (
    select
        coalesce(p.patient_id, '') as patient_id,
        n.condition_group_code,
        count(*)::integer as entry_count,
        bool_or(c.is_active) as is_active,
        max(case c.severity_code when 'mild' then 1 when 'moderate' then 2 when 'severe' then 3 else 0 end)
        filter (where c.is_active) as severity_rank,
        min(c.diagnosed_date) as diagnosed_date
    from conditions as c
    left join patients_seen as p on c.patient_id = p.patient_id
    inner join condition_names as n on c.condition_name = n.condition_name
    group by coalesce(p.patient_id, ''), n.condition_group_code
)

select
    case when k.patient_id = '' then 0 else pseudonym('patient', k.patient_id) end
        as patient_sk, -- The patient; 0 is one who was not delivered
    case
        when k.condition_group_code = 'UNKNOWN' then 0
        else pseudonym('condition', k.condition_group_code)
    end as condition_sk, -- The condition group; 0 is a name nobody mapped
    coalesce(e.entry_count, 0) as entry_count, -- Entries of this group that are delivered still
    e.is_active, -- At least one of them is active; null when none says
    case
        when e.is_active then (array['UNKNOWN', 'mild', 'moderate', 'severe'])[e.severity_rank + 1]
    end as severity_code, -- Worst severity of the active entries, UNKNOWN if none says; null: none active
    e.diagnosed_date, -- Earliest date of diagnosis recorded
    e.entry_count is not null as is_current -- An entry of this group is delivered still
from pairs as k
left join entries as e on k.patient_id = e.patient_id and k.condition_group_code = e.condition_group_code
