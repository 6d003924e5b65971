"""Reading the rest: communication, runbooks, reviews and the appendices."""

import re
from collections.abc import Iterator

from watchbill.plan.document.blocks import Items
from watchbill.plan.document.draft import Because, Draft, Value
from watchbill.plan.document.names import Names
from watchbill.plan.document.operations import channel_key, row_key
from watchbill.plan.document.sections import Placed
from watchbill.plan.document.severity import Scale
from watchbill.plan.document.tables import Cells, Known
from watchbill.plan.document.words import (
    as_key,
    day,
    duration,
    is_blank,
    slug,
)
from watchbill.plan.quantities import parse_frequency
from watchbill.plan.values import ChannelKind, UnreadableError


def read_channels(draft: Draft, table: Known) -> None:
    """Read the internal channels."""
    for row in table.rows:
        key = channel_key(row["key"])
        if not key:
            draft.unplaced(row.line, "the row names no channel")
            continue
        path = ("channels", key)
        draft.put((*path, "kind"), _kind(row), row.line)
        draft.put((*path, "purpose"), row["purpose"] or key, row.line)
        draft.put((*path, "audience"), row["audience"] or "All", row.line)


def _kind(row: Cells) -> str:
    return row["kind"] if row["kind"] in set(ChannelKind) else channel_kind(row["key"])


def channel_kind(said: str) -> str:
    """Return what "Slack #alerts" or "Weekly Standup" is."""
    words = (
        ("slack", r"slack|teams|#|chat|mattermost|discord|viber|telegram"),
        ("email", r"e-?mail|mail"),
        ("pager", r"pager|opsgenie|on-?call"),
        ("sms", r"sms|text|phone"),
        ("webhook", r"webhook|api"),
    )
    return next(
        (kind for kind, word in words if re.search(word, said, re.I)), "meeting"
    )


def read_external(draft: Draft, table: Known) -> None:
    """Read the external channels."""
    for row in table.rows:
        if is_blank(row["title"]):
            draft.unplaced(row.line, "the row names no channel")
            continue
        section = ("communication", "external")
        path = (*section, row_key(draft, section, row, "channel"))
        draft.put((*path, "title"), row["title"], row.line)
        draft.put((*path, "purpose"), row["purpose"] or row["title"], row.line)
        draft.put((*path, "frequency"), row["frequency"] or "as needed", row.line)


_STATES = (
    ("major_outage", r"major|down|full|critical|red"),
    ("partial_outage", r"partial|orange"),
    ("degraded_performance", r"degrad|slow|minor|yellow"),
    ("maintenance", r"mainten|blue"),
)


def read_statuspage(scale: Scale, table: Known) -> None:
    """Read what the status page says of each severity."""
    draft = scale.draft
    for row in table.rows:
        key = scale.find(row["level"])
        state = next((s for s, w in _STATES if re.search(w, row["state"], re.I)), None)
        if key is None or state is None:
            reason = f'"{row["level"]}: {row["state"]}" is no severity or no state'
            draft.unplaced(row.line, reason)
            continue
        path = ("status_page", "levels", key)
        draft.put((*path, "state"), state, row.line)
        _update(draft, path, row)
        publish = "automatic" if key == scale.worst() else "when_user_impacting"
        publish = "never" if state == "maintenance" else publish
        reason = f"when the page of {key} is published is not said"
        because = Because(reason=reason, decision="A16")
        draft.guess((*path, "publish"), publish, because)


def _update(draft: Draft, path: tuple[str, ...], row: Cells) -> None:
    said = row["update"].lower()
    if re.search(r"before.*after", said):
        draft.put((*path, "update"), "before and after", row.line)
        return
    time = duration(re.sub(r"\b(every|each) (hour|day|week)\b", r"1 \2", said))
    time = time or {"hourly": "1h", "daily": "24h"}.get(said.strip())
    if time:
        draft.put((*path, "update_every"), time, row.line)
    else:
        draft.unplaced(row.line, f'"{row["update"]}" does not say how often', path)


def read_runbooks(draft: Draft, table: Known) -> None:
    """Read the list of runbooks."""
    for row in table.rows:
        if is_blank(row["title"]) or is_blank(row["location"]):
            draft.unplaced(row.line, "the row names no runbook or no place")
            continue
        section = ("runbooks",)
        key = as_key(row["id"], "") or slug(row["title"], "runbook").replace("_", "-")
        path = (*section, draft.fresh(section, key))
        draft.put((*path, "title"), row["title"], row.line)
        draft.put((*path, "location"), row["location"], row.line)
        updated = day(row["updated"])
        if updated:
            draft.put((*path, "updated"), updated, row.line)
        else:
            reason = f'when "{row["title"]}" was updated is not said'
            effective = draft.text("plan", "effective")
            draft.guess((*path, "updated"), effective, Because(reason=reason))


