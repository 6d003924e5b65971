"""Words: what people write for durations, dates, times and names, as a plan spells it.

People write "15 minutes", "1hr", "24 hours", "Feb 6, 2026", "Sunday 02:00-04:00" and
"bi-weekly"; a plan has one spelling for each. What is not understood is None, and
the caller says so in the report: nothing is rounded or made up here. Burmese digits
and units are read as the Western ones.
"""

import re
from datetime import date
from fractions import Fraction
from itertools import pairwise

from watchbill.plan.values import DAYS, UnreadableError, parse_duration, parse_key

_BURMESE_DIGITS = {0x1040 + digit: str(digit) for digit in range(10)}

_UNIT = (
    ("s", r"s|secs?|seconds?|စက္ကန့်"),
    ("m", r"m|mins?|minutes?|မိနစ်"),
    ("h", r"h|hrs?|hours?|နာရီ"),
    ("d", r"d|days?|ရက်"),
    ("w", r"w|wks?|weeks?|ပတ်|သီတင်းပတ်"),
)
_UNITS = "|".join(f"(?P<{name}>{words})" for name, words in _UNIT)
_AMOUNT = re.compile(
    rf"(?P<number>\d{{1,6}}(?:\.\d{{1,4}})?)\s*-?\s*(?:{_UNITS})(?![a-z])",
    re.IGNORECASE,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)


def western(text: str) -> str:
    """Return the text with Western digits, dashes and spaces."""
    return re.sub("[\u2010-\u2015\u2212]", "-", text.translate(_BURMESE_DIGITS)).strip()


def is_blank(text: str) -> bool:
    """Return whether a cell says nothing, as "-" and "n/a" do."""
    return western(text).lower() in {"", "-", "--", "n/a", "na", "none", "...", "…"}


def duration(text: str) -> str | None:
    """Return the first duration of a text as ``15m``, ``24h`` or ``2h30m``."""
    return next(iter(durations(text)), None)


def durations(text: str) -> list[str]:
    """Return the durations of a text in order; "1 h 30 min" is one."""
    said = re.sub(
        r"\b(?:an?|one)\s+(hour|day|week|minute)\b", r"1 \1", text, flags=re.I
    )
    runs: list[list[tuple[int, str, Fraction]]] = []
    end = -9
    for found in _AMOUNT.finditer(western(said)):
        between = western(said)[max(end, 0) : found.start()]
        amount = (_rank(found), found.lastgroup or "", Fraction(found["number"]))
        joined = runs and end >= 0 and not between.strip(" ,").replace("and", "")
        if joined and runs[-1][-1][0] > amount[0]:
            runs[-1].append(amount)
        else:
            runs.append([amount])
        end = found.end()
    return [spelled for run in runs if (spelled := _spell_run(run)) is not None]


def _rank(found: re.Match[str]) -> int:
    return "smhdw".index(found.lastgroup or "s")


def _spell_run(run: list[tuple[int, str, Fraction]]) -> str | None:
    """One duration; a whole number of one unit keeps the unit it was written in."""
    _, unit, number = run[0]
    if len(run) == 1 and number.denominator == 1 and unit != "w":
        return _valid(f"{number}{unit}")
    seconds = sum(amount * _SECONDS[unit] for _, unit, amount in run)
    if seconds.denominator != 1:
        return None
    return _valid(spell(int(seconds)))


def spell(seconds: int) -> str:
    """Return seconds as a plan writes a duration."""
    parts = []
    for unit in "dhms":
        number, seconds = divmod(seconds, _SECONDS[unit])
        parts.append(f"{number}{unit}" if number else "")
    return "".join(parts) or "0m"


def _valid(text: str) -> str | None:
    try:
        parse_duration(text)
    except UnreadableError:
        return None
    return text


def seconds(text: str) -> int:
    """Return how long a plan's duration is; 0 for what is none."""
    try:
        return int(parse_duration(text).total_seconds())
    except UnreadableError:
        return 0


def is_immediate(text: str) -> bool:
    """Return whether a text says "at once" and no number."""
    words = r"\b(immediate(ly)?|instant(ly)?|at once|asap|right away)\b|ချက်ချင်း"
    return bool(re.search(words, text, re.IGNORECASE)) and duration(text) is None


