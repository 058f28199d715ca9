"""A client of Airflow's REST API: start runs through the real scheduler, and follow them.

Dates that people give are *census dates*, the Sunday a list is counted at; Airflow counts in logical dates,
the Monday a week begins (see `logical_date`).
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from medimart.errors import MedimartError, SettingError

LONDON = ZoneInfo("Europe/London")
SCHEDULED_AT = time_of_day(6)  # the weekly timetable: 0 6 * * MON, Europe/London
POOL = "warehouse"
FINISHED = frozenset({"success", "failed"})
BACKFILL_SWEEP_SECONDS = 45.0  # Airflow looks every 30 s which backfills are over
TASK_FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

Check = Callable[[], None]


def logical_date(census: date) -> datetime:
    """The logical date of the weekly run that counts the list at `census`.

    The interval ends on the Monday after the census at 06:00, and begins a week before.
    Raises SettingError when the census isn't a Sunday.
    """
    if census.isoweekday() != 7:
        raise SettingError(f"{census} is a {census:%A}; a census date is a Sunday.")
    return datetime.combine(census - timedelta(days=6), SCHEDULED_AT, LONDON)


def census_of(logical: datetime) -> date:
    """The census of the weekly run with this logical date."""
    return logical.astimezone(LONDON).date() + timedelta(days=6)


@dataclass(frozen=True)
class Run:
    """One DAG run. census is None for a run without a logical date."""

    run_id: str
    dag_id: str
    state: str
    logical_date: datetime | None
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def census(self) -> date | None:
        """The census of a weekly run."""
        return census_of(self.logical_date) if self.logical_date else None

    @property
    def is_finished(self) -> bool:
        """Whether the run has come to an end, good or bad."""
        return self.state in FINISHED


@dataclass(frozen=True)
class Task:
    """One task of a run. seconds is None until it ended; state "none" until it is scheduled."""

    task_id: str
    state: str
    try_number: int
    seconds: float | None
    ended_at: datetime | None

    @property
    def is_finished(self) -> bool:
        """Whether the task has come to an end, good or bad."""
        return self.state in TASK_FINISHED


@dataclass(frozen=True)
class Backfill:
    """A backfill of the runs with logical dates from `first` to `last`. A cancelled one stays paused."""

    backfill_id: int
    first: datetime
    last: datetime
    is_active: bool
    is_paused: bool


@dataclass(frozen=True)
class Reason:
    """Why a run failed or was skipped: the first task that did, and what it said last."""

    task_id: str
    text: str


@dataclass
class Airflow:
    """A running Airflow at `url`, as one of its users."""

    url: str
    user: str
    password: str
    _token: str = field(default="", repr=False)

    def wait_until_healthy(self, seconds: float, check: Check) -> None:
        """Wait for the API server, the scheduler and the DAG processor. `check` raises when one has died."""
        until = time.monotonic() + seconds
        wanted = ("metadatabase", "scheduler", "dag_processor")
        while True:
            check()
            try:
                health = self._request("GET", "/api/v2/monitor/health", None)
                if all((health.get(part) or {}).get("status") == "healthy" for part in wanted):
                    return
            except (OSError, MedimartError):
                health = {}
            if time.monotonic() > until:
                ill = [part for part in wanted if (health.get(part) or {}).get("status") != "healthy"]
                raise SettingError(f"Airflow is not well after {seconds:.0f} s: {', '.join(ill)}.")
            time.sleep(0.1)

    def wait_for_dags(self, dag_ids: Iterable[str], seconds: float, check: Check) -> None:
        """Wait until the DAG files have been read. Raises SettingError with the reason when one cannot be."""
        until = time.monotonic() + seconds
        missing = set(dag_ids)
        while missing:
            check()
            missing -= {dag["dag_id"] for dag in self.call("GET", "/dags?limit=1000")["dags"]}
            if missing and (errors := self.call("GET", "/importErrors")["import_errors"]):
                last = errors[0]["stack_trace"].strip().splitlines()[-1]
                raise SettingError(f"{errors[0]['filename']} cannot be read as a DAG: {last}")
            if missing and time.monotonic() > until:
                raise SettingError(f"No DAG file defines {', '.join(sorted(missing))}.")
            if missing:
                time.sleep(0.2)

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs be scheduled."""
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def ensure_pool(self, slots: int) -> None:
        """See to the pool that bounds the work on the warehouse at one time."""
        body = {"name": POOL, "slots": slots, "description": "Work on the warehouse at one time"}
        body["include_deferred"] = False
        try:
            self.call("POST", "/pools", body)
        except _Conflict:
            self.call("PATCH", f"/pools/{POOL}", body)

    def backfill(self, dag_id: str, first: date, last: date, *, max_active_runs: int, check: Check) -> None:
        """Start a backfill of every census from `first` to `last`; those that ran before run again.

        One backfill of a DAG can be active, and Airflow sees only every 30 s that one is over: this waits for
        as long. Raises SettingError when another is active all that time.
        """
        body = {
            "dag_id": dag_id,
            "from_date": logical_date(first).isoformat(),
            "to_date": logical_date(last).isoformat(),
            "reprocess_behavior": "completed",
            "max_active_runs": max_active_runs,
        }
        until = time.monotonic() + BACKFILL_SWEEP_SECONDS
        while True:
            check()
            try:
                self.call("POST", "/backfills", body)
                return
            except _Conflict as conflict:
                if time.monotonic() > until:
                    raise SettingError(
                        f"Airflow refuses a backfill of {dag_id} ({conflict}): wait for the one that runs, "
                        "or cancel it in the UI."
                    ) from None
                time.sleep(1)

    def backfills(self, dag_id: str) -> list[Backfill]:
        """The backfills of a DAG, oldest first."""
        found = self.call("GET", f"/backfills?dag_id={dag_id}&limit=1000&order_by=id")["backfills"]
        return [
            Backfill(
                backfill["id"],
                datetime.fromisoformat(backfill["from_date"]),
                datetime.fromisoformat(backfill["to_date"]),
                is_active=not backfill["completed_at"],
                is_paused=backfill["is_paused"],
            )
            for backfill in found
        ]

    def cancel(self, backfill: Backfill) -> None:
        """Cancel a backfill: what of it is queued fails. Its runs can only be redone by another backfill."""
        with suppress(_Conflict):  # it has just ended by itself
            self.call("PUT", f"/backfills/{backfill.backfill_id}/cancel")

    def fail(self, run: Run) -> None:
        """Mark a run, and what of it is unfinished, as failed."""
        self.call("PATCH", f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}", {"state": "failed"})

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, logical: datetime | None = None) -> str:
        """Start one run, with the params `conf`; returns its id."""
        body = {"logical_date": logical.isoformat() if logical else None, "conf": conf or {}}
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def clear(self, dag_id: str, run_ids: Sequence[str]) -> None:
        """Have runs that ended run again, whole."""
        runs = [{"dag_run_id": run_id, "dag_id": dag_id} for run_id in run_ids]
        if runs:
            self.call("POST", f"/dags/{dag_id}/clearDagRuns", {"dry_run": False, "dag_runs": runs})

    def runs(self, dag_id: str, first: datetime | None = None, last: datetime | None = None) -> list[Run]:
        """The runs of a DAG, between two logical dates when they are given, oldest first."""
        query: dict[str, Any] = {"limit": 1000, "order_by": "logical_date"}
        if first:
            query["logical_date_gte"] = first.isoformat()
        if last:
            query["logical_date_lte"] = last.isoformat()
        return [_run(found) for found in self.call("GET", f"/dags/{dag_id}/dagRuns?{urlencode(query)}")["dag_runs"]]

    def runs_changed(self, dag_id: str, since: datetime) -> list[Run]:
        """The runs of a DAG that changed since a moment."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns?{_since(since)}")
        return [_run(entry) for entry in found["dag_runs"]]

    def tasks_changed(self, dag_id: str, since: datetime) -> dict[str, list[Task]]:
        """The tasks of any run of a DAG that changed since a moment, by the run's id."""
        changed: dict[str, list[Task]] = {}
        for entry in self.call("GET", f"/dags/{dag_id}/dagRuns/~/taskInstances?{_since(since)}")["task_instances"]:
            changed.setdefault(entry["dag_run_id"], []).append(_task(entry))
        return changed

    def run(self, dag_id: str, run_id: str) -> Run:
        """One run as it is now."""
        return _run(self.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}"))

    def tasks(self, run: Run) -> list[Task]:
        """The tasks of a run as they are now."""
        path = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}/taskInstances?limit=1000"
        return [_task(found) for found in self.call("GET", path)["task_instances"]]

    def reason(self, run: Run) -> Reason | None:
        """Why a run failed, or was skipped: its earliest task that did, with what its log says of it."""
        tasks = self.tasks(run)
        stopped = [task for task in tasks if task.state == "failed"]
        if not stopped and all(task.state == "skipped" for task in tasks):
            stopped = [task for task in tasks if task.try_number]
        if not stopped:
            return None
        first = min(stopped, key=lambda task: (task.ended_at is None, task.ended_at))
        path = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}/taskInstances/{first.task_id}"
        log = self.call("GET", f"{path}/logs/{first.try_number}?full_content=true")["content"]
        return Reason(first.task_id, _last_word(log))

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the REST API (`path` below /api/v2). Raises SettingError with Airflow's own words."""
        if not self._token:
            self._log_in()
        return self._request(method, f"/api/v2{path}", body)

    def _log_in(self) -> None:
        answer = self._request("POST", "/auth/token", {"username": self.user, "password": self.password})
        self._token = answer["access_token"]

    def _request(self, method: str, path: str, body: object) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is our own server's
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with _direct.open(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            detail = _detail(error)
            if error.code == 409:
                raise _Conflict(detail) from None
            raise SettingError(f"Airflow refuses {method} {path} ({error.code}): {detail}") from None


class _Conflict(SettingError):
    """What is asked for is there already, or something stands against it."""


# Never by way of a proxy: the server is on this machine, and its token is nobody else's.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _detail(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        return text[:300]
    return detail if isinstance(detail, str) else json.dumps(detail)


def _run(found: dict[str, Any]) -> Run:
    return Run(
        found["dag_run_id"],
        found["dag_id"],
        found["state"],
        _moment(found["logical_date"]),
        _moment(found["start_date"]),
        _moment(found["end_date"]),
    )


def _since(moment: datetime) -> str:
    return urlencode({"updated_at_gte": moment.isoformat(), "limit": 1000})


def _task(found: dict[str, Any]) -> Task:
    return Task(
        found["task_id"],
        found["state"] or "none",
        found["try_number"],
        found["duration"],
        _moment(found["end_date"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _last_word(log: Sequence[Any]) -> str:
    """What a task's log says last of why it stopped: what was raised rather than where."""
    events = [event for event in log if isinstance(event, dict)]
    for event in reversed(events):
        if details := event.get("error_detail"):
            kind, text = details[0].get("exc_type"), details[0].get("exc_value")
            return str(text) if kind == "AirflowFailException" else f"{kind}: {text}"
    for event in reversed(events):
        if event.get("level") in ("error", "critical"):
            return str(event.get("event"))
        if event.get("reason"):
            return str(event["reason"])
    last = [event.get("event") if isinstance(event, dict) else event for event in log[-1:]]
    return str(last[0]) if last else "it left no log"
