"""A Twilio that does as it is told, and is as strict as the real one.

It takes ``Messages.json`` and ``Calls.json`` on a loopback port. A request must have
the right credentials and content type, a valid number, a sender that it owns, and for
a call a TwiML that Twilio would play, else it is refused with Twilio's own code. Each
request that would be taken uses up the next item of the script; afterwards all are.

What Twilio would do next is done by the test: `reply`, `status` and `press` post to
the hooks, signed; `signed` only makes the request.

    with TwilioDouble() as twilio:
        twilio.then(throttled(30), refused(21610, 400), HANG)
        ... post to twilio.api_url with twilio.settings ...
        twilio.status(twilio.messages[0], "delivered")
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import threading
import xml.etree.ElementTree as ET
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

ACCOUNT = "AC" + "0123456789abcdef" * 2
NUMBER = "+15005550006"
SERVICE = "MG" + "0123456789abcdef" * 2
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioReply:
    """One scripted answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: Takes the message or the call, then never answers.
    hangs: bool = False


HANG = TwilioReply(hangs=True)


def refused(code: int, status: int = 400, message: str = "refused") -> TwilioReply:
    error = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return TwilioReply(status=status, body=json.dumps(error).encode())


def throttled(seconds: int) -> TwilioReply:
    said = refused(20429, 429, "Too Many Requests")
    return TwilioReply(
        status=429, body=said.body, headers={"Retry-After": str(seconds)}
    )


