/*
One row per published month, part of the RTT return, provider, commissioner and treatment function: the finest grain
that NHS England publishes. The delivered totals over treatment functions (C_999) are kept as rows marked `is_total`
so that checks can compare them: never add them to the others.
The bands stay together in one array; the counts that the standards ask for stand beside it (RTT rules: within 18
weeks is the first 18 bands, over 52 weeks begins with the 53rd; domain source: NHS England, RTT statistics, "Full CSV
data file").

---
kind: snapshot
grain: [period_date, rtt_part_code, provider_code, commissioner_code, treatment_function_code]
not_null: [total_all_count, is_total, is_english_commissioner]
indexes: [[provider_code, treatment_function_code]]
pipeline: rtt_publication
readers: shared
owner: ICS information lead
*/
with
published as (
    select
        period_date,
        rtt_part_code,
        provider_code,
        commissioner_code,
        treatment_function_code,
        rtt_part_name,
        treatment_function_name,
        provider_name,
        provider_parent_code,
        provider_parent_name,
        commissioner_name,
        commissioner_parent_code,
        commissioner_parent_name,
        band_counts,
        total_count,
        unknown_start_count,
        total_all_count
    from stg_rtt_published
    where is_census_period
)

select
    p.period_date, -- Last day of the month published
    p.rtt_part_code, -- Part_1A/1B completed (admitted, not), Part_2 incomplete, Part_2A of these with decision to admit, Part_3 new
    p.provider_code, -- ODS code of the provider
    p.commissioner_code, -- ODS code of the commissioner; NONC is commissioned outside England
    p.treatment_function_code, -- Treatment function as published (C_110, X02); C_999 is their delivered total
    p.rtt_part_name, -- What the part counts, in NHS England's words
    p.treatment_function_name, -- Name of the treatment function
    p.provider_name, -- Name of the provider
    coalesce(p.provider_parent_code, 'UNKNOWN')
        as provider_parent_code, -- ODS code of the integrated care board the provider sits in; UNKNOWN when not given
    p.provider_parent_name, -- Name of that integrated care board
    p.commissioner_name, -- Name of the commissioner
    coalesce(p.commissioner_parent_code, 'UNKNOWN')
        as commissioner_parent_code, -- ODS code of the commissioner's board; UNKNOWN for NHS England's own hubs
    p.commissioner_parent_name, -- Name of that integrated care board
    p.treatment_function_code = 'C_999' as is_total, -- A delivered total over treatment functions: never add it to them
    p.commissioner_code <> 'NONC' as is_english_commissioner, -- Counted in England's published figures
    p.total_all_count, -- Pathways, those with an unknown clock start included (Total All)
    p.total_count, -- Delivered total of the bands; null but for completed pathways (Total)
    p.unknown_start_count, -- Pathways whose clock start is unknown, as delivered; null but for completed pathways
    b.known_start_count, -- Pathways in the bands, counted by us; null where no band is given (Part_3)
    b.within_18_weeks_count, -- Pathways of at most 126 days
    b.over_52_weeks_count, -- Pathways of 365 days and more
    b.over_65_weeks_count, -- Pathways of 456 days and more
    b.over_78_weeks_count, -- Pathways of 547 days and more
    b.over_104_weeks_count, -- Pathways of 729 days and more
    p.band_counts -- Pathways per weekly band, 0–1 first, the 105th open-ended (104+); null where no band is given
from published as p
cross join lateral (
    select
        sum(p.band_counts[g.band])::integer as known_start_count,
        sum(p.band_counts[g.band]) filter (where g.band <= 18)::integer as within_18_weeks_count,
        sum(p.band_counts[g.band]) filter (where g.band > 52)::integer as over_52_weeks_count,
        sum(p.band_counts[g.band]) filter (where g.band > 65)::integer as over_65_weeks_count,
        sum(p.band_counts[g.band]) filter (where g.band > 78)::integer as over_78_weeks_count,
        sum(p.band_counts[g.band]) filter (where g.band > 104)::integer as over_104_weeks_count
    from generate_subscripts(p.band_counts, 1) as g (band)
) as b
