/*
What dashboards say of the pipeline itself, for readers who may not see quality: runs, verdicts, files and quarantine,
without a row, a sample key or a text of anybody. Counts of rows go by the rule of disclosure control, as everywhere in
shared_marts.
*/
create or replace view shared_marts.pipeline_run as
select
    r.run_id,
    r.pipeline,
    r.census_date,
    r.started_at,
    s.finished_at,
    s.seconds,
    p.published_at
from quality.run as r
left join (
    select
        run_id,
        max(finished_at) as finished_at,
        sum(seconds) as seconds
    from quality.run_step
    group by run_id
) as s on r.run_id = s.run_id
left join (
    select
        run_id,
        max(published_at) as published_at
    from marts.publication
    group by run_id
) as p on r.run_id = p.run_id;
comment on view shared_marts.pipeline_run is 'One row per run of a pipeline';
comment on column shared_marts.pipeline_run.finished_at is 'When its last step so far ended';
comment on column shared_marts.pipeline_run.seconds is 'Work of all its steps together';
comment on column shared_marts.pipeline_run.published_at is 'When readers saw it; null: it published nothing';

create or replace view shared_marts.pipeline_check as
select
    run_id,
    pipeline,
    census_date,
    model,
    check_id,
    severity,
    status,
    reason,
    action,
    validated_at
from quality.validation_result;
comment on view shared_marts.pipeline_check is 'One row per run and check: its verdict, and no row behind it';

create or replace view shared_marts.pipeline_extract as
select
    source,
    extract_date,
    delivery,
    reference.disclosed_count(row_count) as row_count,
    loaded_at
from quality.load_audit
where status <> 'superseded';
comment on view shared_marts.pipeline_extract is 'One row per file in force: source and date of the extract';

create or replace view shared_marts.pipeline_quarantine as
select
    q.source,
    q.extract_date,
    q.column_name,
    q.rule,
    reference.disclosed_count(count(distinct q.load_id || '/' || q.line_no)) as row_count,
    reference.disclosed_count(
        count(distinct q.load_id || '/' || q.line_no) filter (where q.released_by_load is null)
    ) as waiting_count
from quality.quarantine as q
inner join quality.load_audit as l on q.load_id = l.load_id
where l.status <> 'superseded'
group by grouping sets ((q.source, q.extract_date, q.column_name, q.rule), ());
comment on view shared_marts.pipeline_quarantine is
'Rows set aside, by extract, column and rule, and one row for all (source null); never their text';
comment on column shared_marts.pipeline_quarantine.row_count is 'Rows with this fault; null: 1 to 7';
comment on column shared_marts.pipeline_quarantine.waiting_count is
'Of these, no good version has come since; null: 1 to 7';

select quality.ensure_roles();
