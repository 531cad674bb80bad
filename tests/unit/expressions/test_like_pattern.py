"""What `~` looks for, as a pattern for LIKE."""

import pytest

from holdfast.expressions.like import like_pattern


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("abc", "%abc%"),
        ("", "%%"),
        ("a_b", "%a\\_b%"),
        ("C:\\dir", "%C:\\\\dir%"),
        ("a\\", "%a\\\\%"),
        ("100\\%", "%100\\%%"),
        ("a\\_b", "%a\\_b%"),
        ("a\\\\b", "%a\\\\b%"),
        ("a%", "a%"),
        ("%a_b", "%a_b"),
        ("%\\%", "%\\%"),
        ("50\\%%", "50\\%%"),
        ("%\\", "%\\\\"),
        ("%\\x", "%\\\\x"),
        ("\\\\%", "\\\\%"),
    ],
)
def test_a_text_becomes_a_pattern(text: str, pattern: str) -> None:
    assert like_pattern(text) == pattern
