"""Reading operations: monitoring, alert routes, maintenance and changes."""

import re
from datetime import date, timedelta

from watchbill.plan.document.blocks import Items, Prose
from watchbill.plan.document.draft import Because, Draft, Tree, Value
from watchbill.plan.document.names import Names
from watchbill.plan.document.people import read_zone
from watchbill.plan.document.sections import Placed
from watchbill.plan.document.tables import Cells, Known
from watchbill.plan.document.words import (
    as_key,
    clock_range,
    duration,
    is_blank,
    seconds,
    slug,
    spell,
    threshold,
    unit,
    weekdays,
    western,
)
from watchbill.plan.phrases import parse_limit, parse_repeats, parse_url
from watchbill.plan.values import DAYS, UnreadableError, parse_date

_TURNED = Because(
    reason="an alert on a drop smaller than that would be nonsense; read as larger",
    decision="A13",
)


def row_key(draft: Draft, section: tuple[str, ...], row: Cells, kind: str) -> str:
    """Return the key of a row: its own, or one made of its title."""
    count = len(draft.table(*section)) + 1
    key = as_key(row["id"], "") or slug(row["title"], f"{kind}_{count}")
    return draft.fresh(section, key)


def read_tools(draft: Draft, table: Known) -> None:
    """Read the monitoring stack."""
    for row in table.rows:
        if is_blank(row["tool"]):
            draft.unplaced(row.line, "the row names no tool")
            continue
        section = ("monitoring", "tools")
        title = row["title"] or row["tool"]
        key = as_key(row["id"], "") or slug(
            title, f"tool_{len(draft.table(*section)) + 1}"
        )
        path = (*section, draft.fresh(section, key))
        draft.put((*path, "title"), title, row.line)
        draft.put((*path, "tool"), row["tool"], row.line)
        draft.put((*path, "purpose"), row["purpose"] or title, row.line)
        if not is_blank(row["dashboard"]):
            _put_url(draft, (*path, "dashboard"), row["dashboard"], row.line)


def _put_url(draft: Draft, path: tuple[str, ...], text: str, line: int) -> None:
    try:
        draft.put(path, parse_url(text), line)
    except UnreadableError as error:
        draft.unplaced(line, error.message, path)


def read_metrics(draft: Draft, table: Known, place: Placed) -> None:
    """Read a table of thresholds; the heading above is the group."""
    for row in table.rows:
        if is_blank(row["title"]):
            draft.unplaced(row.line, "the row names no metric")
            continue
        section = ("monitoring", "metrics")
        limits = {name: _limit(draft, row, name) for name in ("warning", "critical")}
        if not any(limits.values()):
            draft.unplaced(row.line, "the row says no threshold")
            continue
        path = (*section, row_key(draft, section, row, "metric"))
        draft.put((*path, "title"), row["title"], row.line)
        draft.put((*path, "group"), place.title or "Metrics", row.line)
        _limits(draft, path, row, limits)
        channel = channel_key(row["channel"])
        if channel:
            draft.put((*path, "channel"), channel, row.line)


def _limit(draft: Draft, row: Cells, name: str) -> str | None:
    found = threshold(row[name]) if not is_blank(row[name]) else None
    if found is None:
        return None
    try:
        parse_limit(found[0])
    except UnreadableError as error:
        draft.unplaced(row.line, error.message)
        return None
    return found[0]


def _limits(
    draft: Draft, path: tuple[str, ...], row: Cells, limits: dict[str, str | None]
) -> None:
    said = row["warning"] or row["critical"]
    if (found := unit(said)) and found != "%":
        draft.put((*path, "unit"), found, row.line)
    for name, other in (("warning", "critical"), ("critical", "warning")):
        value = limits[name]
        if value is None:
            reason = f"{row['title']} has no {name} threshold"
            draft.guess((*path, name), limits[other], Because(reason=reason))
            continue
        turned = threshold(row[name])
        because = _TURNED if turned and turned[1] else None
        draft.put((*path, name), value, row.line, because)
    if str(limits["warning"] or limits["critical"]).startswith("drop"):
        for key, value in (("baseline", "4 weeks"), ("guard", "3 sigma")):
            reason = f"{row['title']} names no {key}"
            draft.guess((*path, key), value, Because(reason=reason, decision="A13"))