def read_reviews(draft: Draft, names: Names, table: Known) -> None:
    """Read the regular reviews."""
    for row in table.rows:
        often = _cycle(row["frequency"])
        if is_blank(row["title"]) or often is None:
            reason = f'"{row["frequency"]}" does not say how often'
            draft.unplaced(row.line, reason)
            continue
        section = ("reviews",)
        path = (*section, row_key(draft, section, row, "review"))
        draft.put((*path, "title"), row["title"], row.line)
        draft.put((*path, "frequency"), often, row.line)
        parts = re.split(r"\s*[+&,;]\s*|\s+and\s+", row["participants"])
        people = [
            audience(draft, names, one, row.line) for one in parts if not is_blank(one)
        ]
        draft.put((*path, "participants"), people, row.line)
        draft.put((*path, "output"), row["output"] or row["title"], row.line)


def _cycle(text: str) -> str | None:
    said = re.sub(r"\bevery\b", "each", text, flags=re.I).strip()
    if found := re.match(r"after (?:each |a |all )?(.+)$", said, re.IGNORECASE):
        parts = re.split(r"\s*(?:/|,|\bor\b|\band\b)\s*", found[1])
        keys = [part for part in parts if re.fullmatch(r"[A-Za-z]+-?\d", part)]
        return f"after each {'/'.join(keys)}" if keys else None
    for cycle, words in (
        ("half_yearly", "half|semi"),
        ("weekly", "week"),
        ("monthly", "month"),
        ("quarterly", "quarter"),
        ("yearly", "year|annual"),
    ):
        if re.search(words, said, re.IGNORECASE):
            try:
                parse_frequency(cycle)
            except UnreadableError:
                return None
            return cycle
    return None


_AUDIENCES = (
    ("all_staff", r"^(all|every|company|staff|whole)"),
    ("support", r"support|help ?desk|service desk"),
    ("engineering", r"engineering|developers|technical|tech|dev"),
    ("management", r"manage|leader|exec|board"),
)


def audience(draft: Draft, names: Names, text: str, line: int) -> str:
    """Return the group or role that an audience such as "All teams" means (A55)."""
    found = names.resolve(text) if slug(text, "") in names.known() else None
    if found is not None:
        return found.role
    levels = list(draft.table("levels"))
    for key, words in _AUDIENCES:
        if re.search(words, text.strip(), re.IGNORECASE) and levels:
            members = _members(draft, key, levels)
            reason = f'who "{text}" is is not said; taken by level'
            because = Because(reason=reason, decision="A55")
            if key not in names.known():
                draft.guess(("groups", key), members, because)
            return key
    return names.role(text, line)


def _members(draft: Draft, key: str, levels: list[str]) -> list[Value]:
    top = [one for one in levels if draft.text("levels", one, "cover") == "on_request"]
    middle = [one for one in levels[1:] if one not in top]
    chosen = {
        "support": levels[:1],
        "engineering": middle or levels[-1:],
        "management": top or levels[-1:],
    }
    return list(chosen.get(key, levels))


def read_list(draft: Draft, place: Placed) -> bool:
    """Read a list whose heading says what it is: links, procedures, vendors."""
    block = place.block
    if not isinstance(block, Items):
        return False
    readers = (
        (r"knowledge|wiki|အသိပညာ", _knowledge),
        (r"emergency|အရေးပေါ် လုပ်ထုံး", _procedures),
        (r"vendor|supplier|provider|ပံ့ပိုးသူ", _vendors),
        (r"complian|regulat|legal|စည်းမျဉ်း", _compliance),
        (r"improve|တိုးတက်", _improvement),
    )
    for words, read in readers:
        if re.search(words, f"{place.title} {place.label}", re.IGNORECASE):
            read(draft, block)
            return True
    return False


def _texts(block: Items) -> Iterator[tuple[str, int]]:
    for item in block.items:
        if item.text:
            yield item.text, item.line


def _knowledge(draft: Draft, block: Items) -> None:
    for text, line in _texts(block):
        found = re.match(r"(.+?)\s*(?::|-|–)\s+(\S+://\S+|/\S+)$", text)
        if found is None:
            draft.unplaced(line, "the item is not a title and an address")
            continue
        section = ("knowledge_base",)
        key = draft.fresh(section, slug(found[1], "knowledge").replace("_", "-"))
        draft.put((*section, key, "title"), found[1], line)
        draft.put((*section, key, "url"), found[2], line)


def _procedures(draft: Draft, block: Items) -> None:
    for text, line in _texts(block):
        title, _, place = text.partition(": ")
        section = ("emergency_procedures",)
        key = draft.fresh(section, _procedure_key(title))
        draft.put((*section, key, "title"), title, line)
        if place:
            draft.put((*section, key, "runbook"), place, line)
        else:
            path = f"/docs/runbooks/{key}.md"
            because = Because(reason=f'where "{title}" is kept is not said')
            draft.guess((*section, key, "runbook"), path, because)


