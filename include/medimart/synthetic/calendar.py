"""Days as whole numbers, counted from 1 January 1900 (a Monday), and their texts by table look-up.

A day number is what the simulation reckons with; `ISO[day]` and `DMY[day]` are its two spellings in extracts.
"""

from __future__ import annotations

from datetime import date, timedelta

ORIGIN = date(1900, 1, 1)
NEVER = 10**6  # later than every day that a simulation reaches
_DAYS = (date(2041, 1, 1) - ORIGIN).days
ISO: list[str] = [(ORIGIN + timedelta(days=n)).isoformat() for n in range(_DAYS)]
DMY: list[str] = [f"{text[8:]}/{text[5:7]}/{text[:4]}" for text in ISO]
COMPACT: list[str] = [text.replace("-", "") for text in ISO]


def day_of(when: date) -> int:
    """The day number of a date."""
    return (when - ORIGIN).days


def date_of(day: int) -> date:
    """The date of a day number."""
    return ORIGIN + timedelta(days=day)


def working_day(day: int) -> int:
    """The day itself, or the Monday after a weekend day."""
    weekday = day % 7
    return day if weekday < 5 else day + 7 - weekday