def channel_key(text: str) -> str:
    """Return the channel that "Slack #alerts" or "PagerDuty" means."""
    found = re.search(r"#[A-Za-z0-9][A-Za-z0-9_-]*", text)
    if found:
        return found[0]
    if is_blank(text):
        return ""
    plain = slug(text, "").replace("_", "-")
    return as_key(text, plain) if re.fullmatch(r"[a-z0-9_-]+", text) else plain


def read_routes(draft: Draft, names: Names, table: Known) -> None:
    """Read the routing of alerts."""
    for row in table.rows:
        if is_blank(row["title"]) or is_blank(row["primary"]):
            draft.unplaced(row.line, "the row names no type of alert or no primary")
            continue
        section = ("alerts", "routes")
        key = as_key(row["id"], "") or draft.fresh(section, category(row["title"]))
        path = (*section, key)
        draft.put((*path, "title"), row["title"], row.line)
        before = names.role(row["primary"], row.line)
        for rank in ("primary", "secondary", "escalation"):
            role = before
            if is_blank(row[rank]):
                reason = f'"{row["title"]}" has no {rank} contact'
                draft.guess((*path, rank), role, Because(reason=reason))
            else:
                role = names.role(row[rank], row.line)
                draft.put((*path, rank), role, row.line)
            before = role
        _category(draft, names, path, row.line)


def category(title: str) -> str:
    """Return the category of a type of alert: "Payment Issues" is ``payment``."""
    words = slug(title, "general").split("_")
    nouns = {"issue", "error", "crash", "alert", "metric", "failure", "problem"}
    kept = [
        w
        for w in words
        if w.rstrip("s").removesuffix("e") not in nouns and w.rstrip("s") not in nouns
    ]
    return "_".join(kept or words)


def _category(draft: Draft, names: Names, path: tuple[str, ...], line: int) -> None:
    """Give the route its category, and its specialist the specialty (A1)."""
    name = path[-1]
    draft.put((*path, "category"), name, line)
    if name == "security":
        reason = "nothing of a breach is posted by itself"
        because = Because(reason=reason, decision="A15")
        draft.guess((*path, "confidential"), "true", because)
    for contact in names.skilled(name.replace("_", " ")):
        level = draft.text("contacts", contact, "level")
        skills = draft.get(("contacts", contact, "expertise"))
        listed = skills if isinstance(skills, list) else []
        on_call = draft.text("levels", level, "cover") == "on_call"
        if on_call and name not in listed:
            entry = draft.table("contacts", contact)
            entry["expertise"] = [*listed, name]
            reason = f"{contact} is asked for the category {name}"
            because = Because(reason=reason, decision="A1")
            draft.note(line, ("contacts", contact, "expertise"), because)


def read_windows(draft: Draft, table: Known) -> None:
    """Read the regular maintenance windows."""
    read_zone(draft, " ".join(table.headings.values()), table.line)
    for row in table.rows:
        times = clock_range(row["window"])
        if is_blank(row["title"]) or times is None:
            reason = f'"{row["window"]}" does not say from when to when'
            draft.unplaced(row.line, reason)
            continue
        section = ("maintenance", "windows")
        path = (*section, row_key(draft, section, row, "window"))
        draft.put((*path, "title"), row["title"], row.line)
        _recurrence(draft, path, row)
        draft.put((*path, "from"), times[0], row.line)
        draft.put((*path, "to"), times[1], row.line)
        length = duration(row["duration"]) or _between(*times)
        draft.put((*path, "duration"), length, row.line)
        _impact(draft, path, row)


