"""Spelling: the values of a plan as the cells of a readable table say them."""

from collections.abc import Sequence
from datetime import date, timedelta

from watchbill.plan.document.draft import Tree, Value
from watchbill.plan.document.words import days_in_words, long_form, seconds
from watchbill.plan.values import UnreadableError, parse_date


def inside(tree: Tree, path: Sequence[str]) -> Value:
    """Return the value at a path; None when there is none."""
    found: Value = tree
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def table(tree: Tree, *path: str) -> Tree:
    """Return the mapping at a path; an empty one when there is none."""
    found = inside(tree, path)
    return found if isinstance(found, dict) else {}


def said(value: Value) -> str:
    """Return a value in a cell; of several languages English, or the first."""
    if isinstance(value, dict):
        return said(value.get("en") or next(iter(value.values()), ""))
    if isinstance(value, list):
        return ", ".join(said(one) for one in value)
    return value or ""


def texts(value: Value) -> list[str]:
    """Return the texts of a list, or of a text alone."""
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str)]
    return [value] if isinstance(value, str) else []


def spelled(time: int) -> str:
    """Return seconds as a plan writes a duration."""
    if time % 60:
        return f"{time}s"
    return f"{time // 3600}h" if time and time % 3600 == 0 else f"{time // 60}m"


def at_once(text: str) -> str:
    """Return a duration in words; zero is "Immediate"."""
    return long_form(text) if seconds(text) else "Immediate"


def title(key: str) -> str:
    """Return a key as a title: ``major_outage`` as "Major Outage"."""
    return key.replace("_", " ").title()


def week(first: str, place: int) -> str:
    """Return the week that begins so many weeks after a day, as "Feb 6-12, 2026"."""
    try:
        start = parse_date(first) + timedelta(weeks=place)
    except UnreadableError:
        return first
    end = start + timedelta(days=6)
    last = str(end.day) if end.month == start.month else f"{end:%b} {end.day}"
    return f"{_short(start)}-{last}, {start.year}"


def _short(day: date) -> str:
    return f"{day:%b} {day.day}"


def window(one: Tree) -> list[str]:
    """Return the cells of a maintenance window."""
    repeats, days = said(one.get("repeats")), said(one.get("days"))
    times = f"{said(one.get('from'))}-{said(one.get('to'))}"
    shown = f"{days_in_words(days)} {times}" if days else times
    often = repeats[:1].upper() + repeats[1:]
    length = long_form(said(one.get("duration")))
    return [said(one.get("title")), often, shown, length]


def bug(one: Tree) -> list[str]:
    """Return the cells of a level of bugs."""
    news = said(one.get("communicate"))
    if news.startswith("every "):
        news = f"every {long_form(news.removeprefix('every '))}"
    fix = long_form(said(one.get("fix")))
    words = (fix, news)
    shown = [word[:1].upper() + word[1:] for word in words]
    return [said(one.get("title")), long_form(said(one.get("response"))), *shown]


def update(one: Tree) -> str:
    """Return how often the status page is updated."""
    if one.get("update"):
        return "Before/After"
    every = said(one.get("update_every"))
    return f"Every {long_form(every)}" if every else ""
