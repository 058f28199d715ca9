"""Runs through the real scheduler, followed to their end with live progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from medimart.errors import SettingError
from medimart.local.airflow import Airflow, Check, Reason, Run, Task, logical_date
from medimart.local.stack import Say, running_airflow, stack
from medimart.settings import PROJECT_ROOT, settings

POLL_SECONDS = 2.0
OVERLAP = timedelta(seconds=2)  # a change is recorded a moment before it is committed
DAG_SECONDS = 60.0  # for the DAG files to be read first
STATE_COLOUR = {"success": "green", "failed": "red", "running": "cyan", "queued": "dim"}


@dataclass(frozen=True)
class Running:
    """A stack that answers: started by us, or found running. check raises when it has come to grief."""

    airflow: Airflow
    check: Check
    is_ours: bool
    startup: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """How a run ended. reason: why, and at which task, when it failed or was skipped."""

    label: str
    run: Run
    tasks: tuple[Task, ...]
    reason: Reason | None

    @property
    def state(self) -> str:
        """success, failed, or skipped: nothing had landed for it."""
        is_skipped = self.run.state == "success" and all(task.state == "skipped" for task in self.tasks)
        return "skipped" if is_skipped else self.run.state

    @property
    def seconds(self) -> float:
        """How long the run took; 0 when it never began."""
        if not self.run.started_at or not self.run.ended_at:
            return 0.0
        return (self.run.ended_at - self.run.started_at).total_seconds()

    @property
    def stages(self) -> dict[str, float]:
        """Seconds of work by task group (the part of a task's name before the dot)."""
        spent: dict[str, float] = {}
        for task in self.tasks:
            group = task.task_id.split(".", 1)[0]
            spent[group] = spent.get(group, 0.0) + (task.seconds or 0.0)
        return spent


@contextmanager
def running(
    purpose: str,
    dag_ids: Sequence[str],
    *,
    dags: Path = PROJECT_ROOT / "dags",
    say: Say = print,
) -> Iterator[Running]:
    """A stack whose DAGs are read and unpaused: the one that is up, else one started for the time being."""
    if found := running_airflow(settings()):
        _open(found, dag_ids, lambda: None)
        yield Running(found, lambda: None, is_ours=False, startup={})
        return
    with stack(purpose, dags=dags, any_port=True, is_scheduling=False, say=say) as group:
        _open(group.airflow, dag_ids, group.check)
        for dag_id in dag_ids:
            _settle(group.airflow, dag_id)
        yield Running(group.airflow, group.check, is_ours=True, startup=dict(group.timings))


def run_censuses(
    on: Running, dag_id: str, censuses: Iterable[date], *, max_active_runs: int = 4, console: Console
) -> list[Outcome]:
    """Run the weekly DAG for these censuses, in any state they are: runs that Airflow knows are cleared (or, under
    way, followed), the rest are backfilled, one contiguous stretch at a time. Returns how each ended, in order.
    """
    wanted = sorted(set(censuses))
    if not wanted:
        return []
    known = _known(on.airflow, dag_id, wanted)
    outcomes: list[Outcome] = []
    if known:
        on.airflow.clear(dag_id, [run.run_id for run in known.values() if run.is_finished])
        outcomes += follow(on, {f"census {census}": run for census, run in known.items()}, console)
    for begin, end in spans(census for census in wanted if census not in known):
        on.airflow.backfill(dag_id, begin, end, max_active_runs=max_active_runs, check=on.check)
        made = on.airflow.runs(dag_id, logical_date(begin), logical_date(end))
        if len(made) != (end - begin).days // 7 + 1:
            raise SettingError(
                f"Airflow made {len(made)} runs for the censuses {begin} to {end}: "
                "weeks that have not ended, or lie before the DAG's start date, cannot be run."
            )
        outcomes += follow(on, {f"census {run.census}": run for run in made}, console)
    return sorted(outcomes, key=lambda outcome: outcome.label)


def run_once(on: Running, dag_id: str, label: str, conf: dict[str, Any], *, console: Console) -> Outcome:
    """Run a DAG once with these params, and follow it to its end."""
    run_id = on.airflow.trigger(dag_id, conf)
    return follow(on, {label: on.airflow.run(dag_id, run_id)}, console)[0]


def spans(censuses: Iterable[date]) -> list[tuple[date, date]]:
    """The contiguous stretches of weekly censuses: what one backfill can do."""
    found: list[tuple[date, date]] = []
    for census in sorted(censuses):
        if found and census - found[-1][1] == timedelta(days=7):
            found[-1] = (found[-1][0], census)
        else:
            found.append((census, census))
    return found


def follow(on: Running, runs: dict[str, Run], console: Console) -> list[Outcome]:
    """Show runs of one DAG (by label) until all have ended: a live table on a terminal, a line per change elsewhere.

    Asks for what has changed alone: on a small machine a question about every task each second would slow them.
    """
    label_of = {run.run_id: label for label, run in runs.items()}
    dag_id = next(iter(runs.values())).dag_id
    seen = datetime.now(UTC)
    latest = {label: on.airflow.run(dag_id, run.run_id) for label, run in runs.items()}
    tasks: dict[str, dict[str, Task]] = {}
    shown: dict[str, str] = {}
    with Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else _plain() as live:
        while True:
            on.check()
            since, seen = seen - OVERLAP, datetime.now(UTC)
            for run in on.airflow.runs_changed(dag_id, since):
                if run.run_id in label_of:
                    latest[label_of[run.run_id]] = run
            for run_id, changed in on.airflow.tasks_changed(dag_id, since).items():
                if label_of.get(run_id) in tasks:
                    tasks[label_of[run_id]].update({task.task_id: task for task in changed})
            for label, run in latest.items():
                if label not in tasks and run.state != "queued":
                    tasks[label] = {task.task_id: task for task in on.airflow.tasks(run)}
            if live:
                live.update(_table(latest, tasks))
            else:
                _lines(latest, tasks, shown, console.print)
            if all(run.is_finished for run in latest.values()):
                break
            time.sleep(POLL_SECONDS)
    return [Outcome(label, run, tuple(on.airflow.tasks(run)), on.airflow.reason(run)) for label, run in latest.items()]


@contextmanager
def _plain() -> Iterator[None]:
    yield None


def _open(airflow: Airflow, dag_ids: Sequence[str], check: Check) -> None:
    airflow.wait_for_dags(dag_ids, DAG_SECONDS, check)
    for dag_id in dag_ids:
        airflow.unpause(dag_id)


def _settle(airflow: Airflow, dag_id: str) -> None:
    """End what an interrupted stack left half-way: nothing of it can be running any more."""
    for backfill in airflow.backfills(dag_id):
        if backfill.is_active:
            airflow.cancel(backfill)
    for run in airflow.runs(dag_id):
        if not run.is_finished:
            airflow.fail(run)


def _known(airflow: Airflow, dag_id: str, wanted: Sequence[date]) -> dict[date, Run]:
    """The runs there are for these censuses, without those of a cancelled backfill: cleared, such a run would
    stay queued for ever, as its backfill stays paused."""
    first, last = logical_date(wanted[0]), logical_date(wanted[-1])
    backfills = airflow.backfills(dag_id)
    found = {}
    for run in airflow.runs(dag_id, first, last):
        covering = [one for one in backfills if run.logical_date and one.first <= run.logical_date <= one.last]
        if run.census and not (covering and covering[-1].is_paused):
            found[run.census] = run
    return found


def _done(tasks: dict[str, Task]) -> int:
    return sum(task.is_finished for task in tasks.values())


def _table(runs: dict[str, Run], tasks: dict[str, dict[str, Task]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "", "tasks", "state", "at work on"):
        table.add_column(heading)
    for label, run in runs.items():
        known = tasks.get(label, {})
        total, done = len(known), _done(known)
        at_work = [task.task_id.rpartition(".")[2] for task in known.values() if task.state == "running"]
        table.add_row(
            label,
            ProgressBar(total=max(total, 1), completed=done, width=24),
            f"{done}/{total}" if total else "",
            f"[{STATE_COLOUR.get(run.state, 'default')}]{run.state}",
            ", ".join(at_work[:4]),
        )
    return table


def _lines(
    runs: dict[str, Run], tasks: dict[str, dict[str, Task]], shown: dict[str, str], say: Callable[[str], object]
) -> None:
    for label, run in runs.items():
        if run.state != "queued" and shown.get(label) != run.state:
            shown[label] = run.state
            done = f" ({_done(tasks[label])} of {len(tasks[label])} tasks)" if run.is_finished else ""
            say(f"{label}: {run.state}{done}")
