/*
What is being built, what was published, and who may see which trust.
*/
create schema if not exists marts_partitions;
comment on schema marts_partitions is 'The partitions of the tables of marts; read through marts alone';

create table if not exists quality.build (
    run_id text primary key,
    pipeline text not null,
    census_date date not null,
    schema_name text not null unique,
    fingerprint text not null,
    inputs jsonb not null,
    opened_at timestamptz not null default clock_timestamp()
);
comment on table quality.build is 'The build schemas that exist: one per run that has not been published yet';

create table if not exists marts.publication (
    publication_id bigint generated always as identity primary key,
    pipeline text not null,
    census_date date not null,
    run_id text not null,
    fingerprint text not null,
    inputs jsonb not null,
    row_counts jsonb not null,
    checks jsonb not null,
    code_sha256 text not null,
    code_version text not null,
    current_census_date date,
    current_fingerprint text,
    published_at timestamptz not null default clock_timestamp()
);
create index if not exists publication_census on marts.publication (pipeline, census_date, publication_id desc);

comment on table marts.publication is
'One row per publish; the newest of a pipeline and census says what readers see of it';
comment on column marts.publication.publication_id is 'Order of publishing';
comment on column marts.publication.pipeline is 'waiting_list or rtt_publication';
comment on column marts.publication.census_date is 'The census that was published; for rtt_publication the period';
comment on column marts.publication.run_id is 'The run that published';
comment on column marts.publication.fingerprint is 'SHA-256 of all that was read: files, seeds, contracts';
comment on column marts.publication.inputs is 'What was read, file by file';
comment on column marts.publication.row_counts is 'Rows of each published table: the census''s for a snapshot, all for others';
comment on column marts.publication.checks is 'How many checks passed, warned and failed';
comment on column marts.publication.code_sha256 is 'SHA-256 over the SQL of the pipeline''s models';
comment on column marts.publication.code_version is 'Version of the program that published';
comment on column marts.publication.current_census_date is
'The census the current tables were brought up to, when this publish touched them';
comment on column marts.publication.current_fingerprint is
'Fingerprint of what the current tables were made from, when this publish touched them; null while rows wait in them
that only a census to be restated refers to';
comment on column marts.publication.published_at is 'When readers saw it';
