"""Is this machine fit to run MediMart: Python, disk, memory, ports, folders, and whether a stack is up."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from medimart.local.postgres import is_free
from medimart.local.stack import DEFAULT_PORT
from medimart.local.warehouse import DEFAULT_POSTGRES_PORT, holder
from medimart.settings import Settings

FREE_DISK = 2 * 2**30  # bytes: the sample takes a quarter of that
FREE_MEMORY = 2 * 2**30  # bytes: Airflow's four processes and its tasks
PYTHON = ((3, 11), (3, 15))  # from, and below


@dataclass(frozen=True)
class Fitness:
    """One thing looked at: what was found, and what to do when that is not good enough."""

    name: str
    is_fit: bool
    found: str
    action: str = ""


def fitness(chosen: Settings) -> list[Fitness]:
    """Everything that a run needs of this machine."""
    return [_python(), _disk(chosen.home), _memory(), *_folders(chosen), *_ports(chosen), _stack(chosen)]


def _python() -> Fitness:
    (least, below), found = PYTHON, sys.version_info[:2]
    action = f"Use Python {least[0]}.{least[1]} or later, below {below[0]}.{below[1]}."
    return Fitness("Python", least <= found < below, sys.version.split()[0], action)


def _disk(home: Path) -> Fitness:
    free = shutil.disk_usage(_existing(home)).free
    action = f"Free {FREE_DISK / 2**30:.0f} GB, or set MEDIMART_HOME to a folder on another disk."
    return Fitness("disk", free >= FREE_DISK, f"{free / 2**30:.1f} GB free for {home}", action)


def _memory() -> Fitness:
    import psutil

    free = psutil.virtual_memory().available
    action = f"Close other programs: {FREE_MEMORY / 2**30:.0f} GB are wanted."
    return Fitness("memory", free >= FREE_MEMORY, f"{free / 2**30:.1f} GB available", action)


def _folders(chosen: Settings) -> list[Fitness]:
    home, landing = _existing(chosen.home), chosen.landing
    is_ours = os.access(home, os.R_OK | os.W_OK | os.X_OK)
    is_there = landing.is_dir() and os.access(landing, os.R_OK | os.X_OK)
    return [
        Fitness("state folder", is_ours, str(chosen.home), f"Make {home} yours (chown), or set MEDIMART_HOME."),
        Fitness("landing folder", is_there, str(landing), "Make it readable, or set MEDIMART_LANDING."),
    ]


def _ports(chosen: Settings) -> list[Fitness]:
    if holder(chosen.home):
        return []  # they are ours
    found = [_port("Airflow", "MEDIMART_PORT", chosen.port, DEFAULT_PORT)]
    if not chosen.database_url:
        found.append(_port("PostgreSQL", "MEDIMART_POSTGRES_PORT", chosen.postgres_port, DEFAULT_POSTGRES_PORT))
    return found


def _port(of: str, variable: str, asked: int | None, usual: int) -> Fitness:
    """A port that was asked for must be free; a run takes another instead of a usual one."""
    port = asked or usual
    state = "free" if is_free(port) else "in use" if asked else "in use: a run takes another"
    action = f"Stop what listens there, or set {variable} to a free port."
    return Fitness(f"port of {of}", asked is None or is_free(port), f"{port} is {state}", action)


def _stack(chosen: Settings) -> Fitness:
    held = holder(chosen.home)
    if held is None:
        return Fitness("stack", True, "not running")
    where = f", Airflow at {held.airflow_url}" if held.airflow_url else ""
    return Fitness("stack", True, f"{held.purpose} is up (process {held.pid}){where}")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