def long_form(text: str) -> str:
    """Return a plan's duration as people write it: ``30m`` as "30 min"."""
    names = {"s": ("sec", "sec"), "m": ("min", "min"), "h": ("hour", "hours")}
    names["d"] = ("day", "days")
    parts = re.findall(r"(\d+)([smhd])", text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        return text
    return " ".join(f"{n} {names[unit][int(n) != 1]}" for n, unit in parts)


def day(text: str) -> str | None:
    """Return the first date of a text as ``2026-02-06``; 6/2/2026 is in February."""
    said = western(text)
    if found := re.search(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b", said):
        return _day(found[1], found[2], found[3])
    if found := re.search(r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b", said):
        return _day(found[3], found[2], found[1])
    month = r"([a-z]{3})[a-z]*\.?"
    if found := re.search(
        rf"\b{month}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})\b", said, re.I
    ):
        return _day(found[3], found[1], found[2])
    if found := re.search(
        rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+{month},?\s+(\d{{4}})\b", said, re.I
    ):
        return _day(found[3], found[2], found[1])
    return None


def _day(year: str, month: str, number: str) -> str | None:
    named = month.lower()
    try:
        place = _MONTHS.index(named) + 1 if named in _MONTHS else int(month)
        found = date(int(year), place, int(number))
    except ValueError:
        return None
    return found.isoformat() if 2000 <= found.year < 2200 else None


def long_day(text: str) -> str:
    """Return ``2026-02-06`` as "Feb 6, 2026"; other text as it is."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{_MONTHS[found.month - 1].capitalize()} {found.day}, {found.year}"


def week_start(text: str, year: int) -> str | None:
    """Return the first day of "Feb 6-12"; a week without a year is of the given one."""
    if found := day(text):
        return found
    said = western(text)
    if found_month := re.match(r"\W*([a-z]{3})[a-z]*\.?\s+(\d{1,2})\b", said, re.I):
        return _day(str(year), found_month[1], found_month[2])
    if found_day := re.match(
        r"\W*(\d{1,2})(?:\s*-\s*\d{1,2})?\s+([a-z]{3})", said, re.I
    ):
        return _day(str(year), found_day[2], found_day[1])
    return None


def clock_range(text: str) -> tuple[str, str] | None:
    """Return the times of "02:00-04:00", "2am to 4am"; midnight is ``00:00``."""
    one = r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?"
    pattern = rf"\b{one}\s*(?:-|to|until)\s*{one}\b"
    for found in re.finditer(pattern, western(text), re.IGNORECASE):
        if found[2] or found[3] or found[5] or found[6]:
            first, last = _clock(*found.groups()[:3]), _clock(*found.groups()[3:])
            if first and last:
                return first, last
    return None


def _clock(hour: str, minute: str | None, half: str | None) -> str | None:
    hours, minutes = int(hour), int(minute or 0)
    if half:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    hours = 0 if (hours, minutes) == (24, 0) else hours
    return f"{hours:02}:{minutes:02}" if hours < 24 and minutes < 60 else None


_DAY_NAME = re.compile(
    r"\b(mon|tue|wed|thu|fri|sat|sun)(?:s|day|sday|nesday|rsday|urday)?s?\b", re.I
)


def weekdays(text: str) -> str | None:
    """Return the days of "Sundays" or "Mon-Fri" as ``sun`` or ``mon-fri``."""
    said = western(text)
    found = list(_DAY_NAME.finditer(said))
    if not found:
        if re.search(r"\bweekdays?\b", said, re.I):
            return "mon-fri"
        return "sat-sun" if re.search(r"\bweekends?\b", said, re.I) else None
    parts = [found[0][1].lower()]
    for before, after in pairwise(found):
        between = said[before.end() : after.start()].strip().lower()
        joint = "-" if between in {"-", "to", "through", "until"} else ", "
        joint = ", " if parts[-2:-1] == ["-"] else joint
        parts += [joint, after[1].lower()]
    return "".join(parts)


def days_in_words(text: str) -> str:
    """Return a plan's days as people write them: ``sun`` as "Sunday"."""
    stems = ("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun")
    return f"{stems[DAYS.index(text)]}day" if text in DAYS else text


def threshold(text: str) -> tuple[str, bool] | None:
    """Return a limit as ``> 70%`` or ``drop > 5%``, and whether it was turned (A13).

    "< 5% drop" would alert while the drop is small; it is read as drop > 5%.
    """
    found = re.search(
        r"(<=|>=|<|>|≤|≥|=)?\s*(\d+(?:\.\d+)?)\s*([^\s\d]*)", western(text)
    )
    if found is None:
        return None
    sign = {"≤": "<=", "≥": ">=", None: ">", "=": ">="}.get(found[1], found[1])
    value = f"{found[2]}{'' if is_drop_word(found[3]) else found[3]}"
    if re.search(r"\b(drop|decrease|decline|fall)", text, re.IGNORECASE):
        return f"drop > {value}", sign.startswith("<")
    return f"{sign} {value}", False


def is_drop_word(text: str) -> bool:
    """Return whether a word speaks of a fall."""
    return text.lower() in {"drop", "decrease", "decline", "fall"}


def unit(text: str) -> str | None:
    """Return the unit behind the number of a limit: ``%`` or ``ms``."""
    found = re.search(r"\d\s*(%|[a-zA-Z/]+)", western(text))
    return None if found is None or is_drop_word(found[1]) else found[1]


def slug(text: str, otherwise: str) -> str:
    """Return a name for something with this title: "CPU Usage" is ``cpu_usage``."""
    words = re.findall(r"[a-z0-9]+", western(text).lower())
    return "_".join(words)[:60].strip("_") or otherwise


def as_key(text: str, otherwise: str) -> str:
    """Return a text that is a name already as it is, else a name made of it."""
    try:
        return parse_key(text)
    except UnreadableError:
        return slug(text, otherwise)
