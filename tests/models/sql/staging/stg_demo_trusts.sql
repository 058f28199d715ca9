/*
One row per trust ever delivered up to the census: its last known version.

---
kind: staging
grain: [trust_id]
*/
with
census as (select c.census_date from census as c),

trusts as (
    select
        h.trust_id,
        h.trust_name,
        h.valid_from,
        h.valid_to,
        h.next_from,
        h.is_deleted
    from history.trusts as h
)

select
    t.trust_id, -- The Trust's own code
    t.trust_name, -- Name as delivered
    t.valid_to > c.census_date as is_current -- Whether the newest full extract still holds it
from trusts as t
cross join census as c
where
    not t.is_deleted
    and t.valid_from <= c.census_date
    and t.next_from > c.census_date
