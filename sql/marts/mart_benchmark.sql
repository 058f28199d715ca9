/*
One row per trust, treatment function and measure: our own rate beside what NHS England published of the same treatment
function, for all England, the trust's region, and the distribution over its providers (the peers).

MONTH-END AGAINST SUNDAY: own figures are of the census, a Sunday; published ones are of the last day of the newest month
that was published by then, a month or two before. days_apart says how many; a trend in between is in the gap.
- Own list as in fct_waitlist; published as incomplete pathways (Part_2), commissioner NONC left out, C_999 never added. A
  rate is a share of known clock starts. Region: of the integrated care boards that providers sit in (seed geography).
- Peers are providers with at least 20 known waits in that treatment function, our own published row included; peer_share_below
  is the share of them with a lower rate than our own. Peers differ in size and case mix: the place is no judgement.
- published_own_rate is what the same provider returned for that month. A wide gap to own_rate tells of counting.
- Null with missing_reason where no publication was loaded, or the treatment function or trust is unknown to it.
Published figures are public; own counts are not.

---
kind: snapshot
grain: [census_date, trust_sk, treatment_function_code, measure_code]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  treatment_function_code: dim_specialty
not_null: [own_trial_count, own_event_count]
readers: clinical
owner: ICS information lead
disclosure:
  counts: [own_trial_count, own_event_count]
  within: [census_date, trust_sk, measure_code]
  rates: {own_rate: [own_event_count, own_trial_count]}
  values: {peer_share_below: own_event_count}
  shown:
    - period_date
    - days_apart
    - published_own_rate
    - national_rate
    - regional_rate
    - peer_count
    - peer_p10_rate
    - peer_p25_rate
    - peer_median_rate
    - peer_p75_rate
    - peer_p90_rate
    - missing_reason
*/
with
waitlist as (
    select
        w.census_date,
        w.trust_sk,
        w.treatment_function_code,
        count(w.wait_days) as known_start_count,
        count(*) filter (where w.within_18_weeks) as within_18_weeks_count,
        count(*) filter (where w.over_52_weeks) as over_52_weeks_count
    from fct_waitlist as w
    group by w.census_date, w.trust_sk, w.treatment_function_code
),

own as (
    select
        w.census_date,
        w.trust_sk,
        w.treatment_function_code,
        x.measure_code,
        w.known_start_count as trial_count,
        x.event_count
    from waitlist as w
    cross join lateral (
        values
        ('within_18_weeks', w.within_18_weeks_count),
        ('over_52_weeks', w.over_52_weeks_count)
    ) as x (measure_code, event_count)
),

trusts as (
    select
        t.trust_sk,
        t.provider_code,
        t.region_name
    from dim_trust as t
),

boards as (
    select
        g.icb_code,
        min(g.region_name) as region_name
    from ref_geography as g
    group by g.icb_code
),

published as (
    select
        b.period_date,
        b.provider_code,
        g.region_name,
        b.treatment_function_code,
        x.measure_code,
        sum(b.known_start_count) as trial_count,
        sum(x.event_count) as event_count
    from stg_benchmark_waits as b
    left join boards as g on b.provider_parent_code = g.icb_code
    cross join
        lateral (
            values
            ('within_18_weeks', b.within_18_weeks_count),
            ('over_52_weeks', b.over_52_weeks_count)
        ) as x (measure_code, event_count)
    group by b.period_date, b.provider_code, g.region_name, b.treatment_function_code, x.measure_code
),

national as (
    select
        p.treatment_function_code,
        p.measure_code,
        max(p.period_date) as period_date,
        sum(p.event_count) / nullif(sum(p.trial_count), 0) as rate
    from published as p
    group by p.treatment_function_code, p.measure_code
),

regional as (
    select
        p.region_name,
        p.treatment_function_code,
        p.measure_code,
        sum(p.event_count) / nullif(sum(p.trial_count), 0) as rate
    from published as p
    where p.region_name is not null
    group by p.region_name, p.treatment_function_code, p.measure_code
),

