"""Write a notice as a mail, and understand what a mail server replies.

The reader is asleep and has a small phone: the subject says it all, the first thing
in the text is the acknowledge link on a line of its own, and nothing is loaded from
elsewhere. The HTML part says the same in the same order with inline styles, the only
ones that mail programs agree on, and follows the dark mode of the reader.

A notice is the same message on every attempt: Message-ID is derived from the
idempotency key, so a mailbox that deduplicates shows a repetition once (I5). All
messages of one incident refer to one root that is never sent, which mail programs
show as one thread. `Auto-Submitted` keeps out-of-office replies from answering and
mail loops from starting (RFC 3834).

Header values are put on one line before they are set, and the header classes of the
standard library refuse what is left of a line break: nobody writes a header of ours.
"""

import hashlib
import re
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from html import escape

from watchbill.core.messages import Link, Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import Channel, Mode, Setting, SettingsError
from watchbill.integrations.text import one_line, printable, shorten, web_url

CHANNEL = Channel(
    kind=MethodKind.EMAIL,
    reaches=AddressKind.EMAIL,
    modes=(Mode(needs=frozenset({"smtp_url"}), people=True, posts=True),),
    prefix="",
    settings=(
        Setting(
            name="smtp_url",
            help="The mail server, such as smtp+starttls://user:secret@host:587.",
            is_secret=True,
        ),
        Setting(
            name="mail_from",
            help="The sender of mail.",
            default="watchbill@localhost",
        ),
    ),
)

#: Every byte travels as ASCII, so that no server on the way needs 8BITMIME.
POLICY = SMTP.clone(cte_type="7bit")

_SUBJECT = 200
_PARAGRAPH = 10_000
_URGENT = {"Importance": "high", "X-Priority": "1", "Priority": "urgent"}


def render(
    notice: Notice,
    *,
    to: str,
    sender: str,
    domain: str,
    now: datetime,
    reply_to: str | None = None,
) -> EmailMessage:
    """Return the mail; ``now`` becomes its Date, ``domain`` the right of its id.

    Addresses are ``name@example.org`` or ``Name <name@example.org>``. Raises
    `SettingsError` for an address or a domain that is none.
    """
    mail = EmailMessage(policy=POLICY)
    mail["From"] = _address(sender)
    mail["To"] = _address(to)
    if reply_to:
        mail["Reply-To"] = _address(reply_to)
    mail["Subject"] = shorten(one_line(notice.subject) or "Notice", _SUBJECT)
    mail["Date"] = now
    root = _id("thread", notice.thread_key, domain)
    mail["Message-ID"] = _id("notice", notice.idempotency_key, domain)
    mail["In-Reply-To"] = root
    mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if notice.urgency is Urgency.HIGH:
        for name, value in _URGENT.items():
            mail[name] = value
    mail.set_content(render_text(notice), charset="utf-8")
    mail.add_alternative(render_html(notice), subtype="html", charset="utf-8")
    return mail


def render_text(notice: Notice) -> str:
    """Return the plain text: the link to press, what is wrong, facts, other links."""
    primary, others = _links(notice)
    blocks = [f"{one_line(link.label)}:\n{link.url.strip()}" for link in primary]
    blocks.append(one_line(notice.subject))
    blocks += _paragraphs(notice)
    if notice.facts:
        facts = [f"{one_line(k)}: {one_line(v)}" for k, v in notice.facts]
        blocks.append("\n".join(facts))
    blocks += [f"{one_line(link.label)}:\n{link.url.strip()}" for link in others]
    return "\n\n".join(blocks) + "\n"


