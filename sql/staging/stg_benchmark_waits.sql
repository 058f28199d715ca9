/*
One row per provider, commissioner and treatment function of the newest month that NHS England had published by the census:
incomplete pathways (Part_2), for our own figures to stand beside. Commissioner NONC and the delivered totals C_999 are
left out, as everywhere. Empty where no publication was loaded.

---
kind: staging
grain: [provider_code, commissioner_code, treatment_function_code]
*/
with
published as (
    select
        h.provider_code,
        h.provider_parent_code,
        h.commissioner_code,
        h.treatment_function_code,
        h.band_counts,
        h.total_all_count,
        (to_date(h.period, '"RTT-"Month-YYYY') + interval '1 month' - interval '1 day')::date as period_date
    from history.rtt_published as h
    cross join census as c
    where
        h.rtt_part_code = 'Part_2'
        and h.commissioner_code <> 'NONC'
        and h.treatment_function_code <> 'C_999'
        and not h.is_deleted
        and h.valid_from <= c.census_date
        and h.next_from > c.census_date
),

newest as (
    select max(p.period_date) as period_date
    from published as p
    cross join census as c
    where p.period_date <= c.census_date
)

select
    p.period_date, -- Last day of the month published
    p.provider_code, -- ODS code of the provider
    p.provider_parent_code, -- ODS code of the integrated care board the provider sits in; null when the file gives none
    p.commissioner_code, -- ODS code of the commissioner
    replace(p.treatment_function_code, 'C_', '') as treatment_function_code, -- Treatment function, as in dim_specialty
    p.total_all_count, -- Pathways, unknown clock starts included
    b.known_start_count, -- Pathways in the bands
    b.within_18_weeks_count, -- Pathways of at most 126 days
    b.over_52_weeks_count -- Pathways of 365 days and more
from published as p
inner join newest as n on p.period_date = n.period_date
cross join lateral (
    select
        coalesce(sum(g.n), 0)::bigint as known_start_count,
        coalesce(sum(g.n) filter (where g.band <= 18), 0)::bigint as within_18_weeks_count,
        coalesce(sum(g.n) filter (where g.band > 52), 0)::bigint as over_52_weeks_count
    from unnest(p.band_counts) with ordinality as g (n, band)
) as b
