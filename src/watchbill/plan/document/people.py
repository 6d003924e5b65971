"""Reading people: the head of the document, contacts, levels and the on-call weeks."""

import re
from datetime import date

from watchbill.plan.document.blocks import Heading, Prose
from watchbill.plan.document.draft import Because, Draft
from watchbill.plan.document.names import ON_CALL, Names
from watchbill.plan.document.sections import Placed, key_value
from watchbill.plan.document.tables import Cells, Known
from watchbill.plan.document.words import (
    as_key,
    day,
    is_blank,
    slug,
    week_start,
    western,
)
from watchbill.plan.values import (
    UnreadableError,
    is_placeholder,
    parse_email,
    parse_phone,
)

_HEAD = (
    ("version", r"version|revision|ဗားရှင်း"),
    ("effective", r"effective|valid from|in force|start date"),
    ("review", r"review (cycle|period|frequency)|^review$"),
    ("owner", r"owner|maintained by|responsible"),
    ("time_zone", r"time ?zone"),
    ("product", r"^(product|platform|system|service|application)$"),
)

_CYCLES = (
    ("half_yearly", r"half|semi-?annual|twice a year|6 months|six months|bi-?annual"),
    ("monthly", r"month"),
    ("quarterly", r"quarter|3 months|three months"),
    ("yearly", r"year|annual"),
)

_OFFSETS = {
    "+6:30": "Asia/Yangon",
    "+06:30": "Asia/Yangon",
    "+5:30": "Asia/Kolkata",
    "+05:30": "Asia/Kolkata",
    "+7": "Asia/Bangkok",
    "+8": "Asia/Singapore",
    "+0": "Etc/UTC",
}


def read_titles(draft: Draft, places: list[Placed]) -> None:
    """Read the plan's title and product from the first headings."""
    heads = [one.block for one in places[:6] if isinstance(one.block, Heading)]
    if not heads or heads[0].level != 1:
        return
    draft.put(("plan", "title"), heads[0].text, heads[0].line)
    follows = [one for one in places if isinstance(one.block, Heading)][1:2]
    after = places.index(follows[0]) == 1 if follows else False
    if after and len(heads) > 1:
        draft.put(("plan", "product"), heads[1].text, heads[1].line)


def read_head(draft: Draft, place: Placed) -> bool:
    """Read the version, dates and owner of the document."""
    if not isinstance(place.block, Prose) or len(place.under) > 2:
        return False
    taken = False
    for line in place.block.lines:
        pair = key_value(line)
        if pair is not None and pair[1]:
            taken = _head_value(draft, *pair, line.number) or taken
    return taken


def _head_value(draft: Draft, name: str, value: str, line: int) -> bool:
    key = next((key for key, words in _HEAD if re.search(words, name, re.I)), None)
    if key is None or draft.get(("plan", key)) is not None:
        return False
    if key == "effective":
        spelled = day(value)
        if spelled is None:
            draft.unplaced(line, f'"{value}" is not understood as a date')
            return True
        value = spelled
    if key == "review":
        value = next((c for c, words in _CYCLES if re.search(words, value, re.I)), "")
    if key == "owner":
        value = (
            value
            if value == as_key(value, "") == value.lower()
            else slug(value, "owner")
        )
    return draft.put(("plan", key), value, line)


def read_zone(draft: Draft, text: str, line: int) -> None:
    """Read the time zone from an offset such as "UTC+6:30", or from a name."""
    found = re.search(r"(?:UTC|GMT)\s*([+-]\d{1,2}(?::\d{2})?)", western(text))
    if found and found[1] in _OFFSETS:
        reason = f"the document says UTC{found[1]} and not the place"
        zone = _OFFSETS[found[1]]
        draft.put(("plan", "time_zone"), zone, line, Because(reason=reason))


def read_contacts(draft: Draft, table: Known, place: Placed) -> None:
    """Read a table of contacts and the level in the heading above it."""
    level = _level(draft, table, place)
    for row in table.rows:
        _contact(draft, row, level)


def _level(draft: Draft, table: Known, place: Placed) -> str:
    title, line = place.title or "Support", table.line
    if place.under:
        line = place.under[-1].line
    found = re.match(r"(?:level|tier|l)[- ]?(\d+)\b[\s:.-]*(.*)", western(title), re.I)
    key = f"L{found[1]}" if found else f"L{len(draft.table('levels')) + 1}"
    said = found[2] if found else title
    inside = re.search(r"\(([^()]*)\)\s*$", said)
    name = said[: inside.start()] if inside else said
    draft.put(("levels", key, "title"), name.strip(" -:") or key, line)
    cover = _cover(inside[1] if inside else title)
    if inside and cover != "on_request":
        draft.put(("levels", key, "cover"), cover, line)
    else:
        reason = f"{key} has no hours of cover in the document"
        draft.guess(("levels", key, "cover"), cover, Because(reason=reason))
    return key


def _cover(text: str) -> str:
    kinds = (
        ("24x7", r"24\s*[/x]\s*7|24 hours|round the clock|always"),
        ("business_hours", r"business|office|working|weekday"),
        ("on_call", r"on[- ]?call"),
    )
    return next((k for k, words in kinds if re.search(words, text, re.I)), "on_request")


