/*
One row per census, unit and week: what those who answered said of their care, and how long the list was, what was cancelled
and what was missed there in the same week. Units are at two levels, told by `level`: trust (treatment function ALL) and
trust_function; across levels they are the same answers again.

- The question since April 2020: "Overall, how was your experience of our service?" Positive is very good or good, negative is
  poor or very poor, each of all answers, neither and don't know included (NHS England and NHS Improvement, Using the Friends
  and Family Test to improve patient experience, approval 000938; rates as NHS England has published them since October
  2014, england.nhs.uk/fft/calculations). A response that gives none of the six answers is counted apart, in neither rate.
- Interval: Wilson, 95%. It tells the chance of few answers and nothing of who chose to answer.
- Weeks are those of the answer, over the window of the seed experience_setting, of each trust's weeks with any response. A
  function that was on the list or booked but of which nobody answered is here with 0.
- Waits: the list of the week's Sunday (int_weekly_list; known clock starts; median by the published method, null below 20).
  Bookings: those of the week (int_weekly_capacity); cancelled by the provider alone, since what patients cancel is theirs
  to choose. Both are null before a trust's first extract tells of them.

What it cannot show: whose answers these are. The survey is anonymous, so an answer has no wait of its own; the two stand side
by side by service and week. Nor may trusts be ranked by it: what people answer hangs on how and whom each trust asks (Sizmur,
Graham and Walsh 2015, Journal of Health Services Research & Policy 20:5); NHS England classes it as no official statistic.

Why it matters: a wait is more than its length. Without a survey delivered this is empty, and nothing else changes.

---
kind: snapshot
grain: [census_date, level, trust_sk, treatment_function_code, week_end_date]
references:
  census_date: dim_date.date
  trust_sk: dim_trust
  week_end_date: dim_date.date
not_null:
  - response_count
  - answered_count
  - positive_count
  - neither_count
  - negative_count
  - dont_know_count
  - unknown_count
readers: clinical
owner: Trust patient experience lead
disclosure:
  counts:
    - answered_count
    - positive_count
    - trust_negative_count
    - waiting_count
    - over_18_weeks_count
    - booked_count
    - cancelled_by_provider_count
    - dna_count
  no_zeros: [positive_count, trust_negative_count]
  within: [census_date, level, trust_sk, week_end_date]
  rates:
    positive_rate: [positive_count, answered_count]
    positive_lower: [positive_count, answered_count, wilson_lower]
    positive_upper: [positive_count, answered_count, wilson_upper]
    negative_rate: [trust_negative_count, answered_count]
    negative_lower: [trust_negative_count, answered_count, wilson_lower]
    negative_upper: [trust_negative_count, answered_count, wilson_upper]
    over_18_weeks_rate: [over_18_weeks_count, waiting_count]
    cancelled_by_provider_rate: [cancelled_by_provider_count, booked_count]
    dna_rate: [dna_count, booked_count]
  values: {median_wait_weeks: waiting_count}
*/
with
answers as (
    select
        e.week_end_date,
        e.trust_id,
        e.treatment_function_code,
        e.response_count,
        e.very_good_count + e.good_count as positive_count,
        e.neither_count,
        e.poor_count + e.very_poor_count as negative_count,
        e.dont_know_count,
        e.unknown_count
    from int_weekly_experience as e
    cross join census as c
    inner join ref_experience_setting as s on e.week_end_date > c.census_date - 7 * s.window_weeks
    where e.week_end_date <= c.census_date
),

trust_starts as (
    select
        l.trust_id,
        min(l.week_end_date) as first_sunday
    from int_weekly_list as l
    group by l.trust_id
),

-- The weeks of each trust in which anybody answered, and which of them its extracts tell the list and the bookings of.
trust_weeks as (
    select distinct
        a.trust_id,
        a.week_end_date,
        coalesce(a.week_end_date >= t.first_sunday, false) as has_list,
        coalesce(a.week_end_date > t.first_sunday, false) as has_bookings
    from answers as a
    left join trust_starts as t on a.trust_id = t.trust_id
),