providers as (
    select
        p.provider_code,
        p.treatment_function_code,
        p.measure_code,
        sum(p.trial_count) as trial_count,
        sum(p.event_count) / nullif(sum(p.trial_count), 0) as rate
    from published as p
    group by p.provider_code, p.treatment_function_code, p.measure_code
),

peers as (
    select
        p.treatment_function_code,
        p.measure_code,
        count(*) as peer_count,
        array_agg(
            p.rate
            order by p.rate
        ) as rates,
        percentile_cont(array[0.1, 0.25, 0.5, 0.75, 0.9]) within group (order by p.rate) as deciles
    from providers as p
    where p.trial_count >= 20
    group by p.treatment_function_code, p.measure_code
),

placed as (
    select
        o.census_date,
        o.trust_sk,
        o.treatment_function_code,
        o.measure_code,
        o.trial_count,
        o.event_count,
        o.event_count::numeric / nullif(o.trial_count, 0) as own_rate,
        t.provider_code,
        t.region_name
    from own as o
    left join trusts as t on o.trust_sk = t.trust_sk
),

-- One month is compared with, whichever treatment functions it holds.
month as (
    select max(n.period_date) as period_date
    from national as n
)

select
    p.census_date, -- Sunday the own list is counted at
    p.trust_sk, -- The trust; 0 when unknown
    p.treatment_function_code, -- Treatment function, as NHS England publishes by
    p.measure_code, -- within_18_weeks (higher is better) or over_52_weeks (lower is better)
    p.trial_count as own_trial_count, -- Own pathways with a known wait at the census
    p.event_count as own_event_count, -- Of these, within 18 or over 52 weeks
    round(p.own_rate, 4) as own_rate, -- Own share
    m.period_date, -- Month-end that the published figures are of
    p.census_date - m.period_date as days_apart, -- Days from that month-end to the census
    round(o.rate, 4) as published_own_rate, -- What the same provider returned for that month; null: not in it
    round(n.rate, 4) as national_rate, -- All England
    round(r.rate, 4) as regional_rate, -- Providers of the trust's region
    e.peer_count::integer as peer_count, -- Providers with at least 20 known waits
    round(e.deciles[1]::numeric, 4) as peer_p10_rate, -- A tenth of them have less
    round(e.deciles[2]::numeric, 4) as peer_p25_rate, -- A quarter of them have less
    round(e.deciles[3]::numeric, 4) as peer_median_rate, -- Half of them have less
    round(e.deciles[4]::numeric, 4) as peer_p75_rate, -- Three quarters have less
    round(e.deciles[5]::numeric, 4) as peer_p90_rate, -- Nine tenths have less
    round((
        select count(*) filter (where x.rate < p.own_rate)
        from unnest(e.rates) as x (rate)
    )::numeric / nullif(case when p.own_rate is not null then e.peer_count end, 0), 4)
        as peer_share_below, -- Share of the peers with a lower rate than our own at the census
    round(p.own_rate - n.rate, 4) as gap_to_national, -- Own less national
    case
        when m.period_date is null then 'no publication was loaded by the census'
        when n.rate is null then 'the publication does not hold this treatment function'
        when p.trial_count = 0 then 'no own wait is known'
        when o.rate is null then 'the publication does not hold this provider'
        when r.rate is null then 'the region is unknown'
    end as missing_reason -- Why something is missing; null when nothing is
from placed as p
cross join month as m
left join national as n on p.treatment_function_code = n.treatment_function_code and p.measure_code = n.measure_code
left join regional as r
    on
    p.region_name = r.region_name
    and p.treatment_function_code = r.treatment_function_code
    and p.measure_code = r.measure_code
left join providers as o
    on
    p.provider_code = o.provider_code
    and p.treatment_function_code = o.treatment_function_code
    and p.measure_code = o.measure_code
left join peers as e on p.treatment_function_code = e.treatment_function_code and p.measure_code = e.measure_code
