"""A workflow and an old connector of Microsoft Teams, as strict as the real ones."""

import json
from collections.abc import Iterator
from typing import Any

from tests.doubles.scripted_server import Posted, Reply, ScriptedServer

CARD = "application/vnd.microsoft.card.adaptive"
MAX_BYTES = 28 * 1024
_WORKFLOW = "/workflows/a1/triggers/manual/paths/invoke?sig=secret"
_CONNECTOR = "/webhookb2/a1/IncomingWebhook/secret"


class TeamsDouble(ScriptedServer[dict[str, Any]]):
    """Keeps the cards that Teams would show."""

    @property
    def workflow_url(self) -> str:
        return f"{self.origin}{_WORKFLOW}"

    @property
    def connector_url(self) -> str:
        return f"{self.origin}{_CONNECTOR}"

    def judge(self, posted: Posted) -> Reply:
        if posted.path not in {_WORKFLOW, _CONNECTOR}:
            return workflow_error(404, "WorkflowNotFound")
        if not posted.headers.get("content-type", "").startswith("application/json"):
            return workflow_error(415, "UnsupportedMediaType")
        wrong = list(faults(posted.body))
        if posted.path == _CONNECTOR:
            if wrong:
                return connector_failure(413 if len(posted.body) > MAX_BYTES else 400)
            self.keep(_card(posted.body))
            return Reply(body=b"1")
        if wrong:
            return workflow_error(400, "TriggerInputSchemaMismatch")
        self.keep(_card(posted.body))
        return Reply(status=202)


def workflow_error(status: int, code: str) -> Reply:
    said = {"error": {"code": code, "message": "The request was refused."}}
    return Reply(status=status, body=json.dumps(said).encode())


def connector_failure(status: int) -> Reply:
    """Return the refusal of Teams as a connector hands it on: with HTTP 200."""
    text = (
        "Webhook message delivery failed with error: Microsoft Teams endpoint"
        f" returned HTTP error {status} with ContextId tcid=1,server=x,cv=y.."
    )
    return Reply(body=text.encode())


def faults(body: bytes) -> Iterator[str]:
    """Yield what Teams would refuse or not show of a message."""
    if len(body) > MAX_BYTES:
        yield f"{len(body)} bytes"
    message = json.loads(body)
    attachments = message["attachments"]
    if message["type"] != "message" or len(attachments) != 1:
        yield "not one message with one card"
    if attachments[0]["contentType"] != CARD:
        yield "not an Adaptive Card"
    card = attachments[0]["content"]
    if card["type"] != "AdaptiveCard" or card["version"] != "1.4":
        yield "not a card of version 1.4"
    for block in card["body"]:
        yield from _faults_of_block(block)
    actions = card.get("actions", [])
    if len(actions) > 6:
        yield f"{len(actions)} actions"
    for action in actions:
        if action["type"] != "Action.OpenUrl" or not action["title"]:
            yield f"a broken action: {action}"
        if not action["url"].lower().startswith(("https://", "http://")):
            yield f"not a web page: {action['url']}"


def _faults_of_block(block: dict[str, Any]) -> Iterator[str]:
    # TextBlock and FactSet read Markdown: nothing of ours may stand in them.
    if block["type"] != "RichTextBlock" or not block["inlines"]:
        yield f"not a block of plain text: {block}"
    for run in block["inlines"]:
        if run["type"] != "TextRun" or not run["text"] or "\n" in run["text"]:
            yield f"a broken run: {run}"


def _card(body: bytes) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(body)["attachments"][0]["content"]
    return card
