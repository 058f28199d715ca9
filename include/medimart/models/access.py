"""Who may read a mart: grants and row-level security from the models' headers, and who may see which patient.

A total over all trusts is a row of the member ALL of dim_trust, seen by those alone to whom ALL is granted: less a
reader's own rows it would tell another trust's, exactly. The group roles, the function that re-identifies and what a
login is admitted by are `sql/setup/50_roles.sql`.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from medimart.errors import MedimartError
from medimart.models.build import Build
from medimart.models.manifest import Model
from medimart.models.tables import CHANGED, SCHEMA, published

Connection = psycopg.Connection[Any]

READS = {"medimart_clinical": ("clinical", "shared"), "medimart_shared": ("shared",)}  # role → readers of a header
POLICY = "granted_trusts"
_GRANTED = "any((select quality.trusts_of(current_user))::bigint[])"


def advice(conn: Connection) -> str | None:
    """What an administrator must run before readers can be admitted; None when the roles are there.

    Makes what roles are missing, where it may.
    """
    [(missing,)] = conn.execute("select quality.ensure_roles()").fetchall()
    if missing is None:
        return None
    return (
        f"The role {conn.info.user} may not create roles, so nobody else can read the marts yet: have an administrator "
        f"run `{missing}`, and the next publish grants them what they may read."
    )


def policing(conn: Connection, model: Model) -> list[sql.Composed]:
    """The statements that limit a published table to the trusts granted to whoever reads it, if it is patient-level.

    None when it is as it must be. Raises MedimartError when the model has nothing to tell trusts by.
    """
    table, policy = published(model.name), sql.Identifier(POLICY)
    [(is_limited,)] = conn.execute(
        "select exists (select from pg_policies where schemaname = %s and tablename = %s and policyname = %s)",
        (SCHEMA, model.name, POLICY),
    ).fetchall()
    if is_limited == (model.readers == "clinical"):
        return []
    if is_limited:
        return [
            sql.SQL("drop policy {} on {}").format(policy, table),
            sql.SQL("alter table {} disable row level security").format(table),
        ]
    return [
        sql.SQL("alter table {} enable row level security").format(table),
        sql.SQL("create policy {} on {} for select using ({})").format(policy, table, sql.SQL(_condition(model))),
    ]


def grant(conn: Connection, model: Model) -> None:
    """Let the roles read a published table that may, and no other."""
    table = published(model.name)
    for role, readers in READS.items():
        row = conn.execute(
            "select has_table_privilege(r.oid, to_regclass(format('%%I.%%I', %s::text, %s::text)), 'select') "
            "from pg_roles as r where r.rolname = %s",
            (SCHEMA, model.name, role),
        ).fetchone()
        if row is None:
            continue
        if model.readers in readers and not row[0]:
            conn.execute(sql.SQL("grant select on {} to {}").format(table, sql.Identifier(role)))
        if model.readers not in readers and row[0]:
            conn.execute(sql.SQL("revoke all on {} from {}").format(table, sql.Identifier(role)))


def begin(conn: Connection) -> None:
    """Make the temporary tables that collect which patient came to or left which trust in this publish."""
    conn.execute("create temporary table pairs_come (patient_sk bigint, trust_sk bigint) on commit drop")
    conn.execute("create temporary table pairs_gone (patient_sk bigint, trust_sk bigint) on commit drop")


def note_all(conn: Connection, model: Model, build: Build) -> None:
    """Note the patients and trusts of a table that is published for the first time."""
    if _tells(model):
        conn.execute(
            sql.SQL("insert into pg_temp.pairs_come select distinct patient_sk, trust_sk from {}").format(
                sql.Identifier(build.schema, model.name)
            )
        )


def note_changed(conn: Connection, model: Model) -> None:
    """Note the patients and trusts of the rows that a merge has just changed, of now and of before."""
    if _tells(model):
        conn.execute(
            sql.SQL(
                "insert into pg_temp.pairs_come select distinct patient_sk, trust_sk from {} where not is_gone"
            ).format(CHANGED)
        )
        conn.execute(
            sql.SQL(
                "insert into pg_temp.pairs_gone select distinct old_patient_sk, old_trust_sk from {}"
                " where old_patient_sk is not null"
                " and (is_gone or (old_patient_sk, old_trust_sk) is distinct from (patient_sk, trust_sk))"
            ).format(CHANGED)
        )


def settle(conn: Connection, facts: list[Model]) -> None:
    """Bring `quality.patient_trust` up to what the published facts say now."""
    conn.execute(
        "insert into quality.patient_trust select distinct patient_sk, trust_sk from pg_temp.pairs_come "
        "where patient_sk <> 0 on conflict do nothing"
    )
    unheld = [
        sql.SQL(
            " and not exists (select from {} as f where f.patient_sk = p.patient_sk and f.trust_sk = p.trust_sk)"
        ).format(published(fact.name))
        for fact in facts
        if _tells(fact)
    ]
    conn.execute(
        sql.SQL(
            "delete from quality.patient_trust as p"
            " using (select distinct patient_sk, trust_sk from pg_temp.pairs_gone) as g"
            " where p.patient_sk = g.patient_sk and p.trust_sk = g.trust_sk{}"
        ).format(sql.Composed(unheld))
    )


def identify(conn: Connection, build: Build) -> None:
    """Bring `identity.patient` up to the published patients: their local identifiers are in the build's staging."""
    schema = sql.Identifier(build.schema)
    conn.execute(
        "delete from identity.patient as i where not exists "
        "(select from marts.dim_patient as d where d.patient_sk = i.patient_sk)"
    )
    # A key is a keyed hash, which takes its time: only for those not known yet.
    conn.execute(
        sql.SQL(
            "insert into identity.patient (patient_sk, patient_id)"
            " select reference.pseudonym('patient', s.patient_id), s.patient_id from {}.stg_patients as s"
            " where not exists (select from identity.patient as i where i.patient_id = s.patient_id)"
            " on conflict do nothing"
        ).format(schema)
    )


def _tells(model: Model) -> bool:
    """Whether a table tells which patient is of which trust."""
    return {"patient_sk", "trust_sk"} <= {column.name for column in model.columns}


def _condition(model: Model) -> str:
    columns = {column.name for column in model.columns}
    if "trust_sk" in columns:
        return f"trust_sk = {_GRANTED}"
    if "patient_sk" in columns:
        # Of a dimension the unknown member is for all: joins would lose rows without it, and it says nothing.
        unknown = "patient_sk = 0 or " if model.grain == ("patient_sk",) else ""
        return (
            f"{unknown}exists (select from quality.patient_trust as p where p.patient_sk = {model.name}.patient_sk "
            f"and p.trust_sk = {_GRANTED})"
        )
    raise MedimartError(
        f"{model.name} is for clinical readers, who see the trusts granted to them alone, but has neither trust_sk nor "
        f"patient_sk to tell by: give it one, or set its readers to `shared` or `none` in {model.path}."
    )
