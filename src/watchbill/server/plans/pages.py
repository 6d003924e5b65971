"""What the plan page shows: the text, what the check says of it, its versions."""

from typing import Any

from django.urls import reverse

from watchbill.plan import Finding, load
from watchbill.server.plans.models import PlanVersion


def detail(version: PlanVersion) -> dict[str, Any]:
    """Return a version with its findings beside the lines they are about."""
    loaded = load(version.text, name=version.source_name)
    by_line: dict[int, list[dict[str, Any]]] = {}
    for one in loaded.findings:
        by_line.setdefault(one.line, []).append(_finding(one, loaded.lines))
    plan = loaded.plan
    return {
        "plan": {
            "title": version.title,
            "version": version.label,
            "owner": plan.meta.owner.replace("_", " ") if plan else "",
            "effective_on": plan.meta.effective_at if plan else None,
            "loaded_at": version.activated_at,
            "digest": version.digest[:16],
            "path": version.source_name,
        },
        "findings": [_finding(one, loaded.lines) for one in loaded.findings],
        "lines": [
            {"no": number, "text": text, "findings": by_line.get(number, [])}
            for number, text in enumerate(loaded.lines, start=1)
        ],
    }


def versions(rows: list[PlanVersion], *, in_force: int) -> list[dict[str, Any]]:
    """Return the list of versions."""
    return [
        {
            "version": one.label,
            "url": reverse("plans:version", args=[one.pk]),
            "note": one.digest[:12],
            "is_current": one.pk == in_force,
            "loaded_at": one.activated_at or one.loaded_at,
        }
        for one in rows
    ]


def _finding(one: Finding, lines: tuple[str, ...]) -> dict[str, Any]:
    line = one.line
    return {
        "severity": one.severity.value,
        "code": one.code.value,
        "line": line,
        "column": one.column,
        "message": one.message,
        "hint": one.hint,
        "source_line": lines[line - 1] if 0 < line <= len(lines) else "",
    }
