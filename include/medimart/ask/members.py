"""The members of dimensions and every word for them: from the seeds, from words.yaml, and trusts from the warehouse."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import permutations
from typing import Any

from medimart.ask.catalogue import Catalogue
from medimart.settings import REFERENCE

Phrase = tuple[str, ...]
_TOKEN = re.compile(
    r"\d{4}-\d{2}-\d{2}|\d{4}/\d{2}(?!\d)|\d{1,2}/\d{1,2}/\d{4}|[^\W_]+(?:['\u2019][^\W\d_]+)?", re.UNICODE
)
_OF_A_NAME = {"nhs", "trust", "foundation", "university", "hospital", "teaching", "the", "general", "royal", "district"}
_LAST_WEEK = 26


@dataclass(frozen=True)
class Member:
    """One member of a dimension: its code in plans, its name for people, its codes in the marts' column."""

    dimension: str
    code: str
    label: str
    codes: tuple[Any, ...]


@dataclass(frozen=True)
class Trust:
    """A trust as the warehouse holds it."""

    trust_sk: int
    trust_name: str
    provider_code: str | None
    is_unknown: bool


@dataclass(frozen=True)
class Members:
    """The members of each dimension by code, in their own order, and the phrases that name one or several."""

    of: dict[str, dict[str, Member]]
    phrases: dict[Phrase, list[tuple[Member, ...]]]

    def label(self, dimension: str, value: Any) -> str:
        """What people call a value of a mart's column."""
        for member in self.of[dimension].values():
            if member.codes == (value,):
                return member.label
        if dimension == "wait" and "-" in str(value):
            return f"{value} weeks"
        return "Not known" if value in ("UNKNOWN", "Z", "99", "X", "unknown") else str(value)


def tokens(text: str) -> Phrase:
    """Words as they are compared: lower case, without plural or possessive."""
    return tuple(base(found) for found in _TOKEN.findall(text.lower()))


def base(token: str) -> str:
    """A word without possessive or plural `s`. Both the question's words and ours go through it."""
    token = re.sub(r"['\u2019]s$", "", token)
    if token.endswith(("ches", "shes", "xes", "sses")):
        return token[:-2]
    return token[:-1] if len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is")) else token


