"""What may be shown of a value at fault: no direct identifier, never a whole line.

By the contract. Shown as it stood: dates, numbers and codes of files that hold no NHS number, and of these only what
looks like a date or a number or is one of a few plain words, since a shifted line can put a name anywhere. Of all else
(names, NHS numbers, dates of birth, postcodes, local identifiers, free text, whole lines) the shape alone: letters as
`a`, digits as `0`, at most four of a kind. The exact text is in the file of rejects.
"""

from __future__ import annotations

import csv
import itertools
import re

from medimart.landing.contract import Contract

SHOWN_TYPES = frozenset({"date", "integer", "numeric", "code", "boolean", "integer_series"})
PLAIN_WORDS = frozenset(
    {
        "today", "now", "yesterday", "tomorrow", "none", "null", "nil", "n/a", "unknown", "tbc", "infinity", "yes",
        "no", "true", "false", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    }
)  # fmt: skip
_DATE = re.compile(r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}")
_NUMBER = re.compile(r"(?=.*[^\d])[\d.,<>=~+%-]{1,8}")  # a plain integer may be an identifier gone astray
_LONGEST = 80
_RUN = 4


def shown(contract: Contract, column: str, text: str | None) -> str:
    """A value at fault as any reader of the report may see it."""
    if text is None or not text.strip():
        return "(blank)"
    return text.strip() if _is_plain(contract, column, text.strip()) else shape(text)


def field_count(contract: Contract, text: str) -> int | None:
    """How many fields a line falls into, read as forgivingly as may be; None where that cannot be told."""
    try:
        return len(next(csv.reader([text.replace("\n", " ")], delimiter=contract.delimiter)))
    except (csv.Error, StopIteration):
        return None


def shape(text: str) -> str:
    """A text without its content: letters as a, digits as 0, blanks and signs kept, long runs cut short."""
    signs = (_sign(sign) for sign in text)
    short = "".join("".join(itertools.islice(run, _RUN)) for _, run in itertools.groupby(signs))
    return short if len(short) <= _LONGEST else f"{short[:_LONGEST]}…"


def _sign(sign: str) -> str:
    if sign.isalpha():
        return "a"
    if sign.isnumeric():
        return "0"
    if sign.isspace():
        return " "
    return sign if sign.isascii() else "?"


def _is_plain(contract: Contract, column: str, text: str) -> bool:
    found = next((c for c in contract.columns if c.name == column), None)
    is_about_persons = any(c.type == "nhs_number" for c in contract.columns)
    if found is None or found.type not in SHOWN_TYPES or found.header in contract.key or is_about_persons:
        return False
    return bool(
        _DATE.fullmatch(text) or _NUMBER.fullmatch(text) or all(word in PLAIN_WORDS for word in text.lower().split())
    )
