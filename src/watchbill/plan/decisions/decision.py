"""A decision: how one ambiguity of the support plan is resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How one ambiguity is resolved, where that is written, and why."""

    #: Such as ``A7``.
    id: str
    #: What is ambiguous.
    title: str
    #: The keys that say otherwise; ``*`` stands for a name or a place in a list.
    keys: tuple[str, ...] = ()
    #: The modules that hold the rule, where no key changes it.
    fixed_in: tuple[str, ...] = ()
    #: What holds unless the plan says otherwise.
    default: str
    #: The defaults of single keys as a plan writes them.
    defaults: Mapping[str, str] = field(default_factory=dict)
    reason: str
    #: The lines of the plan that it is about.
    requirements: tuple[str, ...]
