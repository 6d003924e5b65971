"""What is said to one reader: the notice as it was decided, and what can be pressed.

The words were written when the step fired. Links, buttons and codes name the
notification, which did not exist then, so they are added when it is sent.
"""

from dataclasses import replace
from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from watchbill.core.ladder import Verb
from watchbill.core.messages import Button, Link, Notice, Reply
from watchbill.server import signed
from watchbill.server.notifications import queries
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.oncall import links


def notice_for(row: Notification, *, is_answered: bool, follows: str) -> Notice:
    """Return what a notification says; ``is_answered`` is the state at its claim."""
    notice = queries.notice_of(row, is_answered=is_answered)
    return replace(
        notice,
        idempotency_key=row.idempotency_key,
        links=(*_links(row, is_answered=is_answered), *notice.links),
        buttons=_buttons(row, is_answered=is_answered),
        reply_code=signed.reply_code(row.pk),
        follows=follows,
    )


def _links(row: Notification, *, is_answered: bool) -> tuple[Link, ...]:
    """What the reader can press: taking the incident, and seeing it.

    A copy and a post carry no signed link: a shadow cannot take an incident
    (S4.4-07), and a post is read by more people than one.
    """
    if row.purpose == Purpose.DIGEST:
        listing = settings.BASE_URL + reverse("incidents:list")
        return (Link(label="Open incidents", url=listing, is_primary=True),)
    if row.purpose == Purpose.TEST:
        url = signed.url_of(row.pk, page="notifications:confirm")
        return (Link(label="Confirm this test", url=url, is_primary=True),)
    if row.swap_id is not None:
        url = settings.BASE_URL + links.page_of(row.swap_id, row.contact_key)
        return (Link(label="Answer", url=url, is_primary=True),)
    if row.incident_id is None:
        return ()
    page = settings.BASE_URL + _page_of("incidents:detail", row.incident_id)
    console = Link(label="Open in the console", url=page)
    if row.is_copy or not row.contact_key:
        return (console,)
    verb = queries.verb_of(row, is_answered=is_answered)
    asks = verb in {Verb.PAGE, Verb.ESCALATE}
    label = "Acknowledge" if asks else "See the incident"
    link = Link(label=label, url=signed.url_of(row.pk), is_primary=True)
    return (link, console)


_ANSWERS = (
    (Reply.ACKNOWLEDGE, "Acknowledge"),
    (Reply.ESCALATE, "Escalate"),
    (Reply.RESOLVE, "Resolve"),
)


def _buttons(row: Notification, *, is_answered: bool) -> tuple[Button, ...]:
    """What can be answered in the channel itself, by the one who is asked."""
    token = signed.short_token(row.pk)
    if row.purpose == Purpose.TEST:
        return (Button(reply=Reply.ACKNOWLEDGE, label="Confirm", token=token),)
    verb = queries.verb_of(row, is_answered=is_answered)
    if row.incident_id is None or row.is_copy or verb not in {Verb.PAGE, Verb.ESCALATE}:
        return ()
    return tuple(
        Button(reply=reply, label=label, token=token) for reply, label in _ANSWERS
    )


def _page_of(name: str, number: int) -> str:
    """Return what ``reverse`` does, for a route that ends in a number."""
    before, after = _route(name)
    return f"{before}{number}{after}"


@lru_cache(maxsize=8)
def _route(name: str) -> tuple[str, str]:
    before, _, after = reverse(name, args=[0]).rpartition("0")
    return before, after
