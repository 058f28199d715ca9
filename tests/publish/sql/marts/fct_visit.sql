/*
One row per visit ever delivered.

---
kind: current
grain: [visit_sk]
references: {patient_sk: dim_patient, trust_sk: dim_trust}
indexes: [[patient_sk]]
readers: clinical
owner: Tests
*/
select
    pseudonym('visit', v.visit_id) as visit_sk, -- The visit
    pseudonym('patient', v.patient_id) as patient_sk, -- Who came
    pseudonym('trust', v.trust_id) as trust_sk, -- Where to
    (select max(a.version) from stg_visits as a) as version, -- Number of the newest delivery
    v.is_current -- Delivered still
from stg_visits as v
