"""Errors meant for people: what was found, what was expected, what to do."""

from __future__ import annotations


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
