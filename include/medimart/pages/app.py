"""The pages inside Airflow: a FastAPI application, mounted by the plugin under /medimart.

Airflow mounts a plugin's application bare: its own log-in does not reach these routes. So every route depends on
Airflow's user, and on what the auth manager, whichever it is, lets that user do with the DAG `waiting_list`: read it
for a page, edit it for rejected rows, which identify patients. A browser's session is Airflow's cookie, which frames of
the same origin send too; a bearer token does as well.

A URL names a file by its place in the layout of `medimart.pages.paths` and by one plain name; there is no way to
spell a path.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint

from medimart.pages.paths import pages_folder, slug

DAG = "waiting_list"
MAY_READ = Depends(requires_access_dag("GET", param_dag_id=DAG))
MAY_EDIT = Depends(requires_access_dag("PUT", param_dag_id=DAG))
# Pages carry their own style and script and need no network; only Airflow itself may frame them.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
REFUSALS = {
    401: ("Not logged in", "Log in to Airflow, then open this page again."),
    403: (
        "Not for you",
        f"Pages are for those who may read the DAG {DAG}; rejected rows, which identify patients, for those who may "
        "edit it. Airflow's administrator grants it.",
    ),
}

app = FastAPI(title="MediMart", openapi_url=None, dependencies=[MAY_READ])


@app.middleware("http")
async def with_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Every answer, refusals too, with what a browser must know of it."""
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


@app.exception_handler(HTTPException)
async def refused(_: Request, error: HTTPException) -> HTMLResponse:
    """A refusal in words: these pages are looked at, in a frame."""
    title, text = REFUSALS.get(error.status_code, ("Nothing here", str(error.detail)))
    return _say(title, text, error.status_code)


@app.get("/quality/run/{dag_id}/{run_id}")
def report_of_run(dag_id: str, run_id: str) -> Response:
    """Lead from a run to its report."""
    name = f"{slug(f'{dag_id}/{run_id}')}.html"
    if _find("quality", name):
        return RedirectResponse(f"../../{name}", status_code=303)  # relative: Airflow may live under a prefix
    return _say("No report of this run yet", f"{run_id} of {dag_id} has written none. A run writes it when it ends.")


@app.get("/quality/{name}")
def report(name: str) -> Response:
    """The index of the reports, or one of them."""
    return _page("quality", name, "No report yet: each run writes one when it ends. Trigger the DAG waiting_list.")


@app.get("/preview/{name}")
def preview(name: str) -> Response:
    """A page of the dashboards' preview."""
    return _page("preview", name, "The dashboards have not been drawn yet. On the server: medimart preview")


@app.get("/quality/rejects/{run}/{name}", dependencies=[MAY_EDIT])
def rejects(run: str, name: str) -> Response:
    """The rejected rows of one source in a run, for its sender: a file to keep, not a page to look at."""
    if name.endswith(".csv") and (file := _find("quality", "rejects", run, name)):
        return FileResponse(file, media_type="text/csv", filename=f"{run}-{name}")
    return _say("Nothing here", "The report of a run lists the files of rejected rows that there are.")


def _page(folder: str, name: str, otherwise: str) -> Response:
    if name.endswith(".html") and (file := _find(folder, name)):
        return FileResponse(file, media_type="text/html")
    return _say("Nothing here", otherwise)


def _find(*names: str) -> Path | None:
    """A file of the pages' folder by plain names; None when a name is no plain one, or leads to nothing within."""
    if not all(re.fullmatch(r"\w[\w.-]*", name, re.ASCII) for name in names):
        return None
    root = pages_folder().resolve()
    file = root.joinpath(*names).resolve()  # a symbolic link may not lead out either
    return file if file.is_relative_to(root) and file.is_file() else None


def _say(title: str, text: str, status: int = 404) -> HTMLResponse:
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ margin: 2rem }}
h1 {{ font-size: 1.4rem }}
</style>
<h1>{escape(title)}</h1><p>{escape(text)}</p></html>""",
        status,
    )
