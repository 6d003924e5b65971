"""Say a notice to a browser, through the push service of whoever made it.

The browser subscribes with our public key and hands over an address at its maker's
push service and a key of its own. The message is encrypted for that key (RFC 8291),
so the service sees who is told and when, never what. The request is signed with our
private key (VAPID, RFC 8292); a subscription is bound to that key, so a new key means
that every browser has to subscribe again.

A push service keeps what a phone that is off cannot get. A page is worth less every
minute, so it is kept for an hour, and what can wait for a day. ``Topic`` is that of
the *notice*: a repetition replaces the copy that still waits (I5), and no notice
replaces another, since the later one may ask for less. What the browser shows is
gathered by ``tag``, the thread.

The endpoint is whatever a signed-in person hands in, so it is not called on trust:
only the push services of the browsers' makers are (the setting ``hosts``), on port 443
unless the operator names another, and nothing that they answer is quoted.

The service answers 201 when it has the message. 404 and 410 say that the browser has
unsubscribed, and no later attempt will do better.

Encrypting draws a key and a salt inside the library, so rendering twice gives two
requests for one notice; the topic says that they are one.

Sources: RFC 8030 (push), 8188 and 8291 (encryption), 8292 (VAPID).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import http_ece
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from py_vapid import Vapid02, VapidException

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.core.severity import Urgency
from watchbill.integrations.answers import read_status
from watchbill.integrations.contract import (
    Answer,
    Channel,
    Mode,
    Outgoing,
    Setting,
    SettingsError,
)
from watchbill.integrations.text import one_line, printable, shorten, web_url

CHANNEL = Channel(
    kind=MethodKind.PUSH,
    reaches=AddressKind.PUSH,
    modes=(Mode(needs=frozenset({"vapid_private_key", "vapid_subject"}), people=True),),
    settings=(
        Setting(
            name="vapid_private_key",
            help="Private key on the curve P-256: PEM, or 32 bytes in base64url.",
            is_secret=True,
        ),
        Setting(
            name="vapid_subject",
            help="Whom push services may write to: mailto:ops@example.org.",
        ),
        Setting(
            name="hosts",
            help="Push services that may be called; *. stands for any name below.",
            default=(
                "fcm.googleapis.com,updates.push.services.mozilla.com,"
                "*.push.apple.com,*.notify.windows.com"
            ),
        ),
    ),
    is_addressed_by_url=True,
)

MAX_PLAIN = 3_993
"""Bytes that are left of the 4096 of a push message (RFC 8291, 4)."""

_HIGH_TTL, _LOW_TTL = 3_600, 86_400
#: A signature may hold for a day (RFC 8292, 2); the clocks of two may differ.
_SIGNED_FOR = 12 * 3_600
_TITLE, _BODIES, _TAG = 150, (600, 300, 100, 0), 64
_POINT, _AUTH, _RAW_KEY = 65, 16, 32
_HTTPS = 443
_NAME = r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*"
_ORIGIN = re.compile(rf"https://({_NAME})(?::([0-9]{{1,5}}))?")
_HOST = re.compile(rf"((?:\*\.)?{_NAME})(?::([0-9]{{1,5}}))?")


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Subscription(msgspec.Struct):
    endpoint: str
    keys: _Keys


_subscription = msgspec.json.Decoder(_Subscription)


def normal(text: str) -> str:
    """Return a subscription in its one written form, or raise `SettingsError`."""
    Subscription.parse(text)
    return msgspec.json.encode(_subscription.decode(text)).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A browser that wants to be told; the endpoint is a secret of its own."""

    endpoint: str = field(repr=False)
    #: Of the push service: scheme, host and port.
    origin: str
    public_key: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Subscription":
        """Return what PushSubscription.toJSON() of a browser says.

        Raises `SettingsError` for anything else, so a form can check with it.
        """
        try:
            given = _subscription.decode(text.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise SettingsError("This is not a subscription of a browser.") from None
        endpoint = web_url(given.endpoint)
        if endpoint is None or urlsplit(endpoint).scheme != "https":
            raise SettingsError("The endpoint of a subscription must be https.")
        public_key = _decode(given.keys.p256dh)
        auth = _decode(given.keys.auth)
        if not _is_point(public_key) or len(auth) != _AUTH:
            raise SettingsError("The keys of this subscription are not valid.")
        parts = urlsplit(endpoint)
        return cls(
            endpoint=endpoint,
            origin=f"{parts.scheme}://{parts.netloc}",
            public_key=public_key,
            auth=auth,
        )


def check(settings: Mapping[str, str]) -> None:
    """Raise `SettingsError` unless messages can be signed and sent somewhere."""
    _authorization({**settings, "sent_at": "0"}, "https://push.example")
    _hosts(settings)


def check_service(subscription: Subscription, settings: Mapping[str, str]) -> None:
    """Raise `SettingsError` unless its push service is one that may be called."""
    # Strict, so that no two readers of a URL can disagree on the host in it.
    found = _ORIGIN.fullmatch(subscription.origin)
    if found is not None:
        host, port = found[1].lower(), int(found[2] or _HTTPS)
        for allowed_host, allowed_port in _hosts(settings):
            is_below = allowed_host.startswith("*.") and host.endswith(allowed_host[1:])
            if port == allowed_port and (is_below or host == allowed_host):
                return
    raise SettingsError(
        "The push service of this browser is not one that watchbill may call"
        " (WATCHBILL_PUSH_HOSTS)."
    )


def public_key(settings: Mapping[str, str]) -> str:
    """Return the ``applicationServerKey`` with which browsers subscribe."""
    point = _private_key(settings).public_key()
    return _encode(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the encrypted, signed request; ``sent_at`` is in seconds since 1970."""
    subscription = Subscription.parse(settings.get("to", ""))
    check_service(subscription, settings)
    is_urgent = notice.urgency is Urgency.HIGH
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(_HIGH_TTL if is_urgent else _LOW_TTL),
        "Urgency": "high" if is_urgent else "normal",
        "Topic": _digest(notice.idempotency_key),
        "Authorization": _authorization(settings, subscription.origin),
    }
    return Outgoing(
        method="POST",
        url=subscription.endpoint,
        headers=headers,
        body=http_ece.encrypt(
            _plain(notice),
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=subscription.public_key,
            auth_secret=subscription.auth,
            version="aes128gcm",
        ),
    )


def read(answer: Answer) -> Attempt:
    """Return what the push service's answer means."""
    status = answer.status
    if status in {200, 201, 202}:
        return Attempt(
            outcome=Outcome.DELIVERED, detail="the push service took the message"
        )
    if status in {404, 410}:
        return Attempt(
            outcome=Outcome.PERMANENT,
            detail=f"HTTP {status}: the browser has unsubscribed; subscribe it again",
        )
    said = ""
    if status in {401, 403}:
        said = "the key is not the one that the browser subscribed with"
    if status == 413:
        said = "the message is too long"
    return read_status(answer, who="the push service", said=said)


def _hosts(settings: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return the names and ports of the push services that may be called."""
    found = []
    for word in settings.get("hosts", "").replace(",", " ").split():
        one = _HOST.fullmatch(word)
        if one is None:
            raise SettingsError(
                "The hosts of push services must be names such as fcm.googleapis.com"
                " or *.push.apple.com, with commas between them."
            )
        found.append((one[1].lower(), int(one[2] or _HTTPS)))
    return found


def _plain(notice: Notice) -> bytes:
    usable = [link for link in notice.links if web_url(link.url)]
    usable.sort(key=lambda link: not link.is_primary)
    said = "\n".join(printable(text).strip() for text in notice.paragraphs)
    content = {
        "title": shorten(one_line(notice.subject), _TITLE) or "Notice",
        "body": "",
        "url": usable[0].url.strip() if usable else "",
        "tag": _tag(notice.thread_key),
        "urgency": notice.urgency.value,
    }
    for limit in _BODIES:
        content["body"] = shorten(said, limit) if limit else ""
        plain = msgspec.json.encode(content)
        if len(plain) <= MAX_PLAIN:
            return plain
    # A title of escapes beside the longest URL: the list of incidents is as near.
    return msgspec.json.encode(content | {"url": ""})


def _tag(thread_key: str) -> str:
    tag = one_line(thread_key)
    return tag if len(tag) <= _TAG else _digest(thread_key)


def _digest(text: str) -> str:
    """Return 32 characters of base64url, which is what a Topic may have."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return _encode(digest[:24])


def _authorization(settings: Mapping[str, str], origin: str) -> str:
    sent_at = settings.get("sent_at", "")
    if not sent_at.isdecimal():
        raise SettingsError("A push message cannot be signed without the time.")
    claims = {
        "aud": origin,
        "exp": int(sent_at) + _SIGNED_FOR,
        "sub": settings.get("vapid_subject", "").strip(),
    }
    try:
        signed = Vapid02(private_key=_private_key(settings)).sign(claims)
    except VapidException:
        raise SettingsError(
            "The VAPID subject must be such as mailto:ops@example.org, and the"
            " endpoint of the subscription must have a host name."
        ) from None
    return str(signed["Authorization"])


def _private_key(settings: Mapping[str, str]) -> ec.EllipticCurvePrivateKey:
    # A variable of the environment is one line in many places.
    text = settings.get("vapid_private_key", "").strip().replace("\\n", "\n")
    try:
        key = _read_pem(text) if text.startswith("-----BEGIN") else _read_raw(text)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if key is None:
        # Without the reason of the library, which may quote the key.
        raise SettingsError(
            "The VAPID private key must be an unencrypted PEM of the curve P-256,"
            " or its 32 bytes in base64url."
        )
    return key


def _read_pem(text: str) -> ec.EllipticCurvePrivateKey | None:
    key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return key if isinstance(key.curve, ec.SECP256R1) else None


def _read_raw(text: str) -> ec.EllipticCurvePrivateKey | None:
    raw = _decode(text)
    if len(raw) != _RAW_KEY:
        return None
    return ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())


def _is_point(data: bytes) -> bool:
    if len(data) != _POINT:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError:
        return False
    return True


def _decode(text: str) -> bytes:
    """Return the bytes of base64url with or without padding, none if it is not."""
    bare = text.strip().rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", bare):
        return b""
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        return b""


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
