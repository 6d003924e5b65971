"""What is shown of an address to those who need not know it."""

import pytest

from tests.engine.watch import RecordingChannels
from tests.server import site
from watchbill.core.notification import NotificationState
from watchbill.server.clock import VirtualClock
from watchbill.server.engine.deliver import deliver_some
from watchbill.server.engine.egress import Egress
from watchbill.server.incidents.models import TimelineEntry
from watchbill.server.notifications import pages
from watchbill.server.notifications.models import Delivery
from watchbill.server.web.masking import mask

BROWSER = '{"endpoint":"https://push.example/s3cret","keys":{"p256dh":"k","auth":"a"}}'

pytestmark = pytest.mark.req("S2.1-16")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (BROWSER, "a browser"),
        (f" {BROWSER}", "a browser"),
        ('{"endpoint":"https://push.example/ops@example.org"}', "a browser"),
        ("devops@trm.rocks", "de…@trm.rocks"),
        ("+959250000001", "+95…001"),
        ("U0DEVOPS1", "U0…S1"),
        ("W12", "…"),
        ("471108150", "47…50"),
        ("-1001234567890", "-1…90"),
        ("12", "…"),
        ("#incidents", "#incidents"),
        ("C0INCIDENTS", "C0INCIDENTS"),
        ("ops", "ops"),
        ("", ""),
    ],
)
def test_an_address_of_a_person_is_not_shown_whole(address: str, shown: str) -> None:
    assert mask(address) == shown


@pytest.mark.usefixtures("trm_plan")
def test_neither_the_timeline_nor_the_log_shows_how_a_browser_is_reached(
    virtual_clock: VirtualClock,
) -> None:
    incident = site.declare(now=virtual_clock.now())
    row = site.notification(
        incident,
        now=virtual_clock.now(),
        channel="push",
        address=BROWSER,
        state=NotificationState.WAITING,
    )
    Delivery.objects.filter(notification=row).delete()
    channels = RecordingChannels(egress=Egress())

    deliver_some(channels, "push", node="one", limit=5)

    assert [address for _, address, _ in channels.sent] == [BROWSER]
    told = TimelineEntry.objects.filter(incident=incident, text="Told DevOps Engineer")
    assert told.get().detail == "by push at a browser"
    row.refresh_from_db()
    assert pages.row(row)["address_masked"] == "a browser"
    assert "s3cret" not in str(pages.row(row))
