"""Who is shown a page: asked of the real API server, as browsers of people with and without a session ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import psycopg
import pytest
from api_server import ROLES, Server, api_server
from medimart.local.postgres import PostgresServer, free_port
from medimart.pages.paths import slug

RUN = "scheduled__2026-03-23T06:00:00+00:00"
NAME = slug(f"waiting_list/{RUN}")
PAGES = ("quality/index.html", f"quality/{NAME}.html", "preview/index.html", "preview/breaches.html")
REJECTS = f"quality/rejects/{NAME}/patients.csv"
OF_THE_RUN = f"quality/run/waiting_list/{RUN.replace('+', '%2B')}"


@pytest.fixture(scope="module")
def airflow(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API server whose home has a few pages, and things that are no pages."""
    home = tmp_path_factory.mktemp("home")
    for name in (*PAGES, REJECTS):
        write(home / "pages" / name)
    for name in (
        "secret.html",
        "pages/secret.html",
        "pages/clinical/index.html",
        "pages/quality/.hidden.html",
        "pages/quality/notes.txt",
    ):
        write(home / name)
    write(home / "pages" / "quality" / "rows.csv")
    write(home / "pages" / "quality" / "rejects" / NAME / "page.html")
    (home / "pages" / "quality" / "link.html").symlink_to(home / "secret.html")
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database airflow_of_pages")
        with api_server(home, free_port(), server.url("airflow_of_pages")) as running:
            yield running
        admin.execute("drop database airflow_of_pages with (force)")


def write(path: Path) -> None:
    """A file that says its own name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"I am {path.name}")


@pytest.mark.parametrize("path", [*PAGES, REJECTS, OF_THE_RUN, "quality/none.html", "quality/run/none/none"])
@pytest.mark.parametrize("header", [{}, {"Cookie": "_token=made.up.token"}, {"Authorization": "Bearer made.up.token"}])
def test_without_a_session_nothing_is_served(airflow: Server, path: str, header: dict[str, str]) -> None:
    answer = airflow.ask(f"medimart/{path}", **header)
    assert answer.status in (401, 403)
    assert "I am" not in answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", PAGES)
def test_who_may_read_the_dag_is_shown_its_pages(airflow: Server, role: str, path: str) -> None:
    answer = airflow.page(path, role)
    assert answer.status == 200
    assert answer.text == f"I am {Path(path).name}"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_bearer_token_will_do(airflow: Server) -> None:
    answer = airflow.ask(f"medimart/{PAGES[0]}", Authorization=f"Bearer {airflow.token('viewer')}")
    assert answer.status == 200


def test_rejected_rows_are_for_those_who_may_edit_the_dag(airflow: Server) -> None:
    found = {role: airflow.page(REJECTS, role) for role in ROLES}
    assert {role: answer.status for role, answer in found.items()} == {
        "viewer": 403,
        "user": 200,
        "op": 200,
        "admin": 200,
    }
    assert "I am" not in found["viewer"].text
    assert "rejected rows, which identify patients, for those who may edit it" in found["viewer"].text
    assert found["admin"].text == "I am patients.csv"
    assert found["admin"].headers["content-disposition"] == f'attachment; filename="{NAME}-patients.csv"'


def test_a_run_leads_to_its_report(airflow: Server) -> None:
    answer = airflow.page(OF_THE_RUN, "viewer")
    assert answer.status == 303
    assert urljoin(OF_THE_RUN, answer.headers["location"]) == f"quality/{NAME}.html"


def test_a_page_that_is_not_made_yet_says_so(airflow: Server) -> None:
    of_run = airflow.page("quality/run/waiting_list/manual__%3C1%3E", "viewer")
    preview = airflow.page("preview/capacity.html", "viewer")
    assert (of_run.status, preview.status) == (404, 404)
    assert "manual__&lt;1&gt; of waiting_list has written none" in of_run.text
    assert "medimart preview" in preview.text


@pytest.mark.parametrize(
    "path",
    [
        "",
        "docs",
        "openapi.json",
        "secret.html",
        "clinical/index.html",
        "preview/..%2fclinical/index.html",
        "preview/../clinical/index.html",
        "quality/",
        "quality/rejects",
        "quality/../secret.html",
        "quality/%2e%2e/secret.html",
        "quality/..%2f..%2fsecret.html",
        "quality/..%2fsecret.html",
        "quality/%2Fetc%2Fpasswd",
        "quality/link.html",
        "quality/.hidden.html",
        "quality/notes.txt",
        "quality/rows.csv",
        "quality/index.html%00.html",
        f"quality/rejects/{NAME}/page.html",
        f"quality/rejects/..%2frejects%2f{NAME}/patients.csv",
        "quality/rejects/../index.html",
        "quality/rejects/%2e%2e/rows.csv",
        "quality/rejects/../rows.csv",
    ],
)
def test_nothing_but_pages_is_reached(airflow: Server, path: str) -> None:
    answer = airflow.page(path, "admin")
    assert answer.status == 404
    assert "I am" not in answer.text


@pytest.mark.parametrize("path", [PAGES[0], REJECTS, OF_THE_RUN, "quality/none.html", "none"])
@pytest.mark.parametrize("role", ["viewer", "admin", None])
def test_every_answer_tells_the_browser_to_be_careful(airflow: Server, role: str | None, path: str) -> None:
    headers = airflow.page(path, role).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert headers["content-security-policy"].endswith("frame-ancestors 'self'")


def test_airflow_shows_the_pages_in_its_navigation_and_on_each_run(airflow: Server) -> None:
    asked = {"Authorization": f"Bearer {airflow.token('viewer')}"}
    assert json.loads(airflow.ask("api/v2/plugins/importErrors", **asked).text)["import_errors"] == []
    [plugin] = json.loads(airflow.ask("api/v2/plugins", **asked).text)["plugins"]
    views = {(view["destination"], view["name"]) for view in plugin["external_views"]}
    assert views == {("nav", "Data quality"), ("nav", "Dashboards"), ("dag_run", "Data quality")}
