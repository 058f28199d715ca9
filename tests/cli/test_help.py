"""Every command says what it does, with an example, and refuses what it cannot understand plainly."""

from __future__ import annotations

import pytest
from medimart.cli import app
from typer.main import get_command
from typer.testing import CliRunner

COMMANDS = {
    "run", "backfill", "up", "land", "generate", "build", "explain", "compile", "docs", "status", "report", "psql",
    "preview", "geojson", "metabase", "ask", "mcp", "legacy",
}  # fmt: skip
METABASE = {"metabase plan", "metabase apply", "metabase check", "metabase admit", "metabase key"}


def test_these_are_the_commands() -> None:
    assert get_command(app).commands.keys() == COMMANDS  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", sorted(COMMANDS | METABASE))
def test_help_has_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert f"medimart {command}" in done.output.partition("Example:")[2]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "--census", "2026-01-05"], "2026-01-05 is a Monday; a census is a Sunday, for example 2026-01-04"),
        (["run", "--census", "05/01/2026"], "'05/01/2026' is no date; write it YYYY-MM-DD"),
        (["run", "--input", "x.zip"], "medimart run rtt_publication --input FILE"),
        (["run", "rtt_publication", "--census", "2026-01-04"], "rtt_publication has no census"),
        (["run", "nightly"], "nightly"),
        (["backfill"], "give --from and --to, or --stale"),
        (["backfill", "--from", "2026-01-11", "--to", "2026-01-04"], "lies before --from"),
        (["backfill", "--from", "2026-01-11", "--stale"], "give --from and --to, or --stale"),
        (["generate", "x", "--plant", "ghost"], "write it FAULT=NUMBER"),
        (["land", "x"], "--date"),
        (["report", "x", "--all"], "--all goes with neither a run nor --data-docs"),
        (["explain", "Mrs"], "valid integer"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], expected: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert expected in " ".join(done.output.split())
