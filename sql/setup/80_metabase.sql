/*
What was last written to Metabase, so that a second apply writes nothing and people's own edits are noticed and kept.
*/
create table if not exists quality.metabase_applied (
    server text not null,
    kind text not null,
    name text not null,
    id integer not null,
    mark text not null,
    sent jsonb not null,
    shown jsonb not null,
    applied_at timestamptz not null default clock_timestamp(),
    primary key (server, kind, name)
);
comment on table quality.metabase_applied is 'One row per entity of Metabase that `medimart metabase apply` manages';
comment on column quality.metabase_applied.server is 'MEDIMART_METABASE_URL';
comment on column quality.metabase_applied.kind is 'database, collection, card, dashboard, subscription or alert';
comment on column quality.metabase_applied.name is 'Its name in include/metabase';
comment on column quality.metabase_applied.id is 'Its number on the server';
comment on column quality.metabase_applied.mark is
'What the server marked it with, and no copy of it; for e-mails, the mark of what they show';
comment on column quality.metabase_applied.sent is 'Digest of each part, as it was sent';
comment on column quality.metabase_applied.shown is 'Digest of each part, as the server then showed it';
