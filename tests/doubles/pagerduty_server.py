"""A PagerDuty that takes Events API v2, and is as strict as the real one.

It keeps alerts by ``dedup_key``: a second trigger joins the open alert, and an
acknowledgement of what is not open is taken and does nothing.
"""

import json
from typing import Any

from tests.doubles.scripted_server import Posted, Reply, ScriptedServer

_ACTIONS = {"trigger", "acknowledge", "resolve"}
_SEVERITIES = {"critical", "error", "warning", "info"}


class PagerDutyDouble(ScriptedServer[dict[str, Any]]):
    """PagerDuty with one integration."""

    def __init__(self, *script: Reply, routing_key: str = "R0UT1NG" * 4) -> None:
        super().__init__(*script)
        self.routing_key = routing_key
        #: The state of each alert by its key.
        self.alerts: dict[str, str] = {}

    def judge(self, posted: Posted) -> Reply:
        if posted.path != "/v2/enqueue":
            return Reply(status=404)
        try:
            event = json.loads(posted.body)
        except ValueError:
            return _invalid("body is not JSON")
        faults = list(_faults(event))
        if event.get("routing_key") != self.routing_key:
            faults.append("'routing_key' is invalid")
        if faults:
            return _invalid(*faults)
        self.keep(event)
        self._apply(event["event_action"], event["dedup_key"])
        said = {
            "status": "success",
            "message": "Event processed",
            "dedup_key": event["dedup_key"],
        }
        return Reply(status=202, body=json.dumps(said).encode())

    def _apply(self, action: str, key: str) -> None:
        is_open = self.alerts.get(key, "resolved") != "resolved"
        match action:
            case "trigger" if not is_open:
                self.alerts[key] = "triggered"
            case "acknowledge" if is_open:
                self.alerts[key] = "acknowledged"
            case "resolve" if is_open:
                self.alerts[key] = "resolved"


def faults_of(body: bytes) -> list[str]:
    """Return what PagerDuty would refuse in an event."""
    return list(_faults(json.loads(body)))


def _faults(event: dict[str, Any]) -> list[str]:
    found = []
    action = event.get("event_action")
    if action not in _ACTIONS:
        found.append("'event_action' is invalid")
    key = event.get("dedup_key", "")
    if len(key) > 255 or (action != "trigger" and not key):
        found.append("'dedup_key' is missing or too long")
    if action == "trigger":
        payload = event.get("payload", {})
        if not 1 <= len(payload.get("summary", "")) <= 1024:
            found.append("'payload.summary' is missing or too long")
        if not payload.get("source"):
            found.append("'payload.source' is missing or blank")
        if payload.get("severity") not in _SEVERITIES:
            found.append("'payload.severity' is invalid")
        if any(not link.get("href") for link in event.get("links", ())):
            found.append("'links' is invalid")
    return found


def _invalid(*errors: str) -> Reply:
    said = {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": list(errors),
    }
    return Reply(status=400, body=json.dumps(said).encode())
