/*
One row per week, trust and treatment function that anybody answered the Friends and Family Test about: how they answered.

The week is that of the answer, not of the visit, which an anonymous survey doesn't tell. Answers dated after the census
count once their week has come. What no alias reads is an unknown answer: a response, but none of the six that rates are
made of. Withdrawn responses count no more.

---
kind: intermediate
grain: [week_end_date, trust_id, treatment_function_code]
not_null: [response_count, very_good_count, good_count, neither_count, poor_count, very_poor_count, dont_know_count, unknown_count]
*/
with
trusts as (
    select trust_id
    from stg_trusts
),

answers as (
    select
        (e.survey_date + (7 - extract(isodow from e.survey_date)::integer))::date as week_end_date,
        coalesce(t.trust_id, 'UNKNOWN') as trust_id,
        coalesce(e.treatment_function_code, 'UNKNOWN') as treatment_function_code,
        e.answer_code
    from stg_experience as e
    cross join census as c
    left join trusts as t on e.trust_id = t.trust_id
    where e.is_current and e.survey_date <= c.census_date
)

select
    a.week_end_date, -- Sunday that ends the week of the answer
    a.trust_id, -- The trust; UNKNOWN when not delivered
    a.treatment_function_code, -- Treatment function; UNKNOWN when not mapped
    count(*) as response_count, -- Responses, whatever they say
    count(*) filter (where a.answer_code = '1') as very_good_count, -- Very good
    count(*) filter (where a.answer_code = '2') as good_count, -- Good
    count(*) filter (where a.answer_code = '3') as neither_count, -- Neither good nor poor
    count(*) filter (where a.answer_code = '4') as poor_count, -- Poor
    count(*) filter (where a.answer_code = '5') as very_poor_count, -- Very poor
    count(*) filter (where a.answer_code = '6') as dont_know_count, -- Don't know
    count(*) filter (where a.answer_code is null) as unknown_count -- None of the six, or blank: the source text is in flags
from answers as a
group by a.week_end_date, a.trust_id, a.treatment_function_code
