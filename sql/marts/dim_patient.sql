/*
One row per patient identifier ever delivered, pseudonymous, and the unknown patient. The attributes are
today's, for whoever looks at a list now; what must hold as of a census (age band, deprivation, risk) is in
the snapshots themselves.

There is no name, NHS number, birth date, address or local identifier here: keys are a keyed hash whose
secret is outside the database. A person is one NHS number with a valid check digit, else one identifier: a
person under two identifiers has two rows here and one person_sk, and person_id_count says so. Unknown
gender is X and unknown ethnic category 99, the Data Dictionary's own codes: missing ethnicity is a group of
its own. Deprivation by postcode district is illustrative (seed geography).

---
kind: current
grain: [patient_sk]
indexes: [[person_sk]]
readers: clinical
owner: Trust data quality lead
*/
with
patients as (
    select
        p.patient_id,
        case
            when p.nhs_number is not null and p.flags -> 'nhs_number' is null then 'nhs:' || p.nhs_number
            else 'local:' || p.patient_id
        end as person_id,
        p.gender_code,
        p.ethnic_category_code,
        split_part(p.postcode, ' ', 1) as postcode_district,
        p.death_date <= c.census_date as has_died,
        p.interpreter_needed,
        p.transport_needed,
        p.is_current
    from stg_patients as p
    cross join census as c
),

risks as (
    select
        patient_id,
        age_band,
        imd_decile,
        imd_basis,
        deprivation_quintile
    from int_patient_risk
),

geography as (
    select
        postcode_district,
        icb_code,
        icb_name,
        region_name
    from ref_geography
),

labels as (
    select
        domain,
        code,
        label
    from ref_code_list
),

persons as (
    select
        person_id,
        count(*)::integer as person_id_count
    from patients
    group by person_id
),

members as (
    select
        pseudonym('patient', p.patient_id) as patient_sk,
        pseudonym('person', p.person_id) as person_sk,
        p.person_id like 'nhs:%' as has_valid_nhs_number,
        n.person_id_count,
        coalesce(p.gender_code, 'X') as gender_code,
        coalesce(p.ethnic_category_code, '99') as ethnic_category_code,
        r.age_band,
        r.imd_decile,
        r.imd_basis,
        r.deprivation_quintile,
        p.postcode_district,
        p.interpreter_needed as is_interpreter_needed,
        p.transport_needed as is_transport_needed,
        coalesce(p.has_died, false) as has_died,
        false as is_unknown,
        p.is_current
    from patients as p
    inner join persons as n on p.person_id = n.person_id
    left join risks as r on p.patient_id = r.patient_id
    union all
    select
        0::bigint as patient_sk,
        0::bigint as person_sk,
        false as has_valid_nhs_number,
        null as person_id_count,
        'X' as gender_code,
        '99' as ethnic_category_code,
        null as age_band,
        null as imd_decile,
        'unknown' as imd_basis,
        null as deprivation_quintile,
        null as postcode_district,
        null as is_interpreter_needed,
        null as is_transport_needed,
        false as has_died,
        true as is_unknown,
        true as is_current
)

select
    m.patient_sk, -- Pseudonymous key of the patient identifier; 0 is the unknown patient
    m.person_sk, -- Pseudonymous key of the person: one valid NHS number, else one patient identifier
    m.has_valid_nhs_number, -- The person is known by an NHS number whose check digit holds
    m.person_id_count, -- Patient identifiers of this person ever delivered; over 1 is a likely duplicate
    m.gender_code, -- Stated gender: 1 male, 2 female, 9 indeterminate, X not known
    gl.label as gender_label, -- Stated gender in words
    m.ethnic_category_code, -- Ethnic category A to S, Z not stated, 99 not known
    el.label as ethnic_category_label, -- Ethnic category in words
    coalesce(m.age_band, 'Unknown') as age_band, -- Age band at the newest census
    m.imd_decile, -- Deprivation decile, 1 most deprived; null when unknown
    m.imd_basis, -- Where the decile comes from: recorded, postcode_district (illustrative) or unknown
    m.deprivation_quintile, -- Deprivation quintile, 1 most deprived; null when unknown
    m.postcode_district, -- Outward part of the postcode, no more; null when unknown
    coalesce(g.icb_code, 'UNKNOWN') as icb_code, -- Integrated care board of the postcode district
    coalesce(g.icb_name, 'Unknown') as icb_name, -- Its name
    coalesce(g.region_name, 'Unknown') as region_name, -- NHS England region of the postcode district
    m.is_interpreter_needed, -- Needs an interpreter; null when not recorded
    m.is_transport_needed, -- Needs patient transport; null when not recorded
    m.has_died, -- A date of death not after the newest census is recorded
    m.is_unknown, -- The unknown member
    m.is_current -- Delivered still
from members as m
left join geography as g on m.postcode_district = g.postcode_district
left join labels as gl on gl.domain = 'gender' and m.gender_code = gl.code
left join labels as el on el.domain = 'ethnic_category' and m.ethnic_category_code = el.code
