"""The processes that make small pictures, on the event loop that the server runs on."""

import asyncio
import signal
from pathlib import Path

import uvloop

from holdfast.files.studio import Job, Studio

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


async def make_after_a_rest(folder: Path) -> list[str]:
    """What is made by a process, and by the one after it has ended for want of work."""
    (folder / "a.png").write_bytes(PNG)
    job = Job(str(folder / "a.png"), str(folder / "made"), "image/png", 40, 40, "cover", "")
    studio = Studio()
    try:
        first = await studio.make(job)
        (process,) = studio._idle  # pyright: ignore[reportPrivateUsage]
        process.send_signal(signal.SIGALRM)  # as it does to itself
        await process.wait()
        assert process.stdin is not None
        async with asyncio.timeout(30):
            await process.stdin.wait_closed()
        second = await studio.make(job)
        return [first.type, second.type]
    finally:
        await studio.close()


def test_a_picture_is_made_though_the_process_that_rested_has_ended(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(make_after_a_rest(tmp_path)) == ["image/png", "image/png"]
