"""Write the tables of channels in docs/operating.md from the providers' folders.

What a channel reaches, whether it carries answers and receipts, and which variables set
it up stands in its ``CHANNEL``; so adding a provider is adding its folder, and the page
cannot differ: `tests/architecture/test_documentation.py` renders the tables again and
compares. After a change, run `python -m tests.plugins.channel_tables` and commit the
page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from tests.plugins.plan_index import ROOT
from watchbill.core.paging import AddressKind
from watchbill.integrations.contract import Channel, SerialOutbound, Setting
from watchbill.integrations.registry import Provider, providers
from watchbill.server.project.channel_settings import variable_of

PAGE = ROOT / "docs" / "operating.md"

_ADDRESSES = {
    AddressKind.PHONE: "phone number",
    AddressKind.EMAIL: "mail address",
    AddressKind.SLACK: "Slack member id",
    AddressKind.TELEGRAM: "Telegram chat id",
    AddressKind.PUSH: "browser",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A provider that is a channel."""

    provider: Provider
    channel: Channel

    @property
    def link(self) -> str:
        """A link to its guide, as a page in ``docs`` writes it."""
        return f"[{self.provider.title}](channels/{guide_of(self.provider.name)})"

    @property
    def variables(self) -> dict[str, Setting]:
        """Its settings by the variable that holds each."""
        name = self.provider.name
        return {
            variable_of(name, self.channel, one.name): one
            for one in self.channel.settings
        }


def known() -> list[Known]:
    """Return the channels in the order of their titles."""
    found = (
        Known(provider=one, channel=one.channel)
        for one in providers().values()
        if one.channel is not None
    )
    return sorted(found, key=lambda one: one.provider.title.lower())


def guide_of(name: str) -> str:
    """Return the file of a provider's guide, such as ``twilio-sms.md``."""
    return f"{name.replace('_', '-')}.md"


def variables() -> dict[str, Setting]:
    """Return the settings of all channels by variable."""
    return {name: one for each in known() for name, one in each.variables.items()}


def main() -> None:
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")


def render(page: str) -> str:
    """Return the page with both tables made anew between their marks."""
    for name, lines in (("channels", _channels()), ("variables", _variables())):
        begin, end = f"<!-- {name}: made by ", f"<!-- end of {name} -->"
        pattern = rf"({begin}.*? -->\n).*?({end})"
        body = "\n".join(lines).rstrip()
        found = re.findall(pattern, page, re.DOTALL)
        if len(found) != 1:
            raise SystemExit(f"{PAGE.name} must have the marks of {name} once.")
        before, rest = page.split(found[0][0])
        after = rest.partition(end)[2]
        page = f"{before}{found[0][0]}\n{body}\n\n{end}{after}"
    return page


def _channels() -> Iterator[str]:
    yield "| channel | name | reaches a person by | posts | answers | receipts |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in known():
        cells = (
            one.link,
            f"`{one.provider.name}`",
            _reaches(one.channel),
            "yes" if any(mode.posts for mode in one.channel.modes) else "",
            _answers(one.provider),
            _receipts(one.channel.receipt_within),
        )
        yield f"| {' | '.join(cells)} |"


def _reaches(channel: Channel) -> str:
    if channel.reaches is None or not any(mode.people for mode in channel.modes):
        return "nobody by name"
    return _ADDRESSES[channel.reaches]


def _answers(provider: Provider) -> str:
    """How answers come back, beside the link in every message."""
    ways = []
    if provider.twoway is not None:
        ways.append("it calls us")
    if provider.polling is not None:
        ways.append("we ask it")
    if isinstance(provider.outbound, SerialOutbound):
        ways.append("it hands them over")
    return ", or ".join(ways) or "by the link"


def _receipts(within: timedelta | None) -> str:
    return f"within {within // timedelta(minutes=1)} min" if within else ""


def _variables() -> Iterator[str]:
    for names, settings in _by_prefix():
        yield f"**{names}**"
        yield ""
        yield "| variable | default | meaning | or `_FILE` |"
        yield "| --- | --- | --- | --- |"
        for variable, one in settings.items():
            default = f"`{one.default}`" if one.default else "none"
            is_file = "yes |" if one.is_secret else "|"
            yield f"| `{variable}` | {default} | {one.help} | {is_file}"
        yield ""


def _by_prefix() -> list[tuple[str, dict[str, Setting]]]:
    """Return the settings of each account: several channels may share one."""
    groups: dict[str, list[Known]] = {}
    for one in known():
        name = one.provider.name
        key = one.channel.prefix or name
        groups.setdefault(key, []).append(one)
    return [
        (
            " and ".join(one.link for one in group),
            {name: each for one in group for name, each in one.variables.items()},
        )
        for group in groups.values()
    ]


if __name__ == "__main__":
    main()
