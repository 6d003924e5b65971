"""The questions that a support plan leaves open, and where its text answers them.

Each question quotes the decision whose default stands in the example plan. A field
is a place in the text: its present value is read from there and the answer written
there, so that the plan keeps its comments and there is no second copy of a setting.
A question whose places a plan does not have is not asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from watchbill.plan.edit import value_in
from watchbill.plan.source import Document, Listing, Path, Table
from watchbill.plan.writing import Value, Words

_TEAM = ("incidents", "team")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One place in the text that an answer fills."""

    path: Path
    label: str
    #: "text", "time", "date", "list" (by commas), "lines" or "choice".
    kind: str = "text"
    value: Words
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The name of the input."""
        return ".".join(str(step) for step in self.path)

    @property
    def shown(self) -> str:
        """The present value as it stands in the input."""
        if isinstance(self.value, str):
            return self.value
        return ("\n" if self.kind == "lines" else ", ").join(self.value)

    def read(self, text: str) -> Words:
        """Return an answer as it is written into the plan."""
        if self.kind == "lines":
            return [one.strip() for one in text.splitlines() if one.strip()]
        if self.kind == "list":
            return [one.strip() for one in text.split(",") if one.strip()]
        return text.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that the plan leaves open."""

    key: str
    decision: str
    title: str
    why: str
    fields: tuple[Field, ...]


def questions(document: Document) -> list[Question]:
    """Return the questions that this plan can be asked, in a fixed order."""
    sheet = _Sheet(document)
    every = (
        _business_hours(sheet),
        _holidays(sheet),
        _shifts(sheet),
        _rotation(sheet),
        _roles(sheet),
        _route_times(sheet),
        _nights(sheet),
        _critical(sheet),
        _expert(sheet),
        _fallback(sheet),
    )
    return [one for one in every if one.fields]


