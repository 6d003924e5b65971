"""Faults: what keeps a story from being read, printed as a compiler prints it."""

from dataclasses import dataclass
from enum import StrEnum

from watchbill.plan.findings import Span


class StoryCode(StrEnum):
    """The code of a fault: WS0 how it is written, WS1 what it names."""

    UNKNOWN_LINE = "WS001"
    BAD_VALUE = "WS002"
    OUT_OF_ORDER = "WS003"
    NO_INCIDENT = "WS004"
    NOTHING_TOLD = "WS005"
    UNREADABLE_TEXT = "WS006"

    UNKNOWN_NAME = "WS101"
    UNKNOWN_PLAN = "WS102"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing in a story that cannot be read; all of them are errors."""

    code: StoryCode
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    hint: str = ""

    def headline(self, name: str) -> str:
        """Return ``night.scenario:6:12: error[WS101]: ...``."""
        place = f"{name}:{self.line}:{self.column}"
        return f"{place}: error[{self.code}]: {self.message}"


class FaultError(ValueError):
    """Raised where a line cannot be read; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def fault(code: StoryCode, span: Span, message: str, hint: str = "") -> FaultError:
    """Return the error of a fault at a place."""
    return FaultError(
        Fault(
            code=code,
            message=message,
            line=span.line,
            column=span.column,
            end_line=span.end_line,
            end_column=span.end_column,
            hint=hint,
        )
    )
