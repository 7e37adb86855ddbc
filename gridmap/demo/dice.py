"""Seeded chance: the same seed and place give the same numbers on every machine, and so do the ids."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
Floats = np.ndarray  # of float64

_BASE_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z, the moment every id of the demo claims to be made
_PER_MS = 4096  # rand_a of a UUIDv7 counts inside a millisecond


class Dice:
    """Random numbers for one place: a stream of its own, so that places can be made in any order.

    Only `random()` of PCG64 is used; numpy keeps that stream, but may change those of its distributions.
    """

    def __init__(self, *seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))

    def between(self, low: float, high: float) -> float:
        """Return a number from low up to high."""
        return low + (high - low) * float(self._generator.random())

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._generator.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return True in that share of calls."""
        return bool(self._generator.random() < share)

    def pick(self, values: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Return one of the values, each as likely as its weight."""
        return values[int(self.picks(1, weights or [1.0] * len(values))[0])]

    def picks(self, count: int, weights: Sequence[float]) -> np.ndarray:
        """Return indexes into `weights`, each as likely as its weight."""
        edges = np.cumsum(weights)
        found = np.searchsorted(edges / edges[-1], self._generator.random(count), side="right")
        return np.minimum(found, len(weights) - 1)

    def floats(self, count: int) -> Floats:
        """Return numbers from 0 up to 1."""
        return self._generator.random(count)

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """Return the values in another order."""
        return [values[i] for i in np.argsort(self._generator.random(len(values)), kind="stable")]


class Ids:
    """UUIDv7s in rising order from a fixed moment; random bits come from the seed."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 7])))
        self._made = 0

    def take(self, count: int) -> list[str]:
        """Return the next ids as text."""
        serial = np.arange(self._made, self._made + count, dtype=np.uint64)
        self._made += count
        raw = np.empty((count, 2), dtype=">u8")
        raw[:, 0] = ((serial // _PER_MS + _BASE_MS) << np.uint64(16)) | np.uint64(0x7000) | (serial % _PER_MS)
        noise = (self._generator.random(count) * 2**53).astype(np.uint64)
        raw[:, 1] = np.uint64(0x8000_0000_0000_0000) | (noise << np.uint64(9))
        text = raw.tobytes().hex()
        return [
            f"{text[i : i + 8]}-{text[i + 8 : i + 12]}-{text[i + 12 : i + 16]}-{text[i + 16 : i + 20]}-{text[i + 20 : i + 32]}"
            for i in range(0, 32 * count, 32)
        ]

    def one(self) -> str:
        """Return the next id."""
        return self.take(1)[0]
