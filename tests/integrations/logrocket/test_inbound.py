import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import AlertStatus
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import Config, Post

pytestmark = pytest.mark.req("S4.1-07")

GUESS = recorded("logrocket", "guess")
"""Not recorded: LogRocket does not document the names of its fields."""


def test_common_names_are_found_and_the_session_is_linked() -> None:
    alert = signal("logrocket", GUESS)

    assert alert.title == "Rage clicks on Apply"
    assert alert.links["session"] == "https://app.logrocket.com/trm/web/s/1"


def test_an_alert_that_is_over_ends() -> None:
    over = signal("logrocket", changed(GUESS, status="Resolved"))

    assert over.status is AlertStatus.RESOLVED
    assert over.fingerprint == signal("logrocket", GUESS).fingerprint


def test_the_mapping_that_people_make_from_a_sample_counts() -> None:
    mapping = {"title": "{what.it.is}", "fingerprint": "what.number"}
    post = Post(body=b'{"what": {"it": {"is": "slow"}, "number": 4}}')

    assert signal("logrocket", post, Config(mapping=mapping)).title == "slow"
    with pytest.raises(PayloadError, match="correct the mapping"):
        reports("logrocket", post)
