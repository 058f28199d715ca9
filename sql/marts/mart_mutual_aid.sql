/*
One row per trust, alternative trust and, at one of two levels, treatment function: how many of those who wait long with nothing
ahead live near enough to the alternative, and how many of them its spare slots could take.

IT SUPPORTS A CONVERSATION AND DECIDES NOTHING. Whoever waits over 18 weeks may ask for another provider, and where to be
treated is the patient's choice (NHS Choice Framework; NHS Constitution). Whether an alternative is fit for a patient is for
clinicians. Distance and weeks are the seed mutual_aid_setting, illustrative until approved locally.

Levels: pair (a trust and an alternative) and pair_function (their treatment functions). A pair is the sum of its functions.
- Waiting: pathways over the setting's weeks with neither appointment, procedure nor TCI date ahead.
- Within distance: straight line from the patient's postcode district to the alternative's nearest site, int_site_distance. Who lives
  in an unknown district is within no distance.
- Spare slots: unused less overbooked slots of int_weekly_capacity over the window's past weeks, not below zero, as a mean a week,
  times the weeks ahead. Slots, and not queue balance (mart_queue_health counts clock stops) nor a hotspot's rank (a rate):
  only slots can be offered. A service that overbooks has none to give. Those on the admitted list need theatre
  slots, the others clinic slots; who is on neither list, or where the alternative's sessions are not delivered, is counted as
  slots_unknown. It takes past weeks to be like the next ones, a service's sites to be one, and one slot to be enough: an upper
  bound, for most pathways need several.
- The alternative's own patients who wait so stand beside (own_waiting_count): its spare slots are theirs first.
- could_move: the least of those within distance and the spare slots, for this pair alone. PAIRS MUST NOT BE ADDED: one slot
  is in every pair that could use it, one pathway under every alternative.
- placed: what may be added. Each pathway is put to its nearest alternative with any spare slot and to no other; an alternative's
  slots are shared among the trusts in proportion to whom they were put to it, each slot once. A lower bound of what could move.

Why it is shared as it is: pathways over the weeks with nothing ahead are told by trust in mart_risk_backlog, so the functions of
a pair are a group (`within`). The same pathways stand under each alternative. Were a row there only for those an alternative
reaches, a function hidden under one would be worked out from another; so every function is under every alternative, and what is
hidden, is hidden under all (tests/marts/test_disclosure.py attacks two alternatives together). A mean distance of patients
would tell where they live; the distance between the two trusts' sites does not.
Exact rows have no reader: they would show a clinical reader of one trust another trust's small numbers.

---
kind: snapshot
grain: [census_date, level, trust_sk, alternative_trust_sk, treatment_function_code]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  alternative_trust_sk: dim_trust.trust_sk
not_null:
  - waiting_count
  - within_distance_count
  - slots_unknown_count
  - spare_slot_count
  - own_waiting_count
  - could_move_count
  - nearest_count
  - placed_count
  - max_distance_km
  - over_weeks
  - slot_weeks
readers: none
owner: ICS operations manager
disclosure:
  counts: [waiting_count, within_distance_count, spare_slot_count, own_waiting_count, could_move_count, placed_count]
  within: [census_date, level, trust_sk, alternative_trust_sk]
  shown: [trust_distance_km, max_distance_km, over_weeks, slot_weeks]
*/
with
settings as (
    select
        m.max_distance_km,
        m.over_weeks,
        m.slot_weeks,
        t.over_days,
        c.census_date,
        (c.census_date - 7 * m.window_weeks)::date as after_date
    from ref_mutual_aid_setting as m
    inner join ref_wait_threshold as t on m.over_weeks = t.threshold_weeks
    cross join census as c
),

trusts as (
    select
        t.trust_id,
        t.provider_code,
        d.trust_sk
    from stg_trusts as t
    inner join dim_trust as d on t.trust_id = d.trust_id
),

-- The nearest site of each trust from each district, where it is near enough.
reach as (
    select
        d.postcode_district,
        t.trust_id,
        t.trust_sk,
        min(d.distance_km) as distance_km
    from int_site_distance as d
    inner join trusts as t on d.provider_code = t.provider_code
    cross join settings as s
    where d.distance_km <= s.max_distance_km
    group by d.postcode_district, t.trust_id, t.trust_sk
),

-- Who waits, by place: from here on nothing is as long as the list.
waiting as (
    select
        w.trust_sk,
        w.treatment_function_code,
        case w.waiting_list_type when 'admitted' then 'theatre' when 'non_admitted' then 'clinic' else 'UNKNOWN' end
            as session_type,
        a.postcode_district,
        count(*) as n
    from fct_waitlist as w
    inner join int_pathway_access as a on w.period_sk = a.period_sk
    cross join settings as s
    where w.is_undated and w.wait_days >= s.over_days and w.trust_sk <> 0
    group by
        w.trust_sk,
        w.treatment_function_code,
        case w.waiting_list_type when 'admitted' then 'theatre' when 'non_admitted' then 'clinic' else 'UNKNOWN' end,
        a.postcode_district
),

