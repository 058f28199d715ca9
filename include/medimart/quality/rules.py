"""What the landing's rules mean, in words for whoever is on call and for the sender of the file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """meaning: what is wrong with the row or value. action: what its sender is asked to do."""

    meaning: str
    action: str


# Rows with these faults are set aside.
FAULTS = {
    "missing_key": Rule("The row's key is blank", "Send the row again with its identifier."),
    "unreadable_key": Rule(
        "The row's key is over-long, or no word that the reference data knows",
        "Correct the identifier, or have its spelling added to value_alias.csv.",
    ),
    "missing_value": Rule("A value that may not be blank is", "Fill it in at the source and send the row again."),
    "impossible_date": Rule(
        "There is no such day, or it lies outside 1900 to 2099",
        "Correct the date at the source and send the row again.",
    ),
    "unreadable_date": Rule("This is no date", "Write dates as YYYY-MM-DD or DD/MM/YYYY, and send the row again."),
    "unreadable_number": Rule("This is no number", "Write digits alone, and send the row again."),
    "too_many_fields": Rule(
        "The line has more fields than the header", "Put text that holds the separator between double quotes."
    ),
    "too_few_fields": Rule(
        "The line has fewer fields than the header",
        "Send the whole line; text that goes over several lines stands between double quotes.",
    ),
    "broken_quote": Rule(
        "A double quote is not closed, or stands where none may",
        "Close it, and write a quote within quoted text twice.",
    ),
}

# Values with these are kept, mostly as unknown.
FLAGS = {
    "unreadable": "cannot be read; kept as unknown",
    "out_of_range": "outside the range of its contract; kept as unknown",
    "unmapped": "no word that the reference data knows; kept as unknown",
    "invalid": "fails its check digit; kept, and matched with nobody",
    "unexpected_format": "not of the form its contract gives; kept as it is",
}
