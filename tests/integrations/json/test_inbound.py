import json
from typing import Any

import pytest

from tests.integrations.posts import recorded, reports, signal
from watchbill.core.alerts import AlertStatus
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import Config, Post

pytestmark = pytest.mark.req("S4.1-08")


def post(**fields: Any) -> Post:
    return Post(body=json.dumps(fields).encode())


def test_common_names_need_no_mapping() -> None:
    fired = signal("json", recorded("json", "disk"))

    assert fired.fingerprint == "disk-db-1"
    assert fired.title == "The disk of db-1 is 91 % full"
    assert fired.labels == {"rack": "3", "service": "database", "severity": "warning"}
    assert fired.links == {"source": "https://grafana.trm.example/d/db"}


@pytest.mark.req("S4.1-10")
def test_a_title_alone_is_enough_to_begin_and_to_end() -> None:
    fired = signal("json", post(title="Disk full"))
    over = signal("json", post(title="Disk full", status="OK"))

    assert fired.status is AlertStatus.FIRING
    assert over.status is AlertStatus.RESOLVED
    assert over.fingerprint == fired.fingerprint


def test_what_has_neither_identifier_nor_title_is_refused() -> None:
    with pytest.raises(PayloadError, match="there is no fingerprint or"):
        reports("json", post(value=3))


def test_a_mapping_takes_the_place_of_the_common_names() -> None:
    mapping = {"each": "$.list[*]", "title": "{t}", "fingerprint": "n"}
    body = post(list=[{"t": "a", "n": 1}, {"t": "b", "n": 2}])

    found = reports("json", body, Config(mapping=mapping))

    assert [getattr(one, "title", "") for one in found] == ["a", "b"]
