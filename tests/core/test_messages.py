"""What is said to a person or a channel."""

from dataclasses import asdict, replace

import pytest

from tests.core.cast import T0, YANGON, after, minutes, role, step
from watchbill.core.ladder import Step, Verb
from watchbill.core.messages import (
    Link,
    Notice,
    Subject,
    headline,
    reasons,
    update,
    write,
)
from watchbill.core.severity import Severity, Urgency

INCIDENT = Subject(
    number=7,
    title="Payments fail",
    summary="Every card is refused since the release.",
    severity=Severity(key="P1", rank=1, title="Critical"),
    alert_type="Payment failures",
    status="triggered",
    declared_at=T0,
    links=(Link(label="Dashboard", url="https://grafana.test/payments"),),
)
#: What nobody may read who is not told of a confidential incident.
KEPT = (
    INCIDENT.title,
    INCIDENT.summary,
    INCIDENT.alert_type,
    "grafana.test",
    "Dashboard",
)
ACKNOWLEDGE = Link(label="Acknowledge", url="https://watchbill.test/a", is_primary=True)
PAGE = step("page/0", 0, role("devops"))


def notice(
    subject: Subject = INCIDENT,
    says: Step = PAGE,
    *,
    is_copy: bool = False,
    is_late: bool = False,
) -> Notice:
    return write(
        subject,
        says,
        because=(says,),
        key="7/page/0/ana",
        links=(ACKNOWLEDGE,),
        zone=YANGON,
        now=after(15),
        is_copy=is_copy,
        is_late=is_late,
    )


def test_a_page_says_what_is_wrong_how_bad_since_when_why_and_what_to_do() -> None:
    assert notice() == Notice(
        idempotency_key="7/page/0/ana",
        thread_key="incident-7",
        subject="[P1] Page: Payments fail (#7)",
        paragraphs=(
            "You are asked to take this incident: acknowledge it and start work.",
            "Every card is refused since the release.",
            "Sent because of: Page/0 at 0 min.",
        ),
        facts=(
            ("Severity", "P1 Critical"),
            ("Status", "triggered"),
            ("Type", "Payment failures"),
            ("Declared", "2026-02-06 12:00 Asia/Yangon (15 min ago)"),
        ),
        links=(
            ACKNOWLEDGE,
            Link(label="Dashboard", url="https://grafana.test/payments"),
        ),
        severity="P1",
        urgency=Urgency.HIGH,
    )


@pytest.mark.req("A15")
@pytest.mark.parametrize("verb", list(Verb))
def test_a_confidential_incident_is_named_nowhere_in_its_notice(verb: Verb) -> None:
    secret = replace(INCIDENT, is_confidential=True)
    says = replace(PAGE, verb=verb)

    said = str(asdict(notice(secret, says)))

    assert "confidential incident (#7)" in said
    for kept in KEPT:
        assert kept not in said
    assert ACKNOWLEDGE.url in said


@pytest.mark.req("A15")
def test_news_of_a_confidential_incident_name_it_nowhere() -> None:
    secret = replace(INCIDENT, is_confidential=True)
    text = f"{INCIDENT.title}: {INCIDENT.summary}"

    said = str(asdict(update(secret, text, key="k", zone=YANGON, now=after(15))))

    assert "confidential incident (#7)" in said
    for kept in KEPT:
        assert kept not in said


@pytest.mark.parametrize("verb", list(Verb))
def test_a_drill_says_so_before_anything_else(verb: Verb) -> None:
    drill = replace(INCIDENT, is_drill=True)

    assert headline(drill, verb).startswith("DRILL [P1] ")
    assert not headline(INCIDENT, verb).startswith("DRILL")


@pytest.mark.req("A50")
def test_a_burmese_title_arrives_as_it_was_written() -> None:
    burmese = "ငွေပေးချေမှု မအောင်မြင်ပါ"

    line = headline(replace(INCIDENT, title=burmese), Verb.PAGE)

    assert line == f"[P1] Page: {burmese} (#7)"


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\r", "\u2028", "\x85", "\t"])
def test_a_headline_is_one_line_whatever_the_title_holds(separator: str) -> None:
    title = f"Payments{separator}Bcc: all@x.test "

    line = headline(replace(INCIDENT, title=title), Verb.NOTIFY)

    assert line == "[P1] Notice: Payments Bcc: all@x.test (#7)"


@pytest.mark.req("S3.2-17")
def test_who_is_notified_is_not_asked_to_do_anything() -> None:
    said = notice(says=step("cto", 60, role("dba"), verb=Verb.NOTIFY))

    assert said.subject == "[P1] Notice: Payments fail (#7)"
    assert said.paragraphs[0].startswith("For your information")


@pytest.mark.req("S4.4-07")
def test_a_copy_asks_for_nothing_and_wakes_nobody() -> None:
    said = notice(is_copy=True)

    assert said.urgency is Urgency.LOW
    assert said.paragraphs == (
        INCIDENT.summary,
        "Sent because of: Page/0 at 0 min."
        " You get a copy because you shadow the primary.",
    )


@pytest.mark.req("S3.2-19")
def test_the_reasons_name_every_step_and_that_it_is_late() -> None:
    second = step("cto", 60, role("dba"), verb=Verb.NOTIFY)

    assert reasons((PAGE, second), is_copy=False, is_late=True) == (
        "Sent because of: Page/0 at 0 min; Cto at 1 h."
        " This message is late: watchbill was not running."
    )


def test_a_post_to_a_channel_has_neither_opening_nor_request() -> None:
    said = notice(replace(INCIDENT, summary=""), replace(PAGE, verb=Verb.POST))

    assert said.subject == "[P1] Payments fail (#7)"
    assert said.paragraphs == ("Sent because of: Page/0 at 0 min.",)


def test_the_urgency_is_the_steps() -> None:
    low = step("page", 0, role("devops"), urgency=Urgency.LOW)

    assert notice(says=low).urgency is Urgency.LOW


def test_the_time_of_declaration_is_shown_in_the_plans_zone() -> None:
    late = replace(INCIDENT, declared_at=after(15) - minutes(24 * 60))

    facts = dict(notice(late).facts)

    assert facts["Declared"] == "2026-02-05 12:15 Asia/Yangon (24 h ago)"
