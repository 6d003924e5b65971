"""The OpenAPI document: whatever it allows is answered as it says, to everybody.

Requests are made from the document, so that what is written there and nowhere else
tested cannot be wrong: a parameter that breaks a page, a field that is left out, a
status that nobody was told of.
"""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server import site
from tests.server.asgi import Response, ask, drive
from watchbill.core.access import ConsoleRole
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import Integration, Scope
from watchbill.server.plans.models import PlanVersion
from watchbill.server.project.asgi import WatchbillApplication

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-08"),
]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
CAREFULLY = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def document() -> Any:
    answer = Client().get("/api/v1/openapi.json")
    assert answer["Content-Type"] == "application/json"
    return answer.json()


def problems(value: object, schema: Any, document: Any, where: str = "$") -> list[str]:
    """Return what about a value is not as a schema of the document says."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return problems(value, document["components"]["schemas"][name], document, where)
    kinds = schema.get("type", list(_TYPES))
    allowed = [kinds] if isinstance(kinds, str) else kinds
    if not any(_is_a(value, kind) for kind in allowed):
        return [f"{where} is {value!r}, not {allowed}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is {value!r}, not one of {schema['enum']}")
    if isinstance(value, list):
        for number, one in enumerate(value):
            inner = schema.get("items", {})
            found += problems(one, inner, document, f"{where}[{number}]")
    if isinstance(value, dict):
        found += _of_object(value, schema, document, where)
    return found


def _is_a(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _of_object(
    value: dict[str, Any], schema: Any, document: Any, where: str
) -> list[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    found = [
        f"{where}.{name} is missing"
        for name in schema.get("required", ())
        if name not in value
    ]
    for name, one in value.items():
        inner = known.get(name, others)
        if inner is False:
            found.append(f"{where}.{name} is not in the document")
        else:
            found += problems(one, inner, document, f"{where}.{name}")
    return found


def check(status: int, body: bytes, operation: Any, document: Any) -> None:
    """Fail unless an answer is one of an operation's."""
    assert str(status) in operation["responses"], (status, body)
    assert status < 500, body
    content = operation["responses"][str(status)]["content"]
    if "application/json" in content:
        schema = content["application/json"]["schema"]
        assert problems(json.loads(body), schema, document) == []


def values_of(schema: Any) -> st.SearchStrategy[str]:
    """Return what a parameter may be, and now and then what it may not."""
    odd = st.text(max_size=40)
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | odd
    if schema["type"] == "integer":
        return st.integers(-(10**20), 10**20).map(str) | odd
    return odd


@pytest.fixture
def source(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Integration:
    now = virtual_clock.now()
    made, _ = intake.create_integration(kind="json", name="Any", now=now)
    for number, status in enumerate(("firing", "firing", "resolved")):
        Alert.objects.create(
            integration=made,
            fingerprint=f"f{number}",
            title="Disk full",
            labels={"service": "db"},
            annotations={"summary": "x"},
            links={"runbook": "https://wiki.example/x"},
            status=status,
            severity="P3",
            alert_type="infrastructure",
            group_key=f"g{number}",
            received_at=now,
            starts_at=now,
            ends_at=now + timedelta(hours=1) if status == "resolved" else None,
            last_seen_at=now,
            muted_by=[{"kind": "silence", "text": "x"}] if number else [],
        )
    return made


def test_the_document_names_what_there_is(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/api/v1/alerts",
        "/api/v1/openapi.json",
        "/intake/{kind}",
        "/intake/{kind}/{key}",
    }
    named = set(json.dumps(document).split("#/components/schemas/")[1:])
    assert {one.partition('"')[0] for one in named} == set(
        document["components"]["schemas"]
    )


def test_whoever_asks_for_alerts_however_is_answered_as_the_document_says(
    document: Any, source: Integration, virtual_clock: VirtualClock
) -> None:
    operation = document["paths"]["/api/v1/alerts"]["get"]
    now = virtual_clock.now()
    roles = [site.signed_in(site.user(role, now=now)) for role in ConsoleRole]
    keys = [intake.add_key(source, scopes=[one], now=now) for one in Scope]
    bearers = [Client(headers={"Authorization": f"Bearer {key}"}) for key in keys]
    everybody = [Client(), *roles, *bearers]
    parameters = operation["parameters"]
    query = st.fixed_dictionaries(
        {}, optional={one["name"]: values_of(one["schema"]) for one in parameters}
    )

    @CAREFULLY
    @given(query=query)
    def asked(query: dict[str, str]) -> None:
        for client in everybody:
            answer = client.get("/api/v1/alerts", query)
            check(answer.status_code, answer.content, operation, document)

    asked()
    answer = bearers[1].get("/api/v1/alerts", {"q": "\0"})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")
    told = bearers[1].get("/api/v1/alerts", {"show": "all"}).json()["alerts"]
    assert len(told) == 3


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "title", "status", "severity", "alerts"]), inner
        )
    ),
    max_leaves=10,
)


def test_whatever_is_posted_is_answered_as_the_document_says(
    document: Any, source: Integration, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    scopes = [[Scope.POST], [Scope.READ]]
    keys = [intake.add_key(source, scopes=one, now=now) for one in scopes]
    bodies = _json.map(lambda value: json.dumps(value).encode()) | st.binary()
    kinds = st.sampled_from(["json", "json", "alertmanager"]) | st.text(max_size=12)
    posts = st.lists(
        st.tuples(kinds, st.sampled_from([*keys, "wrong", ""]), st.booleans(), bodies),
        min_size=1,
        max_size=20,
    )

    @CAREFULLY
    @given(posts=posts)
    def posted(posts: list[tuple[str, str, bool, bytes]]) -> None:
        async def test(app: WatchbillApplication) -> list[Response]:
            return await asyncio.gather(
                *(
                    ask(app, "POST", *_address(kind, key, in_path=in_path, body=body))
                    for kind, key, in_path, body in posts
                )
            )

        for answer in drive(test):
            check(
                answer.status,
                answer.body,
                document["paths"]["/intake/{kind}"]["post"],
                document,
            )

    posted()


def _address(
    kind: str, key: str, *, in_path: bool, body: bytes
) -> tuple[str, bytes, list[tuple[str, str]]]:
    path = f"/intake/{quote(kind, safe='')}"
    if in_path:
        return f"{path}/{key}", body, []
    return path, body, [("authorization", f"Bearer {key}")]
