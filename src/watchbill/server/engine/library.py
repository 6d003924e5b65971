"""Send through a library that opens its own connections: Apprise.

The library is imported when its channel is set up, not before: it knows a hundred
services and takes its time. Each message has objects of its own, so that messages of
several threads share nothing but the library's list of services, which it guards.

Apprise stops *waiting* after the time limit; its thread goes on until the service's
own limits end it. The outcome of such a message is unknown. What Apprise writes about
a failure may quote an address, so only the names of services are kept of it.
"""

import importlib
from typing import Any

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt
from watchbill.core.severity import Urgency
from watchbill.integrations.apprise.outbound import Target, choose, targets
from watchbill.integrations.contract import LibraryOutbound, SettingsError


def check(urls: str) -> None:
    """Raise `SettingsError` for a URL that Apprise cannot use, by its number."""
    apprise: Any = importlib.import_module("apprise")
    for number, target in enumerate(targets(urls), start=1):
        if not apprise.Apprise().add(target.url):
            message = f"Apprise cannot use entry {number} of its URLs; see its log."
            raise SettingsError(message)


def send(
    outbound: LibraryOutbound,
    notice: Notice,
    *,
    urls: str,
    channel: str,
    timeout: float,
) -> Attempt:
    """Hand over the notice to every URL of the channel and wait for the result."""
    title, body = outbound.text(notice)
    chosen = choose(urls, channel=channel)
    result = _sender(chosen, timeout).notify(
        body=body,
        title=title,
        body_format="text",
        notify_type="warning" if notice.urgency is Urgency.HIGH else "info",
        timeout=timeout,
    )
    return outbound.read_result(_say(result))


def _sender(chosen: tuple[Target, ...], timeout: float) -> Any:
    apprise: Any = importlib.import_module("apprise")
    asset = apprise.AppriseAsset(
        app_id="watchbill",
        app_desc="watchbill",
        app_url="",
        storage_mode="memory",
        service_timeout=timeout,
        # A redirect would lead to where nobody has sent it.
        http_redirects=False,
        allow_templates=False,
        pgp_autogen=False,
        pem_autogen=False,
    )
    sender = apprise.Apprise(asset=asset)
    for target in chosen:
        sender.add(target.url)
    return sender


def _say(result: Any) -> str:
    services = ", ".join(f"{one.name}: {one.status.name}" for one in result.results)
    return f"{result.status.name} {services}"
