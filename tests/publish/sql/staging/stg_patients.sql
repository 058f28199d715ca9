/*
One row per patient of a visit.

---
kind: staging
grain: [patient_id]
*/
select v.patient_id -- The patient
from stg_visits as v
group by v.patient_id
