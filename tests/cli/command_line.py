"""The command `medimart`, run as its users run it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

CENSUS, NEXT = date(2026, 3, 29), date(2026, 4, 5)


@dataclass(frozen=True)
class Cli:
    """The command `medimart` with an environment of its own."""

    environment: dict[str, str]

    def __call__(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes of it."""
        command = [Path(sys.executable).with_name("medimart"), *arguments]
        environment = {**self.environment, **variables}
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def json(self, *arguments: str | Path) -> Any:
        """What it prints, read as JSON; it must end well."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
