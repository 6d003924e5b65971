"""``watchbill plan drift``: whether a Prometheus watches what the plan says."""

import json
import sys
from pathlib import Path
from urllib.parse import urlencode

import click
import yaml

from watchbill.commands.options import refusals, valid_plan
from watchbill.integrations.contract import Outgoing, TransportFailure
from watchbill.plan.drift import (
    Drift,
    UnreadableRulesError,
    find_drift,
    read_rules,
    same_parts,
)
from watchbill.plan.model import Plan
from watchbill.server.engine.egress import Egress
from watchbill.server.project import env

_TIMEOUT = 20.0
_MOST = 16 * 1024 * 1024
"""Bytes of an answer; ten thousand rules have fewer."""


@click.command("drift")
@click.argument("plan", default="trm")
@click.option(
    "--prometheus",
    "url",
    metavar="URL",
    help="A Prometheus to ask, such as http://prometheus:9090. What is internal must"
    " be named in WATCHBILL_EGRESS_ALLOW.",
)
@click.option(
    "--rules",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A rule file to read instead.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print the drift as JSON.")
def drift_command(
    plan: str,
    url: str | None,
    file: Path | None,
    wants_json: bool,
) -> None:
    """Say where the rules that are loaded are not those of PLAN.

    Exits with 0 when they are, with 1 when they have drifted, and with 2 when nobody
    can tell, so that a scheduled job can raise an alarm.
    """
    found = valid_plan(plan).plan
    if found is None:
        return
    with refusals():
        if url is not None and file is None:
            drift = _of_prometheus(found, url)
        elif file is not None and url is None:
            drift = _of_file(found, file)
        else:
            message = "give either --prometheus URL or --rules FILE"
            raise click.UsageError(message)
    click.echo(_as_json(drift) if wants_json else _in_words(drift))
    sys.exit(1 if drift else 0)


class _UnknownError(click.ClickException):
    """Nobody can tell whether there is drift."""

    exit_code = 2


def _of_file(plan: Plan, file: Path) -> list[Drift]:
    try:
        document = yaml.safe_load(file.read_text("utf-8"))
        return find_drift(plan, read_rules(document))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _UnknownError(f"{file} cannot be read: {error}") from error
    except UnreadableRulesError as error:
        raise _UnknownError(f"{file} is no rule file: {error}") from error


def _of_prometheus(plan: Plan, url: str) -> list[Drift]:
    egress = Egress(allow=env.networks("WATCHBILL_EGRESS_ALLOW"), max_answer=_MOST)
    base = url.rstrip("/")

    def spelt(expression: str) -> object:
        asked = urlencode({"query": expression})
        return _ask(egress, f"{base}/api/v1/format_query?{asked}").get("data")

    def same(one: str, other: str) -> bool:
        return same_parts(str(spelt(one)), str(spelt(other)))

    try:
        loaded = read_rules(_ask(egress, f"{base}/api/v1/rules"))
    except UnreadableRulesError as error:
        raise _UnknownError(f"{url} does not tell its rules: {error}") from error
    return find_drift(plan, loaded, same=same)


def _ask(egress: Egress, url: str) -> dict[str, object]:
    answer = egress.send(Outgoing(method="GET", url=url), timeout=_TIMEOUT)
    where = url.partition("?")[0]
    if isinstance(answer, TransportFailure):
        raise _UnknownError(f"{where} cannot be asked: {answer.detail}")
    if answer.status != 200 or answer.truncated:
        how = "was cut off" if answer.truncated else f"was {answer.status}"
        raise _UnknownError(f"the answer of {where} {how}")
    try:
        told = json.loads(answer.body)
    except ValueError as error:
        raise _UnknownError(f"the answer of {where} is no JSON: {error}") from error
    return told if isinstance(told, dict) else {}


def _in_words(drift: list[Drift]) -> str:
    if not drift:
        return "The rules that are loaded are those of the plan."
    lines = [f"{one.kind.value:8} {one.text}" for one in drift]
    count = f"{len(drift)} difference{'s' if len(drift) > 1 else ''}"
    return "\n".join([*lines, "", f"{count}: watchbill plan rules prints the plan's."])


def _as_json(drift: list[Drift]) -> str:
    told = [
        {
            "kind": one.kind.value,
            "rule": one.rule,
            "group": one.group,
            "part": one.part,
            "planned": one.planned,
            "loaded": one.loaded,
            "text": one.text,
        }
        for one in drift
    ]
    return json.dumps({"drift": told}, indent=2, ensure_ascii=False)
