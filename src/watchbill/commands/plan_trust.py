"""``watchbill plan simulate``, ``explain``, ``diff`` and ``test``: why a plan may be
trusted.
"""

import json
import sys
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from watchbill.commands.options import read_plan, valid_plan
from watchbill.plan import InvalidPlanError, Loaded, Plan, render_table
from watchbill.plan.diff import as_fields, diff, render_diff
from watchbill.plan.explain import (
    explain,
    explain_decision,
    explain_due,
    render_due,
    render_explanation,
    render_position,
)
from watchbill.plan.lookup import (
    UnknownNameError,
    find_category,
    find_contact,
    find_severity,
    read_instant,
)
from watchbill.plan.scenario import (
    Fault,
    Result,
    Script,
    Story,
    check,
    parse,
    render_faults,
    render_result,
    rewrite,
    unknown_plan,
)
from watchbill.plan.simulate import (
    Incident,
    Line,
    as_rows,
    follow,
    horizon,
    lanes,
    suppose,
)
from watchbill.plan.values import UnreadableError, parse_duration


class _Duration(click.ParamType[timedelta]):
    """A duration as a plan writes it."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the duration, or refuse with how to write one."""
        if isinstance(value, timedelta):
            return value
        try:
            if not value:
                message = "the duration is empty"
                raise UnreadableError(message, "Write 7m, 1h30m or 2d.")
            return parse_duration(value)
        except UnreadableError as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)


DURATION = _Duration()


