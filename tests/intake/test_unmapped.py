"""A first sample that no mapping fits is kept, shown, and folded once one does."""

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from tests.server import site
from tests.server.asgi import Response, ask, drive
from watchbill.core.access import ConsoleRole
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions
from watchbill.server.intake.models import InboxEntry, IntakeRejection, Integration
from watchbill.server.plans import queries as plans

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-07", "S4.1-11"),
]

SAMPLE = b'{"metric": {"label": "Rage clicks"}, "firedAt": 1795435200000, "n": 7}'
MAPPING = {"title": "{metric.label}", "fingerprint": ["metric.label"]}


@pytest.fixture(autouse=True)
def fresh_plans() -> Iterator[None]:
    """Plans are kept by number for ever, but a truncated table counts anew."""
    plans.forget()
    yield
    plans.forget()


@pytest.fixture
def owner(transactional_db: None, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.OWNER, now=virtual_clock.now()))


@pytest.fixture
def made(
    transactional_db: None, virtual_clock: VirtualClock
) -> tuple[Integration, str]:
    return actions.create_integration(
        kind="logrocket", name="Web", now=virtual_clock.now()
    )


def post(key: str) -> Response:
    return drive(lambda app: ask(app, "POST", f"/intake/logrocket/{key}", SAMPLE))


def quarantined(key: str, clock: VirtualClock) -> InboxEntry:
    answer = post(key)
    assert answer.status == 202
    fold_waiting(now=clock.now())
    entry = InboxEntry.objects.get()
    assert entry.quarantined_at == clock.now()
    return entry


def test_a_sample_that_cannot_be_mapped_is_answered_kept_and_shown(
    made: tuple[Integration, str], owner: Client, virtual_clock: VirtualClock
) -> None:
    one, key = made

    answer = post(key)
    assert (answer.status, answer.json["signals"]) == (202, 0)
    (problem,) = answer.json["problems"]
    assert "cannot be told from any other alert" in problem
    assert not IntakeRejection.objects.exists()

    fold_waiting(now=virtual_clock.now())
    entry = InboxEntry.objects.get()
    assert entry.quarantined_at == virtual_clock.now()
    assert not Alert.objects.exists()
    table = plans.plan_of(plans.in_force(now=virtual_clock.now()).pk).routing
    assert Incident.objects.get().severity == table.default_severity

    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert page.context["event"]["state"] == "quarantined"
    assert "Rage clicks" in page.context["body"]
    assert "cannot be told" in page.context["problem"]["text"]
    link = f"/integrations/{one.pk}/mapping/?sample={entry.pk}"
    assert page.context["mapping_url"] == link
    assert f'href="{link}"' in page.text
    assert "Rage clicks" in owner.get(link).context["body"]


def test_after_the_mapping_is_saved_what_was_set_aside_is_folded(
    made: tuple[Integration, str], owner: Client, virtual_clock: VirtualClock
) -> None:
    one, key = made
    entry = quarantined(key, virtual_clock)
    virtual_clock.advance(timedelta(minutes=5))

    url = f"/integrations/{one.pk}/mapping/"
    assert owner.post(url, {"mapping": json.dumps(MAPPING)}).status_code == 302
    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert 'action="/integrations/fold-again/"' in page.text
    assert page.context["reports"][0]["title"] == "Rage clicks"
    owner.post("/integrations/fold-again/")
    fold_waiting(now=virtual_clock.now())

    assert Alert.objects.get().title == "Rage clicks"
    entry.refresh_from_db()
    assert (entry.quarantined_at, entry.folded_at) == (None, virtual_clock.now())
    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert page.context["event"]["state"] == "folded"
    assert "fold-again" not in page.text


def test_a_sample_can_be_replayed_by_itself(
    made: tuple[Integration, str], owner: Client, virtual_clock: VirtualClock
) -> None:
    one, key = made
    entry = quarantined(key, virtual_clock)
    actions.change_mapping(one.pk, MAPPING)

    url = f"/integrations/{one.pk}/events/{entry.pk}/replay/"
    assert owner.post(url, {"wish": str(uuid4())}).status_code == 302
    fold_waiting(now=virtual_clock.now())

    assert Alert.objects.get().title == "Rage clicks"
