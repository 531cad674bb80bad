"""How a title becomes a slug. Pure."""

import unicodedata
from collections.abc import Set
from typing import Final

# What no decomposition of Unicode takes apart.
LETTERS: Final = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ħ": "h", "ŋ": "ng",
    "\u0131": "i",
}  # fmt: skip

APOSTROPHES: Final = "'\u2019"


def slug_of(text: str, longest: int) -> str:
    """The letters and digits of a text in small letters, with hyphens between the words; at most `longest` characters.

    Latin letters lose their accents; those of other scripts stay as they are, since every browser shows them. Empty
    for a text without letters and digits.
    """
    plain = "".join(LETTERS.get(letter, letter) for letter in text.lower())
    latin = "".join(_unaccented(letter) for letter in unicodedata.normalize("NFC", plain))
    words = "".join(letter if _belongs(letter) else " " for letter in latin if letter not in APOSTROPHES).split()
    return _cut("-".join(words), longest)


def _unaccented(letter: str) -> str:
    """A Latin letter without its accents. In other scripts marks are no accents: й is another letter than и."""
    parts = unicodedata.normalize("NFKD", letter)
    return "".join(part for part in parts if not unicodedata.combining(part)) if parts[0].isascii() else letter


def _belongs(letter: str) -> bool:
    """Whether it stands in a slug: letters, digits, and marks such as the vowel signs of Devanagari."""
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def free_slug(base: str, taken: Set[str], longest: int) -> str:
    """`base`, or with the first number from 2 on that makes it one that is not taken."""
    if base not in taken:
        return base
    number = 2
    while (found := f"{_cut(base, longest - len(str(number)) - 1)}-{number}") in taken:
        number += 1
    return found


def _cut(slug: str, longest: int) -> str:
    """A slug that is not too long: at the end of a word, where that leaves at least half of it."""
    if len(slug) <= longest:
        return slug
    cut = slug[:longest]
    words = slug[: longest + 1].rpartition("-")[0]
    return words if len(words) * 2 >= longest else cut.rstrip("-")