def answers(asked: list[Question], data: Mapping[str, str]) -> dict[Path, Value]:
    """Return the answers that differ from what the plan says now."""
    found: dict[Path, Value] = {}
    for field in (field for one in asked for field in one.fields):
        given = data.get(field.name)
        if given is None:
            continue
        value = field.read(given)
        present = field.value if isinstance(field.value, str) else list(field.value)
        if field.kind in {"list", "lines"} and isinstance(present, str):
            present = [present]
        if value != present:
            found[field.path] = value
    return found


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The text as the questions look at it."""

    document: Document

    def keys(self, *path: str) -> list[str]:
        node = self.document.node(path)
        return list(node.entries) if isinstance(node, Table) else []

    def field(
        self,
        *path: str | int,
        label: str,
        kind: str = "text",
        choices: tuple[tuple[str, str], ...] = (),
    ) -> Iterator[Field]:
        value = value_in(self.document, path)
        if value is None:
            return
        if kind in {"list", "lines"} and isinstance(value, str):
            value = [value]
        if choices and isinstance(value, str) and value not in dict(choices):
            choices = ((value, value), *choices)
        yield Field(path=path, label=label, kind=kind, value=value, choices=choices)

    def people(self) -> tuple[tuple[str, str], ...]:
        """The contacts to choose from."""
        node = self.document.root.entries.get("contacts")
        if node is None or not isinstance(node[1], Listing):
            return ()
        rows = (
            (value_in(self.document, ("contacts", number, "id")), number)
            for number in range(len(node[1].items))
        )
        return tuple(
            (key, f"{self._title(number)} ({key})")
            for key, number in rows
            if isinstance(key, str)
        )

    def _title(self, number: int) -> str:
        title = value_in(self.document, ("contacts", number, "title"))
        return title if isinstance(title, str) else ""

    def severities(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            (key, f"{key} {value_in(self.document, ('severities', key, 'title'))}")
            for key in self.keys("severities")
        )


def _business_hours(sheet: _Sheet) -> Question:
    return Question(
        key="hours",
        decision="A20",
        title=_("When are business hours?"),
        why=_(
            "The plan says “business hours” and not which. Steps that wait for the"
            " morning and the cover of L2 go by them. Default: Monday to Friday,"
            " 09:00 to 18:00."
        ),
        fields=(
            *sheet.field("business_hours", "days", label=_("Days")),
            *sheet.field("business_hours", "from", label=_("From"), kind="time"),
            *sheet.field("business_hours", "to", label=_("To"), kind="time"),
        ),
    )


def _holidays(sheet: _Sheet) -> Question:
    return Question(
        key="holidays",
        decision="A20",
        title=_("Are these the public holidays?"),
        why=_(
            "On these days there are no business hours. Holidays after the lunar"
            " calendar are announced year by year, so somebody has to confirm them."
            " One day or range a line: 2026-04-13 to 2026-04-21."
        ),
        fields=tuple(
            sheet.field("business_hours", "closed", label=_("Closed on"), kind="lines")
        ),
    )


def _shifts(sheet: _Sheet) -> Question:
    labels = {"days": _("days"), "from": _("from"), "to": _("to")}
    return Question(
        key="shifts",
        decision="A21",
        title=_("Which hours are the shifts of the help desk?"),
        why=_(
            "The plan names the shifts day, night and weekend and not their hours."
            " With these defaults every minute of the week is covered."
        ),
        fields=tuple(
            field
            for shift in sheet.keys("shifts")
            for part, label in labels.items()
            for field in sheet.field(
                "shifts",
                shift,
                part,
                label=f"{shift.replace('_', ' ').capitalize()}, {label}",
                kind="text" if part == "days" else "time",
            )
        ),
    )


def _rotation(sheet: _Sheet) -> Question:
    def fields(key: str) -> Iterator[Field]:
        yield from sheet.field(
            "on_call", key, "members", label=_("Members, in turn"), kind="list"
        )
        for first in ("first_week", "first_day"):
            yield from sheet.field(
                "on_call",
                key,
                first,
                label=_("First day; its weekday is that of the handover"),
                kind="date",
            )
        yield from sheet.field(
            "on_call", key, "handover", label=_("Handover at"), kind="time"
        )

    return Question(
        key="rotation",
        decision="A23",
        title=_("Who takes turns on call, and when is the handover?"),
        why=_(
            "The plan shows weeks from Friday to Thursday and leaves open who rotates"
            " and at which hour. Default: the engineers of L2, Friday 10:00, when both"
            " are awake."
        ),
        fields=tuple(one for key in sheet.keys("on_call") for one in fields(key)),
    )


def _roles(sheet: _Sheet) -> Question:
    people = sheet.people()
    fields = [
        field
        for alias in sheet.keys("aliases")
        for field in sheet.field(
            "aliases",
            alias,
            label=alias.replace("_", " ").capitalize(),
            kind="choice",
            choices=people,
        )
    ]
    commander = sheet.field(
        *_TEAM,
        "commander",
        label=_("Incident commander"),
        kind="choice",
        choices=people,
    )
    return Question(
        key="roles",
        decision="A10, A30",
        title=_("Who is meant by the roles that nobody holds?"),
        why=_(
            "Tables of the plan speak of a Backend Lead or a Payment Lead whom the"
            " contact list does not have. The commander of an incident is by default"
            " the Technical Lead."
        ),
        fields=(*commander, *fields),
    )


def _route_times(sheet: _Sheet) -> Question:
    labels = {"secondary": _("secondary after"), "escalation": _("escalation after")}
    return Question(
        key="routes",
        decision="A11",
        title=_("How long does each contact of an alert have?"),
        why=_(
            "The routing table names three contacts and no times. Default: 5 and 15"
            " minutes for a P1, 15 and 30 minutes for a P2."
        ),
        fields=tuple(
            field
            for severity in sheet.keys("alerts", "contacting")
            for part, label in labels.items()
            for field in sheet.field(
                "alerts", "contacting", severity, part, label=f"{severity}, {label}"
            )
        ),
    )


def _nights(sheet: _Sheet) -> Question:
    steps = sheet.document.node(("escalation", "P2"))
    count = len(steps.items) if isinstance(steps, Listing) else 0
    hours = {
        "outside_business_hours": _("outside business hours"),
        "business_hours": _("in business hours"),
    }

    def fields(number: int) -> Iterator[Field]:
        at: Path = ("escalation", "P2", number)
        if value_in(sheet.document, (*at, "do")) == "page":
            when = value_in(sheet.document, (*at, "when"))
            said = hours.get(str(when), _("at any hour"))
            yield from sheet.field(
                *at, "after", label=_("Page %(when)s, after") % {"when": said}
            )

    return Question(
        key="nights",
        decision="A32",
        title=_("Is somebody woken for a P2?"),
        why=_(
            "The plan pages nobody for a P2 and promises an answer within 15 minutes"
            " at any hour. So the on-call is paged: at once outside business hours,"
            " else after the team had 10 minutes."
        ),
        fields=tuple(one for number in range(count) for one in fields(number)),
    )


def _critical(sheet: _Sheet) -> Question:
    return Question(
        key="critical",
        decision="A12",
        title=_("What does an alert create?"),
        why=_(
            "Where an alert is posted does not say what it is worth. By default a"
            " critical alert is a P2 that pages, and a warning a P3 that opens a"
            " ticket; payment failures and the like are a P1 by their own rules."
        ),
        fields=tuple(
            field
            for label in ("critical", "warning")
            for field in sheet.field(
                "alerts",
                "severity",
                "labels",
                label,
                label=_("severity = %(label)s") % {"label": label},
                kind="choice",
                choices=sheet.severities(),
            )
        ),
    )


def _expert(sheet: _Sheet) -> Question:
    return Question(
        key="expert",
        decision="S2.1-10",
        title=_("Who is asked when no specialty fits?"),
        why=_(
            "“Escalate to L3” finds the one whose specialty is the incident's"
            " category. When nobody has it, this contact is paged and the commander"
            " chooses."
        ),
        fields=tuple(
            sheet.field(
                "default_expert",
                label=_("Default expert"),
                kind="choice",
                choices=sheet.people(),
            )
        ),
    )


def _fallback(sheet: _Sheet) -> Question:
    return Question(
        key="fallback",
        decision="S3.2",
        title=_("Who is told when nobody could be reached?"),
        why=_(
            "A page that reaches nobody must not end there. These people are tried when"
            " no later step is left."
        ),
        fields=tuple(
            sheet.field("fallback", label=_("Roles, groups or levels"), kind="list")
        ),
    )
