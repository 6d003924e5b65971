"""Report: what an import took, what it guessed, and what it could not place."""

import json
from dataclasses import asdict, dataclass

from watchbill.plan.document.draft import Draft, Fate, Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of one source line."""

    line: int
    fate: Fate
    text: str
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every line of the document that is not blank, and every hole that was filled."""

    accounts: tuple[Account, ...]
    #: What was filled in of which the document says nothing.
    defaults: tuple[Remark, ...]

    def count(self, fate: Fate) -> int:
        """Return how many lines have this fate."""
        return sum(one.fate is fate for one in self.accounts)

    def of(self, fate: Fate) -> tuple[Account, ...]:
        """Return the lines with this fate."""
        return tuple(one for one in self.accounts if one.fate is fate)

    def summary(self) -> str:
        """Return the counts in a sentence."""
        taken, guessed, unplaced = (self.count(fate) for fate in Fate)
        return (
            f"{taken} lines taken, {guessed} guessed, {unplaced} not placed;"
            f" {len(self.defaults)} values filled in"
        )

    def render(self, *, name: str) -> str:
        """Return the report as text, the most urgent first."""
        parts = [f"{name}: {self.summary()}"]
        for fate, title in (
            (Fate.UNPLACED, "Not placed: please read these lines"),
            (Fate.GUESSED, "Guessed: please confirm"),
        ):
            lines = [_say(name, one) for one in self.of(fate)]
            parts += ["", title, *lines] if lines else []
        filled = [f"  {one.key}: {_reason(one)}" for one in self.defaults]
        parts += ["", "Filled in: the document does not say", *filled] if filled else []
        taken = [_say(name, one) for one in self.of(Fate.TAKEN)]
        parts += ["", "Taken", *taken] if taken else []
        return "\n".join(parts) + "\n"

    def as_json(self) -> str:
        """Return the report for programs."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)


def make_report(draft: Draft, lines: tuple[str, ...]) -> Report:
    """Return the account of every line that is not blank."""
    by_line: dict[int, list[Remark]] = {}
    for remark in draft.remarks:
        if remark.line:
            by_line.setdefault(remark.line, []).append(remark)
    accounts = [
        _account(number, text, by_line.get(number, []))
        for number, text in enumerate(lines, start=1)
        if text.strip()
    ]
    seen: set[tuple[str, str]] = set()
    defaults = []
    for one in draft.remarks:
        if not one.line and (one.key, one.reason) not in seen:
            seen.add((one.key, one.reason))
            defaults.append(one)
    return Report(accounts=tuple(accounts), defaults=tuple(defaults))


def _account(number: int, text: str, remarks: list[Remark]) -> Account:
    order = (Fate.TAKEN, Fate.GUESSED, Fate.UNPLACED)
    fate = max((one.fate for one in remarks), key=order.index, default=Fate.UNPLACED)
    return Account(line=number, fate=fate, text=text.strip(), remarks=tuple(remarks))


def _say(name: str, one: Account) -> str:
    told = [mark for mark in one.remarks if mark.fate is one.fate]
    keys = ", ".join(dict.fromkeys(mark.key for mark in told if mark.key))
    reasons = "; ".join(dict.fromkeys(_reason(mark) for mark in told if mark.reason))
    text = one.text if len(one.text) <= 70 else f"{one.text[:67]}..."
    parts = [f"  {name}:{one.line}: {text}"]
    parts += [f" -> {keys}"] if keys else []
    parts += [f" ({reasons})"] if reasons else []
    return "".join(parts)


def _reason(remark: Remark) -> str:
    decision = f" [{remark.decision}]" if remark.decision else ""
    return f"{remark.reason}{decision}"
