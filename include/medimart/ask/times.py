"""When a question is about: the words for time, and the censuses or weeks that they come to.

Nothing here asks what day it is: time is told from the newest published census, so that a question has the same answer
until another census is published.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NOW = (
    *("right now", "at present", "at the moment", "this week", "now", "today", "currently", "current"),
    *("at the latest census", "latest census", "newest census", "latest", "newest"),
)
_SERIES = {
    "week": "by week, each week, every week, per week, for each week, week by week, weekly, over time, trend",
    "month": "by month, each month, every month, per month, for each month, month by month, monthly",
}
_BEFORE = ("in", "for", "during", "of", "at", "on", "as")
_ENDS = ("at the end of", "the end of", "end of", "as at", "as of")


@dataclass(frozen=True)
class Span:
    """Days from first to last. A month without a year has none until the censuses say which is meant."""

    first: date
    last: date
    text: str
    is_day: bool = False
    has_year: bool = True


@dataclass(frozen=True)
class Said:
    """One thing a question says of time.

    kind: now, weeks_ago, weeks_last, span, since, between, month_ago, series, ahead or by. number: of weeks or months.
    step: of a series, week or month; `last` for last week, which is another for a flow than for a list.
    """

    kind: str
    text: str
    number: int = 0
    spans: tuple[Span, ...] = ()
    step: str = ""


@dataclass(frozen=True)
class When:
    """The Sundays a figure is for, the step of a series (week, month, or none), and what that is in words."""

    days: tuple[date, ...]
    step: str
    text: str


class NoSuchTime(Exception):
    """What is said of time comes to nothing that is published, or to two things; the message says what there is."""


def match(tokens: Sequence[str], at: int) -> tuple[Said, int] | None:
    """What the words from a place on say of time, and how many they are; None when they say nothing of it."""
    rest = tuple(tokens[at:])
    for reader in (_fixed, _since, _between, _weeks, _named, _by, _single):
        if found := reader(rest):
            said, length = found
            return Said(said.kind, " ".join(rest[:length]), said.number, said.spans, said.step), length
    return None


def resolve(said: Sequence[Said], published: Sequence[date], is_flow: bool) -> When:
    """The Sundays that words of time come to. Without any the newest.

    A list is a snapshot: of a period its last published census is meant, of several weeks each. A flow is added up over
    the weeks that end in the period. Raises NoSuchTime.
    """
    newest = published[-1]
    steps = [one.step for one in said if one.kind == "series"]
    times = [one for one in said if one.kind not in ("series", "ahead", "by")]
    if len(times) > 1 or len(set(steps)) > 1:
        texts = " and ".join(f"“{one.text}”" for one in said)
        raise NoSuchTime(f"Two times are named, {texts}: ask for one.")
    step = steps[0] if steps else ""
    if not times:
        return _all(published, step) if step else When((newest,), "", _newest(newest, is_flow))
    time = times[0]
    if time.kind == "now":
        return When((newest,), step, _newest(newest, is_flow))
    if time.kind == "weeks_ago":
        weeks = time.number - (is_flow and time.step == "last")  # the last week that is known whole
        wanted = newest - timedelta(days=7 * weeks)
        _is_published(wanted, published)
        what = "the week that ended" if is_flow else "the census of"
        ago = "last week" if time.step == "last" else f"{_weeks_text(time.number)} ago"
        return When((wanted,), step, f"{ago}: {what} {_day(wanted)}; the newest is {_day(newest)}")
    if time.kind == "weeks_last":
        days = tuple(day for day in published if day > newest - timedelta(days=7 * time.number))
        return _many(days, step or ("" if is_flow else "week"), f"the last {_weeks_text(time.number)}", is_flow)
    span = _span(time, newest)
    if span.is_day:
        _is_published(span.first, published)
        return When((span.first,), step, f"{'the week that ended' if is_flow else 'the census of'} {_day(span.first)}")
    days = tuple(day for day in published if span.first <= day <= span.last)
    if not days:
        raise NoSuchTime(f"No census of {span.text} is published. {_there_is(published)}")
    if time.kind in ("since", "between") and not is_flow:
        step = step or "week"
    if step or is_flow:
        return _many(days, step, span.text, is_flow)
    return When((days[-1],), "", f"{span.text}: its last published census, {_day(days[-1])}")


def _weeks_text(number: int) -> str:
    return "1 week" if number == 1 else f"{number} weeks"


def _all(published: Sequence[date], step: str) -> When:
    return _many(tuple(published), step, "every published census", False)


def _many(days: tuple[date, ...], step: str, text: str, is_flow: bool) -> When:
    if step == "month" and not is_flow:
        last = {(day.year, day.month): day for day in days}
        return When(tuple(last.values()), step, f"{text}: the last published census of each month")
    each = {"week": ", each week", "month": ", each month", "": ""}[step]
    what = f"{len(days)} weeks that ended" if is_flow else f"{len(days)} censuses,"
    return When(days, step, f"{text}: the {what} {_day(days[0])} to {_day(days[-1])}{each}")


def _newest(newest: date, is_flow: bool) -> str:
    return (
        f"the newest published week, ended {_day(newest)}"
        if is_flow
        else f"the newest published census, {_day(newest)}"
    )


def _is_published(day: date, published: Sequence[date]) -> None:
    if day not in published:
        near = sorted(published, key=lambda one: abs((one - day).days))[:2]
        nearest = " and ".join(_day(one) for one in sorted(near))
        raise NoSuchTime(f"{_day(day)} is no published census; the nearest are {nearest}. {_there_is(published)}")


def _there_is(published: Sequence[date]) -> str:
    return f"Published are {len(published)} censuses, {_day(published[0])} to {_day(published[-1])}."


def _day(day: date) -> str:
    return f"{day:%-d %B %Y}"


def _span(time: Said, newest: date) -> Span:
    if time.kind == "month_ago":
        place = newest.year * 12 + newest.month - 1 - time.number
        return month(place // 12, place % 12 + 1)
    spans = [_dated(span, newest) for span in time.spans]
    if time.kind == "since":
        return Span(spans[0].first, newest, f"since {spans[0].text}")
    if time.kind == "between":
        first, last = spans
        if not time.spans[0].has_year and time.spans[1].has_year:
            first = month(last.last.year - (first.first.month > last.first.month), first.first.month)
        if first.first > last.last:
            raise NoSuchTime(f"{first.text} is after {last.text}: name the earlier first.")
        return Span(first.first, last.last, f"{first.text} to {last.text}")
    return spans[0]


def _dated(span: Span, newest: date) -> Span:
    """A month without a year is the latest that has begun by the newest census."""
    if span.has_year:
        return span
    year = newest.year if span.first.month <= newest.month else newest.year - 1
    return month(year, span.first.month)


def month(year: int, number: int) -> Span:
    """A calendar month."""
    first = date(year, number, 1)
    return Span(first, date(year, number, calendar.monthrange(year, number)[1]), f"{first:%B %Y}")


def _fixed(rest: tuple[str, ...]) -> tuple[Said, int] | None:
    for step, phrases in _SERIES.items():
        for phrase in phrases.split(", "):
            if length := _begins(rest, phrase):
                return Said("series", "", step=step), length
    for phrase in _NOW:
        if length := _begins(rest, phrase):
            return Said("now", ""), length
    return None


def _begins(rest: tuple[str, ...], phrase: str) -> int:
    """How many words a phrase is, where it begins here; else 0."""
    words = tuple(phrase.split())
    return len(words) if rest[: len(words)] == words else 0


def _since(rest: tuple[str, ...]) -> tuple[Said, int] | None:
    if rest[:1] == ("since",) and (found := _point(rest[1:])):
        return Said("since", "", spans=(found[0],)), 1 + found[1]
    return None


def _between(rest: tuple[str, ...]) -> tuple[Said, int] | None:
    for start, middles in (("from", ("to", "until", "till", "through")), ("between", ("and",))):
        if rest[:1] != (start,) or not (first := _point(rest[1:])):
            continue
        place = 1 + first[1]
        if rest[place : place + 1] and rest[place] in middles and (last := _point(rest[place + 1 :])):
            return Said("between", "", spans=(first[0], last[0])), place + 1 + last[1]
    return None


def _weeks(rest: tuple[str, ...]) -> tuple[Said, int] | None:
    lead = 0
    while rest[lead : lead + 1] and rest[lead] in ("in", "over", "for", "during", "the"):
        lead += 1
    words = rest[lead:]
    if words[:2] in (("last", "week"), ("previous", "week")):
        return Said("weeks_ago", "", 1, step="last"), lead + 2
    if words[:1] in (("last",), ("past",)) and words[2:3] == ("week",) and (number := _number(words[1])):
        return Said("weeks_last", "", number), lead + 3
    if words[1:3] == ("week", "ago") and (number := _number(words[0])):
        return Said("weeks_ago", "", number), lead + 3
    for after in (("week", "ahead"), ("week", "from", "now"), ("week", "time"), ("week",)):
        if (rest[0] == "in" or len(after) > 1) and words[1 : 1 + len(after)] == after and (number := _number(words[0])):
            return Said("ahead", "", number), lead + 1 + len(after)
    return None


def _named(rest: tuple[str, ...]) -> tuple[Said, int] | None:
    lead = 1 if rest and rest[0] in _BEFORE else 0
    words = rest[lead:]
    if words[:2] == ("this", "month"):
        return Said("month_ago", "", 0), lead + 2
    if words[:2] in (("last", "month"), ("previous", "month")):
        return Said("month_ago", "", 1), lead + 2
    return None


def _by(rest: tuple[str, ...]) -> tuple[Said, int] | None:
    for lead in ("by the end of", "by end of", "by"):
        if (length := _begins(rest, lead)) and (found := _point(rest[length:])):
            return Said("by", "", spans=(found[0],)), length + found[1]
    return None


def _single(rest: tuple[str, ...]) -> tuple[Said, int] | None:
    for lead in (*_ENDS, *_BEFORE, ""):
        length = _begins(rest, lead)
        if (length or not lead) and (found := _point(rest[length:])):
            return Said("span", "", spans=(found[0],)), length + found[1]
    return None


def _point(words: tuple[str, ...]) -> tuple[Span, int] | None:
    """A day, a month, a quarter of a financial year, a financial or calendar year; and how many words it took."""
    if words[:1] == ("the",):
        found = _point(words[1:])
        return (found[0], found[1] + 1) if found else None
    for reader in (_a_day, _a_month, _a_year):
        if found := reader(words):
            return found
    return None


def _a_day(words: tuple[str, ...]) -> tuple[Span, int] | None:
    one = words[0] if words else ""
    try:
        if one.count("-") == 2:
            return _on(date.fromisoformat(one)), 1
        if one.count("/") == 2:
            day, number, year = map(int, one.split("/"))
            return _on(date(year, number, day)), 1
        for day_at, month_at in ((0, 1), (1, 0)):  # 29 March 2026, March 29 2026
            if len(words) > 2 and words[month_at] in _MONTHS and _is_year(words[2]):
                text = words[day_at].removesuffix("st").removesuffix("nd").removesuffix("rd").removesuffix("th")
                if text.isdecimal() and len(text) <= 2:
                    return _on(date(int(words[2]), _MONTHS[words[month_at]], int(text))), 3
    except ValueError:
        return None
    return None


def _a_month(words: tuple[str, ...]) -> tuple[Span, int] | None:
    if not words or words[0] not in _MONTHS:
        return None
    number = _MONTHS[words[0]]
    if len(words) > 1 and _is_year(words[1]):
        return month(int(words[1]), number), 2
    unsure = month(2000, number)
    return Span(unsure.first, unsure.last, f"{unsure.first:%B}", has_year=False), 1


def _a_year(words: tuple[str, ...]) -> tuple[Span, int] | None:
    lead = 0
    quarter = 0
    if len(words) > 1 and words[0] in ("q1", "q2", "q3", "q4"):
        quarter, lead = int(words[0][1]), 1
    elif words[:2] == ("financial", "year"):
        lead = 2
    year = words[lead] if len(words) > lead else ""
    if len(year) == 7 and year[4] == "/" and int(year[2:4]) + 1 == int(year[5:]):
        start = int(year[:4])
        if quarter:
            first = date(start + (quarter == 4), (quarter * 3) % 12 + 1, 1)
            return Span(first, month(first.year, first.month + 2).last, f"quarter {quarter} of {year}"), 2
        return Span(date(start, 4, 1), date(start + 1, 3, 31), f"financial year {year}"), lead + 1
    if not lead and _is_year(year):
        return Span(date(int(year), 1, 1), date(int(year), 12, 31), year), 1
    return None


def _on(day: date) -> Span:
    return Span(day, day, _day(day), is_day=True)


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) == 4 and text.startswith("20")


def _number(text: str) -> int:
    """A number in figures or words up to twelve; 0 for anything else."""
    if text in _NUMBERS:
        return _NUMBERS.index(text) + 1
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else 0
