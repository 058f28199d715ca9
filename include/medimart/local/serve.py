"""`medimart up`: the stack for people, until they have had enough."""

from __future__ import annotations

import signal
import time

from medimart.local.stack import USER, Stack, stack


def serve() -> None:
    """Start the stack, say where it is, and watch it until Ctrl-C.

    Raises SettingError when a process of the stack ends by itself.
    """
    try:
        with stack("medimart up", say=_say) as group:
            _say(_welcome(group))
            while True:
                group.check()
                time.sleep(0.5)
    except SystemExit as end:
        if end.code != 128 + signal.SIGINT:
            raise
        _say("Stopped.")  # Ctrl-C is how it is meant to end


def _welcome(group: Stack) -> str:
    seconds = ", ".join(f"{name} {spent:.1f} s" for name, spent in group.timings.items())
    return (
        f"Ready ({seconds}).\n\n"
        f"  Airflow    {group.airflow_url}   user {USER}, password {group.password}\n"
        f"  Warehouse  medimart psql\n"
        f"  Logs       {group.airflow_home / 'logs'}\n\n"
        "Ctrl-C stops everything."
    )


def _say(text: str) -> None:
    print(text, flush=True)
