/*
One row per published month, part of the RTT return, organisation (at five levels) and treatment function, its total
C_999 included: the figures that NHS England prints from its own file, reproduced. Commissioner NONC is left out, as
there; C_999 is added up from the treatment functions, not taken from the delivered rows, and the checks compare both.

An integrated care board has two sides, and both are here: `provider_icb` is what the hospitals in its area hold,
whoever pays; `commissioner_icb` is what its own residents wait for, wherever. Add up within one level alone.

Waits in weeks are interpolated from the bands by NHS England's method (since October 2022): with n known clock
starts, P = i + (p × n − pathways below i) ÷ pathways in the band that begins at i, for the band in which the running
count reaches p × n. Blank when n < 20. In the open-ended band the answer is "over 104": the number 104 with
`is_…_open_ended` true. Incomplete parts take `Total All`, since their `Total` is empty; a rate is a share of known
clock starts.

---
kind: snapshot
grain: [period_date, rtt_part_code, organisation_level, organisation_code, treatment_function_code]
not_null: [organisation_name, total_count]
indexes: [[organisation_level, organisation_code]]
pipeline: rtt_publication
readers: shared
owner: ICS information lead
*/
with
published as not materialized (
    select
        period_date,
        rtt_part_code,
        provider_code,
        provider_name,
        provider_parent_code,
        provider_parent_name,
        commissioner_code,
        commissioner_name,
        commissioner_parent_code,
        commissioner_parent_name,
        treatment_function_code,
        treatment_function_name,
        total_all_count,
        known_start_count,
        within_18_weeks_count,
        over_52_weeks_count,
        over_65_weeks_count,
        over_78_weeks_count,
        over_104_weeks_count,
        band_counts
    from fct_rtt_published
    where is_english_commissioner and not is_total
),

-- Every row counts once at each level: for one organisation, under its treatment function and under the total.
totals as (
    select
        p.period_date,
        p.rtt_part_code,
        o.organisation_level,
        o.organisation_code,
        coalesce(p.treatment_function_code, 'C_999') as treatment_function_code,
        coalesce(min(o.organisation_name), 'No integrated care board') as organisation_name,
        case when grouping(p.treatment_function_code) = 1 then 'Total' else min(p.treatment_function_name) end
            as treatment_function_name,
        sum(p.total_all_count)::bigint as total_count,
        sum(p.known_start_count)::bigint as known_start_count,
        sum(p.within_18_weeks_count)::bigint as within_18_weeks_count,
        sum(p.over_52_weeks_count)::bigint as over_52_weeks_count,
        sum(p.over_65_weeks_count)::bigint as over_65_weeks_count,
        sum(p.over_78_weeks_count)::bigint as over_78_weeks_count,
        sum(p.over_104_weeks_count)::bigint as over_104_weeks_count
    from published as p
    cross join
        lateral (
            values
            ('england', 'ENGLAND', 'England'),
            ('provider_icb', p.provider_parent_code, p.provider_parent_name),
            ('provider', p.provider_code, p.provider_name),
            ('commissioner_icb', p.commissioner_parent_code, p.commissioner_parent_name),
            ('commissioner', p.commissioner_code, p.commissioner_name)
        ) as o (organisation_level, organisation_code, organisation_name)
    group by grouping sets (
        (p.period_date, p.rtt_part_code, o.organisation_level, o.organisation_code, p.treatment_function_code),
        (p.period_date, p.rtt_part_code, o.organisation_level, o.organisation_code)
    )
),

-- Most of the 105 bands are empty on most rows: only the filled ones are carried on.
filled_bands as (
    select
        p.rtt_part_code,
        p.provider_parent_code,
        p.provider_code,
        p.commissioner_parent_code,
        p.commissioner_code,
        p.treatment_function_code,
        g.band - 1 as weeks_from,
        p.band_counts[g.band] as pathway_count
    from published as p
    cross join lateral generate_subscripts(p.band_counts, 1) as g (band)
    where p.band_counts[g.band] <> 0
),

organisation_bands as (
    select
        f.rtt_part_code,
        o.organisation_level,
        o.organisation_code,
        coalesce(f.treatment_function_code, 'C_999') as treatment_function_code,
        f.weeks_from,
        sum(f.pathway_count) as pathway_count
    from filled_bands as f
    cross join
        lateral (
            values
            ('england', 'ENGLAND'),
            ('provider_icb', f.provider_parent_code),
            ('provider', f.provider_code),
            ('commissioner_icb', f.commissioner_parent_code),
            ('commissioner', f.commissioner_code)
        ) as o (organisation_level, organisation_code)
    group by grouping sets (
        (f.rtt_part_code, o.organisation_level, o.organisation_code, f.weeks_from, f.treatment_function_code),
        (f.rtt_part_code, o.organisation_level, o.organisation_code, f.weeks_from)
    )
),

