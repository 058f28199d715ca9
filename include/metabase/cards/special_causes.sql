/*
Which series have changed beyond chance lately?

Special causes of the last eight weeks on any trust's chart. Many charts flag something by chance alone: see how many
false alarms all charts of the census are expected to give.
---
title: Special causes of the last eight weeks
chart: table
columns:
  week_end_date: {label: Week to, format: date}
  trust: {label: Trust}
  measure: {label: What}
  value: {label: Value, format: whole, masked: true}
  cause: {label: Why it is flagged}
  variation:
    label: Means
    colours: [{when: "=", value: Improvement, colour: good}, {when: "=", value: Concern, colour: bad}]
  expected_false_alarms: {label: False alarms to expect, format: decimal}
empty: Nothing beyond chance on the charts that are shown.
*/
with as_at as (
    select max(census_date) as census_date
    from marts.publication
    where pipeline = 'waiting_list' [[and {{census}}]]
),

trusts as (
    select trust_sk
    from shared_marts.dim_trust
    where true [[and {{icb}}]] [[and {{trust}}]]
)

select
    k.week_end_date,
    k.trust_name as trust,
    k.measure_label as measure,
    k.series_value as value,
    case k.special_cause
        when 'above_limit' then 'Above the upper limit'
        when 'below_limit' then 'Below the lower limit'
        else upper(left(k.special_cause, 1)) || replace(substr(k.special_cause, 2), '_', ' ')
    end as cause,
    case k.variation
        when 'improvement' then 'Improvement'
        when 'concern' then 'Concern'
        else 'Neither way is better'
    end as variation,
    k.expected_false_alarm_total as expected_false_alarms
from shared_marts.mart_kpi_spc as k
where
    k.census_date = (select census_date from as_at)
    and k.trust_sk in (select trust_sk from trusts)
    and k.special_cause is not null
    and k.week_end_date > k.census_date - 56
order by k.week_end_date desc, k.trust_name asc, k.measure_label asc
