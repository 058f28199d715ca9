"""Errors meant for people: what was found, what was expected, what to do."""

from __future__ import annotations

import sys


class MedimartError(Exception):
    """A fault a user can mend. Its message is shown as it is, without a traceback."""


class InputError(MedimartError):
    """A file, a folder or an extract is not what its contract says."""


class SettingError(MedimartError):
    """A setting, a port, a permission or a server is not as it must be."""


class CriticalFailure(MedimartError):
    """The data failed a critical check: nothing is published."""


class CheckBroken(MedimartError):
    """A check could not be carried out; it says nothing about the data."""


class InputsChanged(MedimartError):
    """What a run read has changed since it began: run it again."""


def for_people(error: Exception) -> str | None:
    """What a person is told of a fault that is none of ours, without any value of a row; None for those that are."""
    if isinstance(error, MedimartError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    psycopg = sys.modules.get("psycopg")
    if psycopg and isinstance(error, psycopg.Error):
        from medimart.models.build import without_values

        return f"The warehouse refuses: {without_values(error).strip()} (SQLSTATE {error.sqlstate or 'none'})."
    return None


class NothingToDo(MedimartError):
    """There is nothing to do here: a task is skipped, and this says why."""
