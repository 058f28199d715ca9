/*
One row per postcode district and hospital site: the straight line between them.

Great circle between the centres of the two districts (seed geography, two decimals: good to about a kilometre), in km, to
one decimal; function great_circle_km. From a district to a site in it the distance is 0, whatever the walk. It is no journey:
roads and timetables are not in it. Made once for all districts and sites of the seeds, so that no pathway computes its own.
The distance is null where the seed geography lacks the site's district.

---
kind: intermediate
grain: [postcode_district, site_code]
*/
with
sites as (
    select
        s.site_code,
        s.provider_code,
        s.postcode_district
    from ref_site as s
),

districts as (
    select
        g.postcode_district,
        g.latitude,
        g.longitude
    from ref_geography as g
)

select
    d.postcode_district, -- Outward part of a postcode, of the seed geography
    s.site_code, -- ODS code of the site
    s.provider_code, -- ODS code of the site's trust
    round(great_circle_km(d.latitude, d.longitude, p.latitude, p.longitude)::numeric, 1)
        as distance_km -- Straight line from district to site in km; null when the site's place is unknown
from sites as s
cross join districts as d
left join districts as p on s.postcode_district = p.postcode_district
