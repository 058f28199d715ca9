/*
One row per line of NHS England's monthly RTT publication ("Full CSV data file"): month, part, provider, commissioner
and treatment function, with the pathways in each weekly band. The census month and the month before it are kept, so
that the checks can compare them; later models use the census month alone.
A part without bands (Part_3, new periods) has null for its bands, not 105 zeros; a blank band beside filled ones is a
zero, as NHS England leaves it.

---
kind: staging
grain: [period_date, rtt_part_code, provider_code, commissioner_code, treatment_function_code]
pipeline: rtt_publication
*/
with
census_months as (
    select
        census_date,
        (date_trunc('month', census_date) - interval '1 day')::date as previous_period_date
    from census
),

published as (
    select
        period,
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
        total_all_count,
        flags,
        load_id,
        line_no,
        valid_from,
        next_from,
        -- 'RTT-January-2026' speaks of the month that ends on 31 January 2026
        (to_date(period, '"RTT-"Month-YYYY') + interval '1 month' - interval '1 day')::date as period_date
    from history.rtt_published
    where not is_deleted
)

select
    p.period_date, -- Last day of the month published
    p.rtt_part_code, -- Part of the return: Part_1A, Part_1B, Part_2, Part_2A or Part_3
    p.provider_code, -- ODS code of the provider
    p.commissioner_code, -- ODS code of the commissioner; NONC is commissioned outside England
    p.treatment_function_code, -- Treatment function as published (C_110, X02); C_999 is their delivered total
    p.rtt_part_name, -- What the part counts, in NHS England's words
    p.treatment_function_name, -- Name of the treatment function
    p.provider_name, -- Name of the provider
    p.provider_parent_code, -- ODS code of the integrated care board the provider sits in
    p.provider_parent_name, -- Name of that integrated care board
    p.commissioner_name, -- Name of the commissioner
    p.commissioner_parent_code, -- ODS code of the commissioner's integrated care board; null for NHS England's own hubs
    p.commissioner_parent_name, -- Name of that integrated care board
    case
        when array_remove(p.band_counts, null) <> '{}' then array_replace(p.band_counts, null, 0)
    end as band_counts, -- Pathways per weekly band, 0–1 week first, the 105th open-ended (104+); null where no band is given
    p.total_count, -- Delivered total of the bands; given for completed pathways alone
    p.unknown_start_count, -- Delivered number of pathways whose clock start is unknown; completed pathways alone
    p.total_all_count, -- Delivered total, unknown clock starts included
    p.flags, -- What was mended or left unknown by column, with the rule and the source text; null when clean
    p.load_id, -- The load that delivered this line
    p.line_no, -- Line of the file at which the record starts
    p.period_date = c.census_date as is_census_period -- The month this census is about, not the one before it
from published as p
inner join census_months as c on p.period_date in (c.census_date, c.previous_period_date)
where
    p.valid_from <= c.census_date
    and p.next_from > c.census_date
