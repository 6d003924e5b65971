"""Alertmanager's API v2, field by field, as its clients see it."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.test import Client

from tests.conftest import START
from tests.server import site
from tests.server.test_silences import HOUR, draft, fire
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.compat import alertmanager
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import IntakeRejection, Integration, Scope
from watchbill.server.plans.models import PlanVersion
from watchbill.server.silences import actions
from watchbill.server.silences.matching import Written
from watchbill.server.silences.models import Silence

ALL = (Scope.POST, Scope.READ, Scope.SILENCE)
POSTED: dict[str, Any] = {
    "matchers": [
        {"name": "service", "value": "payments", "isRegex": False, "isEqual": True}
    ],
    "startsAt": "2026-02-07T20:00:00.000Z",
    "endsAt": "2026-02-07T21:00:00.000Z",
    "createdBy": "ma.thida",
    "comment": "The disk is being changed.",
}
MATCHER = {"name": "service", "value": "disk", "isRegex": False}


@dataclass(frozen=True, slots=True)
class Api:
    """A client with a key in its header, or in its address."""

    key: str
    client: Client
    base: str = "/api/v2"

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(f"{self.base}/{path}", parameters, headers=self._headers)

    def post(self, body: object) -> Any:
        return self.client.post(
            f"{self.base}/silences",
            body if isinstance(body, bytes) else json.dumps(body),
            content_type="application/json",
            headers=self._headers,
        )

    def delete(self, name: object) -> Any:
        return self.client.delete(f"{self.base}/silence/{name}", headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


@pytest.fixture
def integration(trm_plan: PlanVersion) -> Integration:
    made, _ = intake.create_integration(kind="prometheus", name="Prometheus", now=START)
    return made


@pytest.fixture
def api(integration: Integration) -> Api:
    return Api(intake.add_key(integration, scopes=ALL, now=START), Client())


# ── Who may enter ───────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.1-11")
@pytest.mark.parametrize(
    ("scopes", "reads", "silences"),
    [
        ((Scope.POST,), 401, 401),
        ((Scope.READ,), 200, 401),
        ((Scope.SILENCE,), 401, 200),
    ],
)
def test_a_key_opens_what_its_scopes_say(
    integration: Integration, scopes: tuple[Scope, ...], reads: int, silences: int
) -> None:
    key = intake.add_key(integration, scopes=scopes, now=START)
    for api in (
        Api(key, Client()),
        Api("", Client(), f"/intake/prometheus/{key}/api/v2"),
    ):
        assert api.get("alerts").status_code == reads
        assert api.get("silences").status_code == reads
        assert api.post(POSTED).status_code == silences


def test_without_a_good_key_nothing_is_told(api: Api, integration: Integration) -> None:
    other, _ = intake.create_integration(kind="grafana", name="Other", now=START)
    foreign = intake.add_key(other, scopes=ALL, now=START)
    revoked = intake.add_key(integration, scopes=ALL, now=START)
    integration.keys.filter(hint=revoked[-6:]).update(revoked_at=START)

    for key in ("", "nonsense", revoked, foreign):
        answer = Api(key, Client()).get("status")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert isinstance(answer.json(), str)
    assert IntakeRejection.objects.count() >= 2


@pytest.mark.django_db
def test_health_is_for_everybody() -> None:
    assert Client().get("/-/healthy").content == b"OK"


@pytest.mark.django_db
def test_readiness_is_for_everybody() -> None:
    assert Client().get("/-/ready").status_code == 200
    assert Client().get("/intake/prometheus/any/-/ready").status_code == 200


# ── What it is ──────────────────────────────────────────────────────────────────────


def test_the_status_has_every_field_that_is_required(api: Api) -> None:
    status = api.get("status").json()

    assert status["cluster"] == {"name": "watchbill", "status": "ready", "peers": []}
    assert set(status["versionInfo"]) == {
        *("version", "revision", "branch", "buildUser", "buildDate", "goVersion")
    }
    assert status["config"]["original"].startswith("route:\n  receiver: ")
    assert status["uptime"].endswith("Z")


def test_receivers_are_the_routes_of_the_plan(api: Api) -> None:
    names = [one["name"] for one in api.get("receivers").json()]

    assert "infrastructure" in names
    # Security incidents are confidential, and so is that there is such a route.
    assert "security" not in names


# ── Alerts ──────────────────────────────────────────────────────────────────────────


def test_an_alert_has_every_field(api: Api) -> None:
    alert = fire(service="payments", alertname="Down")
    Alert.objects.filter(pk=alert.pk).update(
        annotations={"summary": "Down"},
        links={"source": "https://prometheus.example/graph"},
        expires_at=START + timedelta(minutes=4),
    )

    assert api.get("alerts").json() == [
        {
            "annotations": {"summary": "Down"},
            "endsAt": "2026-02-07T20:04:00.000Z",
            "fingerprint": alert.fingerprint,
            "receivers": [{"name": "infrastructure"}],
            "startsAt": "2026-02-07T20:00:00.000Z",
            "status": {
                "inhibitedBy": [],
                "mutedBy": [],
                "silencedBy": [],
                "state": "active",
            },
            "updatedAt": "2026-02-07T20:00:00.000Z",
            "generatorURL": "https://prometheus.example/graph",
            "labels": {"service": "payments", "alertname": "Down"},
        }
    ]


def test_an_alert_without_an_end_is_believed_for_some_minutes_more(
    api: Api, virtual_clock: VirtualClock
) -> None:
    fire(service="payments")
    virtual_clock.advance(HOUR)

    (alert,) = api.get("alerts").json()

    assert alert["endsAt"] == "2026-02-07T21:05:00.000Z"


def test_what_is_over_or_has_expired_is_not_listed(api: Api) -> None:
    expired, over, retired = fire(), fire(), fire()
    Alert.objects.filter(pk=expired.pk).update(expires_at=START)
    Alert.objects.filter(pk=over.pk).update(status="resolved")
    Alert.objects.filter(pk=retired.pk).update(is_current=False)

    assert api.get("alerts").json() == []
    assert api.get("alerts/groups").json() == []


def test_what_holds_an_alert_back_is_told_and_filtered_by(api: Api) -> None:
    silenced = fire("s", alertname="Silenced", service="payments")
    inhibited = fire("i", alertname="Inhibited")
    in_window = fire("w", alertname="Window")
    fire("a", alertname="Active")
    made = actions.create(draft(), now=START)
    for alert, kind, key in (
        (inhibited, "inhibition", "7/the-key"),
        (in_window, "maintenance", "the-key"),
    ):
        mutes = [{"kind": kind, "key": key, "text": "…"}]
        Alert.objects.filter(pk=alert.pk).update(muted_by=mutes)

    def names(**parameters: str) -> set[str]:
        found = api.get("alerts", **parameters).json()
        return {one["labels"]["alertname"] for one in found}

    by_name = {
        one["labels"]["alertname"]: one["status"] for one in api.get("alerts").json()
    }
    assert by_name["Silenced"]["silencedBy"] == [str(made.public_id)]
    assert by_name["Inhibited"]["inhibitedBy"] == ["the-key"]
    assert by_name["Window"]["mutedBy"] == ["the-key"]
    assert {name: one["state"] for name, one in by_name.items()} == {
        "Silenced": "suppressed",
        "Inhibited": "suppressed",
        "Window": "suppressed",
        "Active": "active",
    }
    assert silenced.muted_by == []
    assert names(active="false") == {"Silenced", "Inhibited", "Window"}
    assert names(silenced="false") == {"Inhibited", "Window", "Active"}
    assert names(inhibited="false") == {"Silenced", "Window", "Active"}
    assert names(silenced="false", inhibited="false", muted="0") == {"Active"}
    assert names(unprocessed="false") == set(by_name)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (['service="payments"'], {"a"}),
        (['service!="payments"'], {"b", "c"}),
        (["service=~pay.*"], {"a"}),
        (["service!~.+"], {"c"}),
        (['service=""'], {"c"}),
        (['service=~".+"', "n=b"], {"b"}),
        (["n=nobody"], set()),
    ],
)
def test_alerts_are_filtered_by_matchers(
    api: Api, filters: list[str], found: set[str]
) -> None:
    fire(n="a", service="payments")
    fire(n="b", service="disk")
    fire(n="c")

    alerts = api.get("alerts", filter=filters).json()

    assert {one["labels"]["n"] for one in alerts} == found


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"receiver": "infra.*"}, 2),
        ({"receiver": "infra"}, 0),
        ({"receiver_matchers": "owner=x"}, 0),
        ({"receiver_matchers": "owner!=x"}, 2),
        ({"limit": "1"}, 1),
        ({"limit": "0"}, 0),
    ],
)
def test_alerts_are_filtered_by_receiver_and_limited(
    api: Api, parameters: dict[str, str], count: int
) -> None:
    fire()
    fire()

    assert len(api.get("alerts", **parameters).json()) == count


@pytest.mark.parametrize(
    ("path", "parameters", "said"),
    [
        ("alerts", {"filter": "nonsense"}, "bad matcher format: nonsense"),
        ("alerts", {"filter": "a=~("}, "invalid regular expression"),
        ("alerts", {"receiver": "("}, "failed to parse receiver param: "),
        ("alerts", {"limit": "-1"}, "limit is a number of alerts"),
        ("alerts/groups", {"filter": "{}"}, "bad matcher format"),
        ("silences", {"filter": "x"}, "bad matcher format"),
    ],
)
def test_what_cannot_be_read_is_a_400_with_a_json_string(
    api: Api, path: str, parameters: dict[str, str], said: str
) -> None:
    answer = api.get(path, **parameters)

    assert answer.status_code == 400
    assert said in answer.json()


@pytest.mark.req("S4.3-05", "S7.2-08")
def test_confidential_alerts_are_shown_to_no_key(api: Api) -> None:
    secret = site.declare(now=START)
    secret.is_confidential = True
    secret.save(update_fields=["is_confidential"])
    fire("of a confidential incident", secret)
    hidden = fire("muted, of a confidential route")
    Alert.objects.filter(pk=hidden.pk).update(alert_type="security")

    for path in ("alerts", "alerts/groups"):
        assert api.get(path).json() == []


@pytest.mark.req("A15", "S7.2-08")
def test_a_muted_alert_that_is_confidential_is_shown_to_no_key(api: Api) -> None:
    muted = fire("Intrusion", alertname="Login", service="payments")
    Alert.objects.filter(pk=muted.pk).update(is_confidential=True)

    for path in ("alerts", "alerts/groups"):
        assert api.get(path).json() == []
        assert api.get(path, filter="alertname=Login").json() == []


def test_instants_and_links_are_written_as_clients_expect(api: Api) -> None:
    shown = fire(name="ကင်း", quote='"\\')
    Alert.objects.filter(pk=shown.pk).update(
        links={}, last_seen_at=START + timedelta(microseconds=1_999)
    )

    (alert,) = api.get("alerts").json()

    assert alert["updatedAt"] == "2026-02-07T20:00:00.001Z"
    assert alert["generatorURL"] == ""
    assert alert["labels"] == {"name": "ကင်း", "quote": '"\\'}


def test_groups_are_by_route_and_name(api: Api) -> None:
    fire(alertname="B", n="1")
    fire(alertname="A", n="2")
    fire(alertname="B", n="3")
    fire(n="4")

    groups = api.get("alerts/groups").json()

    assert [
        (one["labels"], [alert["labels"]["n"] for alert in one["alerts"]])
        for one in groups
    ] == [
        ({"alertname": "A"}, ["2"]),
        ({"alertname": "B"}, ["1", "3"]),
        ({}, ["4"]),
    ]
    assert {one["receiver"]["name"] for one in groups} == {"infrastructure"}
    assert all(one["routeLabels"] == {} for one in groups)


def test_a_long_answer_is_sent_while_it_is_written(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alertmanager, "_AT_ONCE", 10_000)
    seed = fire(alertname="A", text="x" * 200)
    rows = [
        Alert(
            **{
                field.attname: getattr(seed, field.attname)
                for field in Alert._meta.concrete_fields
                if field.attname not in {"id", "fingerprint"}
            },
            fingerprint=f"{number:016x}",
        )
        for number in range(1_200)
    ]
    Alert.objects.bulk_create(rows)

    for path in ("alerts", "alerts/groups"):
        answer = cast("StreamingHttpResponse", api.get(path))
        parts = async_to_sync(gathered)(cast("AsyncIterator[bytes]", answer))
        document = json.loads(b"".join(parts))

        assert answer.streaming
        assert len(parts) > 10
        assert max(map(len, parts)) < 12_000
        found = document if path == "alerts" else document[0]["alerts"]
        assert len(found) == 1_201
    assert not api.get("alerts", limit="5").streaming


async def gathered(answer: AsyncIterator[bytes]) -> list[bytes]:
    return [part async for part in answer]


# ── Silences ────────────────────────────────────────────────────────────────────────


@pytest.mark.req("A52")
def test_a_silence_is_made_shown_and_ended(api: Api, integration: Integration) -> None:
    answer = api.post(POSTED)

    name = answer.json()["silenceID"]
    assert answer.json() == {"silenceID": str(uuid.UUID(name))}
    assert Silence.objects.get().integration == integration
    shown = {
        **POSTED,
        "id": name,
        "status": {"state": "active"},
        "updatedAt": "2026-02-07T20:00:00.000Z",
        "annotations": {},
    }
    assert api.get(f"silence/{name}").json() == shown
    assert api.get("silences").json() == [shown]

    ended = [api.delete(name) for _ in range(2)]

    assert [(one.status_code, one.content) for one in ended] == [(200, b"")] * 2
    over = api.get(f"silence/{name}").json()
    assert (over["status"]["state"], over["endsAt"]) == ("expired", POSTED["startsAt"])
    assert Silence.objects.get().ended_by == "Prometheus"


@pytest.mark.django_db
@pytest.mark.req("S4.1-11")
def test_a_new_key_of_prometheus_silences_nothing_unless_it_was_asked_for(
    virtual_clock: VirtualClock,
) -> None:
    _, usual = intake.create_integration(kind="prometheus", name="P", now=START)
    _, asked = intake.create_integration(
        kind="prometheus", name="Q", now=START, scopes=[Scope.READ, Scope.SILENCE]
    )

    assert Api(usual, Client()).post(POSTED).status_code == 401
    assert Silence.objects.count() == 0
    assert Api(usual, Client()).get("silences").status_code == 200
    assert Api(asked, Client()).post(POSTED).status_code == 200


@pytest.mark.req("S4.1-11")
def test_a_key_changes_and_ends_no_silence_of_another_integration(api: Api) -> None:
    other, foreign = intake.create_integration(
        kind="prometheus", name="Other", now=START, scopes=ALL
    )
    on_console = actions.create(draft(), now=START)
    of_other = actions.create(draft(), integration_id=other.pk, now=START)

    for row in (on_console, of_other):
        for change in ({"comment": "Mine now."}, {"matchers": [MATCHER]}):
            answer = api.post(POSTED | {"id": str(row.public_id)} | change)
            assert (answer.status_code, answer.json()) == (404, "silence not found")
        assert api.delete(row.public_id).status_code == 404
        assert api.get(f"silence/{row.public_id}").status_code == 200
        untouched = Silence.objects.get(pk=row.pk)
        assert untouched.ends_at == START + HOUR
        assert untouched.comment == row.comment
    assert Silence.objects.count() == 2
    # Another key of the same integration may.
    assert Api(foreign, Client()).delete(of_other.public_id).status_code == 200


def test_a_silence_of_a_key_is_told_of_alerts_of_its_integration_only(
    api: Api, integration: Integration
) -> None:
    other, _ = intake.create_integration(kind="prometheus", name="Other", now=START)
    own = fire(service="payments", n="own")
    theirs = fire(service="payments", n="theirs")
    Alert.objects.filter(pk=own.pk).update(integration=integration)
    Alert.objects.filter(pk=theirs.pk).update(integration=other)
    name = api.post(POSTED).json()["silenceID"]

    found = {one["labels"]["n"]: one["status"] for one in api.get("alerts").json()}

    assert found["own"]["silencedBy"] == [name]
    assert found["theirs"]["silencedBy"] == []


def test_a_silence_is_changed_by_its_id(api: Api) -> None:
    name = api.post(POSTED).json()["silenceID"]
    longer = {**POSTED, "id": name, "endsAt": "2026-02-08T08:00:00+06:30"}
    other = {**longer, "matchers": [{"name": "a", "value": "b", "isRegex": False}]}

    assert api.post(longer).json()["silenceID"] == name
    assert api.get(f"silence/{name}").json()["endsAt"] == "2026-02-08T01:30:00.000Z"
    made = api.post(other).json()["silenceID"]
    assert made != name
    assert api.get(f"silence/{name}").json()["status"] == {"state": "expired"}


def test_silences_are_in_the_order_of_what_happens_next(
    api: Api, virtual_clock: VirtualClock
) -> None:
    def make(comment: str, begins: int, ends: int) -> None:
        values = {"starts_at": START + begins * HOUR, "ends_at": START + ends * HOUR}
        actions.create(draft(comment=comment, **values), now=START)

    make("expired first", 0, 1)
    make("expired last", 0, 2)
    make("active long", 0, 9)
    make("active short", 0, 8)
    make("pending late", 7, 8)
    make("pending soon", 6, 9)
    virtual_clock.advance(3 * HOUR)

    def comments(**parameters: str) -> list[str]:
        return [one["comment"] for one in api.get("silences", **parameters).json()]

    assert comments() == [
        *("active short", "active long", "pending soon", "pending late"),
        *("expired last", "expired first"),
    ]
    assert comments(expired="false", pending="false") == ["active short", "active long"]
    virtual_clock.advance(timedelta(days=6))
    assert comments() == []


def test_silences_are_found_by_the_matchers_they_hold(api: Api) -> None:
    actions.create(draft(Written("a", "x|y", is_regex=True)), now=START)

    def count(text: str) -> int:
        return len(api.get("silences", filter=text).json())

    assert [count(one) for one in ('a=~"x|y"', 'a="x|y"', "a=x")] == [1, 0, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matchers": []}, "at least one matcher is needed"),
        (
            {"matchers": [{"name": "a", "value": "", "isRegex": False}]},
            "at least one matcher must not match the empty string",
        ),
        (
            {"matchers": [{"name": "a", "value": "(", "isRegex": True}]},
            "matcher 1: invalid regular expression '(': missing ): (",
        ),
        (
            {"matchers": [{"name": "a", "value": "b", "isRegex": False}] * 10_000},
            "10000 matchers, and no more than 50 may be",
        ),
        ({"endsAt": POSTED["startsAt"]}, "start time must be before end time"),
        (
            {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T01:00:00Z"},
            "end time can't be in the past",
        ),
        ({"endsAt": "soon"}, "Invalid RFC3339 encoded datetime - at `$.endsAt`"),
        ({"comment": None}, "Expected `str`, got `null` - at `$.comment`"),
    ],
)
def test_a_silence_that_cannot_be_is_a_400(
    api: Api, change: dict[str, Any], said: str
) -> None:
    answer = api.post(POSTED | change)

    assert answer.status_code == 400
    assert answer.json() == f"Failed to create silence: {said}"
    assert not Silence.objects.exists()


@pytest.mark.parametrize("body", [b"", b"null", b"\xff", b'"\\ud800"', b"[" * 50_000])
def test_what_is_no_silence_is_a_400(api: Api, body: bytes) -> None:
    answer = api.post(body)

    assert answer.status_code == 400
    assert answer.json().startswith("Failed to create silence: ")


def test_odd_instants_are_understood(api: Api) -> None:
    zero_to_for_ever = {
        "startsAt": "0001-01-01T00:00:00Z",
        "endsAt": "9999-12-31T23:59:59-12:00",
    }
    name = api.post(POSTED | zero_to_for_ever).json()["silenceID"]

    shown = api.get(f"silence/{name}").json()
    assert shown["startsAt"] == POSTED["startsAt"]
    assert shown["endsAt"] == "9998-12-31T00:00:00.000Z"


def test_a_silence_that_is_not_there_is_a_404(api: Api) -> None:
    name = uuid.uuid4()

    for answer in (api.get(f"silence/{name}"), api.delete(name)):
        assert (answer.status_code, answer.content) == (404, b"")
    for wrong in (str(name), "nonsense"):
        answer = api.post({**POSTED, "id": wrong})
        assert (answer.status_code, answer.json()) == (404, "silence not found")
    for answer in (api.get("silence/nonsense"), api.delete("nonsense")):
        assert answer.status_code == 422
        assert answer.json()["code"] == 601


def test_other_methods_are_not_allowed(api: Api) -> None:
    for path in ("status", "alerts", "alerts/groups", "receivers"):
        assert Client().post(f"/api/v2/{path}").status_code == 405
    assert Client().put("/api/v2/silences").status_code == 405


def test_two_silences_made_at_the_same_time_are_two(api: Api) -> None:
    other = [{"name": "instance", "value": "legacy:9100", "isRegex": False}]
    names = {
        api.post(POSTED | {"matchers": one}).json()["silenceID"]
        for one in (POSTED["matchers"], other)
    }

    assert {one["id"] for one in api.get("silences").json()} == names
