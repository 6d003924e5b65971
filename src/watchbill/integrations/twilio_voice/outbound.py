"""Say a notice in a telephone call by Twilio.

The call says how bad it is, what is wrong and the number of the incident, digit by
digit, then which key does what, up to three times. Star says it again at once: a
``<Gather>`` that ends without a digit falls through to the next one, so nothing that
is said has to travel in the address of a hook, where it would end up in logs. A key
goes to the door ``digits``, whose address says for each key which token it stands
for.

The voice is English and cannot read Burmese: what is not written in Latin letters is
left out, and when most of a title is, the call says so and gives the number.

That the call was answered proves little, because a mailbox answers too. Only a key
does: it is the receipt. A call that is not answered, or answered by a machine, has
failed at once; one in which no key was pressed counts as failed when the time for
receipts is over. Detecting a machine runs beside the call, so nobody waits in
silence for it.

Sources: twilio.com/docs/voice: api/call-resource, answering-machine-detection,
twiml/gather, twiml/say.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlencode

from watchbill.core.messages import Button, Notice, Reply
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations import sms, twilio
from watchbill.integrations.contract import (
    Channel,
    Mode,
    Outgoing,
    Setting,
    SettingsError,
)
from watchbill.integrations.text import one_line
from watchbill.integrations.twilio import read

__all__ = ["CHANNEL", "DIGITS", "gather", "read", "render", "say", "speakable"]

CHANNEL = Channel(
    kind=MethodKind.VOICE,
    reaches=AddressKind.PHONE,
    modes=(Mode(needs=twilio.ACCOUNT | {"voice_from"}, people=True),),
    settings=(
        *twilio.SETTINGS,
        Setting(name="voice_from", help="The number that calls come from, in E.164."),
    ),
    prefix=twilio.PREFIX,
    per_second=1.0,
    receipt_within=timedelta(minutes=2),
)

DIGITS = {Reply.ACKNOWLEDGE: "1", Reply.ESCALATE: "2"}
"""Which key does what. What closes an incident is not done by ear."""

_DOES = {Reply.ACKNOWLEDGE: "acknowledge", Reply.ESCALATE: "escalate"}

_LONGEST_TWIML = 4_000
_TITLES = (240, 120, 40)
_TIMES = 3

#: Seconds: to let it ring, to speak at all, to wait for a key, between two parts.
_RING, _CALL, _KEY, _PAUSE = "30", "90", "4", "1"


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the request for a call, or raise `SettingsError`."""
    status = twilio.hook(settings, "status")
    fields = [
        ("To", twilio.phone(settings)),
        ("From", settings.get("voice_from", "").strip()),
        ("Twiml", _twiml(notice, twilio.hook(settings, "digits"))),
        ("Timeout", _RING),
        ("TimeLimit", _CALL),
    ]
    if status is not None:
        fields += [
            ("StatusCallback", status),
            ("StatusCallbackMethod", "POST"),
            ("StatusCallbackEvent", "completed"),
            ("MachineDetection", "Enable"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", status),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    return twilio.create(settings, "Calls", fields)


def _twiml(notice: Notice, door: str | None) -> str:
    buttons = [button for button in notice.buttons if button.reply in DIGITS]
    for limit in _TITLES:
        said = list(_sentences(notice.subject, limit))
        document = twilio.document(*_verbs(said, buttons if door else [], door or ""))
        if len(document) <= _LONGEST_TWIML:
            return document
    raise SettingsError("The base URL is too long to be part of a call.")


def _verbs(said: list[str], buttons: list[Button], door: str) -> Iterator[str]:
    parts = [say(sentence) for sentence in said]
    if not buttons:
        for _ in range(_TIMES - 1):
            yield from (*parts, _pause())
        return
    tokens = {DIGITS[button.reply]: button.token for button in buttons}
    for _ in range(_TIMES):
        yield gather(tokens, *parts, door=door)
    yield say("No key was pressed. Goodbye.")


def gather(tokens: Mapping[str, str], *parts: str, door: str) -> str:
    """Return what says the parts and which key does what, and waits for a key."""
    keys = "".join(
        f"Press {digit} to {_DOES[reply]}. "
        for reply, digit in DIGITS.items()
        if digit in tokens
    )
    again = "Press star to hear it again." if parts else ""
    return twilio.element(
        "Gather",
        *(part + _pause() for part in parts),
        say(keys + again),
        input="dtmf",
        numDigits="1",
        finishOnKey="*",
        timeout=_KEY,
        action=f"{door}?{urlencode(sorted(tokens.items()))}",
        method="POST",
    )


def say(text: str) -> str:
    """Return what says an English text."""
    return twilio.element("Say", twilio.words(text), language="en-US")


def _pause() -> str:
    return twilio.element("Pause", length=_PAUSE)


def _sentences(subject: str, limit: int) -> Iterator[str]:
    """Yield how bad it is and what is wrong, then the number."""
    headline = sms.Headline.of(subject)
    opening = speakable(headline.opening.replace("[", "").replace("]", "."))
    title = speakable(headline.title)
    if 2 * _letters(title) < _letters(headline.title):
        title = f"{title} Its title is in another script"
    yield f"{opening} {title[:limit].strip()}.".strip()
    if number := re.sub("[^0-9]", "", headline.number):
        yield f"Incident number {' '.join(number)}."


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def speakable(text: str) -> str:
    """Return what an English voice can read of a text, on one line."""
    kept = (character if _is_latin(character) else " " for character in one_line(text))
    return " ".join("".join(kept).split())


def _is_latin(character: str) -> bool:
    if character.isascii():
        return character.isprintable()
    return unicodedata.name(character, "").startswith("LATIN ")
