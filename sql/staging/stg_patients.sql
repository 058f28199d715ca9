/*
One row per person on the Trust's patient administration system: the last version known at the census,
whether or not it is still delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.
Direct identifiers stay here: only dim_patient reads them, to make keys and bands.

---
kind: staging
grain: [patient_id]
*/
select
    h.patient_id, -- The Trust's own identifier of the person
    h.nhs_number, -- NHS number
    h.first_name, -- Given name
    h.last_name, -- Family name
    h.birth_date, -- Date of birth
    h.gender_code, -- Stated gender
    h.postcode, -- Postcode of usual address
    h.ethnic_category_code, -- Ethnic category
    h.recorded_risk_level, -- The extract's own risk level
    h.death_date, -- Date of death
    h.imd_decile, -- Index of Multiple Deprivation decile of the address; 1 is most deprived
    h.lsoa_code, -- Lower layer super output area of the address
    h.prior_admissions, -- Emergency and elective admissions in the twelve months before the extract
    h.interpreter_needed, -- Needs an interpreter
    h.transport_needed, -- Needs patient transport
    h.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    h.load_id, -- The load that delivered this version
    h.line_no, -- Line of the file at which the record starts
    h.valid_from, -- Extract date of this version
    h.valid_to > c.census_date as is_current, -- Still delivered: not deleted, not absent from a later full
    (
        h.valid_to > c.census_date
        and coalesce(h.quarantined_from <= c.census_date, false)
    ) as is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from history.patients as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
