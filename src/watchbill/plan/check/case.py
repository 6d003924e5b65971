"""The case: what every check looks at."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from watchbill.core.people import Contact
from watchbill.plan.findings import Code, Finding, finding
from watchbill.plan.model import Plan
from watchbill.plan.schema import PlanFile
from watchbill.plan.source import Document, Path


@dataclass(frozen=True, kw_only=True)
class Case:
    """A plan three ways: as values, as it is written, and where it is written."""

    plan: Plan
    file: PlanFile
    document: Document
    #: The day for which it is asked what is overdue; None: that is not asked.
    as_of: date | None = None

    @cached_property
    def roles(self) -> frozenset[str]:
        """Every name that a rule may use for people."""
        directory = self.plan.directory
        held = {role for one in directory.contacts for role in one.roles}
        return frozenset(held | set(directory.aliases) | set(directory.groups))

    def at(self, code: Code, path: Path, message: str, hint: str = "") -> Finding:
        """Return a finding at the value of a path."""
        return finding(code, self.document.span(path), message, hint)

    def at_key(self, code: Code, path: Path, message: str, hint: str = "") -> Finding:
        """Return a finding at the key of a path."""
        return finding(code, self.document.key_span(path), message, hint)

    def holders(self, role: str) -> tuple[Contact, ...]:
        """Return who answers to a role; nobody when the plan does not know it."""
        directory = self.plan.directory
        return directory.holders(role) if directory.knows(role) else ()
