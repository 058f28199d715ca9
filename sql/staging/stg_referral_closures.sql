/*
One row per referral whose last known version is closed: the extract at which that was first seen.
Why: a closure without a date takes the period off the list from the extract that first told of it, and later
extracts that repeat the closure must not move that day. Without dates nothing else is known of it.
Closed means: rejected, closed, completed or discharged, or an RTT status or date that ends the period (G §8).

---
kind: staging
grain: [referral_id]
*/
with
versions as (
    select
        h.referral_id,
        h.valid_from,
        h.next_from,
        c.census_date,
        (
            coalesce(h.referral_status in ('rejected', 'closed', 'completed', 'discharged'), false)
            or coalesce(
                h.rtt_status_code in ('21', '30', '31', '32', '33', '34', '35', '36', '90', '91'), false
            )
            or h.clock_stop_date is not null
            or h.transferred_out_date is not null
        ) as is_closed
    from history.referrals as h
    cross join census as c
    where not h.is_deleted and h.valid_from <= c.census_date
),

closures as (
    select
        v.referral_id,
        v.census_date,
        -- The version that follows the last open one is the first closed one.
        coalesce(max(v.next_from) filter (where not v.is_closed), min(v.valid_from)) as closed_seen_date,
        bool_or(not v.is_closed) as is_seen_open
    from versions as v
    group by v.referral_id, v.census_date
)

select
    c.referral_id, -- The Trust's own identifier of the referral
    c.closed_seen_date, -- Extract date of the first of the closed versions that last until the census
    c.is_seen_open -- An earlier extract told of it as open: it was on a list
from closures as c
where c.closed_seen_date <= c.census_date
