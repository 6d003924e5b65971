"""Whatever is posted, the intake answers, and never with an error of ours."""

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.asgi import Response, ask, drive
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions
from watchbill.server.intake.models import InboxEntry
from watchbill.server.plans.models import PlanVersion
from watchbill.server.project.asgi import WatchbillApplication

pytestmark = pytest.mark.usefixtures("transactional_db", "trm_plan")

ALLOWED = {202, 400, 401, 403, 404, 405, 413, 415}

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["alerts", "labels", "status", "version", "startsAt", "a"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)
_alert = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved", "odd"]), "labels": _json},
    optional={"annotations": _json, "startsAt": _json, "fingerprint": st.text()},
)
_bodies = st.one_of(
    st.binary(max_size=400),
    _json.map(lambda value: json.dumps(value).encode()),
    st.lists(_alert, max_size=3).map(
        lambda alerts: json.dumps({"version": "4", "alerts": alerts}).encode()
    ),
)
_names = st.sampled_from(
    ["authorization", "content-encoding", "content-length", "content-type", "x-odd"]
)
_headers = st.lists(
    st.tuples(_names, st.text(st.characters(max_codepoint=255), max_size=40)),
    max_size=4,
)
_posts = st.lists(
    st.tuples(
        st.sampled_from(["/intake/alertmanager/{}", "/intake/alertmanager"])
        | st.text(max_size=30).map(lambda text: f"/intake/{text}"),
        _bodies,
        _headers,
    ),
    min_size=1,
    max_size=40,
)


@settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(posts=_posts)
def test_no_post_is_answered_with_an_error_of_ours_or_leaves_a_traceback(
    key: str, caplog: pytest.LogCaptureFixture, posts: list[Any]
) -> None:
    async def test(app: WatchbillApplication) -> list[Response]:
        return await asyncio.gather(
            *(
                ask(app, "POST", path.replace("{}", key), content, headers)
                for path, content, headers in posts
            )
        )

    before = InboxEntry.objects.count()
    answers = drive(test)
    assert {answer.status for answer in answers} <= ALLOWED
    assert all(answer.json["status"] in {"accepted", "refused"} for answer in answers)
    accepted = sum(answer.status == 202 for answer in answers)
    assert InboxEntry.objects.count() - before == accepted
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.fixture
def key(
    transactional_db: None, virtual_clock: VirtualClock, trm_plan: PlanVersion
) -> str:
    _, key = actions.create_integration(
        kind="alertmanager", name="Prometheus", now=virtual_clock.now()
    )
    return key
