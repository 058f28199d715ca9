"""What is to be counted: the metric that is meant, by what it is filtered and split, when; or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medimart.ask.catalogue import Catalogue, Metric
from medimart.ask.members import Members
from medimart.ask.times import When
from medimart.errors import MedimartError


class Refusal(MedimartError):
    """A question that is not answered.

    kind: in one word why: unknown, ambiguous, person, sql, sign, measure, form, dimension, combination, needs, time,
    order, long or empty. words: of the question, where some are the reason. can: what could be asked instead.
    """

    def __init__(self, kind: str, text: str, words: Sequence[str] = (), can: Sequence[str] = ()) -> None:
        self.kind, self.text, self.words, self.can = kind, text, tuple(words), tuple(can)
        instead = "".join(f"\n  {line}" for line in self.can)
        super().__init__(f"{text}{f'{chr(10)}You can ask:{instead}' if instead else ''}")

    def as_dict(self) -> dict[str, object]:
        """The refusal as data."""
        return {"kind": self.kind, "text": self.text, "words": list(self.words), "can": list(self.can)}


@dataclass(frozen=True)
class Plan:
    """A question as it is understood.

    filters: member codes by dimension; several of one are shown each by itself, so that the dimension is in groups.
    order: most or least first, or as listed.
    """

    metric: Metric
    filters: Mapping[str, tuple[str, ...]]
    groups: tuple[str, ...]
    when: When
    order: str = ""

    @property
    def where(self) -> dict[str, str]:
        """The columns of the mart that are fixed, by the dimensions used."""
        return _fixed_columns(self.metric, used(self.metric, self.filters, self.groups)) or {}

    @property
    def kept(self) -> dict[str, tuple[str, ...]]:
        """The filters that the metric does not stand for already."""
        return {dimension: codes for dimension, codes in self.filters.items() if dimension not in self.metric.asked}


def used(metric: Metric, filters: Mapping[str, tuple[str, ...]], groups: Sequence[str]) -> tuple[str, ...]:
    """The dimensions of the mart that a plan uses."""
    return tuple(dict.fromkeys(d for d in (*filters, *groups) if d not in metric.asked))


def choose(
    catalogue: Catalogue,
    members: Members,
    concept: str,
    form: str,
    filters: Mapping[str, tuple[str, ...]],
    groups: Sequence[str],
) -> Metric:
    """The metric of a concept that the question's form and dimensions fit. Raises Refusal saying what is missing."""
    candidates = [metric for metric in catalogue.of(concept) if not form or metric.form in (form, "value")]
    if not candidates:
        names = [metric.name for metric in catalogue.of(concept)]
        raise Refusal(
            "form", f"There is no {form} of this: it is known as {_list(names, 'or')}.", can=offers(catalogue, concept)
        )
    for metric in candidates:
        if _covers(metric, filters, groups) and not _needed(metric, filters, groups):
            return metric
    for metric in candidates:
        if _covers(metric, filters, groups):
            needed = [catalogue.dimensions[d].name.lower() for d in _needed(metric, filters, groups)]
            raise Refusal(
                "needs",
                f"{metric.name} cannot be added up over {_list(needed, 'and')}: name one, or ask for each "
                f"(“by {needed[0]}”). {needs_hint(members, _needed(metric, filters, groups))}".strip(),
                can=offers(catalogue, concept),
            )
    asked = list(dict.fromkeys((*filters, *groups)))
    names = [catalogue.dimensions[dimension].name.lower() for dimension in asked]
    raise Refusal(
        "combination",
        f"Shared readers see no {candidates[0].name.lower()} by {_list(names, 'and')}{' together' * (len(names) > 1)}: "
        "it isn't counted so, or its cells would be too small to show.",
        can=_nearest(catalogue, candidates, filters, groups) or offers(catalogue, concept),
    )


def _nearest(
    catalogue: Catalogue, candidates: Sequence[Metric], filters: Mapping[str, tuple[str, ...]], groups: Sequence[str]
) -> tuple[str, ...]:
    """What would be answered if one of the dimensions were left out."""
    found = []
    for left in dict.fromkeys((*filters, *groups)):
        fewer = {dimension: codes for dimension, codes in filters.items() if dimension != left}
        rest = [dimension for dimension in groups if dimension != left]
        fits = [m for m in candidates if _covers(m, fewer, rest) and not _needed(m, fewer, rest)]
        if fits:
            found.append(f"{fits[0].name}, the same without {catalogue.dimensions[left].name.lower()}")
    return tuple(found)


def needs_hint(members: Members, needed: Sequence[str]) -> str:
    """What may be named for dimensions that are told in a way of their own."""
    told = {"watch_date": "by {}", "weeks_ahead": "in 12 weeks"}
    found = []
    for dimension in needed:
        if dimension in told:
            labels = [member.label for member in members.of[dimension].values()]
            found.append(f"Say “{told[dimension].format(' or '.join(labels))}”.")
    return " ".join(found)


def offers(catalogue: Catalogue, concept: str) -> tuple[str, ...]:
    """The metrics of a concept and what each can be filtered and split by, for people."""
    lines = []
    for metric in catalogue.of(concept):
        names = [catalogue.dimensions[dimension].name.lower() for dimension in metric.dimensions]
        lines.append(f"{metric.name}: by {_list(names, 'or' if _one_at_a_time(metric) else 'and')}")
    return tuple(lines)


def _one_at_a_time(metric: Metric) -> bool:
    return any(isinstance(value, dict) and "otherwise" not in value for value in metric.subject.where.values())


def _list(names: Sequence[str], word: str) -> str:
    return f" {word} ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]]) or "nothing"


def _covers(metric: Metric, filters: Mapping[str, tuple[str, ...]], groups: Sequence[str]) -> bool:
    if any(filters.get(dimension) != (code,) or dimension in groups for dimension, code in metric.asked.items()):
        return False
    dimensions = used(metric, filters, groups)
    if not set(dimensions) <= set(metric.dimensions) or _fixed_columns(metric, dimensions) is None:
        return False
    return all(
        set(filters.get(dimension, ())) <= set(axis.codes)
        for dimension, axis in metric.subject.axes.items()
        if axis.codes is not None
    )


def _needed(metric: Metric, filters: Mapping[str, tuple[str, ...]], groups: Sequence[str]) -> list[str]:
    return [d for d in metric.needs if d not in groups and len(filters.get(d, ())) != 1]


def _fixed_columns(metric: Metric, dimensions: Sequence[str]) -> dict[str, str] | None:
    """Column → value, by the dimensions used; None where the mart holds no such rows."""
    fixed = dict(metric.where)
    for column, value in metric.subject.where.items():
        if isinstance(value, str):
            fixed[column] = value
            continue
        choices = [value[dimension] for dimension in dimensions if dimension in value]
        if not choices and "otherwise" in value:
            choices = [value["otherwise"]]
        if len(choices) != 1:
            return None
        fixed[column] = choices[0]
    return fixed
