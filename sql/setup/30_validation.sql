/*
What every check of every run found: the evidence behind a publication, and the trend of each check. Holds no direct
identifier: samples are pseudonymous keys, or load and line.
*/
create table if not exists quality.validation_result (
    run_id text not null,
    model text not null,
    check_id text not null,
    pipeline text not null,
    census_date date not null,
    build_schema text not null,
    expectation text not null,
    column_name text,
    severity text not null check (severity in ('critical', 'warning', 'info')),
    status text not null check (status in ('passed', 'failed', 'broken')),
    observed_value double precision,
    unexpected_count bigint,
    row_count bigint,
    sample_keys jsonb not null default '[]',
    reason text not null,
    action text not null,
    detail text,
    model_seconds double precision not null,
    validated_at timestamptz not null default clock_timestamp(),
    primary key (run_id, model, check_id)
);
comment on table quality.validation_result is
'One row per run and check; a run validated again replaces its rows';
comment on column quality.validation_result.check_id is 'Stable name of the check within its model';
comment on column quality.validation_result.status is
'passed, failed (the data are not as expected) or broken (the check could not be carried out: says nothing of the data)';
comment on column quality.validation_result.observed_value is
'What was measured, where the check measures something: a share of rows (0 to 1), a count, a mean';
comment on column quality.validation_result.unexpected_count is 'Rows that are not as expected';
comment on column quality.validation_result.row_count is 'Rows of the model that was checked';
comment on column quality.validation_result.sample_keys is
'A few of the unexpected rows by pseudonymous key, or by load and line; never an identifier or another value';
comment on column quality.validation_result.reason is 'Why the check matters, from its suite';
comment on column quality.validation_result.action is 'What on-call should do, from its suite';
comment on column quality.validation_result.detail is 'For a broken check: what stopped it';
comment on column quality.validation_result.model_seconds is 'Seconds that all checks of the model took together';
create index if not exists validation_result_trend
on quality.validation_result (model, check_id, census_date, validated_at);
