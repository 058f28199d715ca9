/*
One row per census and place: who waits there, for how long, and how far it is to the site that cares for them.

Places are at four levels, told by `level`: trust; trust_function (a trust's treatment function); trust_icb (those of a trust who
live in one integrated care board); site_district (a site and one postcode district). Within one level rows add up to the list;
across levels they are the same pathways again. What a row is not split by reads ALL. UNKNOWN is a district or site that the
seeds geography and site do not have: counted, with no distance.

Definitions
- Distance: straight line (great circle) from the centre of the postcode district to the site, int_pathway_access. It is no journey.
  Mean, median and 92nd percentile are over pathways whose distance is known; the percentile is the least distance that at least
  that share of them does not exceed.
- Rates: over 18 (52) weeks of those with a known start, Wilson's 95% interval. Median and 92nd percentile of waits from weekly
  bands, blank below 20, as published.
- Deprivation: decile of the district (seed geography, ILLUSTRATIVE), weighted by pathways; it is of the place, not of the
  patient. Equity by the patient's own decile is mart_equity.
- Why waits differ between districts it does not say: case mix, referral and choice do. A district far away holds people who
  chose the site, moved, or were referred on.

Why it is shared as it is. Of site_district alone a shared reader sees rows. There distance, deprivation and coordinates are
facts of two places and say nothing of patients; at the other levels a mean distance would tell how many come from where, for
the distances that it is the mean of are public, so those levels are not shown. Means over a trust, a board or a decile are made
from shown rows by whoever needs them, and give nothing new away. The sum over a trust is shown by mart_breach_kpi:
hence `within`. A row whose count is hidden is absent (`absent_hidden`): that it existed would tell that somebody lives there.
Means over shown rows leave out the far districts from which few come, and so are somewhat short: cards say how many are shown.

---
kind: snapshot
grain: [census_date, level, trust_sk, treatment_function_code, icb_code, site_code, postcode_district]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
not_null:
  - pathway_count
  - known_start_count
  - over_18_weeks_count
  - over_52_weeks_count
  - undated_count
  - distance_known_count
  - site_assumed_count
readers: clinical
owner: ICS health inequalities lead
disclosure:
  counts: [known_start_count, over_18_weeks_count, over_52_weeks_count]
  only: {level: [site_district]}
  within: [census_date, level, trust_sk]
  absent_hidden: true
  rates:
    over_18_weeks_rate: [over_18_weeks_count, known_start_count]
    over_18_weeks_lower: [over_18_weeks_count, known_start_count, wilson_lower]
    over_18_weeks_upper: [over_18_weeks_count, known_start_count, wilson_upper]
    over_52_weeks_rate: [over_52_weeks_count, known_start_count]
  values: {mean_wait_weeks: known_start_count, median_weeks: known_start_count, p92_weeks: known_start_count}
  shown:
    - site_name
    - site_icb_name
    - icb_name
    - mean_distance_km
    - is_distance_known
    - distance_band
    - mean_imd_decile
    - latitude
    - longitude
    - site_latitude
    - site_longitude
*/
with
districts as (
    select
        g.postcode_district,
        g.icb_code,
        g.icb_name,
        g.imd_decile,
        g.latitude,
        g.longitude
    from ref_geography as g
),

boards as (
    select
        g.icb_code,
        min(g.icb_name) as icb_name
    from ref_geography as g
    group by g.icb_code
),

sites as (
    select
        s.site_code,
        s.site_name,
        g.icb_name,
        g.latitude,
        g.longitude
    from ref_site as s
    left join ref_geography as g on s.postcode_district = g.postcode_district
),

access as (
    select
        a.period_sk,
        a.postcode_district,
        a.site_code,
        a.site_basis,
        a.distance_km
    from int_pathway_access as a
),

-- The one pass over the pathways; everything after works on places.
cells as (
    select
        w.trust_sk,
        w.treatment_function_code,
        a.site_code,
        a.postcode_district,
        a.distance_km,
        wait_week(w.wait_days) as wait_week,
        count(*) as pathway_count,
        count(w.wait_days) as known_start_count,
        count(*) filter (where w.over_18_weeks) as over_18_weeks_count,
        count(*) filter (where w.over_52_weeks) as over_52_weeks_count,
        count(*) filter (where w.is_undated) as undated_count,
        count(*) filter (where a.site_basis = 'main_site') as site_assumed_count,
        sum(w.wait_days) as wait_days
    from fct_waitlist as w
    inner join access as a on w.period_sk = a.period_sk
    group by
        w.trust_sk,
        w.treatment_function_code,
        a.site_code,
        a.postcode_district,
        a.distance_km,
        wait_week(w.wait_days)
),