lists as (
    select
        l.week_end_date,
        l.trust_id,
        l.treatment_function_code,
        l.wait_week,
        l.open_count
    from int_weekly_list as l
    inner join trust_weeks as w on l.trust_id = w.trust_id and l.week_end_date = w.week_end_date
    where l.wait_week >= 0 and l.open_count > 0
),

waits as (
    select
        l.week_end_date,
        l.trust_id,
        l.treatment_function_code,
        sum(l.open_count) as waiting_count,
        sum(l.open_count) filter (where l.wait_week >= 19) as over_18_weeks_count
    from lists as l
    group by l.week_end_date, l.trust_id, l.treatment_function_code
),

bookings as (
    select
        k.week_end_date,
        k.trust_id,
        k.treatment_function_code,
        sum(k.booked_count) as booked_count,
        sum(k.cancelled_by_provider_count) as cancelled_by_provider_count,
        sum(k.dna_count) as dna_count
    from int_weekly_capacity as k
    inner join trust_weeks as w on k.trust_id = w.trust_id and k.week_end_date = w.week_end_date and w.has_bookings
    where k.is_current and k.booked_count > 0
    group by k.week_end_date, k.trust_id, k.treatment_function_code
),

cells as (
    select
        a.week_end_date,
        a.trust_id,
        a.treatment_function_code
    from answers as a
    union
    select
        w.week_end_date,
        w.trust_id,
        w.treatment_function_code
    from waits as w
    union
    select
        b.week_end_date,
        b.trust_id,
        b.treatment_function_code
    from bookings as b
),

units as (
    select
        k.trust_id,
        coalesce(k.treatment_function_code, 'ALL') as treatment_function_code,
        k.week_end_date,
        coalesce(sum(a.response_count), 0)::bigint as response_count,
        coalesce(sum(a.positive_count), 0)::bigint as positive_count,
        coalesce(sum(a.neither_count), 0)::bigint as neither_count,
        coalesce(sum(a.negative_count), 0)::bigint as negative_count,
        coalesce(sum(a.dont_know_count), 0)::bigint as dont_know_count,
        coalesce(sum(a.unknown_count), 0)::bigint as unknown_count,
        coalesce(sum(w.waiting_count), 0)::bigint as waiting_count,
        coalesce(sum(w.over_18_weeks_count), 0)::bigint as over_18_weeks_count,
        coalesce(sum(b.booked_count), 0)::bigint as booked_count,
        coalesce(sum(b.cancelled_by_provider_count), 0)::bigint as cancelled_by_provider_count,
        coalesce(sum(b.dna_count), 0)::bigint as dna_count
    from cells as k
    left join answers as a
        on
        k.week_end_date = a.week_end_date
        and k.trust_id = a.trust_id
        and k.treatment_function_code = a.treatment_function_code
    left join waits as w
        on
        k.week_end_date = w.week_end_date
        and k.trust_id = w.trust_id
        and k.treatment_function_code = w.treatment_function_code
    left join bookings as b
        on
        k.week_end_date = b.week_end_date
        and k.trust_id = b.trust_id
        and k.treatment_function_code = b.treatment_function_code
    group by grouping sets (
        (k.trust_id, k.week_end_date),
        (k.trust_id, k.treatment_function_code, k.week_end_date)
    )
),

bands as (
    select
        l.trust_id,
        coalesce(l.treatment_function_code, 'ALL') as treatment_function_code,
        l.week_end_date,
        greatest(l.wait_week - 1, 0) as band,
        sum(l.open_count)::bigint as n
    from lists as l
    group by grouping sets (
        (l.trust_id, l.week_end_date, greatest(l.wait_week - 1, 0)),
        (l.trust_id, l.treatment_function_code, l.week_end_date, greatest(l.wait_week - 1, 0))
    )
),

