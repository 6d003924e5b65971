"""Amendments: what may change in a plan that is in force without new signatures.

The signatures under a plan stand for its rules: who is told of what and when, what is
promised, who approves. A phone number, a colleague's leave or whose turn comes first
are *particulars*: they change every week, and the person who is paged wrongly cannot
wait for three signatures (S2.1-16, S4.4-03). A version that differs from the one in
force in particulars only is an *amendment*; it takes over at once, on its own record,
and the signatures under the rules stand.

Who governs the plan is no particular, by whatever key it changes: an amendment that
would let somebody else sign or own the plan is a proposal like any other, because its
author could otherwise choose the signers (SD, S0-04).
"""

from collections.abc import Iterable, Mapping

Key = tuple[str, ...]
"""The names that lead to a value of the plan: ``contacts``, ``cto``, ``phone``."""

_OF_A_CONTACT = frozenset(
    {"name", "email", "phone", "slack", "languages", "shift", "expertise"}
)
_SECTIONS = frozenset({"groups", "on_call"})


def is_particular(key: Key) -> bool:
    """Return whether a value may be changed by an amendment."""
    match key:
        case ("contacts", _, field, *_):
            return field in _OF_A_CONTACT
        case (section, *_):
            return section in _SECTIONS
        case _:
            return False


def needs_signatures(
    changed: Iterable[Key],
    *,
    governing: Mapping[str, tuple[Iterable[str], Iterable[str]]],
) -> tuple[str, ...]:
    """Return what of a change is more than a particular, empty for an amendment.

    ``governing`` are the roles that sign or own the plan, each with the contacts who
    hold it before and after.
    """
    rules = dict.fromkeys(_entry(key) for key in changed if not is_particular(key))
    moved = (
        f"who is {role}"
        for role, (before, after) in governing.items()
        if set(before) != set(after)
    )
    return (*rules, *moved)


def amended_label(label: str) -> str:
    """Return the name of the next amendment: 1.0+1 after 1.0, 1.0+2 after that.

    >>> amended_label("1.0+9")
    '1.0+10'
    """
    rules, plus, count = label.rpartition("+")
    if plus and count.isdecimal():
        return f"{rules}+{int(count) + 1}"
    return f"{label}+1"


def _entry(key: Key) -> str:
    """How a key is written; of a contact who comes or goes, the contact alone."""
    if key[0] == "contacts" and len(key) > 2 and key[2] == "id":
        return ".".join(key[:2])
    return ".".join(key)
