/*
How much of what was delivered is set aside as of a census: what every patient list says of itself. Rows that a later good
version had released by then are not counted; which loads there are is pinned by the run, so the answer is the same again.
*/
-- noqa: disable=RF01
create or replace function reference.quarantined_as_of(census date)
returns table (quarantined_row_count bigint, patients_at_risk_count bigint)
language sql stable parallel safe
begin atomic
    select
        count(distinct q.load_id || '/' || q.line_no) as quarantined_row_count,
        count(distinct coalesce(q.record ->> 'patient_id', q.load_id || '/' || q.line_no)) filter (
            where q.source in ('patients', 'referrals')
        ) as patients_at_risk_count
    from quality.quarantine as q
    inner join quality.load_audit as l on q.load_id = l.load_id
    left join quality.load_audit as r on q.released_by_load = r.load_id
    where
        q.extract_date <= quarantined_as_of.census
        and l.status <> 'superseded'
        and coalesce(r.extract_date > quarantined_as_of.census, true);
end;
comment on function reference.quarantined_as_of(date) is
'Rows in quarantine as of a census, and the patients of these whom a list may therefore lack';
