"""Pings as Healthchecks takes them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import Beat, BeatKind
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.heartbeat.inbound import accepted, parse, refused
from watchbill.integrations.sources import Accepted, Post, Reading, Refused

pytestmark = pytest.mark.req("S4.1-12", "S5.1-13")

RUN = "728b3763-ee80-4113-9fc0-f49b13adae11"


def ping(path: str = "", **values: object) -> Beat:
    (beat,) = parse(Post(path=path, **values)).reports  # type: ignore[arg-type]
    assert isinstance(beat, Beat)
    return beat


@pytest.mark.parametrize(
    ("path", "name", "kind", "code"),
    [
        ("", "", BeatKind.SUCCESS, None),
        ("backup", "backup", BeatKind.SUCCESS, None),
        ("start", "", BeatKind.START, None),
        ("backup/start", "backup", BeatKind.START, None),
        ("backup/fail", "backup", BeatKind.FAIL, None),
        ("backup/log", "backup", BeatKind.LOG, None),
        ("0", "", BeatKind.SUCCESS, 0),
        ("backup/0", "backup", BeatKind.SUCCESS, 0),
        ("backup/1", "backup", BeatKind.FAIL, 1),
        ("backup/255", "backup", BeatKind.FAIL, 255),
    ],
)
def test_the_path_says_which_job_speaks_and_what(
    path: str, name: str, kind: BeatKind, code: int | None
) -> None:
    assert ping(path) == Beat(name=name, kind=kind, exit_code=code)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_every_method_means_the_same(method: str) -> None:
    assert ping("backup", method=method) == Beat(name="backup")


def test_what_a_job_printed_is_kept_from_its_end() -> None:
    assert ping("backup", body=b"saved 4 GB\n").log == "saved 4 GB\n"
    long = ping("backup", body=b"x" * 90_000 + b"the error").log
    assert len(long) == 10_000
    assert long.endswith("the error")
    burmese = "အရန်သိမ်းပြီးပါပြီ"
    assert ping(body=burmese.encode()).log == burmese


def test_a_run_is_known_by_its_uuid() -> None:
    assert ping("backup/start", query={"rid": RUN}).run == RUN
    with pytest.raises(PayloadError, match="no UUID"):
        ping("backup/start", query={"rid": "1"})


@pytest.mark.parametrize("path", ["256", "a/b/c", "backup/end", "-x", "a b", "a//1"])
def test_other_paths_are_refused_with_a_hint(path: str) -> None:
    with pytest.raises(PayloadError, match="Call /ping/KEY"):
        ping(path)


def test_the_answers_are_those_of_healthchecks() -> None:
    receipt = Accepted(request_id="", took=0.0)
    reply = accepted(Post(), Reading((Beat(),)), receipt)
    assert (reply.status, reply.body) == (200, b"OK")
    unknown = refused(Refused(status=401, reason="unknown_key", problem="no such key"))
    assert (unknown.status, unknown.body) == (404, b"not found")
    away = refused(Refused(status=503, reason="not_stored", problem="the disk is full"))
    assert (away.status, away.body) == (503, b"the disk is full.")


@given(path=st.text(max_size=40), body=st.binary(max_size=200), rid=st.text())
def test_whatever_comes_is_read_or_refused(path: str, body: bytes, rid: str) -> None:
    with suppress(PayloadError):
        ping(path, body=body, query={"rid": rid})
