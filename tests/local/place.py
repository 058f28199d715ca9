"""A home and a landing folder of one's own, and what must not be left in them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
from medimart.local.warehouse import holder

WEEKS = (date(2026, 3, 22), date(2026, 3, 29))  # summer time begins on 29 March: their Mondays are on either side
NOTHING_LANDED, BROKEN = date(2026, 3, 15), date(2026, 4, 5)
QUERY = ("psql", "-c", "select 1")


@dataclass(frozen=True)
class Place:
    """A home and a landing folder of one's own, and the command that works on them."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command: no setting of whoever runs the tests."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MEDIMART_")}
        return {
            **inherited,
            "MEDIMART_HOME": str(self.home),
            "MEDIMART_LANDING": str(self.landing),
            "MEDIMART_PSEUDONYM_KEY": "5a" * 32,
        }

    @property
    def home(self) -> Path:
        """The state folder."""
        return self.folder / "home"

    @property
    def landing(self) -> Path:
        """The landing folder."""
        return self.folder / "landing"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `medimart` with these arguments."""
        return subprocess.Popen(
            [Path(sys.executable).with_name("medimart"), *arguments],
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `medimart` to its end, whatever comes of it."""
        process = self.start(*arguments, **variables)
        out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def await_ready(self, up: subprocess.Popen[str]) -> str:
        """Wait until `medimart up` is ready; returns what it has said."""
        said = ""
        while not said.endswith("Ctrl-C stops everything.\n"):
            line = up.stdout.readline() if up.stdout else ""
            assert line, up.communicate()
            said += line
        return said


def left(home: Path) -> list[str]:
    """The processes that work in a home folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(home):
                found.append(process.name())
        except psutil.Error:
            continue
    return found


def assert_nothing_is_left(place: Place) -> None:
    """No process, no note, no lock that is held."""
    assert left(place.home) == []
    assert not (place.home / "stack.json").exists()
    assert holder(place.home) is None
