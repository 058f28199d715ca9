"""The commands and the task, as an operator and as Airflow run them, against the stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from medimart.settings import PROJECT_ROOT
from provisioned import PASSWORD, USER, Place

New = Callable[..., Place]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(place: New, published: str, tmp_path: Path) -> tuple[Place, dict[str, str]]:
    """A Metabase, and the settings that lead to it."""
    here = place()
    settings = {
        "MEDIMART_HOME": str(tmp_path / "home"),
        "MEDIMART_DATABASE_URL": published,
        "MEDIMART_PSEUDONYM_KEY": "5a" * 32,
        "MEDIMART_METABASE_URL": here.url,
        "MEDIMART_METABASE_USER": USER,
        "MEDIMART_METABASE_PASSWORD": PASSWORD,
        "MEDIMART_METABASE_SHARED_URL": here.readers["shared"],
        "MEDIMART_METABASE_CLINICAL_URL": here.readers["clinical"],
    }
    return here, settings


def medimart(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MEDIMART_")}
    command = [Path(sys.executable).with_name("medimart"), "metabase", *arguments]
    return subprocess.run(command, env={**inherited, **settings}, capture_output=True, text=True)


def test_from_a_new_server_to_a_proof(environment: tuple[Place, dict[str, str]]) -> None:
    here, settings = environment
    planned = medimart(settings, "plan", "--json")
    assert planned.returncode == 0, planned.stderr
    assert {one["action"] for one in json.loads(planned.stdout)} == {"created", "changed"}
    assert here.server.writes == []

    assert medimart(settings, "admit").stdout == "Admitted: test_metabase_shared, test_metabase_clinical.\n"
    applied = medimart(settings, "apply")
    assert applied.returncode == 0, applied.stderr
    assert "dashboard   | breaches" in applied.stdout
    again = medimart(settings, "apply")
    assert again.stdout.startswith(f"{len(json.loads(planned.stdout))} of ")

    checked = medimart(settings, "check")
    assert checked.returncode == 0, checked.stdout
    assert "are as written. Slowest card:" in checked.stdout
    here.server.dashboards.popitem()
    failed = medimart(settings, "check")
    assert failed.returncode == 1
    assert "not applied yet" in failed.stdout

    key = medimart(settings, "key").stdout.strip()
    here.server.users.clear()
    assert medimart({**settings, "MEDIMART_METABASE_API_KEY": key}, "apply").returncode == 0
    assert here.server.refused == []


def test_where_no_metabase_is_set_it_says_so(published: str, tmp_path: Path) -> None:
    settings = {"MEDIMART_HOME": str(tmp_path), "MEDIMART_DATABASE_URL": published, "MEDIMART_PSEUDONYM_KEY": "5a" * 32}
    done = medimart(settings, "apply")
    assert done.returncode == 1
    assert done.stderr == (
        "medimart: No Metabase is set: MEDIMART_METABASE_URL says where it answers (docs/deployment.md).\n"
    )


def test_the_task_applies_and_is_skipped_where_no_metabase_is_set(
    environment: tuple[Place, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here, settings = environment
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
    monkeypatch.setenv("AIRFLOW_CONN_MEDIMART", settings["MEDIMART_DATABASE_URL"])
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    task = DagBag(str(PROJECT_ROOT / "dags")).dags["metabase"].get_task("apply")
    context = {"dag_run": SimpleNamespace(dag_id="metabase", run_id="asset", run_type="asset_triggered"), "params": {}}
    with pytest.raises(AirflowSkipException, match="No Metabase is set"):
        task.execute(context)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    task.execute(context)
    assert here.dashboard("Breaches")["dashcards"]
    written = len(here.server.writes)
    task.execute(context)
    assert len(here.server.writes) == written
    monkeypatch.setenv("MEDIMART_METABASE_PASSWORD", "wrong")
    with pytest.raises(AirflowFailException, match="Metabase refuses the log-in"):
        task.execute(context)
