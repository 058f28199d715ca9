/*
One row per census and visit that is to come.

---
kind: snapshot
grain: [census_date, visit_sk]
references: {patient_sk: dim_patient, trust_sk: dim_trust}
not_null: [wait_days]
indexes: [[patient_sk]]
readers: clinical
owner: Tests
*/
select
    c.census_date, -- The census
    pseudonym('visit', v.visit_id) as visit_sk, -- The visit
    pseudonym('patient', v.patient_id) as patient_sk, -- Who waits
    pseudonym('trust', v.trust_id) as trust_sk, -- Where
    v.visit_date - c.census_date as wait_days, -- Days to the visit
    (select max(a.version) from stg_visits as a) as version -- Number of the newest delivery
from stg_visits as v
cross join census as c
where v.visit_date > c.census_date