def gaps(text: str) -> str:
    """What of a question is in no word."""
    return _TOKEN.sub("", text.lower())


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed, as they lie on disk."""
    with (REFERENCE / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def members(catalogue: Catalogue, trusts: Iterable[Trust] = ()) -> Members:
    """All members of all dimensions and what they are called."""
    maker = _Maker(catalogue)
    maker.trusts(trusts)
    maker.specialties()
    maker.tiers()
    maker.waits()
    maker.listed("session_type", {r["code"]: r["label"] for r in seed("code_list") if r["domain"] == "session_type"})
    maker.listed("state", {row["state_code"]: row["label"] for row in seed("delay_state")}, is_told=False)
    maker.listed(
        "support",
        {r["support_type"]: r["support_type"].replace("_", " ").capitalize() for r in seed("support_scenario")},
        is_told=False,
    )
    for domain in ("gender", "ethnic_category"):
        maker.listed(
            domain, {r["code"]: r["label"] for r in seed("code_list") if r["domain"] == domain}, domain != "gender"
        )
    maker.ages()
    maker.boards()
    for dimension in ("deprivation_quintile", "interpreter", "transport", "distance"):
        written = catalogue.dimensions[dimension].written["members"]
        maker.listed(dimension, {code: entry["label"] for code, entry in written.items()}, is_told=False)
    for day in sorted({row["watch_date"] for row in seed("cohort_watch")}):
        maker.add("watch_date", day, f"{date.fromisoformat(day):%-d %B %Y}", date.fromisoformat(day))
    for weeks in range(1, _LAST_WEEK + 1):
        maker.add("weeks_ahead", str(weeks), f"{weeks} weeks ahead", weeks)
    return Members(maker.of, maker.phrases)


class _Maker:
    """Collects members and phrases."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.dimensions = catalogue.dimensions
        self.of: dict[str, dict[str, Member]] = {code: {} for code in catalogue.dimensions}
        self.phrases: dict[Phrase, list[tuple[Member, ...]]] = {}

    def add(self, dimension: str, code: str, label: str, *codes: Any) -> Member:
        member = Member(dimension, code, label, codes or (code,))
        self.of[dimension][code] = member
        return member

    def tell(self, words: str, *named: Member) -> None:
        phrase = tokens(words)
        meanings = self.phrases.setdefault(phrase, [])
        if phrase and named not in meanings:
            meanings.append(named)

    def listed(self, dimension: str, labels: Mapping[str, str], is_told: bool = True) -> None:
        """Members of a list, told by their labels (or not), and by what is written of them."""
        written = self.dimensions[dimension].written.get("members", {})
        for code, label in labels.items():
            member = self.add(dimension, code, label)
            for words in [label] * is_told + written.get(code, {}).get("words", []):
                self.tell(words, member)

    def trusts(self, trusts: Iterable[Trust]) -> None:
        for trust in trusts:
            label = trust.trust_name if not trust.is_unknown else "Unknown trust"
            member = self.add("trust", str(trust.trust_sk), label, trust.trust_sk)
            if trust.is_unknown:
                self.tell("unknown trust", member)
                continue
            self.tell(trust.trust_name, member)
            if trust.provider_code:
                self.tell(trust.provider_code, member)
            words = tokens(trust.trust_name)
            while words and words[-1] in _OF_A_NAME:  # the name as people say it: Airedge, Calderbrook District
                words = words[:-1]
                if words and not set(words) <= _OF_A_NAME:
                    self.tell(" ".join(words), member)
                    self.tell(" ".join((*words, "trust")), member)
                    self.tell(" ".join((*words, "hospital")), member)

    def specialties(self) -> None:
        rows = seed("treatment_function")
        published = {row["published_code"]: row for row in rows if row["is_published"] == "true"}
        for code, row in published.items():
            self.tell(row["treatment_function_name"], self.add("specialty", code, row["treatment_function_name"]))
        by_code = {row["treatment_function_code"]: row["published_code"] for row in rows}
        self.add("specialty", "UNKNOWN", "Unknown")
        for row in rows:
            self.tell(row["treatment_function_name"], self.of["specialty"][row["published_code"]])
        for row in seed("value_alias"):
            words = row["source_text"]
            if row["domain"] == "treatment_function" and not any(c.isdigit() for c in words) and len(words) > 2:
                self.tell(words, self.of["specialty"][by_code.get(row["code"], row["code"])])

    def tiers(self) -> None:
        entry = self.dimensions["risk_tier"].written
        labels = {row["risk_tier"]: row["label"] for row in seed("risk_tier")}
        written = entry["members"]
        for code, one in written.items():
            self.add("risk_tier", code, one["label"], *one.get("codes", ()))
        for code, label in labels.items():
            member = self.add("risk_tier", code, label)
            for suffix in entry["suffixes"]:
                if f"{label} {suffix}".lower() not in (words for one in written.values() for words in one["words"]):
                    self.tell(f"{label} {suffix}", member)
        for code, one in written.items():
            for words in one["words"]:
                self.tell(words, self.of["risk_tier"][code])
        for one, other in permutations(labels, 2):
            for word in ("and", "or"):
                both = self.of["risk_tier"][one], self.of["risk_tier"][other]
                self.tell(f"{labels[one]} {word} {labels[other]} risk", *both)

    def waits(self) -> None:
        entry = self.dimensions["wait"].written
        steps = [int(row["threshold_weeks"]) for row in seed("wait_threshold")]
        groups = [*zip([0, *steps[:-1]], steps, strict=True)]
        codes = [f"{low}-{high}" for low, high in groups] + [f"{steps[-1]}+"]
        first = steps[0]
        within = self.add("wait", f"within_{first}", f"Within {first} weeks", codes[0])
        for word in entry["less"]:
            self.tell(f"{word} {first} weeks", within)
        for place, weeks in enumerate(steps, start=1):
            over = self.add("wait", f"over_{weeks}", f"Over {weeks} weeks", *codes[place:])
            for word in entry["more"]:
                self.tell(f"{word} {weeks} weeks", over)
            for word in entry["after"]:
                self.tell(f"{weeks} weeks {word}", over)
            self.tell(f"{weeks} plus weeks", over)

    def boards(self) -> None:
        for code, name in sorted({(row["icb_code"], row["icb_name"]) for row in seed("geography")}):
            member = self.add("board", code, name)
            for words in (name, name.removeprefix("NHS ")):
                self.tell(words, member)
                self.tell(f"{words} board", member)
        self.tell("unknown board", self.add("board", "UNKNOWN", "Unknown"))

    def ages(self) -> None:
        for row in seed("age_band"):
            member = self.add("age_band", row["age_band"], row["age_band"])
            low, high = row["age_from"], row["age_to"]
            texts = [f"{low} {high}", f"{low} to {high}"] if high else [f"{low} plus", f"{low} and over", f"over {low}"]
            for text in texts:
                for before in ("aged", "age", "ages", "aged between"):
                    self.tell(f"{before} {text}", member)
                self.tell(f"{text} year olds", member)
            if high:
                self.tell(f"aged {low} and {high}", member)
                self.tell(f"aged between {low} and {high}", member)
