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
-- What is of a month is made once a month, and not for each of its days.
months as (
    select
        m.day::date as month_start_date,
        (m.day + interval '1 month')::date as next_month_start_date,
        extract(year from m.day)::integer as year,
        extract(month from m.day)::integer as month_number,
        to_char(m.day, 'FMMonth') as month_name,
        extract(quarter from m.day)::integer as quarter,
        extract(year from m.day - interval '3 months')::integer as financial_year_start,
        extract(month from m.day - interval '3 months')::integer as financial_month_number
    from generate_series(timestamp '1900-01-01', timestamp '2099-12-01', interval '1 month') as m (day)
),

financial_months as (
    select
        m.*,
        m.financial_year_start::text || '/' || lpad(((m.financial_year_start + 1) % 100)::text, 2, '0') as financial_year
    from months as m
),

days as (
    select
        m.month_start_date + g.day_no as date,
        (m.month_start_date + g.day_no - date '1900-01-01') % 7 + 1 as weekday_number, -- which was a Monday
        m.month_start_date,
        m.year,
        m.month_number,
        m.month_name,
        m.quarter,
        m.financial_year,
        m.financial_month_number
    from financial_months as m
    cross join lateral generate_series(0, m.next_month_start_date - m.month_start_date - 1) as g (day_no)
)

select
    d.date, -- The day
    d.date + 7 - d.weekday_number as week_end_date, -- Sunday that ends its week
    d.month_start_date, -- First day of its month
    d.year, -- Calendar year
    d.month_number, -- Month of the calendar year, 1 to 12
    d.month_name, -- Name of the month
    d.quarter, -- Quarter of the calendar year, 1 to 4
    d.weekday_number, -- Day of the week, Monday 1 to Sunday 7
    (array['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])[d.weekday_number]
        as weekday_name, -- Name of the day
    d.weekday_number >= 6 as is_weekend, -- Saturday or Sunday
    d.weekday_number = 7 as is_census_day, -- A Sunday: the lists are counted
    d.financial_year, -- Financial year, from April, such as 2025/26
    d.financial_month_number -- Month of it, April 1 to March 12
from days as d