placed as (
    select
        x.level,
        c.trust_sk,
        x.treatment_function_code,
        x.icb_code,
        x.site_code,
        x.postcode_district,
        c.distance_km,
        c.wait_week,
        d.imd_decile,
        c.pathway_count,
        c.known_start_count,
        c.over_18_weeks_count,
        c.over_52_weeks_count,
        c.undated_count,
        c.site_assumed_count,
        c.wait_days
    from cells as c
    left join districts as d on c.postcode_district = d.postcode_district
    cross join
        lateral (
            values
            ('trust', 'ALL', 'ALL', 'ALL', 'ALL'),
            ('trust_function', c.treatment_function_code, 'ALL', 'ALL', 'ALL'),
            ('trust_icb', 'ALL', coalesce(d.icb_code, 'UNKNOWN'), 'ALL', 'ALL'),
            ('site_district', 'ALL', coalesce(d.icb_code, 'UNKNOWN'), c.site_code, c.postcode_district)
        ) as x (level, treatment_function_code, icb_code, site_code, postcode_district)
),

counted as (
    select
        p.level,
        p.trust_sk,
        p.treatment_function_code,
        p.icb_code,
        p.site_code,
        p.postcode_district,
        sum(p.pathway_count)::bigint as pathway_count,
        sum(p.known_start_count)::bigint as known_start_count,
        sum(p.over_18_weeks_count)::bigint as over_18_weeks_count,
        sum(p.over_52_weeks_count)::bigint as over_52_weeks_count,
        sum(p.undated_count)::bigint as undated_count,
        sum(p.site_assumed_count)::bigint as site_assumed_count,
        sum(p.wait_days) as wait_days,
        coalesce(sum(p.pathway_count) filter (where p.distance_km is not null), 0)::bigint as distance_known_count,
        sum(p.distance_km * p.pathway_count) as distance_total,
        sum(p.imd_decile * p.pathway_count) as decile_total,
        sum(p.pathway_count) filter (where p.imd_decile is not null) as decile_count
    from placed as p
    group by
        p.level,
        p.trust_sk,
        p.treatment_function_code,
        p.icb_code,
        p.site_code,
        p.postcode_district
),

banded as (
    select
        p.level,
        p.trust_sk,
        p.treatment_function_code,
        p.icb_code,
        p.site_code,
        p.postcode_district,
        greatest(p.wait_week - 1, 0) as band,
        sum(p.known_start_count)::bigint as n
    from placed as p
    where p.wait_week is not null
    group by
        p.level,
        p.trust_sk,
        p.treatment_function_code,
        p.icb_code,
        p.site_code,
        p.postcode_district,
        greatest(p.wait_week - 1, 0)
),

waits as materialized (
    select
        b.level,
        b.trust_sk,
        b.treatment_function_code,
        b.icb_code,
        b.site_code,
        b.postcode_district,
        banded_percentile(array_agg(b.band order by b.band), array_agg(b.n order by b.band), 0.5) as median_weeks,
        banded_percentile(array_agg(b.band order by b.band), array_agg(b.n order by b.band), 0.92) as p92_weeks
    from banded as b
    group by
        b.level,
        b.trust_sk,
        b.treatment_function_code,
        b.icb_code,
        b.site_code,
        b.postcode_district
),

ranged as (
    select
        p.level,
        p.trust_sk,
        p.treatment_function_code,
        p.icb_code,
        p.site_code,
        p.postcode_district,
        p.distance_km,
        sum(sum(p.pathway_count)) over (
            partition by
                p.level,
                p.trust_sk,
                p.treatment_function_code,
                p.icb_code,
                p.site_code,
                p.postcode_district
            order by p.distance_km
        ) as running
    from placed as p
    where p.distance_km is not null
    group by
        p.level,
        p.trust_sk,
        p.treatment_function_code,
        p.icb_code,
        p.site_code,
        p.postcode_district,
        p.distance_km
),

distances as materialized (
    select
        c.level,
        c.trust_sk,
        c.treatment_function_code,
        c.icb_code,
        c.site_code,
        c.postcode_district,
        min(r.distance_km) filter (where r.running >= 0.5 * c.distance_known_count) as median_distance_km,
        min(r.distance_km) filter (where r.running >= 0.92 * c.distance_known_count) as p92_distance_km
    from counted as c
    inner join ranged as r
        on
        c.level = r.level
        and c.trust_sk = r.trust_sk
        and c.treatment_function_code = r.treatment_function_code
        and c.icb_code = r.icb_code
        and c.site_code = r.site_code
        and c.postcode_district = r.postcode_district
    group by
        c.level,
        c.trust_sk,
        c.treatment_function_code,
        c.icb_code,
        c.site_code,
        c.postcode_district
)

