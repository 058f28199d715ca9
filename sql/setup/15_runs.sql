/*
Which run is about which census, how long each of its steps took, and what made one fail: what the summary and the
on-call report read.
*/
create table if not exists quality.run (
    run_id text primary key,
    pipeline text not null,
    census_date date not null,
    full_rebuild boolean not null,
    stop_on_warning boolean not null,
    input_file text,
    started_at timestamptz not null default clock_timestamp()
);
comment on table quality.run is 'One row per run of a pipeline, fixed by its first step';

create table if not exists quality.run_step (
    run_id text not null references quality.run (run_id),
    stage text not null,
    step text not null,
    row_count bigint,
    seconds double precision not null,
    finished_at timestamptz not null default clock_timestamp(),
    primary key (run_id, stage, step)
);
comment on table quality.run_step is 'One row per finished step of a run; a step done again keeps its last time';

-- No reference to quality.run: a run may fail before it has fixed its census.
create table if not exists quality.run_failure (
    run_id text not null,
    pipeline text not null,
    stage text not null,
    step text not null,
    kind text not null,
    message text not null,
    failed_at timestamptz not null default clock_timestamp(),
    primary key (run_id, stage, step)
);
comment on table quality.run_failure is
'One row per step of a run that failed when it was last tried; it goes when the step succeeds';
comment on column quality.run_failure.kind is 'The error''s class, as InputError for a file that is not as its contract';
comment on column quality.run_failure.message is 'What the task''s log ends with; holds no value of any row';
