"""Seeded random streams, one per patient, the same on every machine.

A block of patients shares one PCG64 generator keyed by (seed, block); its raw 64-bit output is turned into uniform
numbers here, because numpy promises that output for good, and the same for no distribution built on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy

BLOCK = 256
_FIRST = 128  # draws that most patients need; who needs more gets a stream of their own
Draw = Callable[[], float]


def _uniform(seed: int, key: tuple[int, ...], rows: int, columns: int) -> list[list[float]]:
    bits = numpy.random.PCG64(numpy.random.SeedSequence(entropy=seed, spawn_key=key)).random_raw(rows * columns)
    uniform: list[list[float]] = ((bits >> numpy.uint64(11)) * 2.0**-53).reshape(rows, columns).tolist()
    return uniform


def _more(seed: int, patient: int) -> Iterator[float]:
    part = 0
    while True:
        yield from _uniform(seed, (1, patient, part), 1, 4 * _FIRST)[0]
        part += 1


def patients_draws(seed: int, block: int) -> Iterator[tuple[int, Draw]]:
    """The patient numbers of a block, each with a function that returns its next uniform number in [0, 1)."""
    for row, values in enumerate(_uniform(seed, (0, block), BLOCK, _FIRST)):
        patient = block * BLOCK + row
        yield patient, chain(values, _more(seed, patient)).__next__


def stream(seed: int, name: str) -> Draw:
    """A function that returns the next uniform number in [0, 1) of the stream that a seed and a name alone make."""
    return _stream(seed, tuple(name.encode())).__next__


def _stream(seed: int, name: tuple[int, ...]) -> Iterator[float]:
    part = 0
    while True:
        yield from _uniform(seed, (3, *name, part), 1, _FIRST)[0]
        part += 1


def shuffled(seed: int, name: str, count: int) -> list[int]:
    """The numbers 0 … count − 1 in an order that depends on the seed and a name alone."""
    key = tuple(name.encode())
    bits = numpy.random.PCG64(numpy.random.SeedSequence(entropy=seed, spawn_key=(2, *key))).random_raw(count)
    order: list[int] = numpy.argsort(bits, kind="stable").tolist()
    return order