services as (
    select
        w.trust_sk,
        w.treatment_function_code,
        w.session_type,
        sum(w.n) as n
    from waiting as w
    group by w.trust_sk, w.treatment_function_code, w.session_type
),

capacity as (
    select
        t.trust_sk,
        k.treatment_function_code,
        k.session_type,
        k.week_end_date,
        k.unused_count,
        k.overbooked_count
    from int_weekly_capacity as k
    inner join trusts as t on k.trust_id = t.trust_id
    inner join stg_trust_first_seen as f on k.trust_id = f.trust_id and k.week_end_date > f.first_seen_date
    cross join settings as s
    where
        k.session_type in ('clinic', 'theatre')
        and k.has_sessions_delivered
        and k.week_end_date > s.after_date
        and k.week_end_date <= s.census_date
),

-- The weeks in which a trust's sessions of a type are delivered; one without any of a function has no slots of it.
delivered as (
    select
        k.trust_sk,
        k.session_type,
        count(distinct k.week_end_date) as week_count
    from capacity as k
    group by k.trust_sk, k.session_type
),

slots as (
    select
        k.trust_sk,
        k.treatment_function_code,
        k.session_type,
        greatest(sum(k.unused_count - k.overbooked_count), 0) as unused_count
    from capacity as k
    where k.treatment_function_code <> 'UNKNOWN'
    group by k.trust_sk, k.treatment_function_code, k.session_type
),

spare as (
    select
        l.trust_sk,
        l.treatment_function_code,
        l.session_type,
        floor(l.unused_count * s.slot_weeks::numeric / d.week_count)::bigint as slot_count
    from slots as l
    inner join delivered as d on l.trust_sk = d.trust_sk and l.session_type = d.session_type
    cross join settings as s
),

options as (
    select
        w.trust_sk,
        r.trust_sk as alternative_trust_sk,
        r.trust_id as alternative_trust_id,
        w.treatment_function_code,
        w.session_type,
        w.postcode_district,
        r.distance_km,
        w.n,
        coalesce(p.slot_count, 0) as slot_count
    from waiting as w
    inner join reach as r on w.postcode_district = r.postcode_district and w.trust_sk <> r.trust_sk
    left join spare as p
        on
        r.trust_sk = p.trust_sk
        and w.treatment_function_code = p.treatment_function_code
        and w.session_type = p.session_type
),

reached as (
    select
        o.trust_sk,
        o.alternative_trust_sk,
        o.treatment_function_code,
        o.session_type,
        sum(o.n) as within_count
    from options as o
    group by o.trust_sk, o.alternative_trust_sk, o.treatment_function_code, o.session_type
),

-- Every service of a trust under every alternative that any of its patients could reach, so that what is hidden of a
-- service is hidden under all of them.
pairs as (
    select
        w.trust_sk,
        x.alternative_trust_sk,
        w.treatment_function_code,
        w.session_type,
        w.n as waiting_count,
        coalesce(r.within_count, 0) as within_count,
        coalesce(p.slot_count, 0) as slot_count
    from services as w
    inner join (select distinct o.trust_sk, o.alternative_trust_sk from options as o) as x on w.trust_sk = x.trust_sk
    left join reached as r
        on
        w.trust_sk = r.trust_sk
        and x.alternative_trust_sk = r.alternative_trust_sk
        and w.treatment_function_code = r.treatment_function_code
        and w.session_type = r.session_type
    left join spare as p
        on
        x.alternative_trust_sk = p.trust_sk
        and w.treatment_function_code = p.treatment_function_code
        and w.session_type = p.session_type
),

-- Each district's pathways to the nearest alternative with any slot, and to no other.
nearest as (
    select distinct on (o.trust_sk, o.treatment_function_code, o.session_type, o.postcode_district)
        o.trust_sk,
        o.alternative_trust_sk,
        o.treatment_function_code,
        o.session_type,
        o.n
    from options as o
    where o.slot_count > 0
    order by
        o.trust_sk asc,
        o.treatment_function_code asc,
        o.session_type asc,
        o.postcode_district asc,
        o.distance_km asc,
        o.alternative_trust_id asc
),

