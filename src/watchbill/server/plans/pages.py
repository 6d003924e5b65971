"""What the pages of the plan show around its text: standing, approval, findings."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from watchbill.core import planapproval
from watchbill.core.access import Permission
from watchbill.core.planapproval import Approval, Standing, VersionState
from watchbill.plan import Finding, Level, Loaded, Plan, bundled_text, summary
from watchbill.server.accounts.models import User
from watchbill.server.plans import queries, reading
from watchbill.server.plans.actions import person_of
from watchbill.server.plans.models import PlanVersion
from watchbill.server.plans.queries import Listed

_SHOWN_FINDINGS = 200


def banner(
    version: PlanVersion, permissions: frozenset[Permission]
) -> dict[str, str] | None:
    """Return the mark that an unsigned plan in force carries on every page (A43)."""
    if version.state != VersionState.LOADED:
        return None
    roles = _listed(_roles(version, queries.approval_under(version, version)))
    text = _("UNSIGNED: plan %(version)s runs without the signatures of %(roles)s.") % {
        "version": version.label,
        "roles": roles,
    }
    asks = is_example(version) and Permission.PROPOSE_PLAN in permissions
    name, link = (
        ("plans:start", _("Answer its ten open questions"))
        if asks
        else ("plans:in_force", _("Who has to sign"))
    )
    return {"level": "warning", "text": text, "url": reverse(name), "link": link}


def is_example(version: PlanVersion) -> bool:
    """Return whether a version is the plan that comes with watchbill."""
    return version.source_name.endswith("trm.yaml") and _is_bundled(version.pk)


@lru_cache(maxsize=32)
def _is_bundled(version_id: int) -> bool:
    return queries.get(version_id).text == bundled_text("trm")


def head(version: PlanVersion, *, now: datetime) -> dict[str, Any]:
    """Return what stands at the top of each page of a version."""
    plan = queries.loaded_of(version.pk).plan
    return {
        "number": version.pk,
        "title": version.title,
        "label": version.label,
        "standing": queries.standing_of(version, now=now).value,
        "is_signed": version.state == VersionState.APPROVED,
        "is_unsigned": version.state == VersionState.LOADED,
        "is_example": is_example(version),
        "owner": reading.words(plan.meta.owner) if plan else "",
        "effective_at": version.effective_at
        or (plan.meta.effective_at if plan else None),
        "runs_from": version.activated_at,
        "stored_at": version.loaded_at,
        "author": version.author,
        "reason": version.reason,
        "based_on": version.based_on_id,
        "digest": version.digest[:16],
        "path": version.source_name,
    }


def findings(loaded: Loaded, text: str | None = None) -> dict[str, Any]:
    """Return the findings with a summary; the lines are those of ``text`` if given."""
    lines = loaded.lines if text is None else tuple(text.split("\n"))
    rows = [_finding(one, lines) for one in _worst_first(loaded.findings)]
    return {
        "summary": summary(loaded.findings),
        "rows": rows[:_SHOWN_FINDINGS],
        "more": max(len(rows) - _SHOWN_FINDINGS, 0),
        "errors": len(loaded.errors),
    }


def source(loaded: Loaded, text: str) -> list[dict[str, Any]]:
    """Return the lines of a text, each with what was found about it."""
    by_line: dict[int, list[dict[str, Any]]] = {}
    lines = tuple(text.split("\n"))
    for one in loaded.findings:
        by_line.setdefault(one.line, []).append(_finding(one, lines))
    return [
        {"no": number, "text": line, "findings": by_line.get(number, [])}
        for number, line in enumerate(lines, start=1)
    ]


def approval(version: PlanVersion, user: User, *, now: datetime) -> dict[str, Any]:
    """Return who has signed, who has to, and what this user may do about it."""
    facts = queries.approval_of(version, now=now)
    plan = queries.plan_of(queries.in_force(now=now).pk)
    person = person_of(user, version)
    stands = queries.standing_of(version, now=now)
    mine = facts.roles_of(user.contact_key) if stands is not Standing.PAST else ()
    signed = {one.role: one for one in queries.signatures_of(version.pk)}
    return {
        "rows": [
            {
                "role": one.role,
                "title": _title(plan, one.role),
                "holders": _listed(_label(plan, key) for key in one.holders),
                "is_vacant": not one.holders,
                "signature": signed.get(one.role),
                "is_mine": one.role in mine,
            }
            for one in facts.signers
        ],
        "missing": len(facts.missing),
        "twice": [_label(plan, key) for key in facts.signed_twice],
        "may_reject": planapproval.may_reject(facts, person),
        "may_withdraw": planapproval.may_withdraw(facts, person, now=now),
        "events": queries.events_of(version.pk),
    }


def versions(rows: list[Listed], *, shown: int | None = None) -> list[dict[str, Any]]:
    """Return the list of versions, each with the one it can be compared with."""
    return [
        {
            "number": one.version.pk,
            "label": one.version.label,
            "standing": one.standing.value,
            "is_unsigned": one.version.state == VersionState.LOADED,
            "author": one.version.author,
            "reason": one.version.reason,
            "effective_at": one.version.effective_at,
            "runs_from": one.version.activated_at,
            "stored_at": one.version.loaded_at,
            "before": one.version.based_on_id
            or (before.version.pk if before else None),
            "is_shown": one.version.pk == shown,
        }
        for one, before in zip(rows, [*rows[1:], None], strict=True)
    ]


def may_propose(user: User, *, now: datetime) -> bool:
    """Return whether a user is among those who may propose changes (S0-04)."""
    plan = queries.plan_of(queries.in_force(now=now).pk)
    return planapproval.may_propose(person_of(user), owners=queries.owners_of(plan))


def _roles(version: PlanVersion, approval: Approval) -> list[str]:
    plan = queries.loaded_of(version.pk).plan
    if plan is None:
        return [reading.words(one.role) for one in approval.missing]
    return [_title(plan, one.role) for one in approval.missing]


def _title(plan: Plan, role: str) -> str:
    contact = plan.directory.contact(role)
    return contact.title if contact is not None else reading.words(role)


def _label(plan: Plan, key: str) -> str:
    contact = plan.directory.contact(key)
    return contact.label if contact is not None else key


def _listed(words: Iterable[str]) -> str:
    said = list(dict.fromkeys(words))
    if len(said) < 2:
        return "".join(said)
    return _("%(most)s and %(last)s") % {"most": ", ".join(said[:-1]), "last": said[-1]}


def _worst_first(found: tuple[Finding, ...]) -> list[Finding]:
    order = list(Level)
    return sorted(found, key=lambda one: (order.index(one.severity), one.line))


def _finding(one: Finding, lines: tuple[str, ...]) -> dict[str, Any]:
    line = one.line
    return {
        "severity": one.severity.value,
        "code": one.code.value,
        "line": line,
        "column": one.column,
        "message": one.message,
        "hint": one.hint,
        "source_line": lines[line - 1][:300] if 0 < line <= len(lines) else "",
    }
