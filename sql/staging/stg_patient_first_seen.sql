/*
One row per patient ever delivered up to the census, and when first. What named a patient before that
pointed at the unknown patient, and that row stays.

---
kind: staging
grain: [patient_id]
*/
select
    h.patient_id, -- The Trust's own identifier of the person
    min(h.valid_from) as first_seen_date -- Extract date that first delivered the patient
from history.patients as h
cross join census as c
where not h.is_deleted and h.valid_from <= c.census_date
group by h.patient_id