def read_smtp(code: int, text: str) -> Attempt:
    """Return what a reply code means (RFC 5321, 4.2.1).

    2xx is delivered, 4xx transient, 5xx permanent; anything else is no final reply,
    so the outcome is unknown.
    """
    said = shorten(one_line(text), 200)
    detail = f"{code} {said}".strip()
    match code // 100:
        case 2:
            queued = re.search(r"queued as (\S{1,64})", said)
            reference = queued.group(1) if queued else ""
            return Attempt(
                outcome=Outcome.DELIVERED, detail=detail, provider_ref=reference
            )
        case 4:
            return Attempt(outcome=Outcome.TRANSIENT, detail=detail)
        case 5:
            return Attempt(outcome=Outcome.PERMANENT, detail=detail)
        case _:
            return Attempt(
                outcome=Outcome.UNKNOWN, detail=f"no valid reply of the server: {said}"
            )


def _id(kind: str, key: str, domain: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,200}", domain):
        raise SettingsError(f"{domain!r} is not a domain for message ids.")
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"<{kind}.{digest}@{domain}>"


def _address(text: str) -> Address:
    # "Name <a@b>" with a stray comma would be two addresses: say so, never guess.
    pairs = getaddresses([one_line(text)])
    if len(pairs) != 1 or pairs[0][1].count("@") != 1:
        raise SettingsError(f"{one_line(text)!r} is not one mail address.")
    name, address = pairs[0]
    user, _, host = address.partition("@")
    try:
        ascii_host = host.encode("idna").decode("ascii")
        return Address(display_name=name, addr_spec=f"{user}@{ascii_host}")
    except (ValueError, IndexError, HeaderParseError) as error:
        raise SettingsError(f"{one_line(text)!r} is not a mail address.") from error


def _links(notice: Notice) -> tuple[list[Link], list[Link]]:
    usable = [link for link in notice.links if web_url(link.url)]
    return (
        [link for link in usable if link.is_primary],
        [link for link in usable if not link.is_primary],
    )


def _paragraphs(notice: Notice) -> list[str]:
    texts = (printable(text).strip() for text in notice.paragraphs)
    return [shorten(text, _PARAGRAPH) for text in texts if text]


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
</head>
<body style="margin:0; padding:16px; {font}">
<div style="max-width:560px; margin:0 auto">
{content}
</div>
</body>
</html>
"""
_FONT = (
    "font-family:system-ui, -apple-system, 'Segoe UI', 'Noto Sans Myanmar',"
    " 'Myanmar Text', sans-serif; font-size:16px; line-height:1.5"
)
#: Legible on white and on black alike; nothing else on the page has a color.
_BUTTON = (
    "display:inline-block; padding:12px 20px; border-radius:6px;"
    " background-color:#b42318; color:#ffffff; font-weight:600; text-decoration:none"
)
_LABEL = "padding:2px 16px 2px 0; text-align:left; font-weight:400; opacity:0.75"


def render_html(notice: Notice) -> str:
    """Return the same as `render_text`, in the same order, as one HTML page."""
    primary, others = _links(notice)
    subject = escape(one_line(notice.subject))
    parts = [_html_link(link, style=_BUTTON) for link in primary]
    parts.append(
        f'<h1 style="font-size:20px; line-height:1.3; margin:16px 0">{subject}</h1>'
    )
    parts += [
        f'<p style="margin:0 0 12px; white-space:pre-line">{escape(text)}</p>'
        for text in _paragraphs(notice)
    ]
    if notice.facts:
        rows = "\n".join(_html_fact(name, value) for name, value in notice.facts)
        parts.append(
            f'<table style="border-collapse:collapse; margin:0 0 12px">\n{rows}\n'
            "</table>"
        )
    parts += [_html_link(link, style="") for link in others]
    return _PAGE.format(subject=subject, font=_FONT, content="\n".join(parts))


def _html_link(link: Link, *, style: str) -> str:
    attribute = f' style="{style}"' if style else ""
    url, label = escape(link.url.strip()), escape(one_line(link.label))
    return f'<p style="margin:0 0 12px"><a href="{url}"{attribute}>{label}</a></p>'


def _html_fact(name: str, value: str) -> str:
    label = f'<th scope="row" style="{_LABEL}">{escape(one_line(name))}</th>'
    return f'<tr>{label}<td style="padding:2px 0">{escape(one_line(value))}</td></tr>'
