"""Words → plan. Every word must be known: as a measure, a member, a dimension, a time, or one that changes nothing.

The longest phrase that begins at a word is taken, as in a dictionary; nothing is corrected, completed or left out. A
phrase that means two things, and a word that means none, is a refusal that names it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from medimart.ask import times
from medimart.ask.catalogue import Catalogue
from medimart.ask.members import Member, Members, Phrase, gaps, tokens
from medimart.ask.plan import Plan, Refusal, choose, offers

LONGEST = 300
_NEAR = 5
_ALL = "All that can be asked: medimart ask --list."
_SIGNS = re.compile(r"[\s.,?!:/&%+\u2013\u2014-]*")
_NUMBER_OF_A_PATIENT = re.compile(r"(?<!\d)(\d{9,}|\d{3}[ -]\d{3}[ -]\d{4})(?!\d)")
_POSTCODE = re.compile(r"(?<!\w)[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}(?!\w)", re.IGNORECASE)
_NO_PATIENT = (
    "Questions are about numbers of pathways, never about a patient: no name, number, postcode, date of birth or row "
    "is looked up here. Who treats the patient finds them in the clinical marts or with `medimart explain`."
)


@dataclass(frozen=True)
class Meaning:
    """What a phrase stands for.

    kind: filler, concept, noun, form, members, group, total, most, least, refused. value: which; members: for members.
    """

    kind: str
    value: str = ""
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Dictionary:
    """Phrases and what they mean, those that stand for other words, and how long the longest is."""

    meanings: dict[Phrase, tuple[Meaning, ...]]
    shorthand: dict[Phrase, Phrase]
    longest: int


@dataclass
class _Reading:
    """What has been found in a question so far."""

    concepts: dict[str, str]
    nouns: dict[str, str]
    forms: dict[str, str]
    filters: dict[str, list[Member]]
    groups: list[str]
    dimensions: list[tuple[str, str]]
    said: list[times.Said]
    order: set[str]
    unknown: list[str]
    words: Phrase
    ambiguous: list[Refusal]


def dictionary(catalogue: Catalogue, members: Members) -> Dictionary:
    """Every phrase a question may hold."""
    found: dict[Phrase, list[Meaning]] = defaultdict(list)

    def tell(words: str, meaning: Meaning) -> None:
        phrase = tokens(words)
        if meaning not in found[phrase]:
            found[phrase].append(meaning)

    words = catalogue.words
    for metric in catalogue.metrics.values():
        for word in metric.words:
            tell(word, Meaning("concept", metric.of))
        for word in metric.nouns:
            tell(word, Meaning("noun", metric.of))
    for word in catalogue.nouns:
        tell(word, Meaning("noun"))
    for form, phrases in words["forms"].items():
        for word in phrases:
            tell(word, Meaning("form", form))
    for order, phrases in words["order"].items():
        for word in phrases:
            tell(word, Meaning(order))
    for dimension in catalogue.dimensions.values():
        for name in dimension.words:
            tell(name, Meaning("dimension", dimension.code))
            for before in words["by"]:
                tell(f"{before} {name}", Meaning("group", dimension.code))
            for before in words["over"]:
                tell(f"{before} {name}", Meaning("total", dimension.code))
    for phrase, meanings in members.phrases.items():
        for named in meanings:
            tell(" ".join(phrase), Meaning("members", named[0].dimension, named))
    for kind, phrases in words["refused"].items():
        for word in phrases:
            tell(word, Meaning("refused", kind))
    for word in words["filler"].split():
        tell(word, Meaning("filler"))
    shorthand = {tokens(words): tokens(other) for words, other in words["shorthand"].items()}
    longest = max(map(len, (*found, *shorthand)))
    return Dictionary({phrase: tuple(meanings) for phrase, meanings in found.items()}, shorthand, longest)


def read(question: str, catalogue: Catalogue, members: Members, words: Dictionary, published: Sequence[date]) -> Plan:
    """The plan of a question. Raises Refusal where it has none."""
    reading = _read(_expanded(_words(question), words), catalogue, words)
    if reading.unknown:
        raise _unknown(reading, catalogue, words)
    if reading.ambiguous:
        raise reading.ambiguous[0]
    concept = _concept(reading, catalogue)
    filters, groups = _dimensions(reading, catalogue, members)
    form = _one(list(reading.forms), "form", "Both a number and a share are asked for: ask one at a time.")
    metric = choose(catalogue, members, concept, form, filters, groups)
    try:
        when = times.resolve(reading.said, published, metric.subject.time != "census_date")
    except times.NoSuchTime as error:
        raise Refusal("time", str(error)) from None
    order = _one(sorted(reading.order), "order", "Both the most and the least are asked for: ask one at a time.")
    if order and not groups:
        raise Refusal("order", "Most or least of what? Say so: “which trust has the most …”.")
    return Plan(metric, filters, tuple(groups), when, order)


def _words(question: str) -> Phrase:
    """The words of a question. Raises Refusal for what is no question in words."""
    text = unicodedata.normalize("NFKC", question)
    if len(text) > LONGEST:
        raise Refusal("long", f"The question has {len(text)} characters; at most {LONGEST} are read.")
    if _NUMBER_OF_A_PATIENT.search(text) or _POSTCODE.search(text):
        raise Refusal("person", _NO_PATIENT)
    left = gaps(text)
    if strange := sorted(set(_SIGNS.sub("", left))):
        shown = " ".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in strange)
        raise Refusal("sign", f"A question is made of words; it may not hold {shown}", words=strange)
    if "--" in text:
        raise Refusal("sign", "A question is made of words; it may not hold --", words=["--"])
    text = re.sub(r"(?<=\d)\+", " plus ", text).replace("%", " percentage ")
    if "+" in text:
        raise Refusal("sign", "A question is made of words; it may not hold +", words=["+"])
    if not (found := tokens(text)):
        raise Refusal("empty", "Nothing is asked.")
    return found


def _expanded(found: Phrase, words: Dictionary) -> Phrase:
    """The words with those that stand for others replaced, once."""
    text: list[str] = []
    at = 0
    while at < len(found):
        for length in range(min(words.longest, len(found) - at), 0, -1):
            phrase = found[at : at + length]
            if phrase in words.shorthand:
                text += words.shorthand[phrase]
                break
            if phrase in words.meanings:
                text += phrase
                break
        else:
            length = 1
            text.append(found[at])
        at += length
    return tuple(text)


def _read(found: Phrase, catalogue: Catalogue, words: Dictionary) -> _Reading:
    if found[0] == "who":
        raise Refusal("person", _NO_PATIENT, words=["who"])
    reading = _Reading({}, {}, {}, defaultdict(list), [], [], [], set(), [], found, [])
    at, before = 0, ""
    while at < len(found):
        time = times.match(found, at)
        length, meanings = _longest(found, at, words)
        if time and time[1] >= length:
            reading.said.append(time[0])
            at += time[1]
            before = "time"
            continue
        if not length:
            reading.unknown.append(found[at])
            at += 1
            continue
        phrase = " ".join(found[at : at + length])
        if len(meanings) > 1:
            reading.ambiguous.append(_ambiguous(phrase, meanings, catalogue))
        else:
            before = _note(reading, meanings[0], phrase, before)
        at += length
    return reading


def _longest(found: Phrase, at: int, words: Dictionary) -> tuple[int, tuple[Meaning, ...]]:
    for length in range(min(words.longest, len(found) - at), 0, -1):
        if meanings := words.meanings.get(found[at : at + length]):
            return length, meanings
    return 0, ()


def _note(reading: _Reading, meaning: Meaning, phrase: str, before: str) -> str:
    """Put down what a phrase means; returns what the next word is to know of it."""
    match meaning.kind:
        case "refused":
            if meaning.value == "person":
                raise Refusal("person", _NO_PATIENT, words=[phrase])
            raise Refusal("sql", f"“{phrase}” is of SQL or the database; a question is asked in words.", words=[phrase])
        case "concept":
            reading.concepts[meaning.value] = phrase
        case "noun":
            reading.nouns[meaning.value] = phrase
        case "form":
            reading.forms[meaning.value] = phrase
        case "members":
            reading.filters[meaning.value] += [m for m in meaning.members if m not in reading.filters[meaning.value]]
            return f"members {meaning.value}"
        case "group":
            reading.groups.append(meaning.value)
            return "group"
        case "dimension":
            if before == "group and":  # by trust and specialty
                reading.groups.append(meaning.value)
                return "group"
            if before != f"members {meaning.value}":  # Airedge trust, cardiology department
                reading.dimensions.append((meaning.value, phrase))
        case "most" | "least":
            reading.order.add(meaning.kind)
        case "filler" if phrase == "and" and before == "group":
            return "group and"
        case "filler" if before.startswith("members") or before == "group and":
            return before
    return ""


def _one(found: Sequence[str], kind: str, text: str) -> str:
    if len(found) > 1:
        raise Refusal(kind, text)
    return found[0] if found else ""


def _concept(reading: _Reading, catalogue: Catalogue) -> str:
    """What is asked for. A noun is it only where nothing stronger is."""
    concepts = reading.concepts or {noun: phrase for noun, phrase in reading.nouns.items() if noun}
    if not concepts and "wait" in reading.filters:
        concepts = {"waiting": ""}  # how many have waited over 52 weeks
    if not concepts:
        raise Refusal(
            "measure",
            f"The question names nothing that is counted here. {_ALL}",
            can=_near(reading.words, catalogue),
        )
    if len(concepts) > 1:
        named = " and ".join(f"“{phrase}”" for phrase in concepts.values())
        raise Refusal(
            "ambiguous",
            f"Two measures are named, {named}: ask for one at a time.",
            words=list(concepts.values()),
            can=[line for concept in concepts for line in offers(catalogue, concept)],
        )
    return next(iter(concepts))


def _dimensions(
    reading: _Reading, catalogue: Catalogue, members: Members
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Filters and groups. Several members of one dimension are shown each by itself, never added up unasked."""
    for dimension, phrase in reading.dimensions:
        if dimension not in reading.filters and dimension not in reading.groups:
            raise Refusal(
                "dimension",
                f"“{phrase}” is named and not which: say “by {catalogue.dimensions[dimension].words[0]}”, or name one.",
                words=[phrase],
            )
    filters = {
        dimension: tuple(member.code for member in named) for dimension, named in reading.filters.items() if named
    }
    groups = list(dict.fromkeys(reading.groups))
    for said in reading.said:
        if said.kind == "ahead":
            filters["weeks_ahead"] = (_weeks_ahead(said, members),)
        elif said.kind == "by":
            filters["watch_date"] = (_watch_date(said, members),)
    if len(filters.get("wait", ())) > 1:
        raise Refusal("ambiguous", "Two lengths of wait are named: ask for one at a time.")
    groups += [dimension for dimension, codes in filters.items() if len(codes) > 1 and dimension not in groups]
    return filters, groups


