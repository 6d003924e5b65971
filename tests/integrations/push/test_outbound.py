import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given

from tests.doubles.push_server import MAX_BODY, PushDouble
from tests.doubles.scripted_server import Reply, throttled
from tests.integrations.certificates import Certificate, issue
from tests.integrations.notices import BURMESE, PAGE, hostile_notices
from tests.integrations.sending import LOOPBACK, NOW, STAMP
from watchbill.core.messages import Link, Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import SettingsError
from watchbill.integrations.push.outbound import Subscription, public_key, render
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.providers import configure

pytestmark = pytest.mark.req("S7.1-08")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


SETTINGS = {
    "vapid_private_key": base64url(bytes(range(1, 33))),
    "vapid_subject": "mailto:ops@example.org",
}
OTHER_KEY = base64url(bytes(range(2, 34)))
BROWSER = ec.derive_private_key(4711, ec.SECP256R1())
AUTH = bytes(16)


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def address(
    *,
    endpoint: str = "https://push.example/send/s3cret",
    p256dh: bytes | None = None,
    auth: bytes = AUTH,
) -> str:
    known = point(BROWSER) if p256dh is None else p256dh
    keys = {"p256dh": base64url(known), "auth": base64url(auth)}
    return json.dumps({"endpoint": endpoint, "keys": keys})


READY = SETTINGS | {
    "to": address(),
    "sent_at": str(STAMP),
    "hosts": "push.example,*.push.example",
}


def decrypted(notice: Notice) -> dict[str, str]:
    body = render(notice, READY).body
    assert len(body) <= MAX_BODY
    plain = http_ece.decrypt(body, private_key=BROWSER, auth_secret=AUTH)
    content: dict[str, str] = json.loads(plain)
    return content


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder: Path = tmp_path_factory.mktemp("push")
    return issue(folder, "DNS:push.example")


@pytest.fixture
def service(certificate: Certificate) -> Iterator[PushDouble]:
    """A push service that takes messages signed with the key of `SETTINGS`."""
    key = public_key(SETTINGS)
    with PushDouble(tls=certificate.server(), server_key=key, now=STAMP) as double:
        yield double


def send(
    service: PushDouble,
    certificate: Certificate,
    notice: Notice = PAGE,
    *,
    to: str = "",
    **settings: str,
) -> Attempt:
    egress = Egress(
        LOOPBACK,
        resolver=lambda _host, _port: ["127.0.0.1"],
        ssl_context=certificate.client(),
    )
    hosts = {"hosts": service.service.removeprefix("https://")}
    channels = Channels(
        egress=Egress(),
        public_egress=egress,
        configured=configure({"push": SETTINGS | hosts | settings}),
    )
    return channels.send("push", to or service.address, notice, now=NOW)


def test_the_browser_reads_what_nobody_on_the_way_could(
    service: PushDouble, certificate: Certificate
) -> None:
    attempt = send(service, certificate)
    (pushed,) = service.taken

    assert attempt.outcome is Outcome.DELIVERED
    assert pushed.content == {
        "title": "[P1] Page: 5xx rate of the API is 7.3 % (#12)",
        "body": "You are asked to take this incident: acknowledge it and start work.\n"
        "Sent because of: page the primary at once.",
        "url": "https://watch.example/a/k3",
        "tag": "incident-12",
        "urgency": "high",
    }
    assert (pushed.urgency, pushed.ttl) == ("high", 3600)


def test_what_can_wait_is_kept_for_a_day(
    service: PushDouble, certificate: Certificate
) -> None:
    send(service, certificate, replace(PAGE, urgency=Urgency.LOW))
    (pushed,) = service.taken

    assert (pushed.urgency, pushed.ttl) == ("normal", 86_400)


def test_a_repetition_replaces_its_copy_and_no_other_notice(
    service: PushDouble, certificate: Certificate
) -> None:
    for key in ("step-7/ana/push", "step-7/ana/push", "step-8/ana/push"):
        send(service, certificate, replace(PAGE, idempotency_key=key))
    first, again, later = service.taken

    assert first.topic == again.topic != later.topic
    assert {one.content["tag"] for one in service.taken} == {"incident-12"}


def test_another_key_than_the_subscribed_one_is_refused_for_good(
    service: PushDouble, certificate: Certificate
) -> None:
    attempt = send(service, certificate, vapid_private_key=OTHER_KEY)

    assert attempt.outcome is Outcome.PERMANENT
    assert "not the one that the browser subscribed with" in attempt.detail
    assert service.taken == []


