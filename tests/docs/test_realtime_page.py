"""The page about realtime: its numbers and names are those of the code."""

from pathlib import Path

import pytest

from holdfast.http import stream
from holdfast.realtime import asked, rights, socket, streams, telling, topic
from holdfast.realtime.subscription import is_about_records

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "reference" / "realtime.md").read_text("utf-8").split())


@pytest.mark.parametrize(
    "words",
    [
        f"{stream.MOST_MESSAGES} messages or {stream.MOST_BYTES >> 20} MB wait for it",
        f"anything does for {streams.STALLED_SECONDS:.0f} seconds",
        f"comes every {streams.HEARTBEAT_SECONDS:.0f} seconds",
        f"had no topic for {streams.IDLE_SECONDS / 60:.0f} minutes",
        f"at most {streams.MOST_CLIENTS:,} lines, and {streams.MOST_TOPICS:,} topics",
        f"at most {asked.MOST_TOPICS:,} topics of {topic.MOST_CHARS:,} characters each",
        f"| `{telling.READY}` |",
        f"| `{telling.RESET}` |",
        f"| `{rights.CLOSED}` |",
        f"| `{socket.ERROR}` |",
        f"`{socket.PATH}` is the same",
    ],
)
def test_what_the_page_says_is_in_the_code(words: str) -> None:
    assert words in PAGE


def test_a_right_that_ends_is_noticed_within_two_seconds() -> None:
    assert rights.EVERY_SECONDS <= rights.KEPT_SECONDS < 2
    assert is_about_records(topic.read_topic("posts/*"))