def broken(status: int = 503) -> TwilioReply:
    return TwilioReply(status=status, body=b"upstream connect error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message or a call that was taken, or may have been (`HANG`)."""

    sid: str
    fields: dict[str, str]

    @property
    def to(self) -> str:
        return self.fields["To"]

    @property
    def body(self) -> str:
        return self.fields["Body"]

    @property
    def said(self) -> str:
        """All that is said in the call, once."""
        root = ET.fromstring(self.fields["Twiml"])
        gather = root.find("Gather")
        parts = (root if gather is None else gather).iter("Say")
        return " ".join(part.text or "" for part in parts)

    @property
    def action(self) -> str:
        """Where the keys go."""
        gather = ET.fromstring(self.fields["Twiml"]).find("Gather")
        assert gather is not None, "the call asks for no key"
        return gather.attrib["action"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request as Twilio makes it."""

    url: str
    headers: dict[str, str]
    body: bytes


class TwilioDouble:
    """A scripted Twilio in a thread of its own."""

    def __init__(
        self,
        *script: TwilioReply,
        account_sid: str = ACCOUNT,
        auth_token: str = "token-of-the-double",
        numbers: tuple[str, ...] = (NUMBER,),
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.numbers = numbers
        #: API keys that were made for this account, with their secrets.
        self.keys: dict[str, str] = {}
        #: Numbers that wrote STOP, and numbers that cannot get a text message.
        self.opted_out: set[str] = set()
        self.landlines: set[str] = set()
        #: Prefixes of countries that the account may not send to.
        self.forbidden: tuple[str, ...] = ()
        self.messages: list[Taken] = []
        self.calls: list[Taken] = []
        self.requests = 0
        self.closing = threading.Event()
        self._script = deque(script)
        self._changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="twilio-double",
        )

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def settings(self) -> dict[str, str]:
        """What the channels of this Twilio are set up with."""
        return {
            "account_sid": self.account_sid,
            "auth_token": self.auth_token,
            "api_url": self.api_url,
            "sms_from": NUMBER,
            "voice_from": NUMBER,
        }

    def then(self, *script: TwilioReply) -> None:
        """Append to the script."""
        self._script.extend(script)

    def wait_for(
        self, *, messages: int = 0, calls: int = 0, timeout: float = 10
    ) -> None:
        """Return as soon as there are this many, or fail."""

        def enough() -> bool:
            return len(self.messages) >= messages and len(self.calls) >= calls

        with self._changed:
            done = self._changed.wait_for(enough, timeout=timeout)
        assert done, f"{len(self.messages)} messages, {len(self.calls)} calls"

    # ── What Twilio does afterwards ───────────────────────────────────────────────

    def signed(self, url: str, fields: dict[str, str], *, token: str = "") -> Signed:
        """Return a request of Twilio to one of our hooks."""
        text = url + "".join(name + fields[name] for name in sorted(fields))
        key = (token or self.auth_token).encode()
        digest = hmac.new(key, text.encode(), hashlib.sha1).digest()
        return Signed(
            url=url,
            headers={
                "Content-Type": f"{FORM}; charset=UTF-8",
                "X-Twilio-Signature": base64.b64encode(digest).decode(),
                "User-Agent": "TwilioProxy/1.1",
            },
            body=urlencode(fields).encode(),
        )

    def reply(self, url: str, *, sender: str, text: str, **more: str) -> "Response":
        """Post a text message that somebody sent to our number."""
        self._heed(sender, text)
        fields = {
            "MessageSid": "SM" + hashlib.md5(text.encode()).hexdigest(),
            "AccountSid": self.account_sid,
            "From": sender,
            "To": NUMBER,
            "Body": text,
            "NumMedia": "0",
            "FromCity": "",
            **more,
        }
        return post(self.signed(url, fields))

    def _heed(self, sender: str, text: str) -> None:
        word = text.strip().upper()
        if word in {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}:
            self.opted_out.add(sender)
        if word in {"START", "UNSTOP", "YES"}:
            self.opted_out.discard(sender)

    def status(
        self, taken: Taken, status: str, *, error_code: str = "", **more: str
    ) -> "Response":
        """Post a change in the state of a message or of a call."""
        kind = "Message" if "Body" in taken.fields else "Call"
        fields = {
            f"{kind}Sid": taken.sid,
            f"{kind}Status": status,
            "AccountSid": self.account_sid,
            "From": taken.fields.get("From", NUMBER),
            "To": taken.to,
            **({"ErrorCode": error_code} if error_code else {}),
            **more,
        }
        return post(self.signed(taken.fields["StatusCallback"], fields))

    def press(self, taken: Taken, digit: str) -> "Response":
        """Press a key in a call."""
        fields = {
            "CallSid": taken.sid,
            "AccountSid": self.account_sid,
            "CallStatus": "in-progress",
            "Direction": "outbound-api",
            "From": taken.fields["From"],
            "To": taken.to,
            "Digits": digit,
        }
        return post(self.signed(taken.action, fields))

    # ── Running ───────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def next_reply(self) -> TwilioReply | None:
        with self._changed:
            return self._script.popleft() if self._script else None

    def take(self, resource: str, fields: dict[str, str]) -> Taken:
        with self._changed:
            into, prefix = (
                (self.messages, "SM") if resource == "Messages" else (self.calls, "CA")
            )
            taken = Taken(sid=f"{prefix}{len(into) + 1:032x}", fields=fields)
            into.append(taken)
            self._changed.notify_all()
            return taken

    def fault(self, resource: str, fields: dict[str, str]) -> TwilioReply | None:
        """Return how Twilio would refuse this, or None."""
        code = self._fault(resource, fields)
        return refused(code, 400) if code else None

    def _fault(self, resource: str, fields: dict[str, str]) -> int:
        to = fields.get("To", "")
        if not to:
            return 21604 if resource == "Messages" else 21201
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            return 21211
        if to.startswith(self.forbidden):
            return 21408 if resource == "Messages" else 21215
        callback = fields.get("StatusCallback")
        if callback is not None and not urlsplit(callback).hostname:
            return 21609
        if resource == "Messages":
            return self._fault_of_message(to, fields)
        return self._fault_of_call(fields)

    def _fault_of_message(self, to: str, fields: dict[str, str]) -> int:
        sender = fields.get("From") or fields.get("MessagingServiceSid", "")
        if not sender:
            return 21603
        if sender not in (*self.numbers, SERVICE) and not sender.isalpha():
            return 21606
        if not fields.get("Body"):
            return 21602
        if len(fields["Body"]) > 1600:
            return 21617
        if to in self.landlines:
            return 21614
        return 21610 if to in self.opted_out else 0

    def _fault_of_call(self, fields: dict[str, str]) -> int:
        if fields.get("From") not in self.numbers:
            return 21210
        if not 0 < len(fields.get("Twiml", "")) <= 4000:
            return 21205
        return 12100 if twiml_fault(fields["Twiml"].encode()) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What one of our hooks answered."""

    status: int
    content_type: str
    body: bytes

    @property
    def texts(self) -> tuple[str, ...]:
        """What the person reads or hears."""
        root = ET.fromstring(self.body)
        return tuple(part.text or "" for part in root.iter() if part.text)


def post(request: Signed) -> Response:
    """Make a request of Twilio to a hook on this machine."""
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=10
    )
    try:
        connection.request("POST", target, request.body, request.headers)
        response = connection.getresponse()
        return Response(
            status=response.status,
            content_type=response.headers.get_content_type(),
            body=response.read(),
        )
    finally:
        connection.close()


_ATTRIBUTES = {
    "Response": set[str](),
    "Message": {"to", "from", "action", "method"},
    "Say": {"voice", "language", "loop"},
    "Pause": {"length"},
    "Hangup": set(),
    "Gather": {
        "input", "numDigits", "finishOnKey", "timeout", "action", "method",
    },
}  # fmt: skip
_INSIDE = {
    "Response": {"Message", "Say", "Pause", "Gather", "Hangup"},
    "Gather": {"Say", "Pause"},
}


def twiml_fault(document: bytes) -> str:
    """Return what Twilio would not understand in a document; empty if nothing."""
    try:
        root = ET.fromstring(document)
    except ET.ParseError as error:
        return str(error)
    if root.tag != "Response":
        return f"the root is {root.tag}"
    return next(_faults(root), "")


def _faults(element: ET.Element) -> Any:
    if set(element.attrib) - _ATTRIBUTES[element.tag]:
        yield f"{element.tag} has no such attribute: {sorted(element.attrib)}"
    for child in element:
        if child.tag not in _INSIDE.get(element.tag, set()):
            yield f"{child.tag} may not stand in {element.tag}"
        else:
            yield from _faults(child)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, twilio: TwilioDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.twilio = twilio


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_GET(self) -> None:
        self._answer(refused(20004, 405, "Method not allowed"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        twilio = self.server.twilio
        twilio.requests += 1
        path = rf"/2010-04-01/Accounts/{twilio.account_sid}/(Messages|Calls)\.json"
        found = re.fullmatch(path, self.path)
        if not self._is_authorized():
            self._answer(refused(20003, 401, "Authenticate"))
        elif found is None:
            self._answer(refused(20404, 404, f"{self.path} was not found"))
        elif self.headers.get_content_type() != FORM:
            self._answer(refused(20422, 400, "the content type is not a form"))
        else:
            self._create(found[1], dict(parse_qsl(body.decode(), strict_parsing=True)))

    def _create(self, resource: str, fields: dict[str, str]) -> None:
        twilio = self.server.twilio
        if fault := twilio.fault(resource, fields):
            self._answer(fault)
            return
        reply = twilio.next_reply()
        if reply is not None and not reply.hangs:
            self._answer(reply)
            return
        taken = twilio.take(resource, fields)
        if reply is not None:
            twilio.closing.wait(60)
            return
        said = {"sid": taken.sid, "status": "queued", "to": taken.to, "uri": self.path}
        self._answer(TwilioReply(status=201, body=json.dumps(said).encode()))

    def _is_authorized(self) -> bool:
        way, _, encoded = self.headers.get("Authorization", "").partition(" ")
        twilio = self.server.twilio
        known = {twilio.account_sid: twilio.auth_token, **twilio.keys}
        try:
            name, _, password = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return False
        return way == "Basic" and known.get(name) == password

    def _answer(self, reply: TwilioReply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