def _procedure_key(title: str) -> str:
    return slug(title, "procedure").removesuffix("_procedure").replace("_", "-")


def _vendors(draft: Draft, block: Items) -> None:
    kinds = (("hosting", "host|cloud|infra"), ("payment", "pay"), ("security", "secur"))
    for text, line in _texts(block):
        section = ("vendors",)
        key = draft.fresh(section, slug(text, "vendor").replace("_", "-"))
        kind = next((k for k, w in kinds if re.search(w, text, re.I)), "third_party")
        draft.put((*section, key, "title"), text, line)
        draft.put((*section, key, "category"), kind, line)


_RETENTION = {
    "audit_log": "36 months",
    "tickets": "36 months",
    "raw_alerts": "13 months",
    "messages": "12 months",
    "attachments": "12 months",
    "csat": "24 months",
}


def _compliance(draft: Draft, block: Items) -> None:
    for text, line in _texts(block):
        if re.search(r"retention|retain", text, re.IGNORECASE):
            reason = "how long each kind of data is kept is not said"
            because = Because(reason=reason, decision="A45")
            path = ("compliance", "retention")
            draft.note(line, path, because)
            for key, period in _RETENTION.items():
                draft.guess((*path, key), period, because)
        elif re.search(r"audit", text, re.IGNORECASE):
            text = re.sub(r"^audit:\s+", "", text, flags=re.IGNORECASE)
            draft.put(
                ("compliance", "audit"),
                _more(draft, ("compliance", "audit"), text),
                line,
            )
            draft.note(line, ("compliance", "audit"))
        else:
            section = ("compliance", "obligations")
            key = draft.fresh(section, slug(text, "obligation").replace("_", "-"))
            draft.put((*section, key, "title"), text, line)


def _more(draft: Draft, path: tuple[str, ...], text: str) -> list[Value]:
    before = draft.get(path)
    listed = before if isinstance(before, list) else []
    if listed:
        listed.append(text)
        return listed
    return [text]


def _improvement(draft: Draft, block: Items) -> None:
    texts: list[Value] = [text for text, _ in _texts(block)]
    draft.put(("improvement",), texts, block.line)
    for item in block.items:
        for number in range(item.line, item.end + 1):
            draft.note(number, ("improvement",))


def read_vendor_table(draft: Draft, table: Known) -> None:
    """Read vendors with their contacts."""
    kinds = (("hosting", "host|cloud|infra"), ("payment", "pay"), ("security", "secur"))
    for row in table.rows:
        if is_blank(row["title"]):
            draft.unplaced(row.line, "the row names no vendor")
            continue
        section = ("vendors",)
        path = (*section, row_key(draft, section, row, "vendor"))
        said = f"{row['title']} {row['category']}"
        kind = next((k for k, w in kinds if re.search(w, said, re.I)), "third_party")
        draft.put((*path, "title"), row["title"], row.line)
        draft.put((*path, "category"), kind, row.line)
        for key in ("name", "support", "account"):
            if not is_blank(row[key]):
                draft.put((*path, key), row[key], row.line)


def read_signers(draft: Draft, names: Names, table: Known) -> None:
    """Read who signs the plan; a signer nobody knows becomes a contact (A43)."""
    roles: list[Value] = []
    for row in table.rows:
        title = row["role"] or row["name"]
        if is_blank(title):
            continue
        found = names.resolve(title)
        draft.note(row.line, ("plan", "signers"))
        role = (
            found.role
            if found and not found.because
            else _signer(draft, title, row.line)
        )
        roles.append(role)
        _signature(draft, role, row)
    draft.put(("plan", "signers"), roles, table.line)


def _signature(draft: Draft, role: str, row: Cells) -> None:
    signed_on = day(row["date"])
    path = ("plan", "signatures", role)
    if signed_on and not is_blank(row["name"]):
        draft.put((*path, "name"), row["name"], row.line)
        draft.put((*path, "date"), signed_on, row.line)
        if not is_blank(row["signature"]):
            draft.put((*path, "signature"), row["signature"], row.line)
    elif not is_blank(row["signature"]) or not is_blank(row["date"]):
        reason = "a signature needs a name and a date"
        draft.unplaced(row.line, reason)


def _signer(draft: Draft, title: str, line: int) -> str:
    key = slug(title, "signer")
    levels = list(draft.table("levels"))
    reason = f'"{title}" signs and is none of the contacts'
    because = Because(reason=reason, decision="A43")
    path = ("contacts", key)
    entry = {"id": key, "level": levels[-1] if levels else "L1", "title": title}
    for name, value in {**entry, "name": "[Name]"}.items():
        draft.put((*path, name), value, line, because)
    return key
