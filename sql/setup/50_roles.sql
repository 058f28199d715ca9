/*
Who may read what. Three group roles; a person's or a dashboard's own login is admitted to them:

    call quality.admit('ward_lead', 'medimart_clinical', '{RXA}');   -- rows of these trusts alone
    call quality.admit('ics_lead', 'medimart_clinical', '{RXA, RXB, UNKNOWN, ALL}');   -- totals over all trusts as well
    call quality.admit('metabase_shared', 'medimart_shared');
    call quality.admit('rtt_validation', 'medimart_reidentify', '{RXA, RXB}');

A reader of one trust sees no total over all trusts (member ALL of dim_trust) unless it is granted: clinical rows are exact,
and where there are two trusts, the total less one's own rows is the other's, small numbers and all. Grant it to those who
may see every trust. ALL is one member like another, and grants no trust's own rows.

The marts' own grants and policies are made by `medimart.models.access` at every publish, from the models' headers.
Whoever reads sees the marts of one instant in each transaction (repeatable read is the database's default, and that of
every login admitted). In read committed a query is planned a moment before its snapshot is taken; a publish that
commits in between would show it new dimensions beside a list of partitions that is old.

Run again at any time. Where we may not create roles, `quality.ensure_roles` says what an administrator must run.
*/
create table if not exists quality.trust_access (
    role_name name not null,
    trust_id text not null,
    granted_by name not null default session_user,
    granted_at timestamptz not null default clock_timestamp(),
    primary key (role_name, trust_id)
);
comment on table quality.trust_access is 'Whose rows a role sees in the patient-level marts: one row per role and trust';
comment on column quality.trust_access.role_name is 'A login, or a group that logins are members of';
comment on column quality.trust_access.trust_id is
'dim_trust.trust_id; UNKNOWN grants rows whose trust is not known; ALL totals over all trusts, and no trust''s own rows';

create table if not exists quality.patient_trust (
    patient_sk bigint not null,
    trust_sk bigint not null,
    primary key (patient_sk, trust_sk)
);
create index if not exists patient_trust_trust on quality.patient_trust (trust_sk, patient_sk);
comment on table quality.patient_trust is
'Which trusts a patient has a published referral, appointment, procedure or wait at: who may see the patient';

create table if not exists identity.patient (
    patient_sk bigint primary key,
    patient_id text not null
);
create index if not exists patient_patient_id on identity.patient (patient_id);
comment on table identity.patient is 'Which pseudonymous key is which local identifier; read by identity.reidentify alone';

create table if not exists identity.reidentification (
    reidentification_id bigint generated always as identity primary key,
    asked_at timestamptz not null default clock_timestamp(),
    asked_by name not null,
    patient_sk bigint not null,
    reason text not null,
    is_answered boolean not null
);
comment on table identity.reidentification is 'Every use of identity.reidentify: who, when, which patient, why';
comment on column identity.reidentification.asked_by is 'The login, whatever role it had taken on';
comment on column identity.reidentification.is_answered is
'Whether it was told: not when the patient is unknown, or of no trust granted to the login';

