/*
One row per trust.

---
kind: current
grain: [trust_sk]
readers: shared
owner: Tests
*/
select
    pseudonym('trust', v.trust_id) as trust_sk, -- The trust
    v.trust_id, -- Its identifier
    (select max(a.version) from stg_visits as a) as version, -- Number of the newest delivery
    true as is_current -- Known still
from stg_visits as v
group by v.trust_id
