"""Mistakes in settings are found at the start, and secrets are shown to nobody."""

from datetime import timedelta

import pytest

from tests.integrations.test_providers import CHANNELS, values
from watchbill.integrations.contract import SettingsError
from watchbill.server.engine import channels
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.heartbeat import Sender
from watchbill.server.people.contacting import Issued
from watchbill.server.people.models import ContactMethod
from watchbill.server.providers import configure

SECRET = "s3cret-word-of-nobody"


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("push", {"vapid_private_key": SECRET}, "PEM of the curve P-256"),
        ("push", {"vapid_subject": SECRET}, "mailto:"),
        ("push", {"hosts": f"https://{SECRET}/"}, "names such as fcm"),
        ("webhook", {"secret": SECRET}, "Secret 1 of the webhook must be whsec_"),
        ("webhook", {"url": SECRET}, "must begin with https://"),
        ("teams", {"webhook_url": SECRET}, "address of a workflow"),
        ("gsm", {"baud": "fast"}, "WATCHBILL_GSM_BAUD is 'fast'"),
    ],
)
def test_a_mistake_in_a_setting_stops_the_start_with_a_sentence(
    name: str, wrong: dict[str, str], says: str
) -> None:
    given = values(name, CHANNELS[name][1])
    channels.check(configure({name: given}))

    with pytest.raises(SettingsError, match=f"The channel {name} cannot") as caught:
        channels.check(configure({name: given | wrong}))

    assert says in str(caught.value)
    assert str(caught.value).endswith(".")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", CHANNELS)
def test_no_secret_of_a_channel_is_in_a_repr(name: str) -> None:
    _, channel = CHANNELS[name]
    secrets = {one.name: f"{SECRET}-{one.name}" for one in channel.settings}
    configured = configure({name: secrets})

    shown = repr(Channels(egress=Egress(), configured=configured))

    assert name in configured
    assert SECRET not in shown
    assert SECRET not in repr(configured)


def test_neither_the_watchdogs_address_nor_a_code_is_in_a_repr() -> None:
    url = f"https://watchdog.example/{SECRET}"
    sender = Sender(url=url, every=timedelta(minutes=1), egress=Egress())
    issued = Issued(method=ContactMethod(), code="471108")

    assert SECRET not in repr(sender)
    assert "471108" not in repr(issued)
