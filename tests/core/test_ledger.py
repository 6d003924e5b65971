"""The chain of the audit log: what an outsider can find out from it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.ledger import (
    START,
    Head,
    SealedLine,
    Words,
    canonical,
    read_head,
    seal,
    verify,
)


def chain(texts: list[str]) -> list[SealedLine]:
    head, lines = START, []
    for number, text in enumerate(texts, start=1):
        words: Words = {"id": number * 3, "position": number, "details": text}
        head = seal(head, words)
        lines.append(SealedLine(words=words, hash=head.hash))
    return lines


@pytest.mark.req("SC-02")
def test_the_rule_is_the_one_that_is_written_down() -> None:
    line = chain(["မြန်မာ \n"])[0]
    words = '{"details":"မြန်မာ \\n","id":3,"position":1}'
    assert canonical(line.words) == words.encode()
    by_hand = hashlib.sha256(b"watchbill audit 1\n" + bytes(32) + words.encode())
    assert line.hash == by_hand.digest()


@given(st.lists(st.text(), min_size=1, max_size=8))
def test_a_chain_that_nobody_touched_holds(texts: list[str]) -> None:
    lines = chain(texts)
    verdict = verify(lines)
    assert verdict.broken == ""
    assert verdict.head == Head(position=len(lines), hash=lines[-1].hash)
    half = len(lines) // 2
    first = verify(lines[:half])
    assert verify(lines[half:], after=first.head) == verdict


def altered(lines: list[SealedLine], at: int) -> None:
    words = {**lines[at].words, "details": str(lines[at].words["details"]) + "!"}
    lines[at] = replace(lines[at], words=words)


def removed(lines: list[SealedLine], at: int) -> None:
    del lines[at]


def swapped(lines: list[SealedLine], at: int) -> None:
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def inserted(lines: list[SealedLine], at: int) -> None:
    lines.insert(at, lines[at])


@pytest.mark.req("SC-02")
@pytest.mark.parametrize("tamper", [altered, removed, swapped, inserted])
@given(texts=st.lists(st.text(), min_size=3, max_size=8), data=st.data())
def test_whatever_is_done_to_a_line_is_found_at_it(
    tamper: Callable[[list[SealedLine], int], None],
    texts: list[str],
    data: st.DataObject,
) -> None:
    lines = chain(texts)
    at = data.draw(st.integers(0, len(lines) - 2))
    tamper(lines, at)
    verdict = verify(lines)
    assert verdict.broken
    expected = at + 1 if tamper is inserted else at
    assert verdict.head.position == expected


def test_a_line_with_a_new_hash_breaks_the_next_one() -> None:
    lines = chain(["a", "b", "c"])
    words = {**lines[1].words, "details": "B"}
    before = Head(position=1, hash=lines[0].hash)
    lines[1] = SealedLine(words=words, hash=seal(before, words).hash)
    assert verify(lines).broken == "line 3 is not what was written, or its hash is not"


def test_a_head_is_read_from_its_text() -> None:
    head = seal(START, {"position": 1, "id": 1})
    assert read_head(f"{head}\n") == head
    zeros = "00" * 32
    wrong = ("", "1", "1:ab", f"x:{zeros}", f"-1:{zeros}", f"1_0:{zeros}", f"၁:{zeros}")
    for text in (*wrong, f"1:{'00 ' * 32}"):
        with pytest.raises(ValueError):  # noqa: PT011 - the message is Python's
            read_head(text)


def test_a_line_says_which_place_it_takes() -> None:
    with pytest.raises(ValueError, match="line 3 cannot follow line 0"):
        seal(START, {"position": 3, "id": 1})


def test_words_are_sorted_by_code_point() -> None:
    assert list(json.loads(canonical({"b": 1, "a": "x", "Z": 2}))) == ["Z", "a", "b"]
