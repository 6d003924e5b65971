"""Loading: from a plan's text to a plan, or to the reasons why not.

Three stages, each of which says everything it finds: the text, the form, the
meaning. A stage that finds an error ends the loading, because the next one would
only repeat it in other words; keys written twice are the exception.
"""

from dataclasses import dataclass
from datetime import date
from importlib import resources

from watchbill.plan import findings
from watchbill.plan.build import build
from watchbill.plan.check import check
from watchbill.plan.findings import Finding, Level, in_order
from watchbill.plan.model import Plan
from watchbill.plan.source import parse_source
from watchbill.plan.validate import validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of a text: the plan if it can be run, and all that was found."""

    #: None when there is at least one error.
    plan: Plan | None
    findings: tuple[Finding, ...]
    #: The text by lines, for quotation.
    lines: tuple[str, ...]
    #: What to call the text, such as ``plans/trm.yaml``.
    name: str
    source: str | bytes

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which the plan is refused."""
        return tuple(one for one in self.findings if one.severity is Level.ERROR)

    def render(self) -> str:
        """Return the findings as a compiler prints them, and a summary line."""
        text = findings.render_text(self.findings, name=self.name, lines=self.lines)
        separator = "\n" if text else ""
        return f"{text}{separator}{self.name}: {findings.summary(self.findings)}\n"


class InvalidPlanError(ValueError):
    """A plan that must be valid is not; the message lists the findings."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.render())
        self.loaded = loaded


def load(text: str | bytes, *, name: str, as_of: date | None = None) -> Loaded:
    """Return the plan of a text with all findings; never raises on bad text.

    What is overdue is found for the day ``as_of``, and not without one.
    """
    source = parse_source(text)
    found = list(source.findings)
    plan: Plan | None = None
    if source.document is not None:
        file, faults = validate(source.document)
        found += faults
        if file is not None:
            plan = build(file)
            found += check(plan, file, source.document, as_of=as_of)
    refused = any(one.severity is Level.ERROR for one in found)
    return Loaded(
        plan=None if refused else plan,
        findings=in_order(found),
        lines=source.lines,
        name=name,
        source=text,
    )


def bundled_text(name: str) -> str:
    """Return the text of a plan that comes with watchbill, such as ``trm``."""
    place = resources.files("watchbill.plan") / "plans" / f"{name}.yaml"
    return place.read_text("utf-8")


def bundled(name: str) -> Plan:
    """Return a plan that comes with watchbill.

    InvalidPlanError when it does not pass its own checks.
    """
    loaded = load(bundled_text(name), name=f"plans/{name}.yaml")
    if loaded.plan is None:
        raise InvalidPlanError(loaded)
    return loaded.plan
