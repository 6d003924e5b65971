"""What the SDK of Sentry really sends, without a network in between."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import sentry_sdk
from sentry_sdk.crons import capture_checkin
from sentry_sdk.crons.consts import MonitorStatus
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from sentry_sdk.utils import Dsn

from tests.integrations.posts import reports, signal
from watchbill.core.alerts import Beat, BeatKind
from watchbill.integrations.sentry_sdk.inbound import SOURCE, answer, key_of
from watchbill.integrations.sources import Post

pytestmark = pytest.mark.req("S4.1-06")

KEY = "0123456789abcdef0123456789abcdef"
DSN = "https://watch.example/sentry/1".replace("://", f"://{KEY}@")


class Kept(Transport):
    """Keeps the posts that the SDK would send."""

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[Post] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.posts.append(Post(body=envelope.serialize(), path="1/envelope"))


@pytest.fixture
def kept() -> Iterator[Kept]:
    transport = Kept()
    with sentry_sdk.isolation_scope() as scope:
        client = sentry_sdk.Client(
            dsn=DSN,
            transport=transport,
            default_integrations=False,
            traces_sample_rate=1.0,
            server_name="api-1",
            environment="production",
            in_app_include=["tests"],
        )
        scope.set_client(client)
        yield transport
        client.close()


def submit_referral(number: int) -> None:
    try:
        raise ValueError(f"bad referral {number}")
    except ValueError:
        sentry_sdk.capture_exception()


@pytest.mark.req("S4.1-09")
def test_the_same_error_is_one_alert_however_often_it_is_raised(kept: Kept) -> None:
    sentry_sdk.set_tag("service", "api")

    submit_referral(41)
    submit_referral(42)

    first, second = (signal("sentry_sdk", post) for post in kept.posts)
    assert first.title == "ValueError: bad referral 41"
    assert first.labels["service"] == "api"
    assert first.labels["host"] == "api-1"
    assert first.annotations["culprit"].endswith(
        "test_the_real_client in submit_referral"
    )
    assert first.fingerprint == second.fingerprint


def test_a_message_is_an_alert_when_it_is_bad_enough(kept: Kept) -> None:
    sentry_sdk.capture_message("all is well", level="info")
    sentry_sdk.capture_message("all is lost", level="fatal")

    well, lost = kept.posts
    assert reports("sentry_sdk", well) == ()
    assert signal("sentry_sdk", lost).labels["severity"] == "critical"


@pytest.mark.req("S4.1-12")
def test_a_check_in_of_a_cron_monitor_is_a_sign_of_life(kept: Kept) -> None:
    run = capture_checkin("nightly-report", status=MonitorStatus.IN_PROGRESS)
    capture_checkin("nightly-report", check_in_id=run, status=MonitorStatus.OK)

    beats = [report for post in kept.posts for report in reports("sentry_sdk", post)]
    assert beats == [
        Beat(name="nightly-report", kind=BeatKind.START, run=run or ""),
        Beat(name="nightly-report", kind=BeatKind.SUCCESS, run=run or ""),
    ]


def test_a_transaction_is_answered_and_not_stored(kept: Kept) -> None:
    with sentry_sdk.start_transaction(name="/referrals"):
        pass

    (post,) = kept.posts
    assert answer(post) is not None
    assert reports("sentry_sdk", post) == ()


def test_the_dsn_of_the_instructions_leads_to_the_door_with_the_key() -> None:
    auth = Dsn(DSN).to_auth("sentry.python/2")

    assert key_of(Post(headers={"x-sentry-auth": auth.to_header()})) == KEY
    path = urlsplit(auth.get_api_url()).path
    assert path == f"{SOURCE.doors[0].path}/1/envelope/"
