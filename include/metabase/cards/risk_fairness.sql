/*
Where do groups that are recorded alike get different risk scores?

No evidence of fairness or unfairness: outcomes would tell, and this data holds none. Share at high or very high risk
by group and worst recorded severity. Small groups are few people.
---
title: The risk score by group
chart: table
columns:
  dimension: {label: Grouped by}
  patients: {label: Group}
  severity: {label: Worst recorded severity}
  pathways: {label: Pathways, format: whole}
  high_risk: {label: High or very high, format: percent}
  tier_unknown: {label: Tier unknown, format: whole}
empty: Nobody, or no trust is granted to this login. An administrator admits logins with quality.admit.
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
    d.label as dimension,
    coalesce(g.label, f.group_code) as patients,
    coalesce(v.label, case f.severity_code when 'none' then 'No condition' else 'Not known' end) as severity,
    sum(f.pathway_count) as pathways,
    round(
        sum(f.high_count + f.very_high_count) / nullif(sum(f.pathway_count - f.unknown_tier_count), 0), 4
    ) as high_risk,
    sum(f.unknown_tier_count) as tier_unknown
from marts.mart_risk_fairness as f
left join marts.dim_code as d on d.domain = 'equity_dimension' and f.dimension = d.code
left join marts.dim_code as g on f.dimension = g.domain and f.group_code = g.code
left join marts.dim_code as v on v.domain = 'severity' and f.severity_code = v.code
where
    f.census_date = (select census_date from as_at)
    and f.trust_sk in (select trust_sk from trusts)
    and f.dimension in ('deprivation_quintile', 'ethnic_category')
group by d.label, d.sort_order, g.label, g.sort_order, f.group_code, v.label, v.sort_order, f.severity_code
order by d.sort_order, g.sort_order, patients, v.sort_order, severity
