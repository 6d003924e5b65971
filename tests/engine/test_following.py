"""Whether a post follows the first one about its incident, as the plan wishes (A53)."""

import pytest

from tests.conftest import START
from tests.server import site
from watchbill.core.ladder import StopOn, Verb
from watchbill.core.notification import NotificationState, Outcome
from watchbill.plan import bundled_text, load
from watchbill.server.clock import VirtualClock
from watchbill.server.engine.deliver import claim_some
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications.models import Delivery, Notification
from watchbill.server.plans import actions as plans

THREADS = "threads: one_per_alert"


def post(incident: Incident, key: str, **more: object) -> Notification:
    return site.notification(
        incident,
        now=START,
        key=key,
        contact_key="",
        recipient="#incidents",
        channel="slack",
        address="#incidents",
        verb=Verb.POST,
        stop_on=StopOn.NEVER,
        **more,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("threads", "follows"),
    [(THREADS, "C1:1.1"), ("threads: none", "")],
    ids=["one_per_alert", "none"],
)
def test_a_post_follows_the_first_one_unless_the_plan_wants_no_threads(
    virtual_clock: VirtualClock, threads: str, follows: str
) -> None:
    text = bundled_text("trm")
    assert THREADS in text
    plans.put_in_force(
        load(text.replace(THREADS, threads), name="trm.yaml"), now=virtual_clock.now()
    )
    incident = site.declare(now=START)
    Notification.objects.all().delete()
    first = post(incident, "one", state=NotificationState.DELIVERED)
    Delivery.objects.filter(notification=first).update(
        outcome=Outcome.DELIVERED, provider_ref="C1:1.1"
    )
    later = post(incident, "two", state=NotificationState.WAITING)
    Delivery.objects.filter(notification=later).delete()

    claims = claim_some("slack", node="one", now=START, wall=START, limit=10)

    assert [(one.row.pk, one.follows) for one in claims] == [(later.pk, follows)]