def _contact(draft: Draft, row: Cells, level: str) -> None:
    title = row["role"] or row["name"]
    if is_blank(title):
        draft.unplaced(row.line, "the row names neither a role nor a person")
        return
    shift = as_key(row["shift"], "") if not is_blank(row["shift"]) else ""
    shift = shift.lower()
    key = as_key(row["id"], "") or _contact_key(draft, title, shift)
    path = ("contacts", draft.fresh(("contacts",), key))
    draft.put((*path, "id"), path[1], row.line)
    draft.put((*path, "level"), row["level"] or level, row.line)
    draft.put((*path, "title"), title, row.line)
    _share_title(draft, path[1], title, row.line)
    if shift:
        draft.put((*path, "shift"), shift, row.line)
    draft.put((*path, "expertise"), list(_skills(row["expertise"])), row.line)
    draft.put((*path, "roles"), _list(row["roles"]), row.line)
    draft.put((*path, "slack"), row["slack"], row.line)
    _methods(draft, path, row)


def _methods(draft: Draft, path: tuple[str, ...], row: Cells) -> None:
    if not is_blank(row["name"]) and row["role"]:
        draft.put((*path, "name"), row["name"], row.line)
    readers = (("email", parse_email), ("phone", parse_phone))
    for key, parse in readers:
        if is_blank(row[key]):
            continue
        try:
            parse(row[key])
            draft.put((*path, key), row[key], row.line)
        except UnreadableError as error:
            draft.unplaced(row.line, error.message, (*path, key))


def _contact_key(draft: Draft, title: str, shift: str) -> str:
    """A key by the title; people with one title are told apart by their shift."""
    key = slug(title, f"contact_{len(draft.table('contacts')) + 1}")
    same = [k for k, one in draft.entries("contacts") if one.get("title") == title]
    words = key.split("_")
    if shift and words[-1] in {"agent", "operator", "engineer", "analyst"}:
        base = "_".join(words[:-1]) or key
        return f"{base}_{shift}" if same or words[-1] == "agent" else key
    return f"{key}_{shift}" if same and shift else key


def _share_title(draft: Draft, key: str, title: str, line: int) -> None:
    """A title that differs from the id is a role, so that it can be meant."""
    role = slug(title, "")
    others = [k for k, one in draft.entries("contacts") if one.get("title") == title]
    if (
        role
        and role != key
        and (len(others) > 1 or role not in draft.table("contacts"))
    ):
        draft.put(("contacts", key, "roles"), [role], line)


def _skills(text: str) -> list[str]:
    parts = re.split(r"\s*[,;&]\s*|\s+and\s+", text) if not is_blank(text) else []
    found: list[str] = []
    for part in parts:
        sides = part.split("/")
        apart = len(sides) > 1 and all(len(side.strip()) > 2 for side in sides)
        found += sides if apart else [part]
    return list(dict.fromkeys(_skill(one) for one in found if _skill(one)))


def _skill(text: str) -> str:
    word = text.strip()
    is_key = re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", word)
    return word if is_key else slug(word, "").replace("_", "-")


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if not is_blank(part)]


def read_rota(draft: Draft, names: Names, table: Known) -> None:
    """Read the weeks of an on-call rotation."""
    path = ("on_call", "primary-oncall")
    effective = draft.text("plan", "effective")
    year = int(effective[:4]) if effective else date.min.year
    first = next(iter(table.rows), None)
    starts = week_start(first["week"], year) if first else None
    if first and starts:
        draft.put((*path, "first_week"), starts, first.line)
    members = []
    for row in table.rows:
        person = names.person(row["primary"]) if not is_blank(row["primary"]) else None
        if person is not None:
            members.append(person)
        elif not is_placeholder(row["primary"]) and not is_blank(row["primary"]):
            reason = f'"{row["primary"]}" is none of the contacts'
            draft.unplaced(row.line, reason)
        draft.note(row.line, path)
    draft.put((*path, "members"), _once_round(members), table.line)
    for duty, neighbor in (("secondary", "previous"), ("shadow", "next")):
        if duty in table.headings:
            said = _neighbor(table, names, duty, members) or neighbor
            draft.put((*path, duty), said, table.line)
        else:
            draft.put((*path, duty), "none", table.line)


def _once_round(members: list[str]) -> list[str]:
    """The members in turn, without the repetition of a second round."""
    for length in range(1, len(members)):
        if all(one == members[place % length] for place, one in enumerate(members)):
            return members[:length]
    return members


def _neighbor(table: Known, names: Names, duty: str, members: list[str]) -> str | None:
    """Which week's primary holds another duty, if the rows say it."""
    if len(members) != len(table.rows) or len(members) < 2:
        return None
    others = [names.person(row[duty]) for row in table.rows]
    if others[1:] == members[:-1]:
        return "previous"
    return "next" if others[:-1] == members[1:] else None


def read_rotation_text(draft: Draft, place: Placed) -> bool:
    """Take note of a sentence about the rotation."""
    if not isinstance(place.block, Prose) or not ON_CALL.search(place.trail):
        return False
    for line in place.block.lines:
        if re.search(r"rotat|weekly|အလှည့်ကျ", line.text, re.IGNORECASE):
            draft.note(line.number, ("on_call",))
    return True
