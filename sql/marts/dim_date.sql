/*
One row per day from 1900 to 2099: the calendar that dates of every fact point to. Weeks end on Sunday, as the weekly
waiting-list return counts them; the financial year begins in April.

---
kind: fixed
grain: [date]
not_null: [week_end_date, month_start_date, financial_year]
readers: shared
owner: ICS information lead
*/
with
days as (
    select cast(g.day as date) as date
    from generate_series(timestamp '1900-01-01', timestamp '2099-12-31', interval '1 day') as g (day)
)

select
    d.date, -- The day
    (d.date + (7 - extract(isodow from d.date)::integer))::date as week_end_date, -- Sunday that ends its week
    (date_trunc('month', d.date::timestamp))::date as month_start_date, -- First day of its month
    extract(year from d.date)::integer as year, -- Calendar year
    extract(month from d.date)::integer as month_number, -- Month of the calendar year, 1 to 12
    to_char(d.date, 'FMMonth') as month_name, -- Name of the month
    extract(quarter from d.date)::integer as quarter, -- Quarter of the calendar year, 1 to 4
    extract(isodow from d.date)::integer as weekday_number, -- Day of the week, Monday 1 to Sunday 7
    to_char(d.date, 'FMDay') as weekday_name, -- Name of the day
    extract(isodow from d.date) >= 6 as is_weekend, -- Saturday or Sunday
    extract(isodow from d.date) = 7 as is_census_day, -- A Sunday: the lists are counted
    case
        when extract(month from d.date) >= 4
            then
                to_char(d.date, 'YYYY') || '/' || right((extract(year from d.date)::integer + 1)::text, 2)
        else (extract(year from d.date)::integer - 1)::text || '/' || to_char(d.date, 'YY')
    end as financial_year, -- Financial year, from April, such as 2025/26
    ((extract(month from d.date)::integer + 8) % 12) + 1 as financial_month_number -- Month of it, April 1 to March 12
from days as d
