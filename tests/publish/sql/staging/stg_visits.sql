/*
One row per visit delivered up to the census.

---
kind: staging
grain: [visit_id]
*/
select
    h.appointment_id as visit_id, -- The visit
    h.patient_id, -- Who came
    h.trust_id, -- Where to
    h.appointment_date as visit_date, -- When
    h.team::integer as version, -- Number of the delivery
    h.valid_to > c.census_date as is_current -- Delivered still
from history.appointments as h
cross join census as c
where h.valid_from <= c.census_date and h.next_from > c.census_date