def test_a_browser_that_has_unsubscribed_is_given_up(
    service: PushDouble, certificate: Certificate
) -> None:
    gone = service.address.replace("/send/s3cret", "/send/0ld")

    attempt = send(service, certificate, to=gone)

    assert attempt.outcome is Outcome.PERMANENT
    assert attempt.detail == (
        "HTTP 404: the browser has unsubscribed; subscribe it again"
    )


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(status=201), Outcome.DELIVERED),
        (Reply(status=202), Outcome.DELIVERED),
        (Reply(status=204), Outcome.UNKNOWN),
        (Reply(status=307), Outcome.PERMANENT),
        (Reply(status=400), Outcome.PERMANENT),
        (Reply(status=410), Outcome.PERMANENT),
        (Reply(status=413), Outcome.PERMANENT),
        (throttled(60), Outcome.THROTTLED),
        (Reply(status=500), Outcome.TRANSIENT),
        (Reply(status=503), Outcome.TRANSIENT),
    ],
)
def test_what_a_push_service_answers_is_understood(
    service: PushDouble, certificate: Certificate, reply: Reply, outcome: Outcome
) -> None:
    service.then(reply)

    attempt = send(service, certificate)

    assert attempt.outcome is outcome
    assert "s3cret" not in attempt.detail


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ana@example.org",
        "[]",
        '{"endpoint":"https://push.example/x"}',
        "[" * 100_000,
        "\ud800",
        address(endpoint="http://push.example/x"),
        address(endpoint="https:///x"),
        address(endpoint="javascript:alert(1)"),
        address(p256dh=b""),
        address(p256dh=bytes(65)),
        address(p256dh=b"\x04" + bytes(63) + b"\x01"),
        address(auth=b"short"),
        address(endpoint="https://[2001:db8::1]/x"),
    ],
)
def test_what_is_no_subscription_is_refused(to: str) -> None:
    with pytest.raises(SettingsError):
        render(PAGE, READY | {"to": to})


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://push.example:443/x",
        "https://PUSH.example/x",
        "https://web.push.example?x",
        "https://a.b.push.example/x",
    ],
)
def test_a_push_service_of_the_setting_is_called(endpoint: str) -> None:
    assert render(PAGE, READY | {"to": address(endpoint=endpoint)}).url == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://push.example:8443/x",
        "https://push.example:22/x",
        "https://push.example./x",
        "https://push.example.evil.example/x",
        "https://evilpush.example/x",
        "https://10.0.0.1/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://user@push.example/x",
        "https://push.example@10.0.0.1/x",
        "https://10.0.0.1\\@push.example/x",
        "https://push.example\\@10.0.0.1/x",
        "https://push\u3002example/x",
        "https://.push.example/x",
    ],
)
def test_no_other_address_is_called_as_a_push_service(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="WATCHBILL_PUSH_HOSTS") as caught:
        render(PAGE, READY | {"to": address(endpoint=endpoint)})

    assert "10.0.0.1" not in str(caught.value)


def test_the_push_services_of_the_browsers_are_called_by_default() -> None:
    hosts = configure({"push": SETTINGS})["push"].settings["hosts"]
    for host in (
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "web.push.apple.com",
        "wns2-par02p.notify.windows.com",
    ):
        to = address(endpoint=f"https://{host}/x")
        assert render(PAGE, READY | {"to": to, "hosts": hosts}).method == "POST"


def test_a_push_never_goes_to_a_network_that_the_operator_allowed(
    service: PushDouble, certificate: Certificate
) -> None:
    def to_loopback(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    hosts = service.service.removeprefix("https://")
    channels = Channels(
        egress=Egress(LOOPBACK, resolver=to_loopback, ssl_context=certificate.client()),
        public_egress=Egress(resolver=to_loopback, ssl_context=certificate.client()),
        configured=configure({"push": SETTINGS | {"hosts": hosts}}),
    )

    attempt = channels.send("push", service.address, PAGE, now=NOW)

    assert service.taken == []
    assert attempt.outcome is Outcome.PERMANENT
    assert attempt.detail == "its address is not one that may be called"


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 409, 418, 429, 500])
def test_what_a_push_service_says_is_quoted_nowhere(
    service: PushDouble, certificate: Certificate, status: int
) -> None:
    headers = {"Location": "https://internal.example/s3cret"}
    service.then(Reply(status=status, body=b"internal words", headers=headers))

    assert "internal" not in send(service, certificate).detail


def test_a_service_that_is_not_there_is_not_described(
    service: PushDouble, certificate: Certificate
) -> None:
    gone = re.sub(r"push\.example:[0-9]+", "push.example:1", service.address)

    attempt = send(service, certificate, to=gone, hosts="push.example:1")

    assert attempt.outcome is Outcome.TRANSIENT
    assert attempt.detail == "its server was not reached"


def test_a_subscription_shows_no_secret() -> None:
    subscription = Subscription.parse(address())

    assert repr(subscription) == "Subscription(origin='https://push.example')"


@pytest.mark.parametrize(
    "form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
)
def test_a_key_is_read_from_pem_and_from_one_line(form: PrivateFormat) -> None:
    key = ec.derive_private_key(42, ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    for text in (pem, pem.replace("\n", "\\n"), base64url((42).to_bytes(32))):
        assert public_key({"vapid_private_key": text}) == base64url(point(key))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "s3cret",
        base64url(bytes(32)),
        base64url(b"\xff" * 32),
        base64url(b"\x01" * 31),
        "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----",
        ec.derive_private_key(42, ec.SECP384R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode(),
    ],
)
def test_a_key_that_is_none_is_refused_and_never_quoted(key: str) -> None:
    with pytest.raises(SettingsError, match=r"PEM of the curve P-256") as caught:
        public_key({"vapid_private_key": key})

    assert not key or key not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"sent_at": ""}, "without the time"), ({"vapid_subject": "ops"}, "mailto:")],
)
def test_a_message_that_cannot_be_signed_is_refused(
    wrong: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        render(PAGE, READY | wrong)


def test_the_longest_message_fits_into_one_push() -> None:
    url = "https://watch.example/" + "x" * 1_900
    notice = replace(
        PAGE,
        subject="\N{FIRE}" * 300,
        paragraphs=(BURMESE * 100,),
        links=(Link(label="x", url=url),),
    )

    content = decrypted(notice)

    assert content["url"] == url
    assert content["title"].endswith("…")
    assert content["body"].endswith("…")


@given(notice=hostile_notices())
def test_whatever_is_in_a_notice_the_browser_can_read_it(notice: Notice) -> None:
    content = decrypted(notice)

    assert content["title"]
    assert content["url"] == "" or content["url"].lower().startswith("http")
    assert len(content["tag"]) <= 64
