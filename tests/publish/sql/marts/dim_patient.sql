/*
One row per patient, and the unknown one.

---
kind: current
grain: [patient_sk]
readers: clinical
owner: Tests
*/
select
    pseudonym('patient', p.patient_id) as patient_sk, -- The patient
    (select max(v.version) from stg_visits as v) as version, -- Number of the newest delivery
    true as is_current -- Known still
from stg_patients as p
union all
select
    0::bigint as patient_sk,
    (select max(v.version) from stg_visits as v) as version,
    true as is_current
