"""Hand a notice to Apprise, which speaks to a hundred services that we do not.

Apprise opens connections of its own, past the guard that keeps requests off the
internal network. So its URLs come from the operator's environment and from nowhere
else: no form, no plan and no person names one.

What it reports is coarse. A failure does not say whether the service refused the
message, was not there, or took it and was slow to say so. All of these are *unknown*:
the message is sent again and marked as a possible duplicate (I5). So is a message
that some of several services took, since a repetition is better than silence.

Source: github.com/caronc/apprise, version 2: ``AppriseResultStatus``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import MethodKind
from watchbill.integrations.contract import Channel, Mode, Setting, SettingsError
from watchbill.integrations.text import one_line, printable, shorten, web_url

CHANNEL = Channel(
    kind=MethodKind.CHAT,
    modes=(Mode(needs=frozenset({"urls"}), posts=True),),
    settings=(
        Setting(
            name="urls",
            help="URLs of Apprise parted by spaces; name=URL serves one channel only.",
            is_secret=True,
        ),
    ),
    per_second=1.0,
    workers=2,
)

_TITLE, _LINE, _PARAGRAPH = 200, 2_000, 5_000

_OUTCOMES = {
    "SUCCESS": (Outcome.DELIVERED, "the service took it"),
    "PARTIAL": (Outcome.UNKNOWN, "some of the services took it"),
    "TIMEOUT": (Outcome.UNKNOWN, "the service did not answer in time"),
    "FAILURE": (Outcome.UNKNOWN, "the service refused it or could not be reached"),
    "NOMATCH": (Outcome.PERMANENT, "no URL serves this channel"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL, and the only channel that it serves, if it has a name."""

    url: str = field(repr=False)
    name: str = ""


def targets(urls: str) -> tuple[Target, ...]:
    """Return the targets of the setting, or raise `SettingsError`."""
    return tuple(_targets(urls))


def choose(urls: str, *, channel: str) -> tuple[Target, ...]:
    """Return the targets of a channel: those with its name, else those without one.

    Raises `SettingsError` when there are none.
    """
    known = targets(urls)
    named = tuple(one for one in known if one.name == channel)
    chosen = named or tuple(one for one in known if not one.name)
    if not chosen:
        raise SettingsError(f"No URL of Apprise serves the channel {channel!r}.")
    return chosen


def text(notice: Notice) -> tuple[str, str]:
    """Return the title and the body, both plain text."""
    primary = [link for link in notice.links if link.is_primary]
    others = [link for link in notice.links if not link.is_primary]
    paragraphs = [printable(one).strip() for one in notice.paragraphs]
    facts = [
        f"{one_line(label)}: {shorten(one_line(value), _LINE)}"
        for label, value in notice.facts
    ]
    links = [
        f"{shorten(one_line(link.label), _LINE)}: {url}"
        for link in (*primary, *others)
        if (url := web_url(link.url))
    ]
    blocks = [
        *(shorten(one, _PARAGRAPH) for one in paragraphs if one),
        "\n".join(facts),
        "\n".join(links),
    ]
    title = shorten(one_line(notice.subject), _TITLE) or "Notice"
    # Apprise sends nothing without a body.
    return title, "\n\n".join(block for block in blocks if block) or title


def read_result(result: str) -> Attempt:
    """Return what the name of a status means, with what may follow it in words."""
    name, _, more = result.partition(" ")
    outcome, said = _OUTCOMES.get(
        name, (Outcome.UNKNOWN, "Apprise did not say what became of it")
    )
    services = f" ({shorten(one_line(more), 150)})" if more.strip() else ""
    return Attempt(outcome=outcome, detail=f"{said}{services}")


def _targets(urls: str) -> Iterator[Target]:
    for number, word in enumerate(urls.split(), start=1):
        name, equals, rest = word.partition("=")
        # A "=" after the scheme belongs to the query of the URL.
        is_named = bool(equals) and "://" not in name
        url = rest if is_named else word
        if "://" not in url or (is_named and not name):
            raise SettingsError(
                f"Entry {number} of Apprise's URLs is neither URL nor name=URL."
            )
        yield Target(url=url, name=name if is_named else "")
