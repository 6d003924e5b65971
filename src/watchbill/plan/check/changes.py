"""Changes: every type can be approved, by people who are there and who are enough.

The approval rules are asked themselves: for a change of each type on which everybody
who may has said yes, whoever asks for it (A9).
"""

from collections.abc import Iterator
from dataclasses import replace

from watchbill.core.changes import (
    Approval,
    Change,
    ChangeType,
    Ruling,
    deputy_at,
    missing_approvals,
)
from watchbill.plan.check.case import Case
from watchbill.plan.check.names import check_role, unknown_name
from watchbill.plan.findings import Code, Finding
from watchbill.plan.source import Path


def check_changes(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the change types, the deputy and the freezes."""
    entry = case.file.changes
    for key, one in entry.types.items():
        path: Path = ("changes", "types", key)
        for place, role in enumerate(one.approvals):
            yield from check_role(case, (*path, "approvals", place), role)
        if one.testing not in entry.test_levels:
            code, known = Code.UNKNOWN_TEST_LEVEL, entry.test_levels
            where = (*path, "testing")
            yield unknown_name(case, code, where, "test level", one.testing, known)
        if all(role in case.roles for role in one.approvals):
            yield from _approvers(case, case.plan.changes.types[key])
    yield from _deputy(case)
    yield from _freezes(case)


def _deputy(case: Case) -> Iterator[Finding]:
    deputy = case.file.changes.approval.fallback
    if deputy is None:
        return
    path: Path = ("changes", "approval", "fallback", "who")
    yield from check_role(case, path, deputy.who)
    if deputy.who in case.roles and not case.holders(deputy.who):
        message = f'"{deputy.who}" approves when nobody else does, and has no people'
        yield case.at(Code.REACHES_NOBODY, path, message)


def _approvers(case: Case, change_type: ChangeType) -> Iterator[Finding]:
    """Report a type that nobody can approve, or not when its approver asks."""
    path: Path = ("changes", "types", change_type.key, "approvals")
    empty = [role for role in change_type.approvals if not case.holders(role)]
    if empty:
        message = f"{change_type.title} needs {_and(empty)}, and nobody holds that role"
        yield case.at(Code.REACHES_NOBODY, path, message)
    elif _is_stuck(case, change_type, requester=""):
        people = [_label(case, key) for key in _approving(case, change_type)]
        message = (
            f"{change_type.title} needs {len(change_type.approvals)} people, and only "
            f"{_and(people)} can approve it"
        )
        hint = "Somebody who holds two roles counts once; name another role."
        yield case.at(Code.TOO_FEW_APPROVERS, path, message, hint)
    else:
        yield from _requesters(case, change_type, path)


def _requesters(case: Case, change_type: ChangeType, path: Path) -> Iterator[Finding]:
    """Report the approvers whose own change of this type nobody could approve."""
    stuck = [
        _label(case, key)
        for key in _approving(case, change_type)
        if _is_stuck(case, change_type, requester=key)
    ]
    if stuck:
        message = (
            f"{change_type.title} cannot be approved when {_or(stuck)} asks for it: "
            "nobody approves his own change"
        )
        hint = "Name a group instead of one person, so that somebody else is left."
        yield case.at(Code.ONE_APPROVER, path, message, hint)


def _is_stuck(case: Case, change_type: ChangeType, *, requester: str) -> bool:
    """Whether a change stays unapproved although all who may have said yes."""
    asked_at = case.plan.meta.effective_at
    approvals = tuple(
        Approval(contact=one.key, ruling=Ruling.APPROVED, at=asked_at)
        for one in case.plan.directory.contacts
    )
    change = Change(
        type=change_type,
        requester=requester,
        requested_at=asked_at,
        approvals=approvals,
    )
    rules = case.plan.changes.approval
    roles = (*change_type.approvals, *((rules.deputy.role,) if rules.deputy else ()))
    holders = {role: [one.key for one in case.holders(role)] for role in roles}
    late = deputy_at(change, rules) if requester else None
    # An outsider's change must not need the deputy, who is there for emergencies.
    rules = rules if requester else replace(rules, deputy=None)
    return bool(missing_approvals(change, rules, holders, now=late or asked_at))


def _approving(case: Case, change_type: ChangeType) -> list[str]:
    people = [one.key for role in change_type.approvals for one in case.holders(role)]
    return list(dict.fromkeys(people))


def _label(case: Case, key: str) -> str:
    contact = case.plan.directory.contact(key)
    return key if contact is None else contact.label


def _freezes(case: Case) -> Iterator[Finding]:
    effective = case.file.plan.effective
    for place, freeze in enumerate(case.file.changes.freezes):
        if freeze.to < effective:
            message = f"{freeze.title} ended on {freeze.to}, before the plan begins"
            path: Path = ("changes", "freezes", place, "to")
            hint = "Write the days of the coming one."
            yield case.at(Code.FREEZE_IN_THE_PAST, path, message, hint)


def _and(words: list[str]) -> str:
    return " and ".join(words)


def _or(words: list[str]) -> str:
    return " or ".join(words)
