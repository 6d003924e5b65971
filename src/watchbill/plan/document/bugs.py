"""Reading bugs: the triage tree, what is promised for bugs, and the hotfix."""

import re

from watchbill.plan.document.blocks import Code, Items
from watchbill.plan.document.draft import Because, Draft, Tree, Value
from watchbill.plan.document.sections import Placed
from watchbill.plan.document.severity import Scale
from watchbill.plan.document.tables import SEVERITY_WORD, Known
from watchbill.plan.document.words import (
    as_key,
    duration,
    is_blank,
    is_immediate,
    seconds,
    slug,
    western,
)


def read_triage(scale: Scale, place: Placed) -> bool:
    """Read a triage drawn as a tree: severities side by side, times below them."""
    block = place.block
    if not isinstance(block, Code) or not re.search(
        r"triage|bug|ချို့ယွင်း", place.trail, re.I
    ):
        return False
    draft, levels = scale.draft, list[str]()
    for line in block.lines:
        if not line.text.strip():
            continue
        draft.note(line.number, ("bugs",))
        cells = _columns(line.text)
        found = [one for one in cells if re.match(SEVERITY_WORD, one, re.I)]
        if not levels and len(found) == len(cells) > 1:
            levels = [_bug_level(draft, one, line.number) for one in found]
        elif len(levels) == len(cells) > 1:
            _level_row(scale, levels, cells, line.number)
        elif re.search(r"triage", line.text, re.I) and (time := duration(line.text)):
            draft.put(("bugs", "triage", "within"), time, line.number)
            who = re.sub(r"triage|\(.*?\)", "", cells[0], flags=re.I)
            if found_role := scale.names.resolve(who):
                draft.put(("bugs", "triage", "who"), found_role.role, line.number)
    return bool(levels)


def _columns(text: str) -> list[str]:
    """The words of a line of a drawing, apart where two spaces part them."""
    said = re.sub(r"[\u2190-\u21ff\u2500-\u257f|]", " ", text)
    return [part.strip() for part in re.split(r"\s{2,}", said) if part.strip()]


def _bug_level(draft: Draft, text: str, line: int) -> str:
    title = re.sub(r"\s*\(.*", "", text)
    for key, entry in draft.entries("bugs", "levels"):
        if slug(str(entry.get("title", "")), "") == slug(title, "?"):
            return key
    key = draft.fresh(("bugs", "levels"), slug(title, "level"))
    draft.put(("bugs", "levels", key, "title"), title, line)
    return key


_DISPOSITIONS = ("hotfix", "sprint", "backlog")


def _level_row(scale: Scale, levels: list[str], cells: list[str], line: int) -> None:
    for key, cell in zip(levels, cells, strict=True):
        path = ("bugs", "levels", key)
        severity = scale.find(cell.strip("()"))
        work = next((w for w in _DISPOSITIONS if w in cell.lower()), None)
        if severity is not None:
            scale.draft.put((*path, "severity"), severity, line)
        elif is_immediate(cell):
            scale.draft.put((*path, "act_within"), "0m", line)
        elif time := duration(cell):
            scale.draft.put((*path, "act_within"), time, line)
        elif work is not None:
            scale.draft.put((*path, "disposition"), work, line)


def read_bugs(scale: Scale, table: Known) -> None:
    """Read what is promised for bugs."""
    draft = scale.draft
    for row in table.rows:
        if is_blank(row["severity"]):
            draft.unplaced(row.line, "the row names no severity")
            continue
        key = as_key(row["id"], "") or _bug_level(draft, row["severity"], row.line)
        path = ("bugs", "levels", key)
        draft.put((*path, "title"), row["severity"], row.line)
        _put_time(draft, (*path, "response"), row["response"], row.line)
        if re.search(r"sprint|release|iteration", row["fix"], re.IGNORECASE):
            draft.put((*path, "fix"), "next sprint", row.line)
        else:
            _put_time(draft, (*path, "fix"), row["fix"], row.line)
        if news := _news(row["communicate"]):
            draft.put((*path, "communicate"), news, row.line)
        elif not is_blank(row["communicate"]):
            reason = f'"{row["communicate"]}" does not say how often'
            draft.unplaced(row.line, reason, (*path, "communicate"))


def _put_time(draft: Draft, path: tuple[str, ...], text: str, line: int) -> None:
    if is_blank(text):
        return
    if is_immediate(text):
        because = Because(reason='"immediate" has no number', decision="A4")
        draft.put(path, "5m", line, because)
    elif time := duration(text):
        draft.put(path, time, line)
    else:
        draft.unplaced(line, f'"{text}" is not understood as a time', path)


def _news(text: str) -> str | None:
    said = text.lower()
    if "sprint" in said:
        return "sprint review"
    for word in ("daily", "weekly"):
        if word in said:
            return word
    time = duration(re.sub(r"\b(every|each) (hour|day|week)\b", r"1 \2", said))
    return f"every {time}" if time else None


def read_hotfix(draft: Draft, place: Placed) -> bool:
    """Read the phases of a hotfix: a list of lists."""
    block = place.block
    if not isinstance(block, Items) or not re.search(
        r"hot-?fix|အရေးပေါ် ပြင်ဆင်", place.trail, re.I
    ):
        return False
    phases: list[Value] = []
    reached = 0
    for item in block.items:
        span = _span(item.text)
        if span is None or not item.children:
            continue
        start, end = span
        phase = _phase(item.text, start, end, reached, len(phases) + 1)
        reached = seconds(end) if phase["bound"] == "elapsed" else -1
        phase["steps"] = [child.text for child in item.children if child.text]
        _note_phase(draft, item.line, phase)
        for child in item.children:
            for number in range(child.line, child.end + 1):
                draft.note(number, ("hotfix", "phases", len(phases), "steps"))
        phases.append(phase)
    return draft.put(("hotfix", "phases"), phases, block.line) if phases else False


def _note_phase(draft: Draft, line: int, phase: Tree) -> None:
    path = ("hotfix", "phases", str(phase["id"]))
    if phase["bound"] == "elapsed":
        draft.note(line, path)
        return
    reason = f"its times are read as {phase['bound']}: they do not continue the clock"
    draft.note(line, path, Because(reason=reason, decision="A7"))


def _span(text: str) -> tuple[str, str] | None:
    inside = re.search(r"\(([^()]*)\)\s*(?:\[\w+\])?\s*$", western(text))
    if inside is None:
        return None
    parts = re.split(r"\s*(?:-|\bto\b)\s*", inside[1], maxsplit=1)
    if len(parts) != 2:
        return None
    end = duration(parts[1])
    start = duration(parts[0])
    if start is None and re.fullmatch(r"\s*\d+\s*", parts[0]) and end:
        unit = "m" if parts[0].strip() == "0" else end[-1]
        start = f"{parts[0].strip()}{unit}"
    return (start, end) if start and end else None


def _phase(text: str, start: str, end: str, reached: int, number: int) -> Tree:
    title = re.sub(r"\s*\([^()]*\)\s*(?:\[\w+\])?\s*$", "", text)
    said = re.search(r"\[(elapsed|duration|watch)\]$", text)
    bound = "elapsed" if seconds(start) == reached else "duration"
    if re.match(r"post|after|watch|monitor", title, re.IGNORECASE):
        bound = "watch"
    key = slug(title, f"phase_{number}").replace("_", "-")
    return {
        "id": key,
        "title": title or key,
        "bound": said[1] if said else bound,
        "from": start,
        "to": end,
    }
