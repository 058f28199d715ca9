"""Who is told when a run fails, and what: by Apprise's webhook to a real server, as Airflow's callback does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.db import url_of
from medimart.local.postgres import free_port
from medimart.quality import places
from recorded import validated, verdict
from webhook import SECRET, Webhook, listening

FAILED = "from medimart.alerts import run_failed; run_failed({'dag_run': Run(dag_id='scheduled_', run_id='0')})"
LATE = "from medimart.alerts import deadline_missed; import asyncio; asyncio.run(deadline_missed(context=CONTEXT))"
PROGRAM = """
from types import SimpleNamespace as Run
CONTEXT = {'dag_run': {'dag_id': 'waiting_list', 'dag_run_id': 'scheduled__1'}}
"""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook on this machine."""
    with listening() as found:
        yield found


@pytest.fixture
def failed(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A warehouse in which a run has failed a critical check."""
    run_id = validated(
        warehouse,
        0,
        verdict("adds_up", "critical", "failed", unexpected=2, rows=9, samples=({"trust_sk": 77},)),
    )
    for table in ("quality.run", "quality.validation_result"):
        warehouse.execute(f"update {table} set run_id = 'scheduled_/0' where run_id = %s", (run_id,))  # as a DAG's
    warehouse.commit()
    return warehouse


def told(program: str, url: str, home: Path, *addresses: str, **variables: str) -> str:
    """What a callback writes, in a process of its own, with all loggers at their most talkative."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_MEDIMART": url,
        "MEDIMART_NOTIFY": "\n ".join(addresses),
        **variables,
    }
    talkative = "import logging; logging.getLogger().setLevel(logging.DEBUG)\n"
    code = PROGRAM + "import airflow.settings\n" + talkative + program
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_failure_reaches_every_address(failed: psycopg.Connection[Any], webhook: Webhook, tmp_path: Path) -> None:
    addresses = (webhook.address, webhook.address)
    log = told(FAILED, url_of(failed), tmp_path, *addresses, MEDIMART_PAGES_URL="https://airflow.example/medimart/")
    assert [path for path, _ in webhook.received] == [f"/{SECRET}"] * 2
    message = webhook.received[0][1]
    assert message["type"] == "failure"
    assert message["title"] == "MediMart: waiting_list, census 2026-01-04: not published. Run scheduled_/0."
    for words in (
        "Critical check failed: fct_rtt_flow.adds_up (2 of 9 rows): adds_up matters.",
        "Since: this run",
        "To do: Mend adds_up.",
        "Meanwhile: readers see nothing",
        f"Its page: https://airflow.example/medimart/quality/{places.page('scheduled_/0').name}",
    ):
        assert words in message["message"]
        assert words in log
    assert "trust_sk" in log
    assert "trust_sk" not in message["message"], "not even a pseudonymous key leaves the house"
    assert SECRET not in log


def test_without_an_address_of_the_pages_their_file_is_named(
    failed: psycopg.Connection[Any], webhook: Webhook, tmp_path: Path
) -> None:
    told(FAILED, url_of(failed), tmp_path, webhook.address, MEDIMART_PAGES_URL="")
    assert f"Its page: {places.page('scheduled_/0')}" in webhook.received[0][1]["message"]


def test_a_late_run_is_told(database_url: str, webhook: Webhook, tmp_path: Path) -> None:
    told(LATE, database_url, tmp_path, webhook.address)
    [(_, message)] = webhook.received
    assert message["title"] == "MediMart: waiting_list scheduled__1 is late"
    assert "The last published marts stay." in message["message"]


def test_what_cannot_be_sent_hides_nothing(failed: psycopg.Connection[Any], webhook: Webhook, tmp_path: Path) -> None:
    nobody = f"json://127.0.0.1:{free_port()}/{SECRET}"
    log = told(FAILED, url_of(failed), tmp_path, nobody, f"no-such-kind://{SECRET}", SECRET, webhook.address)
    assert "Critical check failed: fct_rtt_flow.adds_up" in log
    assert "Nobody was told by address 1 of the 4 in MEDIMART_NOTIFY: the JSON service did not take the message" in log
    for place in (2, 3):
        assert f"Nobody was told by address {place} of the 4 in MEDIMART_NOTIFY: Apprise cannot read it" in log
    assert SECRET not in log
    assert "Traceback" not in log
    assert len(webhook.received) == 1, "the others are told all the same"


def test_a_warehouse_that_is_down_is_told_too(webhook: Webhook, tmp_path: Path) -> None:
    url = f"postgresql://nobody:{SECRET}@127.0.0.1:{free_port()}/none"
    log = told(FAILED, url, tmp_path, webhook.address, MEDIMART_HOME=str(tmp_path))
    [(_, message)] = webhook.received
    assert "Run scheduled_/0 failed, and the warehouse does not say why" in message["message"]
    assert "Connection refused" in message["message"]
    assert SECRET not in log + json.dumps(message)