def _impact(draft: Draft, path: tuple[str, ...], row: Cells) -> None:
    daily = draft.text(*path, "repeats") == "daily"
    said = row["impact"].lower()
    if said in {"none", "degraded", "unavailable"}:
        draft.put((*path, "impact"), said, row.line)
        return
    reason = f'what users notice of "{row["title"]}" is not said'
    value = "none" if daily else "degraded"
    draft.guess((*path, "impact"), value, Because(reason=reason, decision="A26"))


def _between(start: str, end: str) -> str:
    minutes = [int(t[:2]) * 60 + int(t[3:]) for t in (start, end)]
    return spell(((minutes[1] - minutes[0]) % 1440 or 1440) * 60)


_CYCLES = (
    ("as needed", r"as needed|ad hoc|on demand|when needed"),
    ("every 2 weeks", r"bi-?weekly|fortnight|every (2|two|other) weeks?"),
    ("every 6 months", r"semi-?annual|half-?year|twice a year|every (6|six) months"),
    ("every 2 months", r"bi-?monthly|every (2|two) months"),
    ("every 3 months", r"quarter|every (3|three) months"),
    ("every 12 months", r"annual|yearly|every year"),
    ("daily", r"daily|nightly|every (day|night)"),
    ("weekly", r"weekly|every week"),
    ("monthly", r"month"),
)
_WHICH = "which Sunday it is, or from when on, is not said"


def _recurrence(draft: Draft, path: tuple[str, ...], row: Cells) -> None:
    said, days = row["repeats"].lower(), weekdays(row["window"])
    exact = _exact_repeats(said)
    cycle = next((c for c, words in _CYCLES if re.search(words, said)), None)
    if exact is None and cycle is None:
        cycle = "as needed"
        reason = f'"{row["repeats"]}" is not understood; taken as needed'
        draft.unplaced(row.line, reason, (*path, "repeats"))
    cycle = exact or cycle or "as needed"
    because = Because(reason=f"{row['title']}: {_WHICH}", decision="A24")
    day = (days or "sun").split(",")[0].split("-")[0]
    if exact is None and cycle.endswith(("monthly", "months")):
        nth = "third" if cycle.startswith("every") else "first"
        cycle = f"{cycle} on {nth} {day}"
        draft.put((*path, "repeats"), cycle, row.line, because)
    else:
        if exact is None and days and "week" in cycle:
            cycle = f"{cycle} on {days}"
        draft.put((*path, "repeats"), cycle, row.line)
        needs_days = cycle != "daily" and " on " not in cycle
        if needs_days and days:
            draft.put((*path, "days"), days, row.line)
        elif needs_days:
            draft.guess((*path, "days"), "sun", because)
    if re.match(r"every \d+ ", cycle):
        first = _first(draft, cycle, day)
        draft.guess((*path, "first"), first, because)


def _exact_repeats(said: str) -> str | None:
    found = re.match(r"(.*?)(?: from (\d{4}-\d\d-\d\d))?$", said)
    text = found[1] if found else said
    try:
        parse_repeats(text)
    except UnreadableError:
        return None
    is_bare = text in {"monthly", "every month"}
    return None if is_bare else text


def _first(draft: Draft, cycle: str, day: str) -> str:
    """The first such day on or after the effective date."""
    effective = draft.text("plan", "effective") or "2026-01-01"
    try:
        start = parse_date(effective)
    except UnreadableError:
        return "2026-01-04"
    nth = {"first": 0, "second": 1, "third": 2, "fourth": 3}
    found = re.search(r" on (\w+) (\w+)", cycle)
    weekday = DAYS.index(found[2] if found and found[2] in DAYS else day)
    if found and found[1] in nth:
        first = date(start.year, start.month, 1)
        offset = (weekday - first.weekday()) % 7 + 7 * nth[found[1]]
        return (first + timedelta(days=offset)).isoformat()
    return (start + timedelta(days=(weekday - start.weekday()) % 7)).isoformat()


