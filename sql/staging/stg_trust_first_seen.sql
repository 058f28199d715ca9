/*
One row per trust ever delivered up to the census, and when first. What named a trust before that pointed at
the unknown trust, and that row stays.

---
kind: staging
grain: [trust_id]
*/
select
    h.trust_id, -- The Trust's own identifier of the trust
    min(h.valid_from) as first_seen_date -- Extract date that first delivered the trust
from history.trusts as h
cross join census as c
where not h.is_deleted and h.valid_from <= c.census_date
group by h.trust_id