-- The trusts granted to a role, or to a group whose rights it has.
create or replace function quality.trusts_of(reader name) returns bigint[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return array(
        select distinct t.trust_sk
        from quality.trust_access as a
        inner join marts.dim_trust as t on t.trust_id = a.trust_id
        inner join pg_roles as r on r.rolname = a.role_name
        where pg_has_role(reader, r.oid, 'usage')
    );
end
$$;
revoke execute on function quality.trusts_of(name) from public;

-- The local identifiers behind a pseudonymous key, for patients of the trusts granted to the login. Every use is
-- recorded; since whoever asks can roll its transaction back, the server's own log says so as well.
create or replace function identity.reidentify(patient_sk bigint, reason text) returns setof text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    found_id text;
begin
    if btrim(coalesce(reason, '')) = '' then
        raise exception 'Say why the patient must be known: select identity.reidentify(<patient_sk>, ''<reason>'').';
    end if;
    select p.patient_id into found_id
    from identity.patient as p
    where
        p.patient_sk = reidentify.patient_sk
        and exists (
            select from quality.patient_trust as t
            where t.patient_sk = p.patient_sk and t.trust_sk = any(quality.trusts_of(session_user))
        );
    insert into identity.reidentification (asked_by, patient_sk, reason, is_answered)
    values (session_user, reidentify.patient_sk, reidentify.reason, found_id is not null);
    raise log 'medimart: % asked who patient % is', session_user, reidentify.patient_sk;
    if found_id is not null then
        return next found_id;
    end if;
end
$$;
comment on function identity.reidentify(bigint, text) is
'The local identifier of a patient, for a reason; audited in identity.reidentification';
revoke execute on function identity.reidentify(bigint, text) from public;

-- Let a login read as one of the group roles. Each of its transactions sees the marts of one instant, and is read-only
-- unless the login re-identifies, which writes the audit; no query of it lasts for ever.
create or replace procedure quality.admit(login name, reads_as name, trust_ids text[] default '{}')
language plpgsql as $$
declare
    writes_audit boolean;
begin
    if reads_as not in ('medimart_clinical', 'medimart_shared', 'medimart_reidentify') then
        raise exception 'A login is admitted to medimart_clinical, medimart_shared or medimart_reidentify, not to %.',
        reads_as;
    end if;
    execute format('grant %I to %I', reads_as, login);
    writes_audit := pg_has_role(login, 'medimart_reidentify', 'member');
    execute format('alter role %I set default_transaction_read_only = %s', login, not writes_audit);
    execute format('alter role %I set default_transaction_isolation = %L', login, 'repeatable read');
    execute format('alter role %I set jit = off', login); -- compiling a policy takes longer than its query
    execute format('alter role %I set statement_timeout = %L', login, '60s');
    execute format('alter role %I set idle_in_transaction_session_timeout = %L', login, '60s');
    insert into quality.trust_access (role_name, trust_id)
    select login, t.trust_id from unnest(trust_ids) as t (trust_id)
    on conflict do nothing;
end
$$;
revoke execute on procedure quality.admit(name, name, text[]) from public;

-- Make the group roles and give them their schemas, whatever of it is not there yet. Returns what an administrator
-- must run where we may not create roles, else null.
create or replace function quality.ensure_roles() returns text
language plpgsql as $$
declare
    wanted name;
    missing text[] := '{}';
begin
    foreach wanted in array array['medimart_clinical', 'medimart_shared', 'medimart_reidentify']::name[] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin', wanted);
            end if;
        exception
            when insufficient_privilege then missing := missing || format('create role %I nologin;', wanted);
            when duplicate_object or unique_violation then null; -- another warehouse of this server was quicker
        end;
        continue when not exists (select from pg_roles where rolname = wanted);
        if wanted = 'medimart_reidentify' then
            if not has_schema_privilege(wanted, 'identity', 'usage') then
                execute format('grant usage on schema identity to %I', wanted);
                execute format('grant execute on function identity.reidentify(bigint, text) to %I', wanted);
            end if;
        elsif not has_schema_privilege(wanted, 'marts', 'usage') then
            execute format('grant usage on schema marts to %I', wanted);
            execute format('grant select on marts.publication to %I', wanted);
        end if;
        -- What dashboards say of the pipeline itself (70_pipeline.sql).
        if
            wanted <> 'medimart_reidentify' and to_regclass('shared_marts.pipeline_quarantine') is not null
            and not has_table_privilege(wanted, 'shared_marts.pipeline_quarantine', 'select')
        then
            execute format('grant usage on schema shared_marts to %I', wanted);
            execute format('grant select on shared_marts.pipeline_run, shared_marts.pipeline_check to %I', wanted);
            execute format('grant select on shared_marts.pipeline_extract to %I', wanted);
            execute format('grant select on shared_marts.pipeline_quarantine to %I', wanted);
        end if;
        -- Policies ask these two; without usage of their schema no reader can.
        if wanted = 'medimart_clinical' and not has_table_privilege(wanted, 'quality.patient_trust', 'select') then
            execute format('grant select on quality.patient_trust to %I', wanted);
            execute format('grant execute on function quality.trusts_of(name) to %I', wanted);
        end if;
    end loop;
    return nullif(array_to_string(missing, ' '), '');
end
$$;
revoke execute on function quality.ensure_roles() from public;

select quality.ensure_roles();

do $$
begin
    execute format('alter database %I set default_transaction_isolation = %L', current_database(), 'repeatable read');
exception
    when insufficient_privilege then null; -- not our database: logins have it from quality.admit
end
$$;
