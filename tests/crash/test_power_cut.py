"""Everything is killed at once, again and again, and nothing accepted is lost (I1).

One installation goes through three power cuts, each at a moment that is made certain
rather than hoped for, and is then left alone until it has settled. The tests ask what
is left. They share the wait, because a page that a killed process had in its hands is
tried again only when its lease of 30 s has run out.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.crash.evidence import Evidence, gather, services_of
from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble, SmtpReply
from tests.e2e.product import Product, channels, eventually, fire, p1

pytestmark = pytest.mark.crash

STALLED = "stalled-after-data"
UNDECIDED = "accepted-and-not-looked-at"
UNSENT = "decided-and-not-sent"

_ATTEMPTED = """
SELECT 1 FROM watchbill_notification n JOIN watchbill_alert a USING (incident_id)
WHERE a.labels->>'service' = %s AND n.channel = 'email' AND n.attempts > 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    evidence: Evidence
    #: Message-IDs that a mail server had in full when its sender was killed.
    stalled: set[str]
    #: Services that somebody had been told of when each cut came.
    told_before: dict[str, set[str]]
    #: The page of deliveries that ended without an answer, at least once.
    delivery_log: str
    smtp: SmtpDouble


@pytest.fixture(scope="module")
def aftermath(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Aftermath]:
    product = Product(home, env=channels(smtp, slack))
    told_before = {}
    with ExitStack() as stack:
        stack.callback(product.finish)
        owner = stack.enter_context(closing(product.start().create_owner()))
        url = product.create_integration()

        # 1. The mail server has read a message whole and answers nothing.
        smtp.then(*[SmtpReply.STALL_AFTER_DATA] * 4)
        fire(url, p1(STALLED))
        stalled = {str(one.message["Message-ID"]) for one in smtp.wait_for(1)}
        product.kill9()
        product.restart()

        # 2. No engine can decide anything: another session holds the incidents.
        with suppress(psycopg.OperationalError), product.database() as held:
            held.execute("BEGIN; LOCK TABLE watchbill_incident IN EXCLUSIVE MODE")
            fire(url, p1(UNDECIDED))
            told_before[UNDECIDED] = services_of(smtp)
            product.kill9()
        product.restart()

        # 3. The steps have fired, and the mail server takes no connection.
        # Enough for what the earlier incidents still send, too.
        smtp.then(*[SmtpReply.BUSY] * 200)
        fire(url, p1(UNSENT))
        eventually(lambda: product.rows(_ATTEMPTED, UNSENT), "a mail was attempted")
        told_before[UNSENT] = services_of(smtp)
        product.kill9()
        smtp.accept_again()
        product.restart()

        yield Aftermath(
            evidence=gather(product, smtp),
            stalled=stalled,
            told_before=told_before,
            delivery_log=owner.get("/deliveries/?state=unknown").text,
            smtp=smtp,
        )


@pytest.mark.req("S4.1-09", "S3.2-18")
def test_each_accepted_alert_is_one_incident(aftermath: Aftermath) -> None:
    incidents = aftermath.evidence.incidents

    assert {service: len(found) for service, found in incidents.items()} == {
        STALLED: 1,
        UNDECIDED: 1,
        UNSENT: 1,
    }


def test_nothing_had_been_decided_or_sent_when_the_power_went(
    aftermath: Aftermath,
) -> None:
    assert UNDECIDED not in aftermath.told_before[UNDECIDED]
    assert UNSENT not in aftermath.told_before[UNSENT]


@pytest.mark.req("S3.2-01", "S2.2-07")
def test_every_first_page_is_delivered(aftermath: Aftermath) -> None:
    evidence = aftermath.evidence

    assert {one.service for one in evidence.pages} == {STALLED, UNDECIDED, UNSENT}
    assert evidence.lost() == []


@pytest.mark.req("S3.2-18")
def test_a_page_comes_twice_only_if_the_record_says_that_it_may(
    aftermath: Aftermath,
) -> None:
    assert aftermath.evidence.doubled_silently() == []


@pytest.mark.req("S2.2-07")
def test_a_page_of_unknown_outcome_is_sent_again_under_the_same_message_id(
    aftermath: Aftermath,
) -> None:
    doubtful = {
        one.message_id for one in aftermath.evidence.pages if one.may_be_duplicate
    }
    again = Counter(
        str(mail.message["Message-ID"])
        for mail in aftermath.smtp.messages
        if mail.accepted
    )

    assert aftermath.stalled
    assert {one: again[one] for one in aftermath.stalled} == dict.fromkeys(
        aftermath.stalled, 1
    )
    assert {one.message_id for one in aftermath.evidence.pages} & aftermath.stalled
    assert doubtful >= {
        one.message_id
        for one in aftermath.evidence.pages
        if one.message_id in aftermath.stalled
    }


@pytest.mark.req("S2.2-07")
def test_the_delivery_log_says_that_a_message_may_be_a_duplicate(
    aftermath: Aftermath,
) -> None:
    assert "may be a duplicate" in aftermath.delivery_log
    assert "its process died" in aftermath.delivery_log
