"""By which contact methods, and when, one person is told."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.notification import Method
from watchbill.core.paging import (
    AddressKind,
    ContactMethod,
    MethodKind,
    Provided,
    QuietHours,
    Rule,
    Send,
    Wishes,
    can_reach,
    plan_methods,
    sends,
)
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency

NOW = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)
YANGON = ZoneInfo("Asia/Yangon")
PHONE = ContactMethod(kind=AddressKind.PHONE, address="+959111222333")
MAIL = ContactMethod(kind=AddressKind.EMAIL, address="aye@example.org")
CHAT = ContactMethod(kind=AddressKind.SLACK, address="U1")
SLACK, SMTP, SMS, SMS_TOO, VOICE = (
    Provided(channel="slack", kind=MethodKind.CHAT, reaches=AddressKind.SLACK),
    Provided(channel="email", kind=MethodKind.EMAIL, reaches=AddressKind.EMAIL),
    Provided(channel="sms_one", kind=MethodKind.SMS, reaches=AddressKind.PHONE),
    Provided(channel="sms_two", kind=MethodKind.SMS, reaches=AddressKind.PHONE),
    Provided(channel="voice", kind=MethodKind.VOICE, reaches=AddressKind.PHONE),
)


def told(
    *provided: Provided,
    methods: tuple[ContactMethod, ...] = (CHAT, PHONE, MAIL),
    wishes: Wishes | None = None,
    urgency: Urgency = Urgency.HIGH,
    asks: bool = True,
) -> tuple[Send, ...]:
    return sends(
        methods,
        provided,
        wishes or Wishes(),
        urgency=urgency,
        asks=asks,
        now=NOW,
    )


def story(found: tuple[Send, ...]) -> list[tuple[float, list[str]]]:
    return [
        (
            (one.at - NOW) / timedelta(minutes=1),
            [method.channel for method in one.methods],
        )
        for one in found
    ]


def test_a_page_shows_on_the_phone_at_once_and_then_the_phone_rings() -> None:
    found = told(SLACK, SMTP, SMS, VOICE)

    assert story(found) == [
        (0, ["slack", "email"]),
        (0, ["sms_one", "email"]),
        (1, ["voice"]),
    ]
    assert [one.is_follow_up for one in found] == [False, False, True]


def test_whoever_is_merely_informed_is_not_called_after_it() -> None:
    assert story(told(SLACK, SMTP, SMS, VOICE, asks=False)) == [
        (0, ["slack", "email", "voice"]),
        (0, ["sms_one", "email", "voice"]),
    ]


def test_providers_of_one_kind_follow_each_other_in_the_order_of_the_set_up() -> None:
    only_texts = Wishes(high=(Rule(kind=MethodKind.SMS),))

    assert story(told(SMS_TOO, SMS, wishes=only_texts)) == [(0, ["sms_two", "sms_one"])]


@pytest.mark.req("S7.1-08", "A51")
def test_the_plan_says_which_kind_follows_when_one_fails() -> None:
    chat_only = Wishes(high=(Rule(kind=MethodKind.CHAT),))

    found = sends(
        (CHAT, PHONE, MAIL),
        (SLACK, SMTP, SMS, VOICE),
        chat_only,
        urgency=Urgency.HIGH,
        asks=True,
        failover=(MethodKind.CHAT, MethodKind.EMAIL, MethodKind.SMS),
        now=NOW,
    )

    assert story(found) == [(0, ["slack", "email", "sms_one", "voice"])]


def test_a_rule_that_no_channel_serves_is_passed_over() -> None:
    voice_only = Wishes(high=(Rule(kind=MethodKind.VOICE),))

    assert story(told(SMTP, wishes=voice_only)) == [(0, ["email"])]


def test_rules_that_all_begin_later_cannot_make_somebody_wait_for_the_first() -> None:
    late = Wishes(high=(Rule(kind=MethodKind.VOICE, after=timedelta(minutes=5)),))

    assert story(told(SMTP, VOICE, wishes=late)) == [(0, ["email"]), (5, ["voice"])]


def test_low_urgency_is_said_once_and_quietly() -> None:
    assert story(told(SLACK, SMTP, SMS, VOICE, urgency=Urgency.LOW)) == [
        (0, ["slack", "email", "sms_one", "voice"])
    ]


@pytest.mark.parametrize(
    ("starts", "ends", "local", "until"),
    [
        (time(22), time(7), "2026-02-08 02:30", "2026-02-08 07:00"),
        (time(22), time(7), "2026-02-08 23:30", "2026-02-09 07:00"),
        (time(22), time(7), "2026-02-08 22:00", "2026-02-09 07:00"),
        (time(22), time(7), "2026-02-08 07:00", None),
        (time(22), time(7), "2026-02-08 21:59", None),
        (time(12), time(13), "2026-02-08 12:30", "2026-02-08 13:00"),
        (time(12), time(13), "2026-02-08 13:00", None),
    ],
)
def test_quiet_hours_are_a_time_of_day_in_the_zone_of_the_person(
    starts: time, ends: time, local: str, until: str | None
) -> None:
    quiet = QuietHours(starts=starts, ends=ends, zone=YANGON)
    at = datetime.fromisoformat(local).replace(tzinfo=YANGON)
    expected = (
        None if until is None else datetime.fromisoformat(until).replace(tzinfo=YANGON)
    )

    assert quiet.end_after(at.astimezone(UTC)) == expected


def test_quiet_hours_hold_back_low_urgency_and_never_high() -> None:
    night = QuietHours(starts=time(22), ends=time(7), zone=YANGON)
    wishes = Wishes(quiet=night)

    low = told(SMTP, wishes=wishes, urgency=Urgency.LOW)
    high = told(SMTP, wishes=wishes)

    # It is 02:30 in Yangon.
    assert low[0].at == datetime(2026, 2, 8, 0, 30, tzinfo=UTC)
    assert high[0].at == NOW


def test_an_address_that_was_refused_is_left_alone_while_there_is_another() -> None:
    refused = ContactMethod(
        kind=AddressKind.PHONE, address="+959000", unusable_because="refused"
    )

    assert story(told(SMS, SMTP, methods=(refused, MAIL))) == [(0, ["email"])]
    assert told(SMS, methods=(refused,))[0].methods == (
        Method(channel="sms_one", address="+959000"),
    )


def test_an_address_that_is_barred_is_not_even_the_last_resort() -> None:
    barred = ContactMethod(
        kind=AddressKind.PHONE,
        address="+959000",
        unusable_because="not verified",
        is_barred=True,
    )

    assert told(SMS, methods=(barred,)) == ()
    assert not can_reach((barred,), (SMS,))
    assert story(told(SMS, SMTP, methods=(barred, MAIL))) == [(0, ["email"])]


def test_nobody_can_be_told_over_channels_that_are_not_there() -> None:
    assert told() == ()
    assert told(VOICE, methods=(MAIL,)) == ()
    assert not can_reach((MAIL,), (VOICE,))
    assert can_reach((MAIL, PHONE), (VOICE,))


def test_the_plan_gives_a_contact_the_addresses_that_are_filled_in() -> None:
    contact = Contact(
        key="a", roles=(), level="L2", email="a@example.org", phone=None, slack_id="U1"
    )

    assert plan_methods(contact) == (
        CHAT,
        ContactMethod(kind=AddressKind.EMAIL, address="a@example.org"),
    )


rules = st.builds(
    Rule,
    kind=st.sampled_from(MethodKind),
    after=st.integers(0, 3600).map(lambda s: timedelta(seconds=s)),
)
wishes_of_anybody = st.builds(
    Wishes,
    high=st.lists(rules, max_size=5).map(tuple),
    low=st.lists(rules, max_size=5).map(tuple),
)
methods_of_anybody = st.lists(
    st.builds(
        ContactMethod,
        kind=st.sampled_from(AddressKind),
        address=st.text(min_size=1, max_size=5),
        unusable_because=st.sampled_from(["", "refused"]),
        is_barred=st.booleans(),
    ),
    max_size=4,
).map(tuple)
provided_anywhere = st.lists(
    st.sampled_from([SLACK, SMTP, SMS, SMS_TOO, VOICE]), unique=True
).map(tuple)


@given(
    methods=methods_of_anybody,
    provided=provided_anywhere,
    wishes=wishes_of_anybody,
    urgency=st.sampled_from(Urgency),
    asks=st.booleans(),
)
def test_no_rule_makes_somebody_unreachable_and_a_page_never_waits(
    methods: tuple[ContactMethod, ...],
    provided: tuple[Provided, ...],
    wishes: Wishes,
    urgency: Urgency,
    asks: bool,  # noqa: FBT001 - Hypothesis names it
) -> None:
    found = sends(methods, provided, wishes, urgency=urgency, asks=asks, now=NOW)

    assert bool(found) is can_reach(methods, provided)
    assert all(one.methods for one in found)
    barred = {one.address for one in methods if one.is_barred} - {
        one.address for one in methods if not one.is_barred
    }
    assert not barred & {way.address for one in found for way in one.methods}
    if found:
        assert found[0].at == NOW
        assert not found[0].is_follow_up
    if not asks:
        assert not any(one.is_follow_up for one in found)
