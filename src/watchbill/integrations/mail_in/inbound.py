"""Read a mail as an alert.

The subject is the title, and says whether the condition begins or ends: mail has no
other place for it. What makes two mails one alert is an option: the subject without
the words that differ between beginning and end (``[FIRING]``, ``PROBLEM``, ``is OK``),
or the thread that they belong to, or nothing, so that each mail is an alert.

Automatic replies and bounces are kept and tell nothing. Of ``Auto-Submitted``
(RFC 3834) only ``auto-replied`` and ``auto-notified`` count: cron and most monitoring
mark their mail ``auto-generated``, and that is the very mail that is wanted.

The text of a mail is a stranger's, and so is its sender: what admits a mail is the key
in its address, and never who it says that it comes from.
"""

import re
from email.message import Message

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.core.labels import fingerprint
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.mail_in import message as mail
from watchbill.integrations.sources import (
    NO_CONFIG,
    Config,
    Option,
    Post,
    Reading,
    Source,
)
from watchbill.integrations.text import one_line, shorten

_RESOLVED = "[RESOLVED], Resolved:, RECOVERY, OK:"
_CRITICAL = "critical, emergency, disaster, down"
_WARNING = "warning, minor"

SOURCE = Source(
    group="Other",
    setup="""\
# Send mail to this address; the part before @ is the key, the domain is any.
{key}@alerts.example.org
nightly-jobs+{key}@alerts.example.org

# Either watchbill listens for mail itself (WATCHBILL_MAIL_LISTEN=0.0.0.0:2525) and an
# MX record or a transport of your mail server leads there, or your mail server pipes:
# /etc/aliases of Postfix
alerts: "|curl -fsS --data-binary @- {address} -H 'Authorization: Bearer {key}'"
""",
    headers=frozenset({"return-path"}),
    has_short_key=True,
    options=(
        Option(
            name="dedup",
            help="What makes two mails one alert.",
            default="subject",
            choices=("subject", "thread", "message-id"),
        ),
        Option(
            name="resolved",
            help="Words, parted by commas, with which the subject of an end begins.",
            default=_RESOLVED,
        ),
        Option(
            name="critical",
            help="A subject with one of these words has the severity critical.",
            default=_CRITICAL,
        ),
        Option(
            name="warning",
            help="A subject with one of these words has the severity warning.",
            default=_WARNING,
        ),
        Option(
            name="severity",
            help="The label severity of mails without such a word; empty for none.",
        ),
    ),
)

_LIMITS = {"subject": 500, "title": 200, "label": 300, "text": 4_000, "files": 20}
_HINT = "Post the whole message as it came, headers first (RFC 5322)."
_REPLIES = frozenset({"auto-replied", "auto-notified"})