select
    d.census_date, -- Sunday the list is counted at
    c.level, -- What the row is split by: trust, trust_function, trust_icb, site_district; add up within one level alone
    c.trust_sk, -- The trust responsible for the wait; 0 unknown
    c.treatment_function_code, -- Treatment function; ALL
    c.icb_code, -- Integrated care board of the district the patient lives in; UNKNOWN; ALL
    c.site_code, -- ODS code of the site; UNKNOWN; ALL
    c.postcode_district, -- Outward part of the patient's postcode; UNKNOWN; ALL
    b.icb_name, -- Name of that board
    s.site_name, -- Name of the site
    s.icb_name as site_icb_name, -- Name of the board of the site's district
    c.pathway_count, -- Pathways waiting
    c.known_start_count, -- Pathways with a known clock start, the n of rates and weeks
    c.over_18_weeks_count, -- Waited 127 days or more
    round(c.over_18_weeks_count::numeric / nullif(c.known_start_count, 0), 4)
        as over_18_weeks_rate, -- Share of known starts over 18 weeks
    round(wilson_lower(c.over_18_weeks_count, c.known_start_count)::numeric, 4)
        as over_18_weeks_lower, -- Lower 95% limit of that share (Wilson)
    round(wilson_upper(c.over_18_weeks_count, c.known_start_count)::numeric, 4)
        as over_18_weeks_upper, -- Upper 95% limit
    c.over_52_weeks_count, -- Waited 365 days or more
    round(c.over_52_weeks_count::numeric / nullif(c.known_start_count, 0), 4)
        as over_52_weeks_rate, -- Share of known starts over 52 weeks
    round(wilson_lower(c.over_52_weeks_count, c.known_start_count)::numeric, 4)
        as over_52_weeks_lower, -- Lower 95% limit of that share (Wilson)
    round(wilson_upper(c.over_52_weeks_count, c.known_start_count)::numeric, 4)
        as over_52_weeks_upper, -- Upper 95% limit
    c.undated_count, -- Nothing lies ahead
    round(c.wait_days / 7.0 / nullif(c.known_start_count, 0), 2) as mean_wait_weeks, -- Mean wait in weeks, of known starts
    w.median_weeks, -- Median wait in weeks, from bands; blank below 20
    w.p92_weeks, -- Weeks within which 92 in 100 have waited; blank below 20
    c.distance_known_count, -- Pathways whose distance is known; the others' district or site is in no seed
    c.distance_known_count > 0 as is_distance_known, -- Of any; of site_district: of all
    c.site_assumed_count, -- Pathways counted at the trust's main site because their own is missing or in no seed
    round(c.distance_total / nullif(c.distance_known_count, 0), 1)
        as mean_distance_km, -- Mean straight line in km, of known distances; of site_district: the distance
    p.median_distance_km, -- Median of the same
    p.p92_distance_km, -- Distance that 92 in 100 do not exceed
    case
        when c.level <> 'site_district' then 'ALL'
        when p.median_distance_km < 5 then 'under 5 km'
        when p.median_distance_km < 10 then '5 to 10 km'
        when p.median_distance_km < 20 then '10 to 20 km'
        when p.median_distance_km >= 20 then '20 km and over'
        else 'UNKNOWN'
    end as distance_band, -- Of site_district: the distance in four steps, or UNKNOWN; ALL at other levels
    round(c.decile_total::numeric / c.decile_count, 2)
        as mean_imd_decile, -- Mean decile of the districts, 1 most deprived, illustrative; of site_district: the decile
    g.latitude, -- Latitude of the district's centre; null at other levels or when unknown
    g.longitude, -- Its longitude
    s.latitude as site_latitude, -- Latitude of the site's district; null at other levels or when unknown
    s.longitude as site_longitude -- Its longitude
from counted as c
cross join census as d
left join waits as w
    on
    c.level = w.level
    and c.trust_sk = w.trust_sk
    and c.treatment_function_code = w.treatment_function_code
    and c.icb_code = w.icb_code
    and c.site_code = w.site_code
    and c.postcode_district = w.postcode_district
left join distances as p
    on
    c.level = p.level
    and c.trust_sk = p.trust_sk
    and c.treatment_function_code = p.treatment_function_code
    and c.icb_code = p.icb_code
    and c.site_code = p.site_code
    and c.postcode_district = p.postcode_district
left join boards as b on c.icb_code = b.icb_code
left join sites as s on c.site_code = s.site_code
left join districts as g on c.postcode_district = g.postcode_district
