"""Surrogate keys are HMAC-SHA-256, the same as any other implementation gives."""

import hashlib
import hmac

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(identifier=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_pseudonym_is_hmac_sha_256(warehouse, identifier):
    expected = hmac.new(bytes.fromhex("5a" * 32), f"patient:{identifier}".encode(), hashlib.sha256).digest()[:8]
    row = warehouse.execute("select reference.pseudonym('patient', %s)", (identifier,)).fetchone()
    assert row == (int.from_bytes(expected, signed=True),)