#: What may stand before a subject and says nothing about the condition.
_BEFORE = re.compile(
    r"(?:[\s*|:>-]+|(?:re|fwd?|aw|sv)\s*:|\[[^\[\]]{0,60}\]|\((?:firing|resolved)\)"
    r"|(?:problem|recovery|alert|alarm|firing|triggered|resolved|ok|up|down|critical"
    r"|warning|acknowledgement)\b(?:\s*:|(?=\s)))",
    re.IGNORECASE,
)
#: What may stand behind it: "… is CRITICAL **".
_BEHIND = re.compile(
    r"[\s:*-]+(?:is\s+)?(?:now\s+)?(?:ok|up|down|critical|warning|unknown|firing"
    r"|resolved|recovered|unreachable)[\s.!*]*$",
    re.IGNORECASE,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the signal of a mail, or raise `PayloadError`."""
    try:
        message = mail.read(post.body)
        if not any(message.get(name) for name in ("subject", "from", "date")):
            raise PayloadError(where="$", problem="this is no mail", hint=_HINT)
        if reason := _says_nothing(message, post):
            return Reading((), (reason,))
        return Reading((_signal(message, config),))
    except RecursionError:
        raise PayloadError(
            where="$", problem="the mail is nested too deeply", hint=_HINT
        ) from None


def _says_nothing(message: Message, post: Post) -> str:
    """Why a mail is no alert; empty for one that may be."""
    automatic = mail.header(message, "auto-submitted").partition(";")[0].strip()
    if automatic.lower() in _REPLIES:
        return "an automatic reply is no alert"
    path = post.headers.get("return-path", mail.header(message, "return-path"))
    is_report = message.get_content_type() == "multipart/report"
    if path.replace(" ", "") == "<>" or is_report:
        return "a bounce is no alert"
    return ""


def _signal(message: Message, config: Config) -> Signal:
    words = mail.header(message, "subject")
    text = mail.text(message)
    title = _title(words, text)
    sent_at = mail.date(message)
    is_over = _begins_with(title, _option(config, "resolved"))
    return Signal(
        fingerprint=_identity(message, title, config),
        status=AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
        title=shorten(title, _LIMITS["title"]),
        labels=_labels(message, title, config),
        annotations=_annotations(message, text),
        starts_at=None if is_over else sent_at,
        ends_at=sent_at if is_over else None,
    )


def _title(words: str, text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return shorten(
        words or one_line(first) or "A mail without words", _LIMITS["subject"]
    )


def _identity(message: Message, title: str, config: Config) -> str:
    how = _option(config, "dedup")
    own = mail.header(message, "message-id")
    if how == "thread":
        thread = mail.header(message, "references").split()
        root = thread[0] if thread else mail.header(message, "in-reply-to") or own
        if root:
            return fingerprint({"thread": root})
    if how == "message-id" and own:
        return fingerprint({"message_id": own})
    return fingerprint({"subject": condition(title).casefold()})


def condition(subject: str) -> str:
    """Return what a subject is about, the same at the beginning and at the end."""
    rest = subject
    while (found := _BEFORE.match(rest)) is not None and found.end():
        rest = rest[found.end() :]
    shorter = _BEHIND.sub("", rest).strip(" *")
    return one_line(shorter or rest) or one_line(subject)


def _labels(message: Message, title: str, config: Config) -> dict[str, str]:
    found = {
        "alertname": condition(title),
        "source": "email",
        "from": mail.address(message, "from"),
        "severity": _severity(title, config),
    }
    return {
        name: shorten(value, _LIMITS["label"]) for name, value in found.items() if value
    }


def _severity(title: str, config: Config) -> str:
    for severity in ("critical", "warning"):
        if _has_word(title, _option(config, severity)):
            return severity
    return one_line(_option(config, "severity"))


def _annotations(message: Message, text: str) -> dict[str, str]:
    files = mail.attachments(message)[: _LIMITS["files"]]
    found = {
        "description": shorten(text, _LIMITS["text"]),
        "attachments": shorten(", ".join(files), _LIMITS["text"]),
        "message_id": shorten(mail.header(message, "message-id"), _LIMITS["label"]),
        "in_reply_to": shorten(mail.header(message, "in-reply-to"), _LIMITS["label"]),
    }
    return {name: value for name, value in found.items() if value}


def _begins_with(subject: str, words: str) -> bool:
    bare = subject.lstrip(" *").casefold()
    for word in _split(words):
        ends_open = word[-1].isalnum()
        rest = bare[len(word) :]
        if bare.startswith(word) and not (ends_open and rest[:1].isalnum()):
            return True
    return False


def _has_word(subject: str, words: str) -> bool:
    bare = subject.casefold()
    return any(
        re.search(rf"(?<!\w){re.escape(word)}(?!\w)", bare) for word in _split(words)
    )


def _split(words: str) -> list[str]:
    return [one.strip().casefold() for one in words.split(",") if one.strip()]


def _option(config: Config, name: str) -> str:
    usual = {one.name: one.default for one in SOURCE.options}
    return config.options.get(name, usual[name])