@click.command("simulate")
@click.argument("plan", default="trm")
@click.option("--severity", help="Such as P1; by the alert's labels otherwise.")
@click.option("--route", help="The alert type; by the labels otherwise.")
@click.option(
    "--category",
    help="The kind of incident, such as payment: a route, its category, or a"
    " specialty. It chooses the route and the expert.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    help="A label of the alert; repeat it.",
)
@click.option(
    "--at",
    help="When it is declared, local time of the plan, such as '2026-02-08 02:30';"
    " its effective date by default.",
)
@click.option("--ack", type=DURATION, help="Acknowledged after, as 7m or 1h30m.")
@click.option("--mitigate", type=DURATION, help="Mitigated after.")
@click.option("--resolve", type=DURATION, help="Resolved after.")
@click.option(
    "--unreachable",
    multiple=True,
    metavar="CONTACT",
    help="Somebody whom no channel can reach; repeat it.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
def simulate_command(
    plan: str,
    severity: str | None,
    route: str | None,
    category: str | None,
    labels: tuple[str, ...],
    at: str | None,
    ack: timedelta | None,
    mitigate: timedelta | None,
    resolve: timedelta | None,
    unreachable: tuple[str, ...],
    wants_json: bool,
) -> None:
    """Print who would be contacted, how, when and why. Nothing is sent."""
    found = _plan(plan)
    try:
        incident = _suppose(found, severity, route, category, labels, at)
        out = frozenset(find_contact(found, word).key for word in unreachable)
    except LookupError as error:
        raise click.UsageError(str(error)) from error
    happened = replace(
        incident,
        acknowledged_at=_after(ack, incident),
        mitigated_at=_after(mitigate, incident),
        resolved_at=_after(resolve, incident),
    )
    until = horizon(found, happened)
    lines = follow(found, happened, until=until, unreachable=out)
    if wants_json:
        click.echo(_as_json(found, happened, lines))
    else:
        click.echo(render_table(found, lines), nl=False)


def _suppose(
    plan: Plan,
    severity: str | None,
    route: str | None,
    category: str | None,
    labels: tuple[str, ...],
    at: str | None,
) -> Incident:
    by_category = (None, None) if category is None else find_category(plan, category)
    return suppose(
        plan,
        declared_at=_instant(at, plan),
        severity=None if severity is None else find_severity(plan, severity),
        route=route or by_category[0],
        category=by_category[1],
        labels=dict(_pair(label) for label in labels),
    )


def _as_json(plan: Plan, incident: Incident, lines: tuple[Line, ...]) -> str:
    def local(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(plan.meta.zone).isoformat()

    answer = {
        "plan": {"title": plan.meta.title, "version": plan.meta.version},
        "time_zone": plan.meta.zone.key,
        "incident": {
            "severity": incident.severity,
            "route": incident.route.key,
            "category": incident.category,
            "is_confidential": incident.route.confidential,
            "declared_at": local(incident.declared_at),
            "acknowledged_at": local(incident.acknowledged_at),
            "mitigated_at": local(incident.mitigated_at),
            "resolved_at": local(incident.resolved_at),
        },
        "lines": as_rows(plan, lines),
        "lanes": [
            {
                "whom": lane.whom,
                "contact": lane.contact.key if lane.contact else None,
                "lines": [lines.index(line) for line in lane.lines],
            }
            for lane in lanes(lines)
        ],
    }
    return json.dumps(answer, ensure_ascii=False, indent=2)


@click.command("explain")
@click.argument("plan")
@click.argument("key", required=False)
@click.option("--decision", metavar="ID", help="A decision, such as A2.")
@click.option(
    "--due", metavar="TIME", help="A due time, as 'P1 30m' or 'P1 payment 5m'."
)
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
def explain_command(
    plan: str,
    key: str | None,
    decision: str | None,
    due: str | None,
    wants_json: bool,
) -> None:
    """Say what KEY of PLAN does, where it stands and comes from, and whom it moves.

    \b
    watchbill plan explain trm escalation.P1[15m]
    watchbill plan explain trm severities.P1.response
    watchbill plan explain trm --due "P1 30m"
    watchbill plan explain trm --decision A2
    """
    if sum(one is not None for one in (key, decision, due)) != 1:
        message = "say one of KEY, --due and --decision"
        raise click.UsageError(message)
    loaded = valid_plan(plan)
    try:
        answer, text = _explained(loaded, key, decision, due)
    except UnknownNameError as error:
        raise click.ClickException(str(error)) from error
    if wants_json:
        text = json.dumps(answer, ensure_ascii=False, indent=2) + "\n"
    click.echo(text, nl=False)


def _explained(
    loaded: Loaded, key: str | None, decision: str | None, due: str | None
) -> tuple[object, str]:
    """The answer as fields for JSON and as text."""
    if decision is not None:
        position = explain_decision(loaded, decision)
        return asdict(position), render_position(position)
    if due is not None:
        steps = explain_due(loaded, due)
        return [asdict(step) for step in steps], render_due(steps)
    explanation = explain(loaded, key or "")
    return asdict(explanation), render_explanation(explanation)


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option(
    "--from",
    "since",
    metavar="DAY",
    help="From which day on eight on-call weeks are compared; the later of the two"
    " effective dates by default.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
def diff_command(
    old: str,
    new: str,
    since: str | None,
    wants_json: bool,
) -> None:
    """Say what NEW changes for people against OLD; what is quieter comes first.

    Exits with 0 when nothing changes for people, else with 1.
    """
    before, after = valid_plan(old), valid_plan(new)
    start = None if since is None else _instant(f"{since} 00:00", _plan_of(after))
    found = diff(before, after, since=start)
    if wants_json:
        click.echo(json.dumps(as_fields(found), ensure_ascii=False, indent=2))
    else:
        click.echo(render_diff(found), nl=False)
    sys.exit(1 if found.changes else 0)


@click.command("test")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--plan", "plan", help="Tell all stories to this plan instead.")
@click.option("--update", is_flag=True, help="Write what the plan does into the files.")
def test_command(
    files: tuple[str, ...],
    plan: str | None,
    update: bool,
) -> None:
    """Tell the stories of FILE to a plan and say where it does something else.

    Exits with 0 when every story holds, with 1 when one does not, and with 2 when a
    file cannot be read.
    """
    teller = _Teller(plan)
    told = [teller.tell(Path(file), update=update) for file in files]
    results = [result for script in told for result in script]
    click.echo(_count(results, files_unread=told.count([]), update=update))
    if not all(told) or any(result.faults for result in results):
        sys.exit(2)
    sys.exit(0 if update or all(result.holds for result in results) else 1)


class _Teller:
    """Tells the stories of files; reads each plan once."""

    def __init__(self, plan: str | None) -> None:
        self.only = None if plan is None else valid_plan(plan)
        self.plans: dict[str, Loaded] = {}

    def tell(self, path: Path, *, update: bool) -> list[Result]:
        """Print what differs in a file; none of its stories when it cannot be read."""
        try:
            script = parse(path.read_bytes(), name=str(path))
        except OSError as error:
            click.echo(f"{path} cannot be read: {error.strerror}", err=True)
            return []
        if script.faults:
            click.echo(render_faults(script, script.faults), err=True, nl=False)
            return []
        results = [self._result(path, script, story) for story in script.stories]
        differs = any(result.mismatches for result in results)
        if update and differs and not any(result.faults for result in results):
            path.write_text(rewrite(script, results), "utf-8")
        return results

    def _result(self, path: Path, script: Script, story: Story) -> Result:
        plan = self._plan(path, story)
        if isinstance(plan, Fault):
            click.echo(render_faults(script, (plan,)), err=True, nl=False)
            return Result(story=story, faults=(plan,))
        result = check(story, plan)
        click.echo(render_result(script, result, plan), nl=False)
        return result

    def _plan(self, path: Path, story: Story) -> Plan | Fault:
        """The plan of a story: a file beside it, or the bundled one."""
        if self.only is not None and self.only.plan is not None:
            return self.only.plan
        name = story.plan.text if story.plan else "trm"
        beside = path.parent / name
        place = name if name == "trm" and not beside.exists() else str(beside)
        try:
            loaded = self.plans.setdefault(place, read_plan(place))
        except click.ClickException as error:
            return unknown_plan(story, error.message)
        if loaded.plan is None:
            message = f"{name} has {len(loaded.errors)} errors"
            return unknown_plan(story, f"{message}; see watchbill plan check")
        return loaded.plan


def _count(results: list[Result], *, files_unread: int, update: bool) -> str:
    """One line such as ``8 stories: 7 hold, 1 differs``."""
    differ = sum(1 for one in results if one.mismatches)
    broken = sum(1 for one in results if one.faults)
    hold = len(results) - differ - broken
    counts = (
        (hold, "hold" if hold != 1 else "holds"),
        (differ, "rewritten" if update else "differ" if differ != 1 else "differs"),
        (broken, "not understood"),
    )
    said = ", ".join(f"{number} {word}" for number, word in counts if number)
    head = f"{len(results)} {'story' if len(results) == 1 else 'stories'}"
    unread = f"; {files_unread} of the files not read" if files_unread else ""
    return f"{head}: {said}{unread}" if said else f"{head}{unread}"


def _plan(name: str) -> Plan:
    return _plan_of(valid_plan(name))


def _plan_of(loaded: Loaded) -> Plan:
    if loaded.plan is None:  # valid_plan refuses such a one before
        raise InvalidPlanError(loaded)
    return loaded.plan


def _instant(text: str | None, plan: Plan) -> datetime:
    if text is None:
        return plan.meta.effective_at
    try:
        return read_instant(text, plan.meta.zone)
    except UnreadableError as error:
        message = f"{error.message}. {error.hint}".rstrip()
        raise click.UsageError(message) from error


def _after(elapsed: timedelta | None, incident: Incident) -> datetime | None:
    return None if elapsed is None else incident.declared_at + elapsed


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        message = f"--label: {text!r} is no label; write it as name=value"
        raise click.UsageError(message)
    return name, value
