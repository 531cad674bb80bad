"""Passwords: hashed by Argon2id, checked against what is stored."""

import asyncio
import os
import sys
import threading
from contextlib import ExitStack

import argon2
import bcrypt
import pytest

from holdfast.errors import Unavailable
from holdfast.passwords import (
    CHEAP,
    MAX_PASSWORD_BYTES,
    MAX_WAITING_PER_CORE,
    NICENESS,
    PROPER,
    Verdict,
    check_password,
    hash_password,
    hashing,
    in_line,
    is_hash,
)

pytestmark = pytest.mark.usefixtures("proper_passwords")


async def test_a_password_fits_its_hash_and_no_other() -> None:
    stored = await hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert is_hash(stored)
    assert await check_password("correct horse", stored) == Verdict(right=True)
    assert (await check_password("correct horsE", stored)).right is False


async def test_two_hashes_of_one_password_differ() -> None:
    assert await hash_password("same") != await hash_password("same")


@pytest.mark.parametrize("password", ["ü" * 20, "a\0b", "  spaces  ", "🐎" * 10])
async def test_any_text_can_be_a_password(password: str) -> None:
    assert (await check_password(password, await hash_password(password))).right
    assert not (await check_password(password.strip() + "x", await hash_password(password))).right


async def test_a_password_that_is_too_long_is_refused_before_any_work() -> None:
    with pytest.raises(ValueError, match="at most 1024 bytes"):
        await hash_password("ü" * (MAX_PASSWORD_BYTES // 2 + 1))
    assert await check_password("x" * 1_000_000, "") == Verdict(right=False)


async def test_nobody_has_a_password() -> None:
    assert await check_password("", "") == Verdict(right=False)
    assert await check_password("anything", "") == Verdict(right=False)


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_a_bcrypt_hash_of_an_import_is_checked_and_to_be_rewritten(prefix: bytes) -> None:
    stored = bcrypt.hashpw(b"old password", bcrypt.gensalt(4, prefix=prefix)).decode()
    assert await check_password("old password", stored) == Verdict(right=True, rewrite=True)
    assert not (await check_password("new password", stored)).right


async def test_bcrypt_takes_no_more_than_it_reads() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert (await check_password("x" * 72, stored)).right
    assert not (await check_password("x" * 73, stored)).right


async def test_a_hash_with_weaker_parameters_is_accepted_and_to_be_rewritten() -> None:
    stored = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("secret")
    assert await check_password("secret", stored) == Verdict(right=True, rewrite=True)


@pytest.mark.parametrize("stored", ["nonsense", "$argon2id$v=19$m=1", "$2b$10$cut", "plain"])
async def test_what_is_no_hash_fits_nothing(stored: str) -> None:
    assert not (await check_password("plain", stored)).right
    assert not (await check_password("nonsense", stored)).right


async def test_who_finds_the_line_too_long_is_sent_away_at_once() -> None:
    most = (os.cpu_count() or 1) * MAX_WAITING_PER_CORE
    with ExitStack() as standing:
        for _ in range(most):
            standing.enter_context(in_line())
        with pytest.raises(Unavailable) as refusal, in_line():
            pass
        assert refusal.value.headers["Retry-After"] == "2"
    with in_line():
        pass  # there is room again


async def test_a_flood_of_hashes_is_bounded() -> None:
    most = (os.cpu_count() or 1) * MAX_WAITING_PER_CORE
    answers = await asyncio.gather(
        *(check_password("x", "$2b$10$cut") for _ in range(most + 5)), return_exceptions=True
    )
    assert sum(isinstance(answer, Unavailable) for answer in answers) == 5
    assert Verdict(right=False) in answers


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
async def test_the_threads_that_hash_stand_back_and_the_others_do_not() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    await hash_password("anything")
    ours = f"holdfast-password-{NICENESS}"
    threads = {thread.native_id for thread in threading.enumerate() if thread.name.startswith(ours)}
    assert threads
    assert {os.getpriority(os.PRIO_PROCESS, id or 0) for id in threads} == {NICENESS}
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_blocks_that_ask_for_another_way_may_end_in_any_order() -> None:
    cheap, proper = hashing(CHEAP), hashing(PROPER)
    with hashing(CHEAP):
        with hashing(PROPER):
            assert "m=19456" in await hash_password("anything")
        assert "m=8" in await hash_password("anything")
    cheap.__enter__()
    proper.__enter__()
    cheap.__exit__(None, None, None)
    assert "m=19456" in await hash_password("anything")
    proper.__exit__(None, None, None)
    assert "m=19456" in await hash_password("anything")