-- In the order of the trusts' identifiers, so that whole slots fall to the same trust whatever its key is.
put as (
    select
        n.trust_sk,
        n.alternative_trust_sk,
        n.treatment_function_code,
        n.session_type,
        sum(n.n) as n,
        sum(sum(n.n)) over (
            partition by n.alternative_trust_sk, n.treatment_function_code, n.session_type
        ) as total,
        sum(sum(n.n)) over (
            partition by n.alternative_trust_sk, n.treatment_function_code, n.session_type
            order by t.trust_id
        ) as running
    from nearest as n
    inner join trusts as t on n.trust_sk = t.trust_sk
    group by n.trust_sk, t.trust_id, n.alternative_trust_sk, n.treatment_function_code, n.session_type
),

-- Whole slots: what has been given out up to and with this trust, less what had been before it.
matched as (
    select
        p.trust_sk,
        p.alternative_trust_sk,
        p.treatment_function_code,
        p.waiting_count,
        p.within_count,
        case when d.trust_sk is null then p.within_count else 0 end as slots_unknown_count,
        p.slot_count,
        coalesce(o.n, 0) as own_count,
        least(p.within_count, p.slot_count) as could_move_count,
        coalesce(u.n, 0) as nearest_count,
        coalesce(
            floor(least(p.slot_count, u.total) * u.running / u.total)
            - floor(least(p.slot_count, u.total) * (u.running - u.n) / u.total),
            0
        ) as placed_count
    from pairs as p
    left join services as o
        on
        p.alternative_trust_sk = o.trust_sk
        and p.treatment_function_code = o.treatment_function_code
        and p.session_type = o.session_type
    left join delivered as d on p.alternative_trust_sk = d.trust_sk and p.session_type = d.session_type
    left join put as u
        on
        p.trust_sk = u.trust_sk
        and p.alternative_trust_sk = u.alternative_trust_sk
        and p.treatment_function_code = u.treatment_function_code
        and p.session_type = u.session_type
),

levels as (
    select
        m.trust_sk,
        m.alternative_trust_sk,
        coalesce(m.treatment_function_code, 'ALL') as treatment_function_code,
        case when grouping(m.treatment_function_code) = 1 then 'pair' else 'pair_function' end as level,
        sum(m.waiting_count)::bigint as waiting_count,
        sum(m.within_count)::bigint as within_distance_count,
        sum(m.slots_unknown_count)::bigint as slots_unknown_count,
        sum(m.slot_count)::bigint as spare_slot_count,
        sum(m.own_count)::bigint as own_waiting_count,
        sum(m.could_move_count)::bigint as could_move_count,
        sum(m.nearest_count)::bigint as nearest_count,
        sum(m.placed_count)::bigint as placed_count
    from matched as m
    group by grouping sets (
        (m.trust_sk, m.alternative_trust_sk),
        (m.trust_sk, m.alternative_trust_sk, m.treatment_function_code)
    )
),

-- From the main site of the one to the nearest site of the other.
between_trusts as (
    select
        f.trust_sk,
        t.trust_sk as alternative_trust_sk,
        min(d.distance_km) as distance_km
    from ref_site as s
    inner join trusts as f on s.provider_code = f.provider_code
    inner join int_site_distance as d on s.postcode_district = d.postcode_district
    inner join trusts as t on d.provider_code = t.provider_code
    where s.is_main
    group by f.trust_sk, t.trust_sk
)

select
    s.census_date, -- Sunday of the census
    l.level, -- pair or pair_function; add up within neither, save placed_count
    l.trust_sk, -- The trust whose patients wait
    l.alternative_trust_sk, -- The trust that might see them
    l.treatment_function_code, -- Treatment function; UNKNOWN when not mapped; ALL
    b.distance_km as trust_distance_km, -- Straight line from the one's main site to the other's nearest, in km
    s.max_distance_km, -- Distance asked about, of the seed mutual_aid_setting
    s.over_weeks, -- Weeks that pathways asked about have waited at least
    s.slot_weeks, -- Weeks ahead that spare slots are counted for
    l.waiting_count, -- Pathways of the trust over the weeks with nothing ahead, wherever they live
    l.within_distance_count, -- Of these, from districts within the distance of the alternative
    l.slots_unknown_count, -- Of those, of a kind whose slots at the alternative no extract tells
    l.spare_slot_count, -- Slots the alternative is expected to leave unused in those weeks, of the kinds that those waiting need
    l.own_waiting_count, -- The alternative's own pathways that wait so for the same: theirs first
    l.could_move_count, -- Scenario: pathways that could move in this pair alone, at most; pairs must not be added
    l.nearest_count, -- Pathways for which this is the nearest alternative with any spare slot
    l.placed_count -- Scenario: of these, as many as its slots hold, each slot and pathway once; may be added
from levels as l
cross join settings as s
left join between_trusts as b on l.trust_sk = b.trust_sk and l.alternative_trust_sk = b.alternative_trust_sk