medians as (
    select
        b.trust_id,
        b.treatment_function_code,
        b.week_end_date,
        banded_percentile(array_agg(b.band order by b.band), array_agg(b.n order by b.band), 0.5) as median_weeks
    from bands as b
    group by b.trust_id, b.treatment_function_code, b.week_end_date
),

-- What a trust's extracts don't tell of a week is unknown, not none.
told as (
    select
        c.census_date,
        u.trust_id,
        u.treatment_function_code,
        u.week_end_date,
        u.response_count,
        u.response_count - u.unknown_count as answered_count,
        u.positive_count,
        u.neither_count,
        u.negative_count,
        u.dont_know_count,
        u.unknown_count,
        case when w.has_list then u.waiting_count end as waiting_count,
        case when w.has_list then u.over_18_weeks_count end as over_18_weeks_count,
        m.median_weeks,
        case when w.has_bookings then u.booked_count end as booked_count,
        case when w.has_bookings then u.cancelled_by_provider_count end as cancelled_by_provider_count,
        case when w.has_bookings then u.dna_count end as dna_count
    from units as u
    cross join census as c
    inner join trust_weeks as w on u.trust_id = w.trust_id and u.week_end_date = w.week_end_date
    left join medians as m
        on
        u.trust_id = m.trust_id
        and u.treatment_function_code = m.treatment_function_code
        and u.week_end_date = m.week_end_date
)

select
    t.census_date, -- Sunday of the census
    case t.treatment_function_code when 'ALL' then 'trust' else 'trust_function' end
        as level, -- What the unit is split by: trust or trust_function
    case when t.trust_id = 'UNKNOWN' then 0 else pseudonym('trust', t.trust_id) end
        as trust_sk, -- The trust that was asked about; 0 unknown
    t.treatment_function_code, -- Treatment function that was asked about; UNKNOWN when not mapped, ALL when not split by it
    t.week_end_date, -- Sunday that ends the week of the answers
    t.response_count, -- Responses, whatever they say
    t.answered_count, -- Of these, one of the six answers: what rates are made of
    t.positive_count, -- Very good or good
    t.neither_count, -- Neither good nor poor
    t.negative_count, -- Poor or very poor
    case when t.treatment_function_code = 'ALL' then t.negative_count end
        as trust_negative_count, -- The same of a trust alone: what shared readers see, as specialties have too few
    t.dont_know_count, -- Don't know
    t.unknown_count, -- None of the six answers, or blank
    round(t.positive_count::numeric / nullif(t.answered_count, 0), 4) as positive_rate, -- positive / answered
    round(wilson_lower(t.positive_count, t.answered_count)::numeric, 4) as positive_lower, -- Its lower 95% limit (Wilson)
    round(wilson_upper(t.positive_count, t.answered_count)::numeric, 4) as positive_upper, -- Its upper 95% limit
    round(t.negative_count::numeric / nullif(t.answered_count, 0), 4) as negative_rate, -- negative / answered
    round(wilson_lower(t.negative_count, t.answered_count)::numeric, 4) as negative_lower, -- Its lower 95% limit (Wilson)
    round(wilson_upper(t.negative_count, t.answered_count)::numeric, 4) as negative_upper, -- Its upper 95% limit
    t.waiting_count, -- On the list that Sunday with a known clock start; null: the week is not told
    t.over_18_weeks_count, -- Of these, over 18 weeks
    round(t.over_18_weeks_count::numeric / nullif(t.waiting_count, 0), 4) as over_18_weeks_rate, -- over 18 / waiting
    t.median_weeks as median_wait_weeks, -- Median weeks waited on the list that Sunday; null below 20
    t.booked_count, -- Bookings for the week; null: the week is not told
    t.cancelled_by_provider_count, -- Of these, cancelled by the provider
    round(t.cancelled_by_provider_count::numeric / nullif(t.booked_count, 0), 4)
        as cancelled_by_provider_rate, -- cancelled by the provider / booked
    t.dna_count, -- Of these, not attended without notice
    round(t.dna_count::numeric / nullif(t.booked_count, 0), 4) as dna_rate -- not attended / booked
from told as t
