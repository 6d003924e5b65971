"""A first mapping from a captured sample.

Tools name the same things alike: a title is ``title``, ``summary`` or ``name``, a
state is ``status`` or ``state``. So from one real body a mapping can be proposed that
is often right and always valid, and a person looks at its preview before it counts.

The names are tried in their order of worth, and of fields with the same name the one
nearest to the top is taken. A field that no name fits is left out rather than guessed.
When nothing looks like an identifier the title tells conditions apart.
"""

from collections.abc import Iterator

from watchbill.integrations.jsons import decode, instant_of, spell
from watchbill.integrations.mapper import HINT
from watchbill.integrations.text import STATES, web_url

_LISTS = [
    "alerts",
    "events",
    "incidents",
    "issues",
    "items",
    "entries",
    "records",
    "data",
    "results",
]
_TITLES = [
    "title",
    "summary",
    "subject",
    "headline",
    "message",
    "name",
    "alertname",
    "text",
]
_KEYS = [
    "fingerprint",
    "dedup_key",
    "dedupkey",
    "dedupe_key",
    "alias",
    "incident_key",
    "issue_id",
    "incident_id",
    "alert_id",
    "monitor_id",
    "check_id",
    "event_id",
    "key",
    "uuid",
    "guid",
    "id",
]
_STATES = ["status", "state", "current_state", "event_action", "action", "alert_state"]
_LEVELS = ["severity", "level", "priority", "urgency", "criticality", "importance"]
_BEGINS = [
    "starts_at",
    "started_at",
    "start_time",
    "created_at",
    "timestamp",
    "date",
    "time",
]
_LABELS = {
    "alertname": ["alertname", "rule_name", "check_name", "condition_name"],
    "service": ["service", "service_name", "application", "app"],
    "component": ["component"],
    "host": ["host", "hostname", "server", "instance", "node"],
    "environment": ["environment", "env", "stage"],
    "team": ["team", "owner"],
}
_DESCRIPTIONS = ["description", "message", "details", "body", "text", "reason"]
_DEPTH = 5
_MOST = 500


def suggest(body: bytes) -> dict[str, object]:
    """Return a mapping for bodies like this one, or raise `PayloadError`."""
    document = decode(body, hint=HINT)
    each, item = _first_item(document)
    fields = _Fields(item)
    titles = fields.paths(_TITLES)
    title = titles[0] if titles else ""
    key: object = next(iter(fields.paths(_KEYS)), "") or title or "id"
    mapping: dict[str, object] = {
        **({"each": each} if each else {}),
        "title": f"{{{title}}}" if title else "alert",
        "fingerprint": [key],
    }
    if states := fields.paths(_STATES):
        mapping["status"] = {"from": states[0], **STATES}
    severity = {"default": "warning"}
    if levels := fields.paths(_LEVELS):
        severity = {"from": levels[0], **severity}
    mapping["severity"] = severity
    labels = {name: fields.paths(names) for name, names in _LABELS.items()}
    mapping["labels"] = {name: paths[0] for name, paths in labels.items() if paths}
    told = [path for path in fields.paths(_DESCRIPTIONS) if path != title]
    mapping["annotations"] = {"description": told[0]} if told else {}
    mapping["links"] = dict(fields.links())
    if begins := fields.paths(_BEGINS, instants=True):
        mapping["starts_at"] = begins[0]
    return mapping


def _first_item(document: object) -> tuple[str, object]:
    """Return the path of the list that the body is about, if any, and one of it."""
    lists = {"$[*]": document}
    if isinstance(document, dict):
        lists = {f"$.{name}[*]": document.get(name) for name in _LISTS}
    for each, found in lists.items():
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return each, found[0]
    return "", document


class _Fields:
    """The scalars of an item, the nearest to its top first."""

    def __init__(self, item: object) -> None:
        found = sorted(_scalars(item, ()), key=lambda one: len(one[0]))
        self._scalars = found[:_MOST]

    def paths(self, names: list[str], *, instants: bool = False) -> list[str]:
        """Return the paths that end in any of the names, the best name first."""
        return [
            spell(steps, start="")
            for name in names
            for steps, value in self._scalars
            if _plain(steps[-1]) == name.replace("_", "")
            and (instant_of(value) is not None or not instants)
        ]

    def links(self) -> Iterator[tuple[str, str]]:
        """Return links by what they seem to show."""
        taken: set[str] = set()
        for steps, value in self._scalars:
            name = _link_name(_plain(steps[-1]))
            if isinstance(value, str) and web_url(value) and name not in taken:
                taken.add(name)
                yield name, spell(steps, start="")


def _plain(step: str) -> str:
    # startsAt, starts_at, starts-at and StartsAt are one name.
    return "".join(letter for letter in step.lower() if letter.isalnum())


def _link_name(plain: str) -> str:
    for name in ("runbook", "dashboard", "panel", "image", "silence"):
        if name in plain:
            return name
    return "source"


def _scalars(
    value: object, steps: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict):
        if len(steps) < _DEPTH:
            for name, one in value.items():
                if name.strip() and len(name) <= 40 and not set('"{}') & set(name):
                    yield from _scalars(one, (*steps, name))
    elif steps and value not in (None, "") and not isinstance(value, list):
        yield steps, value
