"""What people fill in about somebody who joins, and where a leaver is still named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.plan import Plan
from watchbill.plan.source import Table, parse_source
from watchbill.plan.values import UnreadableError, parse_key
from watchbill.plan.writing import Value
from watchbill.server.oncall.amending_forms import MAX_NAME, PersonForm
from watchbill.server.oncall.schedule_forms import slug
from watchbill.server.plans import drafts

_PARTICULARS = ("name", "email", "phone", "slack", "shift", "expertise", "languages")


class NewPersonForm(PersonForm):
    """Somebody whom the plan does not have yet."""

    title = forms.CharField(
        label=_("What they are"),
        max_length=MAX_NAME,
        help_text=_("Such as Backend Engineer; it stands where there is no name."),
    )
    level = forms.ChoiceField(label=_("Level"))
    key = forms.CharField(
        label=_("Key"),
        max_length=64,
        required=False,
        help_text=_("How rules name them; made from what they are if you leave it."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    roles = forms.CharField(
        label=_("Roles"),
        max_length=300,
        required=False,
        help_text=_("With commas between, such as help_desk_agent."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    teams = forms.MultipleChoiceField(
        label=_("Teams"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, plan: Plan, **options: Any
    ) -> None:
        super().__init__(data, shifts=plan.shifts, **options)
        self.plan = plan
        # Why is asked once, with the proposal.
        del self.fields["reason"]
        levels = [(one.key, f"{one.key} {one.title}") for one in plan.levels]
        teams = [(one, one) for one in teams_of(plan)]
        self.fields["level"].choices = levels  # type: ignore[attr-defined]
        self.fields["teams"].choices = teams  # type: ignore[attr-defined]

    def clean_roles(self) -> list[str]:
        """Return the roles one by one, each a name that a plan can have."""
        parts = (one.strip() for one in self.cleaned_data["roles"].split(","))
        return [_key(one) for one in parts if one]

    def clean(self) -> dict[str, Any]:
        """Return the values with a key that nothing else of the plan has."""
        values = super().clean() or {}
        if "key" in self.errors:
            return values
        typed = values.get("key", "")
        try:
            key = _key(typed) if typed else self._made_key(values)
        except forms.ValidationError as error:
            self.add_error("key", error)
            return values
        if _is_taken(self.plan, key):
            self.add_error("key", _("The plan names something so; choose another."))
        return values | {"key": key}

    def _made_key(self, values: Mapping[str, Any]) -> str:
        said = slug(values.get("title", "")) or slug(values.get("name", ""))
        begin = said.replace("-", "_") or "person"
        names = (begin, *(f"{begin}_{number}" for number in range(2, 1000)))
        return next((one for one in names if not _is_taken(self.plan, one)), begin)

    @property
    def edits(self) -> dict[tuple[str, ...], Value]:
        """What the plan would say; the form is valid."""
        values = self.cleaned_data
        said = {name: values[name] for name in ("level", "title", "roles")}
        said |= {name: values[name] for name in _PARTICULARS}
        contact = {name: one for name, one in said.items() if one}
        key, groups = values["key"], self.plan.directory.groups
        return {
            ("contacts", key): contact,
            **{("groups", one): [*groups[one], key] for one in values["teams"]},
        }


def teams_of(plan: Plan) -> list[str]:
    """Return the groups that the plan writes down; those of levels it does not."""
    levels = {one.key for one in plan.levels}
    return [name for name in plan.directory.groups if name not in levels]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Where a plan still names somebody."""

    #: Of which section, and its entry: ``on_call``, ``primary-oncall``.
    section: str
    entry: str
    #: What the check would say without the person.
    message: str
    #: The line in the text as it stands.
    line: int


def mentions(text: str, without: str) -> list[Mention]:
    """Return where a text names somebody whom the text ``without`` lacks.

    They are what the check would refuse: a name that leads nowhere then.
    """
    cut, count = _cut(text.split("\n"), without.split("\n"))
    found: dict[object, Mention] = {}
    for one in drafts.check(without).errors:
        section, entry = _around(without, one.line)
        line = one.line + (count if one.line > cut else 0)
        mention = Mention(section=section, entry=entry, message=one.message, line=line)
        found.setdefault((section, entry) if entry else line, mention)
    return list(found.values())


def _cut(old: list[str], new: list[str]) -> tuple[int, int]:
    """After which line lines are missing, and how many."""
    pairs = enumerate(zip(old, new, strict=False))
    same = next((n for n, (before, after) in pairs if before != after), len(new))
    return same, len(old) - len(new)


def _around(text: str, line: int) -> tuple[str, str]:
    """The section that holds a line, and of schedules and teams also the entry."""
    document = parse_source(text).document
    found = ("", "")
    for section, (key, node) in document.root.entries.items() if document else ():
        if key.span.line <= line:
            found = (section, "")
        if section not in _LINKED or not isinstance(node, Table):
            continue
        for entry, (name, _node) in node.entries.items():
            if name.span.line <= line:
                found = (section, entry)
    return found


_LINKED = frozenset({"on_call", "groups"})
"""The sections whose entries have a form of their own."""


def _is_taken(plan: Plan, key: str) -> bool:
    return plan.directory.knows(key) or plan.directory.contact(key) is not None


def _key(text: str) -> str:
    try:
        return parse_key(text)
    except UnreadableError as error:
        raise forms.ValidationError(f"{error.message}. {error.hint}") from error
