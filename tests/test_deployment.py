"""The deployment's files: what can be proved of them without a Docker engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from medimart.cli import metabase_app
from medimart.dashboards.metabase.apply import reader_of
from medimart.settings import PROJECT_ROOT, metabase

COMPOSE = PROJECT_ROOT / "docker-compose.yaml"
EXAMPLE = PROJECT_ROOT / ".env.example"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def test_every_service_has_a_memory_limit_and_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "mem_limit" in service, name
        assert "healthcheck" in service or service["restart"] == "no", name


def test_every_secret_comes_from_the_env_file_and_none_has_a_default(compose: dict[str, Any]) -> None:
    text = COMPOSE.read_text()
    asked = set(re.findall(r"\$\{(\w*(?:PASSWORD|KEY|SECRET)\w*)(:\?)?\}", text))
    assert {mark for _, mark in asked} == {":?"}
    example = dict(line.split("=", 1) for line in EXAMPLE.read_text().splitlines() if line and line[0] != "#")
    assert {name for name, _ in asked} <= example.keys()
    assert not [name for name, value in example.items() if value and re.search("PASSWORD|KEY|SECRET", name)]


def test_metabase_comes_up_provisioned(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    service = compose["services"]["metabase-provision"]
    assert service["depends_on"]["metabase"] == {"condition": "service_healthy"}
    names = {command.name for command in metabase_app.registered_commands}
    assert [
        name for name in re.findall(r"medimart metabase (\w+)", " ".join(service["command"])) if name not in names
    ] == []
    for name, value in service["environment"].items():
        if name.startswith("MEDIMART_METABASE_"):
            monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*?)\}", r"\1", (value or "").replace(":?}", "}")))
    monkeypatch.setenv("MEDIMART_METABASE_RECIPIENTS", "a@example.org, b@example.org")
    target = metabase()
    assert target
    assert (target.url, target.user) == ("http://metabase:3000", "admin@example.org")
    assert target.recipients == ("a@example.org", "b@example.org")
    for readers in ("shared", "clinical"):
        login = reader_of(target, readers)
        assert (login["host"], login["dbname"], login["user"]) == ("postgres", "medimart", f"metabase_{readers}")
        assert login["password"] == f"${{METABASE_{readers.upper()}_PASSWORD}}"


def test_what_compose_mounts_and_copies_is_there(compose: dict[str, Any]) -> None:
    mounts = [str(mount) for service in compose["services"].values() for mount in service.get("volumes", [])]
    copied = re.findall(r"^COPY (.+) \S+$", (PROJECT_ROOT / "Dockerfile").read_text(), re.MULTILINE)
    paths = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    paths += [path for line in copied for path in line.split()]
    assert paths
    assert [path for path in paths if not (PROJECT_ROOT / path).exists()] == []


def test_pages_that_tasks_write_lie_where_the_api_server_looks(compose: dict[str, Any]) -> None:
    image = dict(re.findall(r"(\w+)=(\S+)", (PROJECT_ROOT / "Dockerfile").read_text()))
    assert image["AIRFLOW__CORE__PLUGINS_FOLDER"] == "/opt/medimart/plugins"
    mounted = {
        name: [mount.split(":")[0] for mount in compose["services"][name]["volumes"] if image["MEDIMART_HOME"] in mount]
        for name in ("scheduler", "worker", "triggerer", "api-server")
    }
    assert set(map(tuple, mounted.values())) == {("medimart-home",)}


@pytest.mark.parametrize("profile", [(), ("--profile", "celery")])
def test_the_compose_tool_accepts_the_file(tmp_path: Path, profile: tuple[str, ...]) -> None:
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("docker-compose is not installed: its own reading of docker-compose.yaml was not checked")
    filled = re.sub(r"=$", "=" + "5a" * 32, EXAMPLE.read_text(), flags=re.MULTILINE)
    (tmp_path / "env").write_text(filled)
    subprocess.run([tool, "--file", COMPOSE, "--env-file", tmp_path / "env", *profile, "config", "--quiet"], check=True)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("docker-compose is not installed: its own reading of docker-compose.yaml was not checked")
    done = subprocess.run(
        [tool, "--file", COMPOSE, "--env-file", EXAMPLE, "config", "--quiet"], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr
