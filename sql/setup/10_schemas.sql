/*
The warehouse's schemas and the two functions that models call. Run in order with the other files of this folder
by `medimart.warehouse.prepare`; each file may be run again at any time.
*/
create schema if not exists raw;
create schema if not exists history;
create schema if not exists reference;
create schema if not exists quality;
create schema if not exists marts;
create schema if not exists identity;

comment on schema raw is 'Every row of every file as it came; identifiable, closed to readers';
comment on schema history is 'Every version of every key, typed; identifiable, closed to readers';
comment on schema reference is 'The seeds of data/reference, typed, and the functions models use';
comment on schema quality is 'Loads, quarantine and verdicts; identifiable, closed to readers';
comment on schema marts is 'What is published';
comment on schema identity is 'Which pseudonymous key is which patient; for the audited re-identification role alone';

-- Text as aliases are matched: lower case, every run of other characters one space.
create or replace function reference.normalise(source_text text) returns text
language sql immutable strict parallel safe
return btrim(regexp_replace(lower(source_text), '[^[:alnum:]]+', ' ', 'g'));

-- A 64-bit surrogate key: the first eight bytes of HMAC-SHA-256 (RFC 2104) over '<kind>:<id>'. The two padded keys
-- are session settings, given by the pipeline from a secret that the database never stores.
create or replace function reference.pseudonym(kind text, id text) returns bigint
language sql stable strict parallel safe
return ('x' || encode(substr(
    sha256(
        decode(current_setting('medimart.outer_key'), 'hex')
        || sha256(decode(current_setting('medimart.inner_key'), 'hex') || convert_to(kind || ':' || id, 'UTF8'))
    ), 1, 8
), 'hex'))::bit(64)::bigint;