running_counts as (
    select
        rtt_part_code,
        organisation_level,
        organisation_code,
        treatment_function_code,
        weeks_from,
        pathway_count,
        sum(pathway_count) over (
            partition by organisation_code, treatment_function_code, rtt_part_code, organisation_level
            order by weeks_from
        ) as running_count,
        sum(pathway_count) over (
            partition by organisation_code, treatment_function_code, rtt_part_code, organisation_level
        ) as known_start_count
    from organisation_bands
),

-- The interpolation, in this one place: exactly one band holds the pathway at which the running count reaches p × n.
reached as (
    select
        r.rtt_part_code,
        r.organisation_level,
        r.organisation_code,
        r.treatment_function_code,
        q.share,
        r.weeks_from = 104 as is_open_ended,
        case
            when r.weeks_from = 104 then r.weeks_from
            else
                r.weeks_from
                + (q.share * r.known_start_count - (r.running_count - r.pathway_count)) / r.pathway_count
        end as weeks
    from running_counts as r
    inner join (values (0.5), (0.92), (0.95)) as q (share)
        on
        q.share * r.known_start_count <= r.running_count
        and q.share * r.known_start_count > r.running_count - r.pathway_count
    where r.known_start_count >= 20
),

percentiles as (
    select
        rtt_part_code,
        organisation_level,
        organisation_code,
        treatment_function_code,
        max(weeks) filter (where share = 0.5) as median_weeks,
        max(weeks) filter (where share = 0.92) as p92_weeks,
        max(weeks) filter (where share = 0.95) as p95_weeks,
        bool_or(is_open_ended) filter (where share = 0.5) as is_median_open_ended,
        bool_or(is_open_ended) filter (where share = 0.92) as is_p92_open_ended,
        bool_or(is_open_ended) filter (where share = 0.95) as is_p95_open_ended
    from reached
    group by rtt_part_code, organisation_level, organisation_code, treatment_function_code
)

select
    t.period_date, -- Last day of the month published
    t.rtt_part_code, -- Part_1A/1B completed (admitted, not), Part_2 incomplete, Part_2A of these with decision to admit, Part_3 new
    t.organisation_level, -- england, provider_icb (where it sits), provider, commissioner_icb (who pays) or commissioner
    t.organisation_code, -- ODS code; ENGLAND for all; UNKNOWN where the file names no board, as for NHS England's own hubs
    t.treatment_function_code, -- Treatment function as published (C_110, X02); C_999 is all of them, added up
    t.organisation_name, -- Name of the organisation
    t.treatment_function_name, -- Name of the treatment function
    t.total_count, -- Pathways, those with an unknown clock start included
    t.known_start_count, -- Pathways with a known wait, the n of the rate and of the weeks; null for new periods, which have no wait yet
    t.within_18_weeks_count, -- Pathways of at most 126 days
    round(t.within_18_weeks_count::numeric / nullif(t.known_start_count, 0), 6)
        as within_18_weeks_rate, -- Share of known waits within 18 weeks, 0 to 1; the constitutional standard is 0.92
    round(p.median_weeks, 4) as median_weeks, -- Median wait in weeks, interpolated; blank when fewer than 20 waits are known
    p.is_median_open_ended, -- The median lies in the open-ended band: read "104 weeks or more"
    round(p.p92_weeks, 4) as p92_weeks, -- Weeks within which 92 in 100 waited, interpolated; blank when fewer than 20 waits are known
    p.is_p92_open_ended, -- The 92nd percentile lies in the open-ended band: read "104 weeks or more"
    case when t.rtt_part_code in ('Part_1A', 'Part_1B') then round(p.p95_weeks, 4) end
        as p95_weeks, -- Weeks within which 95 in 100 waited; for completed pathways alone, as published
    case when t.rtt_part_code in ('Part_1A', 'Part_1B') then p.is_p95_open_ended end
        as is_p95_open_ended, -- The 95th percentile lies in the open-ended band: read "104 weeks or more"
    t.over_52_weeks_count, -- Pathways of 365 days and more
    t.over_65_weeks_count, -- Pathways of 456 days and more
    t.over_78_weeks_count, -- Pathways of 547 days and more
    t.over_104_weeks_count -- Pathways of 729 days and more
from totals as t
left join percentiles as p
    on
    t.rtt_part_code = p.rtt_part_code
    and t.organisation_level = p.organisation_level
    and t.organisation_code = p.organisation_code
    and t.treatment_function_code = p.treatment_function_code