def _weeks_ahead(said: times.Said, members: Members) -> str:
    if str(said.number) not in members.of["weeks_ahead"]:
        raise Refusal("time", f"“{said.text}”: what is projected is 1 to {len(members.of['weeks_ahead'])} weeks ahead.")
    return str(said.number)


def _watch_date(said: times.Said, members: Members) -> str:
    [span] = said.spans
    for code in sorted(members.of["watch_date"]):
        day = date.fromisoformat(code)
        if span.first <= day <= span.last or (not span.has_year and not span.is_day and day.month == span.first.month):
            return code
    labels = [member.label for member in members.of["watch_date"].values()]
    raise Refusal("time", f"“{said.text}” is no watched date; those of the seed cohort_watch are {', '.join(labels)}.")


def _ambiguous(phrase: str, meanings: Iterable[Meaning], catalogue: Catalogue) -> Refusal:
    can: list[str] = []
    for meaning in meanings:
        if meaning.kind in ("concept", "noun"):
            can += offers(catalogue, meaning.value)
        elif meaning.kind == "members":
            can += [
                f"{member.label} ({catalogue.dimensions[member.dimension].name.lower()})" for member in meaning.members
            ]
        elif meaning.value in catalogue.dimensions:
            can.append(catalogue.dimensions[meaning.value].name)
    return Refusal("ambiguous", f"“{phrase}” may mean more than one thing.", words=[phrase], can=can)


