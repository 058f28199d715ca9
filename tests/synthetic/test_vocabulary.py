"""The words of the extracts mean in the seeds what the generator means by them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from medimart import landing
from medimart.synthetic.vocabulary import (
    CONDITIONS,
    DIAGNOSTICS,
    DIALECTS,
    OUTPATIENT_TREATMENTS,
    PRE_ASSESSMENT,
    SPECIALTIES,
    SURVEILLANCE,
    TREATMENTS,
    TRUSTS,
)


@pytest.fixture
def seeds(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    landing.load_seeds(warehouse)
    return warehouse


def looked_up(conn: psycopg.Connection[Any], table: str, text_column: str, value: str, domain: str = "") -> Any:
    where = f"domain = '{domain}' and " if domain else ""
    return dict(
        conn.execute(
            f"select reference.normalise({text_column}), {value} from reference.{table} where {where} true"
        ).fetchall()
    )


def normalised(conn: psycopg.Connection[Any], text: str) -> str:
    row = conn.execute("select reference.normalise(%s)", (text,)).fetchone()
    assert row is not None
    return str(row[0])


def test_every_word_is_read_as_its_code(seeds: psycopg.Connection[Any]) -> None:
    for domain, dialects in DIALECTS.items():
        codes = looked_up(seeds, "ref_code_list", "code", "code", domain)
        codes |= looked_up(seeds, "ref_value_alias", "source_text", "code", domain)
        for dialect in dialects:
            read = {code: codes.get(normalised(seeds, word)) for code, word in dialect.items()}
            assert read == {code: {"t": "true", "f": "false"}.get(code, code) for code in dialect}, domain


def test_every_specialty_is_read_as_its_published_function(seeds: psycopg.Connection[Any]) -> None:
    codes = looked_up(seeds, "ref_code_list", "code", "code", "treatment_function")
    codes |= looked_up(seeds, "ref_value_alias", "source_text", "code", "treatment_function")
    read = {s.code: {codes.get(normalised(seeds, text)) for text in s.texts} for s in SPECIALTIES}
    assert read == {s.code: {s.code} for s in SPECIALTIES}


def test_every_procedure_has_the_role_the_generator_gives_it(seeds: psycopg.Connection[Any]) -> None:
    roles = looked_up(seeds, "ref_procedure_role", "procedure_name", "procedure_role")
    procedures = [
        *(p for some in TREATMENTS.values() for p in some),
        *OUTPATIENT_TREATMENTS.values(),
        *DIAGNOSTICS.values(),
        *(p for _, p in SURVEILLANCE),
        PRE_ASSESSMENT,
    ]
    read = {p.name: roles.get(normalised(seeds, p.name)) for p in procedures}
    assert read == {p.name: p.role for p in procedures}


def test_every_condition_and_postcode_district_is_known(seeds: psycopg.Connection[Any]) -> None:
    groups = looked_up(seeds, "ref_condition_group", "source_text", "condition_group_code")
    assert [name for name, _ in CONDITIONS if normalised(seeds, name) not in groups] == []
    known = seeds.execute("select icb_code, postcode_district, imd_decile from reference.ref_geography").fetchall()
    assert {(t.icb_code, *district) for t in TRUSTS for district in t.districts.items()} <= set(known)


def test_the_sites_of_the_named_trusts_are_in_the_seed(seeds: psycopg.Connection[Any]) -> None:
    """The main site is the one that the extracts name, and lies where the trust's patients live."""
    found = {code: (site, district) for code, site, district in seeds.execute(
        "select provider_code, site_code, postcode_district from reference.ref_site where is_main"
    ).fetchall()}  # fmt: skip
    assert found.keys() == {trust.code for trust in TRUSTS}
    for trust in TRUSTS:
        site, district = found[trust.code]
        assert site == f"{trust.code}01"
        assert district in trust.districts