def read_checklist(draft: Draft, place: Placed) -> bool:
    """Read what is done before or after maintenance."""
    block = place.block
    if not isinstance(block, Items):
        return False
    subject = re.search(r"mainten|checklist|ပြုပြင်", place.trail, re.IGNORECASE)
    found = _BEFORE_OR_AFTER.search(f"{place.title} {place.label}")
    if not subject or found is None:
        return False
    name = "before" if found["before"] else "after"
    steps: list[Value] = []
    for item in block.items:
        if item.text:
            steps.append(_check(item.text))
            draft.note(item.line, ("maintenance", name, len(steps) - 1))
            _notice(draft, item.text, item.line)
    return draft.put(("maintenance", name), steps, block.line)


_BEFORE_OR_AFTER = re.compile(
    r"(?P<before>\b(?:pre|before|prior)\b|မတိုင်မီ)|\b(?:post|after)\b|ပြီးနောက်",
    re.IGNORECASE,
)
_IF_NEEDED = re.compile(
    r"\s*\((?:if needed|optional|where needed)\)\s*$", re.IGNORECASE
)


def _check(text: str) -> Tree:
    step: Tree = {"step": _IF_NEEDED.sub("", text) or text}
    if _IF_NEEDED.search(text):
        step["optional"] = "true"
    return step


def _notice(draft: Draft, text: str, line: int) -> None:
    notice = duration(text)
    if notice and re.search(r"notif\w* .*advance|in advance", text, re.IGNORECASE):
        draft.put(("maintenance", "notice"), notice, line)


def read_changes(draft: Draft, names: Names, table: Known) -> None:
    """Read who approves which change, how it is tested, and when it is made."""
    for row in table.rows:
        if is_blank(row["title"]) or is_blank(row["approvals"]):
            draft.unplaced(row.line, "the row names no change or no approval")
            continue
        section = ("changes", "types")
        path = (*section, row_key(draft, section, row, "change"))
        draft.put((*path, "title"), row["title"], row.line)
        parts = re.split(r"\s*[+&,;]\s*|\s+and\s+", row["approvals"])
        roles = [names.role(part, row.line) for part in parts if not is_blank(part)]
        draft.put((*path, "approvals"), list(dict.fromkeys(roles)), row.line)
        _testing(draft, path, row)
        _when(draft, path, row)


def _testing(draft: Draft, path: tuple[str, ...], row: Cells) -> None:
    said = slug(row["testing"], "")
    levels = (
        ("minimal", r"minim|smoke|basic|quick|light|none"),
        ("staging", r"stag|partial|integration"),
        ("full", r"full|complete|regress|all"),
    )
    found = next((name for name, words in levels if re.search(words, said)), None)
    if found == said or (said and said in draft.table("changes", "test_levels")):
        draft.put((*path, "testing"), said, row.line)
    elif found is not None:
        reason = f'"{row["testing"]}" is nearest to the level {found}'
        draft.put(
            (*path, "testing"), found, row.line, Because(reason=reason, decision="A8")
        )
    else:
        reason = f'"{row["testing"]}" names no level of testing'
        draft.guess((*path, "testing"), "full", Because(reason=reason, decision="A8"))


def _when(draft: Draft, path: tuple[str, ...], row: Cells) -> None:
    said = row["window"]
    anytime = re.search(r"any ?time|24\s*/\s*7|immediate|at once|asap", said, re.I)
    if anytime:
        draft.put((*path, "window"), "anytime", row.line)
    elif re.search(r"mainten|window|schedul", said, re.IGNORECASE):
        draft.put((*path, "window"), "maintenance", row.line)
    else:
        reason = f'"{said}" names no window; the maintenance windows are safer'
        draft.guess((*path, "window"), "maintenance", Because(reason=reason))


def read_notice(draft: Draft, place: Placed) -> bool:
    """Read a sentence on how long before maintenance users are told."""
    block = place.block
    if not isinstance(block, Prose) or not re.search("mainten", place.trail, re.I):
        return False
    for line in block.lines:
        found = re.search(r"(notice|advance|prior)", line.text, re.IGNORECASE)
        length = duration(line.text)
        if found and length and seconds(length) > 0:
            return draft.put(("maintenance", "notice"), length, line.number)
        if "UTC" in western(line.text):
            read_zone(draft, line.text, line.number)
    return False
