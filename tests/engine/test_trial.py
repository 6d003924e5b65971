"""``watchbill send --test``: a test page, watched until it is known what came of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.test import override_settings

from tests.doubles.smtp_server import SmtpDouble, SmtpReply
from tests.server import site
from watchbill.commands import send
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import trial
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.notifications.readiness import confirm_test
from watchbill.server.plans.models import PlanVersion

pytestmark = pytest.mark.django_db(transaction=True)


class Installed:
    """What the command sees of an installation."""

    trial = trial


@pytest.fixture
def smtp() -> Iterator[SmtpDouble]:
    with SmtpDouble() as double:
        mail = {"smtp_url": double.url, "mail_from": "watchbill@example.org"}
        with override_settings(CHANNELS={"email": mail}):
            yield double


@pytest.fixture(autouse=True)
def _here(
    trm_plan: PlanVersion, virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the command in this process, on the database of the test."""

    @contextmanager
    def installation(_options: Any) -> Iterator[Installed]:
        yield Installed()

    monkeypatch.setattr(send, "installation", installation)


def run(*words: str) -> Result:
    return CliRunner().invoke(
        send.command, ["--test", "--wait", "0", *words], catch_exceptions=False
    )


def test_without_an_engine_it_sends_only_its_own_message_and_says_so(
    smtp: SmtpDouble, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    waiting = site.notification(site.declare(now=now), now=now)

    result = run("--to", "devops_engineer")

    assert result.exit_code == 0
    assert "No engine pages anybody, so this command sends it" in result.output
    assert "email  de…@trm.rocks  attempt 1  delivered" in result.output
    assert result.output.endswith("Delivered; not confirmed yet.\n")
    (mail,) = smtp.wait_for(1)
    assert "Test page" in str(mail.message["Subject"])
    waiting.refresh_from_db()
    assert waiting.attempts == 0


def test_what_the_provider_refused_is_shown_and_ends_with_one(
    smtp: SmtpDouble,
) -> None:
    smtp.then(SmtpReply.NO_SUCH_USER)

    result = run("--to", "devops_engineer", "--json")

    assert result.exit_code == 1
    said = json.loads(result.output)
    assert (said["delivered"], said["confirmed"]) == (False, False)
    (attempt,) = said["events"]
    assert (attempt["event"], attempt["outcome"]) == ("attempt", "permanent")
    assert "550" in attempt["answer"]


def test_a_confirmation_is_seen_and_ends_the_wait(
    smtp: SmtpDouble, virtual_clock: VirtualClock
) -> None:
    page = trial.start("devops_engineer", "email")
    assert [one["event"] for one in page.look()] == ["attempt"]
    assert page.look() == ()

    row = Notification.objects.get(purpose=Purpose.TEST)
    confirm_test(row, reaches=None, now=virtual_clock.now())

    assert [one["event"] for one in page.look()] == ["confirmed"]
    assert page.is_confirmed


@pytest.mark.usefixtures("smtp")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--to", "nobody"], "the plan has no contact 'nobody'; known are "),
        (
            ["--to", "devops_engineer", "--channel", "fax"],
            "the channel 'fax' is not set up; set up are: email",
        ),
        (
            ["--to", "operations_manager"],
            "no channel that is set up leads to Operations Manager",
        ),
    ],
)
def test_what_cannot_be_sent_is_a_sentence(words: list[str], why: str) -> None:
    result = run(*words)

    assert result.exit_code == 1
    assert why in result.output
    assert Notification.objects.count() == 0
