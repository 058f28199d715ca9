"""psql on the warehouse, by the wheel's own program."""

from __future__ import annotations

import os
import signal
import subprocess

from psycopg.conninfo import conninfo_to_dict

from medimart.errors import SettingError
from medimart.local.postgres import BIN
from medimart.local.warehouse import warehouse

# As the pipeline's own sessions are, with the tables readers look for found by their names.
SESSION = "-c search_path=marts,quality,reference,public -c timezone=Europe/London -c datestyle=ISO,DMY"
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",  # never on the command line, where other users can read it
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


def psql(command: str | None = None) -> int:
    """Open psql, or run one command; returns its exit code. The warehouse is up for as long."""
    program = BIN / "psql"
    if not program.exists():
        raise SettingError(f"{program} is missing: run `make setup` again.")
    with warehouse() as url:
        given = conninfo_to_dict(url)
        environment = {_VARIABLES[name]: str(value) for name, value in given.items() if name in _VARIABLES}
        options = ["--command", command, "--set", "ON_ERROR_STOP=1"] if command else []
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is psql's: it cancels a query
        try:
            return subprocess.run(
                [program, "--no-psqlrc", *options],
                env={**os.environ, **environment, "PGOPTIONS": SESSION},
                restore_signals=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            ).returncode
        finally:
            signal.signal(signal.SIGINT, former)
