"""Tables: which table of a document is which, by the words of its columns.

Documents put their tables in any order, under any heading, and call their columns
what they like. Each kind of table has words for its columns and needs some of them;
the kind that explains most columns, and whose subject the headings above speak of,
wins. A table that no kind explains is not read, and the report says so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from watchbill.plan.document.blocks import Grid
from watchbill.plan.document.terms import english
from watchbill.plan.document.words import duration, western


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of table."""

    name: str
    #: The columns, and the words by which each is known; the first that fits wins.
    columns: Mapping[str, str]
    #: Of each group of columns, at least one must be there.
    needs: tuple[str, ...]
    #: The words of a heading above such a table.
    about: str
    #: Columns that speak against it.
    without: str = "(?!)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One row of a known table by the names of its columns."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A table of a known kind."""

    kind: str
    line: int
    rows: tuple[Cells, ...]
    #: The headings as they stand, by column.
    headings: Mapping[str, str]
    #: Columns that have no meaning for this kind.
    strange: tuple[str, ...]


_KEY = r"^(id|key)$"
_OWN = r"(severity|level|priority|class)"

KINDS = (
    Kind(
        name="steps",
        columns={
            "after": r"^(after|due)$",
            "from": r"^(counted )?from$",
            "do": r"^(do|verb)$",
            "who": r"^(who|targets?)$",
            "title": r"^title$",
            "when": r"^when$",
            "until": r"^until$",
            "urgency": r"^urgency$",
            "why": r"^why$",
            "id": _KEY,
        },
        needs=("after", "do", "title"),
        about=r"escalat|ladder|step",
    ),
    Kind(
        name="signers",
        columns={
            "role": r"role|position|title",
            "name": r"name",
            "signature": r"sign",
            "date": r"date",
        },
        needs=("role|name", "signature"),
        about=r"approv|sign",
    ),
    Kind(
        name="contacts",
        columns={
            "id": _KEY,
            "level": r"^(level|tier)$",
            "email": r"e-?mail|^mail",
            "phone": r"phone|^tel|^mobile|^cell",
            "slack": r"^slack",
            "roles": r"^(also|roles|other roles)$",
            "role": r"role|position|title|function|duty",
            "name": r"name|person|contact|who",
            "shift": r"shift|hours|availab",
            "expertise": r"expert|special|skill|area|focus",
        },
        needs=("role|name", "email|phone"),
        about=r"contact|team|level|tier|management|help ?desk|expert|support",
        without=r"vendor|provider|supplier",
    ),
    Kind(
        name="bugs",
        columns={
            "id": _KEY,
            "severity": _OWN,
            "response": r"respon|acknowledg",
            "fix": r"fix|resol|target",
            "communicate": r"communic|update|report",
        },
        needs=("severity", "fix", "response"),
        about=r"bug|defect|fix",
    ),
    Kind(
        name="severities",
        columns={
            "severity": _OWN + "|^(sev|code)",
            "response": r"respon|acknowledg",
            "resolution": r"resol|restor|fix|repair",
            "escalation": r"escalat",
            "title": r"^(name|title|meaning|label)$",
            "criteria": r"criteria|descri|defin|example|impact|condition",
        },
        needs=("severity", "response", "resolution"),
        about=r"severit|incident|priorit|sla|service level",
    ),
    Kind(
        name="rota",
        columns={
            "week": r"week|date|period|from|start",
            "primary": r"primary|on.?call|first|who|engineer",
            "secondary": r"second|backup|back-up",
            "shadow": r"shadow|trainee|observ",
        },
        needs=("week", "primary"),
        about=r"on.?call|rota|schedule|duty",
    ),
    Kind(
        name="routes",
        columns={
            "id": _KEY,
            "title": r"alert|type|category|issue|service|incident|area|problem",
            "primary": r"primary|first|owner|responsib",
            "secondary": r"second|backup|back-up",
            "escalation": r"escalat|third|manager",
        },
        needs=("title", "primary", "secondary|escalation"),
        about=r"alert|rout|assign|ownership",
    ),
    Kind(
        name="metrics",
        columns={
            "id": _KEY,
            "title": r"metric|indicator|measure|check|signal|name",
            "warning": r"warn|yellow|amber",
            "critical": r"crit|red|page",
            "channel": r"channel|alert|notif|destination",
        },
        needs=("title", "warning|critical"),
        about=r"metric|monitor|threshold|health|alert",
    ),
    Kind(
        name="tools",
        columns={
            "id": _KEY,
            "title": r"component|area|layer|type|what|category",
            "tool": r"tool|product|system|software",
            "purpose": r"purpose|use|descri",
            "dashboard": r"dashboard|url|link|address",
        },
        needs=("tool", "dashboard|purpose"),
        about=r"monitor|stack|tool|observab",
    ),
    Kind(
        name="changes",
        columns={
            "id": _KEY,
            "title": r"change|type|class",
            "approvals": r"approv|sign-?off|authori",
            "testing": r"test|verif",
            "window": r"window|when|time|schedule",
        },
        needs=("title", "approvals", "testing|window"),
        about=r"change|release",
    ),
    Kind(
        name="windows",
        columns={
            "id": _KEY,
            "repeats": r"freq|how often|repeat|cadence|interval",
            "duration": r"durat|length|how long",
            "impact": r"impact|effect|downtime",
            "title": r"maintenance|type|activity|task|work|name|job",
            "window": r"window|time|when|slot",
        },
        needs=("title", "repeats", "window|duration"),
        about=r"mainten|window",
    ),
    Kind(
        name="statuspage",
        columns={
            "level": r"level|severity|priority|^incident",
            "update": r"freq|update|cadence|every|how often",
            "state": r"status|state|page|shown",
        },
        needs=("level", "state", "update"),
        about=r"status ?page|public",
    ),
    Kind(
        name="runbooks",
        columns={
            "id": _KEY,
            "title": r"runbook|playbook|procedure|document|name",
            "location": r"location|path|url|link|where|file",
            "updated": r"updat|date|revis|review",
            "owner": r"owner|maintain",
        },
        needs=("title", "location"),
        about=r"runbook|playbook|document",
    ),
    Kind(
        name="reviews",
        columns={
            "id": _KEY,
            "frequency": r"freq|how often|when|cadence",
            "participants": r"partic|attend|who|audience|team",
            "output": r"output|outcome|result|deliver",
            "title": r"review|meeting|type|name|what",
        },
        needs=("title", "frequency", "participants|output"),
        about=r"review|improve|meeting|retro",
    ),
    Kind(
        name="external",
        columns={
            "id": _KEY,
            "title": r"channel|medium|where|tool",
            "purpose": r"purpose|use|what|content",
            "frequency": r"freq|update|when|how often|cadence",
        },
        needs=("title", "purpose", "frequency"),
        about=r"external|public|customer|user",
    ),
    Kind(
        name="channels",
        columns={
            "key": r"channel|medium|where|tool",
            "kind": r"^kind$",
            "purpose": r"purpose|use|what|content",
            "audience": r"audience|who|participant|member|for",
        },
        needs=("key", "purpose", "audience"),
        about=r"internal|communic|channel",
    ),
    Kind(
        name="vendors",
        columns={
            "id": _KEY,
            "title": r"vendor|provider|supplier|company|service",
            "category": r"category|type|kind",
            "name": r"^name$|person",
            "support": r"support|contact|phone|e-?mail",
            "account": r"account|customer",
        },
        needs=("title", "support|category|account"),
        about=r"vendor|supplier|provider|third",
    ),
)

_TIME = r"time|elapsed|after|delay|when|အချိန်"
SEVERITY_WORD = (
    r"(?:P|S|SEV|Sev|sev|Severity|Priority|Level)[- ]?[0-9]\b"
    r"|critical\b|blocker\b|urgent\b|major\b|high\b|medium\b|moderate\b|normal\b"
    r"|minor\b|low\b|trivial\b|info(?:rmational)?\b"
)


def known_table(grid: Grid, trail: str) -> Known | None:
    """Return what a table says under headings, None when it is of no known kind."""
    header = tuple(english(western(cell)) for cell in grid.header)
    if kind := _crossed(header):
        columns = {str(place): place for place in range(len(header))}
        return _known(kind, grid, columns)
    rated = [
        (score, kind.name, columns)
        for kind in KINDS
        if (columns := _columns(kind, header))
        and (score := _score(kind, header, columns, trail)) > 0
    ]
    if not rated:
        return None
    _, name, columns = max(rated, key=lambda one: one[0])
    return _known(name, grid, columns)


def _crossed(header: tuple[str, ...]) -> str | None:
    """Whether it is a matrix of times and severities, and which way round."""
    if len(header) < 2:
        return None
    first, rest = header[0], header[1:]
    severities = [bool(re.match(SEVERITY_WORD, cell, re.I)) for cell in rest]
    if re.search(_TIME, first, re.IGNORECASE) and all(severities):
        return "matrix"
    times = [duration(cell) is not None for cell in rest]
    if re.search(_OWN, first, re.IGNORECASE) and all(times):
        return "matrix_by_severity"
    return None


def _columns(kind: Kind, header: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, words in kind.columns.items():
        for place, cell in enumerate(header):
            if place not in found.values() and re.search(words, cell, re.IGNORECASE):
                found[name] = place
                break
    satisfied = all(
        any(name in found for name in group.split("|")) for group in kind.needs
    )
    return found if satisfied else {}


def _score(
    kind: Kind, header: tuple[str, ...], columns: Mapping[str, int], trail: str
) -> float:
    if any(re.search(kind.without, cell, re.IGNORECASE) for cell in header):
        return 0
    strange = len(header) - len(columns)
    is_about = bool(re.search(kind.about, trail, re.IGNORECASE))
    return 2 * len(columns) - 1.5 * strange + 2.5 * is_about


def _known(kind: str, grid: Grid, columns: Mapping[str, int]) -> Known:
    used = set(columns.values())
    return Known(
        kind=kind,
        line=grid.line,
        rows=tuple(_cells(grid, columns)),
        headings={
            name: english(western(grid.header[place]))
            for name, place in columns.items()
        },
        strange=tuple(
            cell for place, cell in enumerate(grid.header) if place not in used and cell
        ),
    )


def _cells(grid: Grid, columns: Mapping[str, int]) -> Iterator[Cells]:
    for row in grid.rows:
        values = {
            name: row.cells[place] if place < len(row.cells) else ""
            for name, place in columns.items()
        }
        yield Cells(line=row.line, values=values)
