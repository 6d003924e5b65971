"""The signature of Twilio, by its own published example."""

import base64
import hashlib
import hmac
import inspect
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.integrations import twilio
from watchbill.integrations.contract import Call, PayloadError, SignatureError
from watchbill.integrations.twilio_sms import twoway as sms_twoway
from watchbill.integrations.twilio_voice import twoway as voice_twoway

pytestmark = pytest.mark.req("S7.1-01")

NOW = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
SETTINGS = {"auth_token": TOKEN}
FORM = "application/x-www-form-urlencoded"


def call(
    fields: dict[str, str] | None = None,
    *,
    url: str = URL,
    signature: str = SIGNATURE,
    body: bytes | None = None,
    content_type: str = FORM,
) -> Call:
    return Call(
        method="POST",
        door="status",
        url=url,
        headers={"content-type": content_type, "x-twilio-signature": signature},
        body=urlencode(FIELDS if fields is None else fields).encode()
        if body is None
        else body,
    )


def refused(one: Call, settings: dict[str, str] = SETTINGS) -> str:
    with pytest.raises(SignatureError) as caught:
        twilio.verify(one, settings)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_the_published_example_is_signed_as_published() -> None:
    assert twilio.signature(URL, FIELDS.items(), token=TOKEN) == SIGNATURE
    twilio.verify(call(), SETTINGS)


@pytest.mark.parametrize("module", [sms_twoway, voice_twoway])
def test_both_channels_check_the_signature(module: object) -> None:
    verify = module.verify  # type: ignore[attr-defined]

    verify(call(), SETTINGS, now=NOW)
    with pytest.raises(SignatureError):
        verify(call({**FIELDS, "Digits": "1"}), SETTINGS, now=NOW)


def test_the_order_of_the_fields_does_not_matter() -> None:
    twilio.verify(call(dict(reversed(FIELDS.items()))), SETTINGS)


@pytest.mark.parametrize(
    "tampered",
    [
        {**FIELDS, "Digits": "1235"},
        {**FIELDS, "From": "+14158675308"},
        {**FIELDS, "Extra": ""},
        {name: FIELDS[name] for name in FIELDS if name != "To"},
        {},
    ],
)
def test_a_form_that_was_changed_is_refused(tampered: dict[str, str]) -> None:
    assert "does not fit" in refused(call(tampered))


@pytest.mark.parametrize(
    "url",
    [
        "https://mycompany.com/myapp.php?foo=1&bar=3",
        "https://mycompany.com/myapp.php",
        "http://mycompany.com/myapp.php?foo=1&bar=2",
        "https://other.com/myapp.php?foo=1&bar=2",
        "https://[mycompany.com/",
        "",
    ],
)
def test_another_address_is_refused(url: str) -> None:
    assert "does not fit" in refused(call(url=url))


def test_the_port_may_be_named_by_one_side_only() -> None:
    with_port = "https://mycompany.com:443/myapp.php?foo=1&bar=2"

    twilio.verify(call(url=with_port), SETTINGS)
    twilio.verify(call(url=with_port.replace("443", "8443")), SETTINGS)
    signature = twilio.signature(with_port, FIELDS.items(), token=TOKEN)
    twilio.verify(call(signature=signature), SETTINGS)


@pytest.mark.parametrize(
    "signature", ["x", SIGNATURE[:-1], SIGNATURE.lower(), "\udc80é"]
)
def test_a_wrong_signature_is_refused(signature: str) -> None:
    assert "does not fit" in refused(call(signature=signature))


def test_no_signature_and_no_token_are_refused() -> None:
    assert "no X-Twilio-Signature" in refused(call(signature=""))
    assert "no auth token" in refused(call(), {"auth_token": ""})
    empty = twilio.signature(URL, FIELDS.items(), token="")
    assert "no auth token" in refused(call(signature=empty), {})


def test_the_token_of_another_account_is_refused() -> None:
    assert "does not fit" in refused(call(), {"auth_token": "12346"})


def test_values_that_repeat_and_values_that_are_empty_are_signed() -> None:
    pairs = [("b", "2"), ("a", ""), ("b", "1"), ("b", "2")]
    text = f"{URL}ab1b2"
    digest = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()
    body = urlencode(pairs).encode()

    twilio.verify(
        call(body=body, signature=base64.b64encode(digest).decode()), SETTINGS
    )


def test_a_body_that_is_no_form_is_signed_by_its_hash() -> None:
    body = b'{"status": "delivered"}'
    digest = hashlib.sha256(body).hexdigest()
    url = f"{URL}&bodySHA256={digest}"
    signature = twilio.signature(url, (), token=TOKEN)
    good = call(
        url=url, signature=signature, body=body, content_type="application/json"
    )

    twilio.verify(good, SETTINGS)
    assert "bodySHA256" in refused(replace(good, body=b'{"status": "failed"}'))
    assert "bodySHA256" in refused(replace(good, url=URL))
    # The hash in the address is no substitute for the signature.
    other = b'{"status": "failed"}'
    forged = f"{URL}&bodySHA256={hashlib.sha256(other).hexdigest()}"
    assert "does not fit" in refused(replace(good, url=forged, body=other))


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", b"a", b"a=1&" * 500 + b"b=1"])
def test_a_form_that_cannot_be_read_is_refused(body: bytes) -> None:
    assert "cannot be read" in refused(call(body=body))


def test_a_request_without_a_body_is_signed_by_its_address() -> None:
    signature = twilio.signature(URL, (), token=TOKEN)

    twilio.verify(call(body=b"", signature=signature), SETTINGS)


def test_signatures_are_compared_in_constant_time() -> None:
    source = inspect.getsource(twilio)

    assert "hmac.compare_digest" in source
    assert "== given" not in source


@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_is_posted_gets_past_or_breaks_the_check(
    body: bytes, signature: str, url: str
) -> None:
    with pytest.raises(SignatureError):
        twilio.verify(call(url=url, signature=signature, body=body), SETTINGS)


def test_a_request_that_is_no_form_says_how_it_must_be_made() -> None:
    with pytest.raises(PayloadError, match="by HTTP POST"):
        twilio.fields(call(content_type="application/json"))
