"""Calendar feeds: what they show, who may read, and what they cost."""

import pytest
from django.test import Client
from icalendar import Calendar

from tests.server import site
from tests.shifts import BACKEND, DEVOPS, FRONTEND, KEY, NIGHT
from watchbill.core.access import ConsoleRole
from watchbill.core.oncall import Duty
from watchbill.server.clock import VirtualClock
from watchbill.server.oncall import actions
from watchbill.server.oncall.feeds import Budget
from watchbill.server.oncall.models import FeedToken
from watchbill.server.plans.models import PlanVersion

pytestmark = [pytest.mark.django_db, pytest.mark.req("S4.4-11", "S2.1-16")]


@pytest.fixture
def secret(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> str:
    made = actions.make_feed(
        contact_key=DEVOPS, made_for=DEVOPS, by="DevOps", now=virtual_clock.now()
    )
    return made.secret


def body(client: Client, secret: str) -> bytes:
    response = client.get(f"/on-call/feed/{secret}.ics")
    assert response.status_code == 200
    return response.content


def test_a_person_s_feed_is_a_calendar_of_their_shifts(
    client: Client, secret: str
) -> None:
    text = body(client, secret)

    calendar = Calendar.from_ical(text)
    events = calendar.walk("VEVENT")
    assert "X-WR-CALNAME" in calendar
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in text
    assert b"VALARM" not in text
    assert {str(one["SUMMARY"]).rsplit(" ", 1)[-1] for one in events} <= set(Duty)
    assert all(f"-{DEVOPS}-" in str(one["UID"]) for one in events)
    starts = [one for one in text.split(b"\r\n") if one.startswith(b"DTSTART")]
    assert starts
    assert all(one.endswith(b"Z") for one in starts)


def test_lines_end_with_crlf_and_are_at_most_75_octets(
    client: Client, secret: str
) -> None:
    lines = body(client, secret).split(b"\r\n")

    assert all(b"\n" not in one and len(one) <= 75 for one in lines)


def test_no_phone_number_is_in_a_feed(client: Client, secret: str) -> None:
    text = body(client, secret)

    assert b"+95" not in text
    assert b"mailto:" not in text


def test_what_has_not_changed_is_not_sent_again(
    client: Client, secret: str, virtual_clock: VirtualClock
) -> None:
    first = client.get(f"/on-call/feed/{secret}.ics")

    again = client.get(
        f"/on-call/feed/{secret}.ics", headers={"If-None-Match": first["ETag"]}
    )
    assert again.status_code == 304
    assert "Last-Modified" in first


def test_an_override_keeps_uids_and_raises_the_sequence(
    client: Client, secret: str, virtual_clock: VirtualClock
) -> None:
    def events() -> dict[str, int]:
        found = Calendar.from_ical(body(client, secret)).walk("VEVENT")
        return {str(one["UID"]): int(str(one["SEQUENCE"])) for one in found}

    before = events()
    actions.override(
        KEY,
        Duty.PRIMARY,
        FRONTEND,
        NIGHT,
        reason="",
        by="Owner",
        now=virtual_clock.now(),
    )
    after = events()

    assert set(before) <= set(after)  # the shift is cut: its first part keeps its name
    assert min(after.values()) > max(before.values())


def test_revoked_and_unknown_feeds_are_answered_alike(
    client: Client, secret: str, virtual_clock: VirtualClock
) -> None:
    (number,) = FeedToken.objects.values_list("pk", flat=True)
    actions.revoke_feed(number, by="Owner", now=virtual_clock.now())

    revoked = client.get(f"/on-call/feed/{secret}.ics")
    unknown = client.get("/on-call/feed/wbfeed_nothing.ics")

    assert (revoked.status_code, revoked.content) == (404, unknown.content)


def test_a_schedule_s_feed_names_who_holds_what(
    client: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    made = actions.make_feed(
        schedule_key=KEY, made_for=BACKEND, by="Backend", now=virtual_clock.now()
    )

    events = Calendar.from_ical(body(client, made.secret)).walk("VEVENT")

    holders = {str(one["UID"]).split("-")[-2] for one in events}
    assert {DEVOPS, BACKEND, FRONTEND} <= holders


def test_a_budget_lets_a_steady_reader_in_and_a_flood_not() -> None:
    budget = Budget(per_minute=2)

    answers = [budget.allows("10.0.0.1", at=at) for at in (0.0, 1.0, 2.0, 40.0)]

    assert answers == [True, True, False, True]
    assert budget.allows("10.0.0.2", at=2.0)


def test_a_feed_ends_with_the_account_of_who_made_it(
    client: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    one = site.user(ConsoleRole.RESPONDER, now=now)
    one.contact_key = BACKEND
    one.save(update_fields=["contact_key"])
    made = actions.make_feed(schedule_key=KEY, made_for=BACKEND, by="Backend", now=now)
    assert client.get(f"/on-call/feed/{made.secret}.ics").status_code == 200

    one.is_active = False
    one.save(update_fields=["is_active"])

    assert client.get(f"/on-call/feed/{made.secret}.ics").status_code == 404


def test_nobody_s_feed_is_not_made(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    with pytest.raises(actions.OncallRefusedError, match="keeps feeds"):
        actions.make_feed(
            schedule_key=KEY, made_for="", by="Owner", now=virtual_clock.now()
        )
