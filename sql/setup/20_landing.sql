/*
What the landing keeps beside the rows themselves: which files were loaded, what was set aside and why, what was kept
with a flag, and which seeds are in force. The tables of raw and history are made from the contracts
(`medimart.landing.tables`).
*/
create sequence if not exists quality.load_id;

create table if not exists quality.load_audit (
    load_id bigint primary key default nextval('quality.load_id'),
    source text not null,
    extract_date date not null,
    delivery text not null check (delivery in ('full', 'changes')),
    file_name text not null,
    file_sha256 text not null,
    file_size bigint not null,
    file_modified bigint not null,
    encoding text not null,
    columns json not null,
    row_count bigint not null,
    contract_sha256 text not null,
    typing_sha256 text,
    status text not null check (status in ('loaded', 'typed', 'superseded')),
    superseded_by bigint references quality.load_audit,
    loaded_at timestamptz not null default clock_timestamp(),
    typed_at timestamptz,
    load_seconds double precision not null,
    type_seconds double precision,
    duplicate_count bigint,
    current_count bigint,
    superseded_count bigint,
    deleted_count bigint,
    absent_count bigint,
    quarantined_count bigint,
    counted_as_of date
);

comment on table quality.load_audit is 'One row per load of a file; loads are never changed, only superseded';
comment on column quality.load_audit.load_id is 'The load; its rows are the partition of this number in raw';
comment on column quality.load_audit.extract_date is 'The date of the folder, when the rows were delivered';
comment on column quality.load_audit.delivery is 'full: all keys there are; changes: those that changed';
comment on column quality.load_audit.file_modified is 'Nanoseconds since 1970; with the size it spares a second hash';
comment on column quality.load_audit.columns is 'What each header of the file was read as, in the file''s order';
comment on column quality.load_audit.row_count is 'Records in the file, the header and blank lines apart';
comment on column quality.load_audit.typing_sha256 is 'Hash of the contract, aliases and rules it was typed by';
comment on column quality.load_audit.duplicate_count is 'Rows whose key comes again further down the file';
comment on column quality.load_audit.superseded_count is 'Rows replaced by a later row or version of their key';
comment on column quality.load_audit.deleted_count is 'Deletions, and rows that a later deletion closed';
comment on column quality.load_audit.absent_count is 'Rows whose key a later full delivery no longer holds';
comment on column quality.load_audit.quarantined_count is 'Rows in quarantine, none of whose faults was mended since';
comment on column quality.load_audit.counted_as_of is 'The counts hold as of this census';

create unique index if not exists load_audit_active
on quality.load_audit (source, extract_date) where status <> 'superseded';

create table if not exists quality.quarantine (
    load_id bigint not null references quality.load_audit,
    source text not null,
    extract_date date not null,
    file_name text not null,
    line_no bigint not null,
    record_key text,
    column_name text not null,
    rule text not null,
    source_text text,
    record jsonb not null,
    released_by_load bigint references quality.load_audit,
    primary key (load_id, line_no, column_name, rule)
);

comment on table quality.quarantine is 'Rows set aside, one entry per fault; identifiable';
comment on column quality.quarantine.record_key is 'The key of the row where it can be told, its parts in order';
comment on column quality.quarantine.source_text is 'The text at fault as it stood in the file';
comment on column quality.quarantine.record is 'The whole row as it stands in raw';
comment on column quality.quarantine.released_by_load is
'The first later load with a good version of the key, or a later full delivery, which restates the whole source';

create index if not exists quarantine_key on quality.quarantine (source, record_key);
create index if not exists quarantine_waiting on quality.quarantine (source) where released_by_load is null;

create table if not exists quality.load_flag (
    load_id bigint not null references quality.load_audit,
    column_name text not null,
    rule text not null,
    row_count bigint not null,
    primary key (load_id, column_name, rule)
);

comment on table quality.load_flag is 'Values kept with a flag, counted per load';

create table if not exists quality.file_check (
    source text not null,
    extract_date date not null,
    path text not null,
    file_size bigint not null,
    file_modified bigint not null,
    delivery text not null,
    contract_sha256 text not null,
    result jsonb not null,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (source, extract_date)
);

comment on table quality.file_check is
'Files that passed their checks and what was found, so that the load of each need not read its whole extract again';

create table if not exists quality.seed_audit (
    seed text primary key,
    sha256 text not null,
    row_count bigint not null,
    loaded_at timestamptz not null default clock_timestamp()
);

comment on table quality.seed_audit is 'The seeds in force, with the hash of their rows and contract';
