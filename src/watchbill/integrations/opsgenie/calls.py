"""What is done about an alert of Opsgenie that exists already.

The request names the alert in its path and the action after it; a `DELETE` says in the
query what a `POST` says in the body. The module docstring of ``inbound.py`` lists the
actions, and says why some are refused.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watchbill.core.alerts import Act, ActKind, AlertStatus, Report, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import text_of
from watchbill.integrations.opsgenie import identity
from watchbill.integrations.opsgenie.fields import (
    HINT,
    TEXT,
    TITLE,
    decode,
    invalid,
    line,
    priority_of,
    severity_of,
    sorted_details,
    tags_of,
)
from watchbill.integrations.sources import Post
from watchbill.integrations.text import one_line, printable, shorten

_REFUSED = "not supported: the plan decides who is told, and when"
_KINDS = frozenset({"id", "tiny", "alias"})
#: What may follow the name of an alert, and is refused.
_UNSUPPORTED = frozenset(
    {"actions", "assign", "attachments", "responders", "snooze", "teams"}
)
#: What stands in the place of a name and is none.
_ROOMS = frozenset({"requests", "saved-searches"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A call about one alert."""

    fingerprint: str
    body: Mapping[str, Any]
    query: Mapping[str, str]

    def text(self, name: str) -> str:
        """A field of the body; a DELETE has it in the query."""
        return text_of(self.body.get(name)).strip() or self.query.get(name, "").strip()

    @property
    def actor(self) -> str:
        return line(self.text("user") or self.text("source"))


def read_call(post: Post, rest: str) -> Iterator[Report]:
    """Read a call below ``/v2/alerts/``; an alias may have slashes of its own."""
    parts = rest.split("/")
    name, _, last = rest.rpartition("/")
    action = _ACTIONS.get((post.method, last)) if name else None
    if action is None:
        if parts[0] in _ROOMS or not _UNSUPPORTED.isdisjoint(parts[1:]):
            raise invalid("request", _REFUSED)
        if post.method != "DELETE":
            raise nothing_there(post)
        name, action = rest, _close
    kind = post.query.get("identifierType", "id").strip().lower()
    if kind not in _KINDS:
        raise invalid("identifierType", "should be one of [id, tiny, alias]")
    call = _Call(
        fingerprint=identity.of_identifier(name, kind),
        # Most of these calls need no body, and many clients send none.
        body=decode(post.body) if post.body.strip() else {},
        query=post.query,
    )
    yield from action(call)


def nothing_there(post: Post) -> PayloadError:
    """Return the refusal of a path that means nothing."""
    return PayloadError(
        where="path",
        problem=f"{post.method} {shorten(one_line(post.path), 100)}",
        hint=HINT,
    )


def _close(call: _Call) -> Iterator[Report]:
    yield from _said(call)
    yield Signal(
        fingerprint=call.fingerprint,
        status=AlertStatus.RESOLVED,
        title=f"Closed by {call.actor or 'its source'}",
        labels={},
    )


def _acknowledge(call: _Call) -> Iterator[Report]:
    yield _act(call, ActKind.ACKNOWLEDGE, text=_words(call, "note"))


def _unacknowledge(call: _Call) -> Iterator[Report]:
    yield _act(call, ActKind.UNACKNOWLEDGE, text=_words(call, "note"))


def _add_note(call: _Call) -> Iterator[Report]:
    text = _words(call, "note")
    if not text:
        raise invalid("note", "Note can not be empty.")
    yield _act(call, ActKind.NOTE, text=text)


def _escalate(call: _Call) -> Iterator[Report]:
    to = call.body.get("escalation")
    named = (to.get("name") or to.get("id")) if isinstance(to, dict) else to
    asked = f"Asked for escalation to {line(named)}" if line(named) else ""
    if text := "\n".join(filter(None, (asked, _words(call, "note")))):
        yield _act(call, ActKind.NOTE, text=text)
    yield _act(call, ActKind.ESCALATE)


def _message(call: _Call) -> Iterator[Report]:
    title = shorten(one_line(call.text("message")), TITLE)
    if not title:
        raise invalid("message", "Message can not be empty.")
    yield _act(call, ActKind.REVISE, values={"title": title})


def _description(call: _Call) -> Iterator[Report]:
    text = _words(call, "description")
    if not text:
        raise invalid("description", "Description can not be empty.")
    yield _act(call, ActKind.REVISE, values={"description": text})


def _change_priority(call: _Call) -> Iterator[Report]:
    if not call.text("priority"):
        raise invalid("priority", "Priority can not be empty.")
    priority = priority_of(call.text("priority"))
    yield _act(call, ActKind.REVISE, values={"severity": severity_of(priority)})


def _add_tags(call: _Call) -> Iterator[Report]:
    yield _about_tags(call, "Tags added")


def _remove_tags(call: _Call) -> Iterator[Report]:
    yield _about_tags(call, "Tags removed")


def _about_tags(call: _Call, verb: str) -> Report:
    tags = tags_of(call.body.get("tags") or call.query.get("tags"))
    if not tags:
        raise invalid("tags", "Tags can not be empty.")
    return _noted(call, f"{verb}: {', '.join(tags)}")


def _add_details(call: _Call) -> Iterator[Report]:
    labels, annotations = sorted_details(call.body.get("details"))
    pairs = [f"{name}: {text}" for name, text in (labels | annotations).items()]
    if not pairs:
        raise invalid("details", "Details can not be empty.")
    yield _noted(call, "\n".join(["Details added:", *pairs]))


def _remove_details(call: _Call) -> Iterator[Report]:
    keys = tags_of(call.body.get("keys") or call.query.get("keys"))
    if not keys:
        raise invalid("keys", "Keys can not be empty.")
    yield _noted(call, f"Details removed: {', '.join(keys)}")


def _noted(call: _Call, text: str) -> Report:
    said = "\n".join(filter(None, (text, _words(call, "note"))))
    return _act(call, ActKind.NOTE, text=shorten(said, TEXT))


def _said(call: _Call) -> Iterator[Report]:
    """The note that came with a call that has no place for one."""
    if text := _words(call, "note"):
        yield _act(call, ActKind.NOTE, text=text)


def _words(call: _Call, name: str) -> str:
    return shorten(printable(call.text(name)), TEXT)


def _act(
    call: _Call,
    kind: ActKind,
    *,
    text: str = "",
    values: Mapping[str, str] | None = None,
) -> Act:
    return Act(
        fingerprint=call.fingerprint,
        kind=kind,
        actor=call.actor,
        text=text,
        values=values or {},
    )


_ACTIONS: Mapping[tuple[str, str], Callable[[_Call], Iterator[Report]]] = {
    ("POST", "close"): _close,
    ("POST", "acknowledge"): _acknowledge,
    ("POST", "unacknowledge"): _unacknowledge,
    ("POST", "notes"): _add_note,
    ("POST", "escalate"): _escalate,
    ("PUT", "message"): _message,
    ("PUT", "description"): _description,
    ("PUT", "priority"): _change_priority,
    ("PATCH", "message"): _message,
    ("PATCH", "description"): _description,
    ("PATCH", "priority"): _change_priority,
    ("POST", "tags"): _add_tags,
    ("DELETE", "tags"): _remove_tags,
    ("POST", "details"): _add_details,
    ("DELETE", "details"): _remove_details,
}
