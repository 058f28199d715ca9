"""What `medimart status` tells: the machine, the landing folder, the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from medimart import db, landing, status
from medimart.errors import MedimartError
from medimart.local.machine import Fitness, fitness
from medimart.local.warehouse import warehouse
from medimart.models import access, publish
from medimart.pipeline import PUBLICATION
from medimart.settings import Settings, settings
from medimart.status import Week
from medimart.warehouse import prepare

COLOUR = {"published": "green", "stale": "yellow", "not complete": "yellow"}


@dataclass(frozen=True)
class Overview:
    """weeks: every extract and how far it has come. stale: published censuses to redo. periods: months of NHS
    England's figures that are published. strays: names in the landing folder that are no extract's date."""

    is_fit: bool
    machine: tuple[Fitness, ...]
    landing: Path
    weeks: tuple[Week, ...]
    stale: tuple[date, ...]
    periods: tuple[date, ...]
    strays: tuple[str, ...]


def overview() -> Overview:
    """Look at everything; the warehouse is started for it when it is there and not up."""
    chosen = settings()
    machine = fitness(chosen)
    weeks: list[Week] = []
    stale: list[date] = []
    periods: list[date] = []
    if chosen.database_url or (chosen.home / "postgres").exists():
        try:
            with warehouse() as url, db.connect(url) as conn:
                prepare(conn)
                conn.commit()
                weeks = status.weeks(conn, chosen.landing)
                stale = [found.census for found in publish.stale(conn)]
                periods = [published.census for published in publish.published(conn, PUBLICATION)]
                missing = access.advice(conn)
                conn.commit()
            machine.append(Fitness("warehouse", True, "answers"))
            machine.append(
                Fitness("readers", missing is None, "cannot be admitted" if missing else "known", missing or "")
            )
        except MedimartError as error:
            machine.append(Fitness("warehouse", False, "does not answer", str(error)))
    else:
        machine.append(Fitness("warehouse", True, "not made yet: the first run makes it"))
    return Overview(
        is_fit=all(part.is_fit for part in machine),
        machine=tuple(machine),
        landing=chosen.landing,
        weeks=tuple(weeks or _landed(chosen)),
        stale=tuple(sorted({*stale, *(week.census for week in weeks if week.state == "stale")})),
        periods=tuple(periods),
        strays=tuple(landing.strays(chosen.landing)),
    )


def show(console: Console, found: Overview) -> None:
    """Print it for people."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for part in found.machine:
        table.add_row(part.name, Text("fit", "green") if part.is_fit else Text("NOT FIT", "red"), part.found)
        if not part.is_fit:
            table.add_row("", "", part.action)
    console.print(table)
    console.print()
    if found.weeks:
        weeks = Table("extract", "census", "state", "", box=None, pad_edge=False)
        for week in found.weeks:
            weeks.add_row(str(week.date), str(week.census), Text(week.state, COLOUR.get(week.state, "")), week.detail)
        console.print(weeks)
    else:
        console.print(f"{found.landing} holds no extract. File one: medimart land FOLDER --date DATE")
    for week in found.weeks:
        if week.unexpected:
            console.print(f"{week.date}: no contract asks for {', '.join(week.unexpected)}; left where it is.")
    if found.strays:
        console.print(f"In {found.landing}, and no extract's date: {', '.join(found.strays)}")
    if found.periods:
        console.print(f"Monthly publication: {', '.join(f'{period:%B %Y}' for period in found.periods)}")
    if found.stale:
        console.print(f"Stale: {', '.join(map(str, found.stale))}. Redo them: medimart backfill --stale")
    if any(week.state in ("landed", "loaded") for week in found.weeks):
        console.print("Not published yet: medimart run")


def _landed(chosen: Settings) -> list[Week]:
    """The extracts without a warehouse: whether each is complete."""
    found = []
    for extract in landing.extracts(chosen.landing):
        state = "landed" if extract.is_complete else "not complete"
        found.append(Week(extract.date, extract.census, state, "; ".join(extract.problems), extract.unexpected))
    return found
