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
published as (
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

-- Every row counts once at each level: for one organisation, under its treatment function and under the total. The
-- bands are added up side by side, 105 sums to a group, for to take them apart first would make a row of each.
totals as (
    select
        p.period_date,
        p.rtt_part_code,
        case
            when grouping(p.provider_code) = 0 then 'provider'
            when grouping(p.provider_parent_code) = 0 then 'provider_icb'
            when grouping(p.commissioner_code) = 0 then 'commissioner'
            when grouping(p.commissioner_parent_code) = 0 then 'commissioner_icb'
            else 'england'
        end as organisation_level,
        case
            when grouping(p.provider_code) = 0 then p.provider_code
            when grouping(p.provider_parent_code) = 0 then p.provider_parent_code
            when grouping(p.commissioner_code) = 0 then p.commissioner_code
            when grouping(p.commissioner_parent_code) = 0 then p.commissioner_parent_code
            else 'ENGLAND'
        end as organisation_code,
        case
            when grouping(p.provider_code) = 0 then min(p.provider_name)
            when grouping(p.provider_parent_code) = 0 then min(p.provider_parent_name)
            when grouping(p.commissioner_code) = 0 then min(p.commissioner_name)
            when grouping(p.commissioner_parent_code) = 0 then min(p.commissioner_parent_name)
            else 'England'
        end as organisation_name,
        case when grouping(p.treatment_function_code) = 0 then p.treatment_function_code else 'C_999' end
            as treatment_function_code,
        case when grouping(p.treatment_function_code) = 0 then min(p.treatment_function_name) else 'Total' end
            as treatment_function_name,
        sum(p.total_all_count)::bigint as total_count,
        sum(p.known_start_count)::bigint as known_start_count,
        sum(p.within_18_weeks_count)::bigint as within_18_weeks_count,
        sum(p.over_52_weeks_count)::bigint as over_52_weeks_count,
        sum(p.over_65_weeks_count)::bigint as over_65_weeks_count,
        sum(p.over_78_weeks_count)::bigint as over_78_weeks_count,
        sum(p.over_104_weeks_count)::bigint as over_104_weeks_count,
        array[
            sum(p.band_counts[1]), sum(p.band_counts[2]), sum(p.band_counts[3]), sum(p.band_counts[4]), sum(p.band_counts[5]),
            sum(p.band_counts[6]), sum(p.band_counts[7]), sum(p.band_counts[8]), sum(p.band_counts[9]), sum(p.band_counts[10]),
            sum(p.band_counts[11]), sum(p.band_counts[12]), sum(p.band_counts[13]), sum(p.band_counts[14]), sum(p.band_counts[15]),
            sum(p.band_counts[16]), sum(p.band_counts[17]), sum(p.band_counts[18]), sum(p.band_counts[19]), sum(p.band_counts[20]),
            sum(p.band_counts[21]), sum(p.band_counts[22]), sum(p.band_counts[23]), sum(p.band_counts[24]), sum(p.band_counts[25]),
            sum(p.band_counts[26]), sum(p.band_counts[27]), sum(p.band_counts[28]), sum(p.band_counts[29]), sum(p.band_counts[30]),
            sum(p.band_counts[31]), sum(p.band_counts[32]), sum(p.band_counts[33]), sum(p.band_counts[34]), sum(p.band_counts[35]),
            sum(p.band_counts[36]), sum(p.band_counts[37]), sum(p.band_counts[38]), sum(p.band_counts[39]), sum(p.band_counts[40]),
            sum(p.band_counts[41]), sum(p.band_counts[42]), sum(p.band_counts[43]), sum(p.band_counts[44]), sum(p.band_counts[45]),
            sum(p.band_counts[46]), sum(p.band_counts[47]), sum(p.band_counts[48]), sum(p.band_counts[49]), sum(p.band_counts[50]),
            sum(p.band_counts[51]), sum(p.band_counts[52]), sum(p.band_counts[53]), sum(p.band_counts[54]), sum(p.band_counts[55]),
            sum(p.band_counts[56]), sum(p.band_counts[57]), sum(p.band_counts[58]), sum(p.band_counts[59]), sum(p.band_counts[60]),
            sum(p.band_counts[61]), sum(p.band_counts[62]), sum(p.band_counts[63]), sum(p.band_counts[64]), sum(p.band_counts[65]),
            sum(p.band_counts[66]), sum(p.band_counts[67]), sum(p.band_counts[68]), sum(p.band_counts[69]), sum(p.band_counts[70]),
            sum(p.band_counts[71]), sum(p.band_counts[72]), sum(p.band_counts[73]), sum(p.band_counts[74]), sum(p.band_counts[75]),
            sum(p.band_counts[76]), sum(p.band_counts[77]), sum(p.band_counts[78]), sum(p.band_counts[79]), sum(p.band_counts[80]),
            sum(p.band_counts[81]), sum(p.band_counts[82]), sum(p.band_counts[83]), sum(p.band_counts[84]), sum(p.band_counts[85]),
            sum(p.band_counts[86]), sum(p.band_counts[87]), sum(p.band_counts[88]), sum(p.band_counts[89]), sum(p.band_counts[90]),
            sum(p.band_counts[91]), sum(p.band_counts[92]), sum(p.band_counts[93]), sum(p.band_counts[94]), sum(p.band_counts[95]),
            sum(p.band_counts[96]), sum(p.band_counts[97]), sum(p.band_counts[98]), sum(p.band_counts[99]), sum(p.band_counts[100]),
            sum(p.band_counts[101]), sum(p.band_counts[102]), sum(p.band_counts[103]), sum(p.band_counts[104]), sum(p.band_counts[105])
        ] as band_counts
    from published as p
    group by
        p.period_date,
        p.rtt_part_code,
        grouping sets ((p.treatment_function_code), ()),
        grouping sets (
            (p.provider_code), (p.provider_parent_code), (p.commissioner_code), (p.commissioner_parent_code), ()
        )
),

-- Most of the 105 bands are empty for most organisations: only the filled ones are carried on.
running_counts as (
    select
        t.rtt_part_code,
        t.organisation_level,
        t.organisation_code,
        t.treatment_function_code,
        t.known_start_count,
        b.weeks_from,
        b.pathway_count,
        b.running_count
    from totals as t
    cross join
        lateral (
            select
                (u.band - 1)::integer as weeks_from,
                u.pathway_count,
                sum(u.pathway_count::integer) over (order by u.band) as running_count
            from unnest(t.band_counts) with ordinality as u (pathway_count, band)
            where u.pathway_count > 0
        ) as b
    where t.known_start_count >= 20
),

-- The interpolation, in this one place: exactly one band holds the pathway at which the running count reaches p × n.
-- Shares are whole percents here, so that the comparison is exact in whole numbers.
reached as (
    select
        r.rtt_part_code,
        r.organisation_level,
        r.organisation_code,
        r.treatment_function_code,
        q.percent,
        r.weeks_from = 104 as is_open_ended,
        case
            when r.weeks_from = 104 then r.weeks_from
            else
                r.weeks_from
                + (q.percent * r.known_start_count / 100.0 - (r.running_count - r.pathway_count)) / r.pathway_count
        end as weeks
    from running_counts as r
    inner join (values (50), (92), (95)) as q (percent)
        on
        q.percent * r.known_start_count <= 100 * r.running_count
        and q.percent * r.known_start_count > 100 * (r.running_count - r.pathway_count)
),

percentiles as (
    select
        rtt_part_code,
        organisation_level,
        organisation_code,
        treatment_function_code,
        max(weeks) filter (where percent = 50) as median_weeks,
        max(weeks) filter (where percent = 92) as p92_weeks,
        max(weeks) filter (where percent = 95) as p95_weeks,
        bool_or(is_open_ended) filter (where percent = 50) as is_median_open_ended,
        bool_or(is_open_ended) filter (where percent = 92) as is_p92_open_ended,
        bool_or(is_open_ended) filter (where percent = 95) as is_p95_open_ended
    from reached
    group by rtt_part_code, organisation_level, organisation_code, treatment_function_code
)

select
    t.period_date, -- Last day of the month published
    t.rtt_part_code, -- Part_1A/1B completed (admitted, not), Part_2 incomplete, Part_2A of these with decision to admit, Part_3 new
    t.organisation_level, -- england, provider_icb (where it sits), provider, commissioner_icb (who pays) or commissioner
    t.organisation_code, -- ODS code; ENGLAND for all; UNKNOWN where the file names no board, as for NHS England's own hubs
    t.treatment_function_code, -- Treatment function as published (C_110, X02); C_999 is all of them, added up
    coalesce(t.organisation_name, 'No integrated care board') as organisation_name, -- Name of the organisation
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
