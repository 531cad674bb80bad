"""An embedding without a model and without a network: words and their parts, hashed into a fixed number of places.

Texts that share words are near each other. It knows nothing of meaning: take a model for that.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

WORD: Final = re.compile(r"\w+")
PART_CHARS: Final = 3
PART_WEIGHT: Final = 0.3  # of a word: so `walks` is near `walking`
PAIR_WEIGHT: Final = 0.5  # of a word: two words in their order


def embed(texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """A vector of length 1 for each text; of zeros for one without words. The same on every machine."""
    return [_embed(text, dimensions) for text in texts]


def _embed(text: str, dimensions: int) -> list[float]:
    found = [0.0] * dimensions
    for feature, weight in _features(text):
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
        # The sign makes two features that meet in one place cancel out as often as add up.
        found[(digest >> 1) % dimensions] += weight if digest & 1 else -weight
    length = math.sqrt(sum(number * number for number in found))
    return [round(number / length, 6) for number in found] if length else found


def _features(text: str) -> Iterator[tuple[str, float]]:
    words: list[str] = WORD.findall(text.lower())
    for word in words:
        yield word, 1.0
        marked = f"^{word}$"
        for start in range(len(marked) - PART_CHARS + 1):
            yield "part " + marked[start : start + PART_CHARS], PART_WEIGHT
    for first, second in pairwise(words):
        yield f"{first} {second}", PAIR_WEIGHT
