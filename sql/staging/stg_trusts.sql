/*
One row per provider trust: the last version known at the census,
whether or not it is still delivered.
The as-of rule (a version holds from its extract until the next one delivered) is all that is decided here.

---
kind: staging
grain: [trust_id]
*/
select
    h.trust_id, -- Identifier of the trust in the extract
    h.trust_name, -- Name of the trust
    h.region_name, -- NHS England region
    h.provider_code, -- ODS code of the provider
    h.icb_code, -- ODS code of the lead integrated care board
    h.icb_name, -- Name of the lead integrated care board
    h.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    h.load_id, -- The load that delivered this version
    h.line_no, -- Line of the file at which the record starts
    h.valid_from, -- Extract date of this version
    h.valid_to > c.census_date as is_current, -- Still delivered: not deleted, not absent from a later full
    (
        h.valid_to > c.census_date
        and coalesce(h.quarantined_from <= c.census_date, false)
    ) as is_carried_forward -- A newer delivery was quarantined, so this last good version is carried on
from history.trusts as h
cross join census as c
where
    not h.is_deleted
    and h.valid_from <= c.census_date
    and h.next_from > c.census_date
