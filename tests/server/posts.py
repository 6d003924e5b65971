"""What the tests of integrations share: one, and what it was sent."""

import json
from datetime import datetime
from typing import Any

from watchbill.server.intake import actions
from watchbill.server.intake.models import (
    InboxEntry,
    Integration,
)

HOSTILE = '<script>alert("1")</script>'


def made(*, now: datetime, kind: str = "alertmanager") -> Integration:
    return actions.create_integration(kind=kind, name="Prometheus", now=now)[0]


def body_of(title: str = "Disk full", **labels: str) -> bytes:
    alert = {
        "status": "firing",
        "labels": {"alertname": title, **labels},
        "annotations": {"summary": title},
    }
    return json.dumps({"version": "4", "alerts": [alert]}).encode()


def event(
    one: Integration, body: bytes | None = None, *, now: datetime, **values: Any
) -> InboxEntry:
    return InboxEntry.objects.create(
        integration=one,
        body=body_of() if body is None else body,
        received_at=now,
        **values,
    )
