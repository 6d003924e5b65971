"""Silences: their matchers, what may be changed of them, and the pages."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.conftest import START
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.alerts import AlertStatus
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import Integration
from watchbill.server.plans.models import PlanVersion
from watchbill.server.silences import actions, queries
from watchbill.server.silences.actions import (
    Draft,
    SilenceRefusedError,
    UnknownSilenceError,
)
from watchbill.server.silences.cover import Cover
from watchbill.server.silences.matching import (
    MAX_MATCHERS,
    MatcherError,
    Written,
    check,
    compiled_one,
    parse,
)
from watchbill.server.silences.models import Silence
from watchbill.server.silences.queries import SilenceState

HOUR = timedelta(hours=1)
PAYMENTS = Written("service", "payments")


def draft(*matchers: Written, **values: Any) -> Draft:
    defaults: dict[str, Any] = {
        "starts_at": START,
        "ends_at": START + HOUR,
        "author": "Ma Thida",
        "comment": "The disk is being changed.",
    }
    return Draft(matchers=matchers or (PAYMENTS,), **(defaults | values))


def fire(title: str = "Down", incident: Incident | None = None, **labels: str) -> Alert:
    integration = (
        Integration.objects.first()
        or (intake.create_integration(kind="alertmanager", name="AM", now=START)[0])
    )
    return Alert.objects.create(
        integration=integration,
        fingerprint=uuid.uuid4().hex,
        status=AlertStatus.FIRING,
        title=title,
        labels=labels,
        annotations={},
        links={},
        alert_type="infrastructure",
        severity="P2",
        classified_because="",
        starts_at=START,
        received_at=START,
        last_seen_at=START,
        incident=incident,
    )


# ── Matchers ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("a=b", Written("a", "b")),
        (' a != "b c" ', Written("a", "b c", is_equal=False)),
        ('a=~"x|y"', Written("a", "x|y", is_regex=True)),
        ("a!~x.*", Written("a", "x.*", is_regex=True, is_equal=False)),
        ("a=", Written("a", "")),
        (r'a="say \"hi\"\n\\d"', Written("a", 'say "hi"\n\\d')),
        (r'a=~"\d+"', Written("a", r"\d+", is_regex=True)),
        ('"with space"=x', Written("with space", "x")),
        ("a==b", Written("a", "=b")),
        ('a="ကင်း"', Written("a", "ကင်း")),
    ],
)
def test_a_matcher_is_read_as_amtool_writes_it(text: str, matcher: Written) -> None:
    assert parse(text) == matcher


@pytest.mark.parametrize("matcher", [PAYMENTS, Written("a", 'q"\\', is_regex=True)])
def test_a_matcher_is_written_so_that_it_can_be_read_again(matcher: Written) -> None:
    assert parse(str(matcher)) == matcher


@pytest.mark.parametrize(
    "text", ["", "a", "=b", "{a=b}", 'a="b', 'a=b"', 'a="b"c"', "1a=b"]
)
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(MatcherError):
        parse(text)


@pytest.mark.parametrize(
    ("matcher", "fits", "not_"),
    [
        (PAYMENTS, {"service": "payments"}, {"service": "payments-2"}),
        (Written("a", "", is_equal=False), {"a": "x"}, {}),
        (Written("a", "x|y", is_regex=True), {"a": "y"}, {"a": "xy"}),
        (Written("a", "x", is_regex=True, is_equal=False), {}, {"a": "x"}),
        (Written("a", "(?i)ကင်း.*", is_regex=True), {"a": "ကင်းစောင့်"}, {"a": "x"}),
    ],
)
def test_a_pattern_fits_the_whole_value(
    matcher: Written, fits: dict[str, str], not_: dict[str, str]
) -> None:
    assert compiled_one(matcher).matches(fits)
    assert not compiled_one(matcher).matches(not_)


@pytest.mark.req("A52")
@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "([a-z]+)+[0-9]", "(a?){500}a{500}"]
)
def test_no_pattern_takes_long_whatever_the_text(pattern: str) -> None:
    matcher = compiled_one(Written("a", pattern, is_regex=True))
    begun = time.process_time()

    for text in ("a" * 1_000, "a" * 999 + "!"):
        matcher.matches({"a": text})

    # A backtracking engine would need longer than the universe is old.
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("matchers", "problem"),
    [
        ([], "at least one matcher is needed"),
        ([Written("a", "")], "at least one matcher must not match the empty string"),
        (
            [Written("a", ".*", is_regex=True), Written("b", "")],
            "at least one matcher must not match the empty string",
        ),
        ([PAYMENTS, Written("", "x")], 'matcher 2: invalid label name ""'),
        ([Written("a", "x" * 1_001)], "the value is longer than 1000 characters"),
        ([Written("n" * 201, "x")], "the name of the label is longer than 200"),
        ([Written("a", "\0")], "matcher 1: there is a NUL in the value"),
        ([Written("a", "\ud800")], "matcher 1: the value is not valid UTF-8"),
        (
            [PAYMENTS, Written("a", "x(", is_regex=True)],
            "matcher 2: invalid regular expression 'x(': missing )",
        ),
        ([Written("a", r"(x)\1", is_regex=True)], "invalid escape sequence"),
        ([Written("a", "(?=x)", is_regex=True)], "invalid perl operator"),
        ([Written("a", "((x{99}){99}){99}", is_regex=True)], "matcher 1: invalid"),
        ([PAYMENTS] * 10_000, "10000 matchers, and no more than 50 may be"),
    ],
)
def test_matchers_that_cannot_be_used_are_refused_with_where_and_why(
    matchers: list[Written], problem: str
) -> None:
    with pytest.raises(MatcherError) as caught:
        check(matchers)

    assert problem in str(caught.value)


def test_a_matcher_that_asks_for_something_is_enough() -> None:
    everything = Written("a", ".*", is_regex=True)

    assert check([everything, PAYMENTS]) == (everything, PAYMENTS)
    # As in Alertmanager: it says what the value may not be.
    assert len(check([Written("a", "x", is_equal=False)])) == 1


# ── Making and changing them ────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_silence_is_in_force_from_its_start_to_its_end() -> None:
    made = actions.create(
        draft(starts_at=START + HOUR, ends_at=START + 2 * HOUR), now=START
    )

    states = [queries.state_of(made, at=START + n * HOUR) for n in range(3)]
    active = [len(queries.active(START + n * HOUR)) for n in range(3)]

    assert states == [SilenceState.PENDING, SilenceState.ACTIVE, SilenceState.EXPIRED]
    assert active == [0, 1, 0]
    (found,) = queries.active(START + HOUR)
    assert found.key == str(made.public_id)
    assert found.covers({"service": "payments"})
    assert not found.covers({"service": "disk"})
    assert (found.author, found.comment) == ("Ma Thida", "The disk is being changed.")


@pytest.mark.django_db
def test_a_silence_never_begins_in_the_past() -> None:
    made = actions.create(draft(starts_at=START - HOUR), now=START)

    assert made.starts_at == START


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"ends_at": START}, "start time must be before end time"),
        (
            {"starts_at": START - 2 * HOUR, "ends_at": START - HOUR},
            "end time can't be in the past",
        ),
        ({"comment": "x" * 2_001}, "the comment is longer than 2000 characters"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    values: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SilenceRefusedError, match=problem):
        actions.create(draft(**values), now=START)

    assert not Silence.objects.exists()


@pytest.mark.django_db
def test_too_many_silences_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_LIVE", 2)
    actions.create(draft(), now=START)
    actions.create(draft(), now=START)

    with pytest.raises(SilenceRefusedError, match="maximum number of silences: 2"):
        actions.create(draft(), now=START)

    later = START + HOUR
    actions.create(draft(starts_at=later, ends_at=later + HOUR), now=later)


@pytest.mark.django_db
def test_another_end_or_comment_changes_the_silence_itself() -> None:
    made = actions.create(draft(), now=START)
    later = START + HOUR / 2

    kept = actions.update(
        made.public_id,
        draft(ends_at=START + 3 * HOUR, comment="It takes longer."),
        now=later,
    )

    assert (kept.pk, kept.public_id) == (made.pk, made.public_id)
    assert (kept.starts_at, kept.ends_at) == (START, START + 3 * HOUR)
    assert (kept.comment, kept.updated_at) == ("It takes longer.", later)


@pytest.mark.django_db
def test_the_start_may_come_back_to_the_millisecond() -> None:
    start = START + timedelta(microseconds=123_456)
    made = actions.create(draft(starts_at=start), now=start)
    shown = start.replace(microsecond=123_000)

    kept = actions.update(made.public_id, draft(starts_at=shown), now=START + HOUR / 2)

    assert (kept.pk, kept.starts_at) == (made.pk, start)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"starts_at": START + timedelta(minutes=45)},
        {"matchers": (Written("service", "disk"),)},
    ],
)
def test_any_other_change_ends_it_and_makes_another(change: dict[str, Any]) -> None:
    made = actions.create(draft(), now=START)
    later = START + HOUR / 2
    matchers = change.pop("matchers", ())

    other = actions.update(made.public_id, draft(*matchers, **change), now=later)

    made.refresh_from_db()
    assert other.pk != made.pk
    assert (made.ends_at, made.ended_by) == (later, "Ma Thida")
    assert other.starts_at == change.get("starts_at", later)


@pytest.mark.django_db
def test_one_to_come_may_be_moved() -> None:
    made = actions.create(
        draft(starts_at=START + HOUR, ends_at=START + 2 * HOUR), now=START
    )

    moved = actions.update(
        made.public_id,
        draft(starts_at=START + 2 * HOUR, ends_at=START + 3 * HOUR),
        now=START,
    )

    assert moved.pk == made.pk
    assert moved.starts_at == START + 2 * HOUR


@pytest.mark.django_db
def test_one_that_has_ended_stays_and_another_is_made() -> None:
    made = actions.create(draft(), now=START)
    later = START + 2 * HOUR

    other = actions.update(
        made.public_id, draft(starts_at=later, ends_at=later + HOUR), now=later
    )

    made.refresh_from_db()
    assert other.pk != made.pk
    assert (made.ends_at, made.ended_by) == (START + HOUR, "")


@pytest.mark.django_db
def test_a_refused_change_leaves_the_silence_in_force() -> None:
    made = actions.create(draft(), now=START)

    with pytest.raises(SilenceRefusedError):
        actions.update(made.public_id, draft(Written("a", "")), now=START)

    assert len(queries.active(START)) == 1


@pytest.mark.django_db
def test_ending_twice_ends_once_and_one_to_come_never_begins() -> None:
    made = actions.create(
        draft(starts_at=START + HOUR, ends_at=START + 2 * HOUR), now=START
    )

    ended = [actions.expire(made.public_id, by="Ko Aung", now=START) for _ in range(2)]

    made.refresh_from_db()
    assert ended == [True, False]
    assert (made.starts_at, made.ends_at, made.ended_by) == (START, START, "Ko Aung")
    assert queries.active(START + HOUR) == ()


@pytest.mark.django_db
def test_whose_a_silence_is_stays_whoever_changes_it() -> None:
    source, _ = intake.create_integration(kind="prometheus", name="P", now=START)
    made = actions.create(draft(), integration_id=source.pk, now=START)

    longer = actions.update(made.public_id, draft(ends_at=START + 2 * HOUR), now=START)
    another = actions.update(made.public_id, draft(Written("a", "b")), now=START)

    assert longer.integration_id == another.integration_id == source.pk
    (in_force,) = queries.active(START)
    assert in_force.source == str(source.pk)


@pytest.mark.django_db
def test_each_silence_that_covers_an_alert_is_found_in_order() -> None:
    made = [
        actions.create(draft(*matchers), now=START)
        for matchers in (
            (Written("service", "pay.*", is_regex=True),),
            (PAYMENTS, Written("instance", "web-1")),
            (Written("service", "disk"),),
            (PAYMENTS, Written("host", "", is_equal=True)),
            (Written("service", "disk", is_equal=False), PAYMENTS),
        )
    ]
    keys = [str(one.public_id) for one in made]
    cover = Cover(queries.active(START))

    assert cover.keys({"service": "payments"}, source="1") == [
        *(keys[0], keys[3], keys[4])
    ]
    assert cover.keys({"service": "payments", "instance": "web-1"}, source="1") == [
        *(keys[0], keys[1], keys[3], keys[4])
    ]
    assert cover.keys({"service": "disk"}, source="1") == [keys[2]]
    assert cover.keys({}, source="1") == []
    assert cover
    assert not Cover(())


@pytest.mark.django_db
def test_a_silence_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(UnknownSilenceError):
        actions.expire(uuid.uuid4(), by="Ko Aung", now=START)
    with pytest.raises(UnknownSilenceError):
        actions.update(uuid.uuid4(), draft(), now=START)


@pytest.mark.django_db
def test_hostile_words_are_kept_so_that_they_can_be_shown() -> None:
    made = actions.create(draft(author="A\u202e" * 200, comment=" x\0y "), now=START)

    assert len(made.created_by) == 200
    assert made.comment == "x\ufffdy"


# ── The pages ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def responder(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.RESPONDER, now=virtual_clock.now()))


def filled(**values: str) -> dict[str, str]:
    form = {
        "name-0": "service",
        "operator-0": "=",
        "value-0": "payments",
        "lasts": "2h",
        "comment": "The disk is being changed.",
        "step": "preview",
    }
    return form | {name.replace("_", "-", 1): one for name, one in values.items()}


def confirmed(**values: str) -> dict[str, str]:
    return filled(step="create", seen='service="payments"', **values)


@pytest.mark.req("A52")
def test_one_sees_what_is_matched_before_it_is_silenced(responder: Client) -> None:
    incident = site.declare("KBZPay does not answer", now=START)
    fire("Payments are slow", service="payments")
    fire("Payments are down", incident, service="payments")
    fire("The disk is full", service="disk")

    page = responder.post("/silences/new/", filled()).content.decode()

    assert "2 alerts fire and match" in page
    assert "Payments are slow" in page
    assert "The disk is full" not in page
    assert "go on regardless" in page
    assert f"#{incident.pk}</a> KBZPay does not answer" in page
    assert not Silence.objects.exists()

    answer = responder.post("/silences/new/", confirmed())

    assert answer.headers["location"] == "/silences/?state=active"
    (made,) = Silence.objects.all()
    assert made.matchers == [PAYMENTS.stored()]
    assert (made.starts_at, made.ends_at) == (START, START + 2 * HOUR)
    assert (made.created_by, made.integration) == ("Responder", None)


@pytest.mark.django_db
@pytest.mark.req("A15")
def test_a_muted_alert_that_is_confidential_is_previewed_for_few() -> None:
    secret = fire("Intrusion", service="payments")
    Alert.objects.filter(pk=secret.pk).update(is_confidential=True)
    fire("Down", service="payments")

    for_all = queries.preview([PAYMENTS], confidential=False)
    for_few = queries.preview([PAYMENTS], confidential=True)

    assert (for_all.count, [one.title for one in for_all.alerts]) == (1, ["Down"])
    assert for_few.count == 2


def test_other_matchers_than_those_seen_are_shown_first(responder: Client) -> None:
    answer = responder.post("/silences/new/", confirmed(value_0="disk"))

    assert answer.status_code == 200
    assert "0 alerts fire and match" in answer.content.decode()
    assert not Silence.objects.exists()


@pytest.mark.parametrize(
    ("lasts", "ends_at"),
    [
        ("30m", START + HOUR / 2),
        ("8h", START + 8 * HOUR),
        # It is Sunday 02:30 in Yangon.
        ("tomorrow", datetime(2026, 2, 9, 2, 30, tzinfo=UTC)),
    ],
)
def test_it_lasts_as_long_as_was_chosen(
    responder: Client, lasts: str, ends_at: datetime
) -> None:
    responder.post("/silences/new/", confirmed(lasts=lasts))

    assert Silence.objects.get().ends_at == ends_at


def test_times_are_those_of_the_plans_zone(responder: Client) -> None:
    form = confirmed(lasts="custom") | {
        "starts_at": "2026-02-08T04:00",
        "ends_at": "2026-02-08T06:00",
    }
    answer = responder.post("/silences/new/", form)

    assert answer.headers["location"] == "/silences/?state=pending"
    made = Silence.objects.get()
    assert made.starts_at == datetime(2026, 2, 7, 21, 30, tzinfo=UTC)
    assert made.ends_at == datetime(2026, 2, 7, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"comment": ""}, "This field is required."),
        ({"value_0": ""}, "at least one matcher must not match the empty string"),
        ({"name_0": "", "value_0": ""}, "at least one matcher is needed"),
        ({"operator_0": "=~", "value_0": "("}, "missing )"),
        ({"lasts": "custom"}, "Say until when."),
        ({"lasts": "custom", "ends_at": "9999-12-31T23:59"}, "Choose another year."),
        ({"lasts": "for ever"}, "Select a valid choice."),
        ({"value_0": "\0"}, "there is a NUL in the value"),
    ],
)
def test_a_form_that_cannot_be_used_says_why(
    responder: Client, values: dict[str, str], said: str
) -> None:
    ends = {"ends_at": values.pop("ends_at")} if "ends_at" in values else {}
    answer = responder.post("/silences/new/", filled(**values) | ends)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Silence.objects.exists()


def test_an_end_in_the_past_is_refused_in_words(responder: Client) -> None:
    form = confirmed(lasts="custom") | {"ends_at": "2026-02-08T01:00"}
    answer = responder.post("/silences/new/", form)

    assert answer.status_code == 422
    assert "Start time must be before end time." in answer.content.decode()


def test_rows_beyond_the_limit_are_refused(responder: Client) -> None:
    rows = {
        f"{what}-{n}": text
        for n in range(MAX_MATCHERS + 1)
        for what, text in (("name", "a"), ("operator", "="), ("value", "b"))
    }
    answer = responder.post("/silences/new/", filled() | rows)

    assert answer.status_code == 422
    assert "51 matchers, and no more than 50 may be" in answer.content.decode()


def test_a_matcher_can_be_added_before_the_rest_is_filled_in(
    responder: Client,
) -> None:
    page = responder.post("/silences/new/", filled(step="add", comment=""))

    text = page.content.decode()
    assert page.status_code == 200
    assert 'name="value-0" value="payments"' in text
    assert 'name="name-1" value=""' in text
    assert "required." not in text


def test_a_link_opens_the_form_with_its_matchers(responder: Client) -> None:
    page = responder.get("/silences/new/?filter=a%3D~%22x%7Cy%22").content.decode()
    broken = responder.get("/silences/new/?filter=%7B&from=nonsense")

    assert 'name="name-0" value="a"' in page
    assert "<option selected>=~</option>" in page
    assert broken.status_code == 200


def test_the_list_shows_each_state_and_the_words_are_escaped(
    responder: Client,
) -> None:
    actions.create(draft(comment="<b>now</b>"), now=START)
    actions.create(
        draft(starts_at=START + HOUR, ends_at=START + 2 * HOUR, comment="later"),
        now=START,
    )
    over = actions.create(draft(comment="before"), now=START)
    actions.expire(over.public_id, by="Ko Aung", now=START)

    active = responder.get("/silences/").content.decode()
    pending = responder.get("/silences/?state=pending").content.decode()
    expired = responder.get("/silences/?state=expired").content.decode()

    assert "&lt;b&gt;now&lt;/b&gt;" in active
    assert "service=&quot;payments&quot;" in active
    assert ("later" in active, "later" in pending) == (False, True)
    assert "ended by Ko Aung" in expired
    assert "/expire/" not in expired
    assert responder.get("/silences/?state=nonsense").status_code == 200


def test_many_silences_come_in_pages(responder: Client) -> None:
    for number in range(30):
        actions.create(draft(comment=f"number {number}"), now=START)

    assert "Page 1 of 2" in responder.get("/silences/").content.decode()
    assert "number 29" in responder.get("/silences/?page=2").content.decode()


def test_a_silence_is_extended_and_ended_on_the_page(responder: Client) -> None:
    made = actions.create(draft(), now=START)
    place = f"/silences/{made.public_id}"

    longer = responder.post(f"{place}/extend/", {"lasts": "8h"}, follow=True)
    wrong = responder.post(f"{place}/extend/", {"lasts": "1y"}, follow=True)
    made.refresh_from_db()
    assert made.ends_at == START + 9 * HOUR
    assert "It ends at 8 Feb 11:30 now." in longer.content.decode()
    assert "Nothing was changed" in wrong.content.decode()

    ended = responder.post(f"{place}/expire/", follow=True)
    again = responder.post(f"{place}/expire/", follow=True)
    late = responder.post(f"{place}/extend/", {"lasts": "8h"}, follow=True)
    made.refresh_from_db()
    assert (made.ends_at, made.ended_by) == (START, "Responder")
    assert "Ended." in ended.content.decode()
    assert "It had ended already." in again.content.decode()
    assert "Make it again instead." in late.content.decode()


def test_it_can_be_made_again(responder: Client) -> None:
    made = actions.create(draft(), now=START)

    page = responder.get(f"/silences/new/?from={made.public_id}").content.decode()

    assert 'name="value-0" value="payments"' in page
    assert "The disk is being changed." in page


@pytest.mark.parametrize("action", ["expire", "extend"])
def test_a_silence_that_is_not_there_is_not_found(
    responder: Client, action: str
) -> None:
    answer = responder.post(f"/silences/{uuid.uuid4()}/{action}/", {"lasts": "2h"})

    assert answer.status_code == 404


def test_whoever_may_not_act_sees_no_buttons(stakeholder: Client) -> None:
    actions.create(draft(), now=START)

    page = stakeholder.get("/silences/").content.decode()

    assert "The disk is being changed." in page
    assert "/silences/new/" not in page
    assert "/expire/" not in page
    assert stakeholder.get("/silences/new/").status_code == 403