def _unknown(reading: _Reading, catalogue: Catalogue, words: Dictionary) -> Refusal:
    unknown = reading.unknown
    named = ", ".join(f"“{word}”" for word in unknown)
    known = sorted({word for phrase in words.meanings for word in phrase if word.isalpha() and len(word) > 3})
    near = [other for word in unknown if word.isalpha() for other in get_close_matches(word, known, n=2, cutoff=0.75)]
    text = f"Not understood: {named}. Nothing is left out of a question, so it isn't answered."
    if near:
        text += f" Known are the words {', '.join(dict.fromkeys(near))}."
    if any(word.isdecimal() for word in unknown):
        text += f" Waits are counted {_thresholds(words)}."
    return Refusal("unknown", f"{text} {_ALL}", words=reading.unknown, can=_near(reading.words, catalogue))


def _near(found: Phrase, catalogue: Catalogue) -> list[str]:
    """The metrics that share most words with a question, by name."""
    asked = set(found) - set(catalogue.words["filler"].split())
    scores = {}
    for metric in catalogue.metrics.values():
        shared = asked & {word for text in (metric.name, *metric.words, *metric.nouns) for word in tokens(text)}
        if shared:
            scores[metric.name] = len(shared)
    return sorted(scores, key=lambda name: -scores[name])[:_NEAR]


def _thresholds(words: Dictionary) -> str:
    found = {m.label.lower(): None for meanings in words.meanings.values() for one in meanings for m in one.members
             if m.dimension == "wait"}  # fmt: skip
    return ", ".join(found)
