"""The command `medimart`: thin functions over the package.

A command is one small function here that imports what it needs when it runs, so that `medimart --help` and
the light commands stay quick. Faults are raised as `medimart.errors`; `main` shows them.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any

import typer

from medimart.errors import MedimartError

app = typer.Typer(
    name="medimart",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def medimart() -> None:
    """NHS waiting lists from weekly extracts to published marts."""


@app.command()
def up() -> None:
    """Start PostgreSQL and Airflow, and stay until Ctrl-C."""
    from medimart.local.serve import serve

    serve()


def main() -> None:
    """Run the command line: exit code 0 when all went well, 1 for a fault, 2 for a wrong usage, 130 for
    Ctrl-C, 143 for SIGTERM. A fault is one clear message; MEDIMART_DEBUG=1 shows where it came from."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    try:
        app()
    except MedimartError as error:
        if os.environ.get("MEDIMART_DEBUG"):
            raise
        print(f"medimart: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _end(number: int, _frame: Any) -> None:
    """Turn a signal into an exit, so that everything that was started is stopped on the way out."""
    sys.exit(128 + number)
