"""Text messages: what a notice says in one, and what an answer to it means.

The reader sees the first lines on a locked phone. So the text begins with severity,
what is wrong and the number of the incident, then says what to answer, and ends with
the link. When there is too little room the title gives way first, down to forty
characters, then the link; the number and what to answer stay.

Room is counted as networks count it. A text in the alphabet of GSM 03.38 has 160
septets, or 153 in each part of a longer one; characters of the extension table take
two and are not parted. One character outside of that alphabet, such as any of
Burmese, turns the whole message into UCS-2 with 70 units, or 67 in each part. Hence
typographic quotes and dashes are written plainly: one of them would more than halve
the room. A text is never cut inside of what a reader takes for one character, and
what was cut ends in three dots, because the ellipsis is outside of the alphabet.

Answers are read strictly. An answer that is misunderstood stops the pages of an
incident that nobody has taken, while one that is not understood is answered with
what to write. So a word without a code counts only if nothing else is said, and a
number that is no code of ours is handed on and not passed over, lest an answer
meant for one incident be taken for the latest. The words for opting out are those
that networks act upon themselves, and count only alone.

Sources: 3GPP TS 23.038 6.2.1; TS 23.040 9.2.3.24.1; UAX #29 (grapheme clusters,
without its tables: marks, joiners, viramas, flags, emoji and Hangul are covered).
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from watchbill.core.messages import Notice, Reply
from watchbill.integrations.text import REPLACEMENT, one_line, printable, web_url

SEGMENTS = 3
"""How many parts a message may have; each is paid for, and may arrive late."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_SEPTETS = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENSION, 2)

#: Written plainly, because the alphabet lacks them: what stands for which of them.
_PLAINLY = {
    "'": "\u2018\u2019\u201a\u00b4`",
    '"': "\u201c\u201d\u201e\u00ab\u00bb",
    "-": "\u2010\u2011\u2013\u2014\u2212",
    " ": "\t\u00a0\u2009\u202f",
    "...": "\u2026",
    "*": "\u2022",
    "x": "\u00d7",
    "->": "\u2192",
    ">=": "\u2265",
    "<=": "\u2264",
    "?": REPLACEMENT,
}
_PLAIN = str.maketrans({one: by for by, many in _PLAINLY.items() for one in many})

_CUT = "..."
_SHORTEST_TITLE = 40


class Encoding(StrEnum):
    """How a network carries a text."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


_ROOM = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a text takes up: septets of GSM 03.38 or units of UCS-2."""

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> Size:
    """Return what a text takes up as a text message."""
    encoding = Encoding.GSM7
    if any(character not in _SEPTETS for character in text):
        encoding = Encoding.UCS2
        widths = [2 if character > "\uffff" else 1 for character in text]
    else:
        widths = [_SEPTETS[character] for character in text]
    alone, part = _ROOM[encoding]
    units = sum(widths)
    segments = 1 if units <= alone else _parts(widths, part)
    return Size(encoding=encoding, units=units, segments=segments)


def _parts(widths: list[int], room: int) -> int:
    """Count the parts; a pair of septets or of surrogates stays in one."""
    parts, left = 1, room
    for width in widths:
        if width > left:
            parts, left = parts + 1, room
        left -= width
    return parts


def fit(text: str, *, max_segments: int = SEGMENTS) -> str:
    """Return the text, or as much of its beginning as fits, with three dots."""
    plain = printable(text).translate(_PLAIN)
    if measure(plain).segments <= max_segments:
        return plain
    clusters = _first_clusters(plain, max_segments)
    kept = _longest(clusters, lambda cut: cut + _CUT, max_segments)
    return _joined(clusters, kept) + _CUT


def compose(
    notice: Notice, *, max_segments: int = SEGMENTS, can_reply: bool = True
) -> str:
    """Return the text of a notice; ``can_reply`` is whether an answer reaches us."""
    headline = Headline.of(notice.subject)
    ask = _ask(notice) if can_reply else ""
    clusters = _first_clusters(headline.title, max_segments)
    enough = min(len(clusters), _SHORTEST_TITLE)
    for link in (_link(notice), ""):

        def written(title: str, link: str = link) -> str:
            return _lines(f"{headline.opening}{title}{headline.number}", ask, link)

        if measure(written(headline.title)).segments <= max_segments:
            return written(headline.title)
        kept = _longest(clusters, lambda cut: written(cut + _CUT), max_segments)
        if kept >= enough or (kept and not link):
            return written(_joined(clusters, kept) + _CUT)
    # Only an opening or a code that nobody writes leaves no room for a title.
    return fit(written(""), max_segments=max_segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The subject of a notice, taken apart so that its title can be shortened."""

    #: Such as ``[P1] `` or ``DRILL [P1] ``.
    opening: str
    title: str
    #: Such as `` (#12)``; empty when the notice is about no incident.
    number: str

    @classmethod
    def of(cls, subject: str) -> "Headline":
        """Return the parts of a subject, each on one line and plainly written."""
        line = one_line(subject).translate(_PLAIN)
        opening = found[0] if (found := _OPENING.match(line)) else ""
        rest = line[len(opening) :]
        number = found[0] if (found := _NUMBER.search(rest)) else ""
        return cls(opening=opening, title=rest.removesuffix(number), number=number)


_OPENING = re.compile(r"(DRILL )?\[[^\]]{1,30}\] |DRILL ")
_NUMBER = re.compile(r" \(#[0-9]{1,12}\)$")

_ASKS = {
    Reply.ACKNOWLEDGE: "Reply ACK {} to take it",
    Reply.RESOLVE: "Reply RESOLVE {} to close it",
    Reply.ESCALATE: "Reply ESC {} to pass it on",
}


def _ask(notice: Notice) -> str:
    code = one_line(notice.reply_code)
    if not re.fullmatch(r"[0-9]{1,10}", code):
        return ""
    wanted = notice.buttons[0].reply if notice.buttons else Reply.ACKNOWLEDGE
    return _ASKS[wanted].format(code)


def _link(notice: Notice) -> str:
    links = sorted(notice.links, key=lambda link: not link.is_primary)
    return next((url for link in links if (url := web_url(link.url))), "")


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


# ── Where a text may be cut ───────────────────────────────────────────────────────

_LONGEST_CLUSTER = 32
"""Code points; Unicode's stream-safe format allows thirty marks on a character."""

_JOINER = "\u200d"
_SKIN = range(0x1F3FB, 0x1F400)
_FLAG = range(0x1F1E6, 0x1F200)
_TAG = range(0xE0020, 0xE0080)
_HANGUL_INNER = range(0x1160, 0x1200)
_VIRAMA = 9


def graphemes(text: str) -> Iterator[str]:
    """Yield what a reader takes for single characters."""
    start = 0
    for at in range(1, len(text)):
        if at - start >= _LONGEST_CLUSTER or not _holds(text, start, at):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _holds(text: str, start: int, at: int) -> bool:
    """Say whether a character belongs to the one before it."""
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return True
    if before in "\r\n" or after in "\r\n":
        return False
    code = ord(after)
    if unicodedata.category(after) in {"Mn", "Mc", "Me"} or after in "\u200c\u200d":
        return True
    if code in _SKIN or code in _TAG or code in _HANGUL_INNER:
        return True
    if before == _JOINER or unicodedata.combining(before) == _VIRAMA:
        return unicodedata.category(after) in {"So", "Lo"}
    # Two letters make a flag; the third begins another one.
    return code in _FLAG and at - start == 1 and ord(before) in _FLAG


def _first_clusters(text: str, max_segments: int) -> list[str]:
    return list(islice(graphemes(text), _ROOM[Encoding.GSM7][0] * max_segments))


def _joined(clusters: Sequence[str], count: int) -> str:
    return "".join(clusters[:count]).rstrip()


def _longest(
    clusters: Sequence[str], write: Callable[[str], str], max_segments: int
) -> int:
    """Return how many clusters fit; more of them never take fewer segments."""

    def segments(count: int) -> int:
        return measure(write(_joined(clusters, count))).segments

    counts = range(1, len(clusters) + 1)
    return bisect_right(counts, max_segments, key=segments)


# ── Answers ───────────────────────────────────────────────────────────────────────


class Consent(StrEnum):
    """What somebody says about getting messages at all."""

    STOP = "stop"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an answer by text message means."""

    #: None when it is not understood, or only says something about consent.
    reply: Reply | None = None
    #: The number that names the notice; empty when the latest one is meant.
    code: str = ""
    consent: Consent | None = None


_WORDS = {
    "ack": Reply.ACKNOWLEDGE,
    "acknowledge": Reply.ACKNOWLEDGE,
    "acknowledged": Reply.ACKNOWLEDGE,
    "res": Reply.RESOLVE,
    "resolve": Reply.RESOLVE,
    "resolved": Reply.RESOLVE,
    "esc": Reply.ESCALATE,
    "escalate": Reply.ESCALATE,
    # The keys of a voice call are the same; what closes an incident comes last.
    "1": Reply.ACKNOWLEDGE,
    "2": Reply.ESCALATE,
    "3": Reply.RESOLVE,
}
_STOP = frozenset(
    ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke")
)
_START = frozenset(("start", "unstop"))

_CODE_LENGTH = 4
_LONGEST_ANSWER = 500
_TOKEN = re.compile(r"[a-z]+|[0-9]+|[^\W\d_]+")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
#: The letter wa looks like the digit zero and is often typed for it.
_BURMESE_NUMBER = re.compile("(?=\u101d*[\u1040-\u1049])[\u1040-\u1049\u101d]+")


def parse_reply(text: str) -> Answered:
    """Return what an answer means; never raises."""
    tokens = _TOKEN.findall(_normal(text[:_LONGEST_ANSWER]))
    if len(tokens) == 1 and tokens[0] in _STOP | _START:
        consent = Consent.STOP if tokens[0] in _STOP else Consent.START
        return Answered(consent=consent)
    match tokens:
        case [word] if word in _WORDS:
            return Answered(reply=_WORDS[word])
        case [code] if code.isdigit() and len(code) == _CODE_LENGTH:
            return Answered(reply=Reply.ACKNOWLEDGE, code=code)
        case [word, code, *rest] if word in _WORDS and code.isdigit():
            return _coded(word, code, rest)
        case [code, word, *rest] if len(code) == _CODE_LENGTH and code.isdigit():
            return _coded(word, code, rest)
    return Answered()


def _coded(word: str, code: str, rest: list[str]) -> Answered:
    """Read a word with a code; a second number leaves open which one is meant."""
    if word not in _WORDS or any(token.isdigit() for token in rest):
        return Answered()
    return Answered(reply=_WORDS[word], code=code)


def _normal(text: str) -> str:
    """Return small letters and ASCII digits, whatever the script and the width."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    text = _BURMESE_NUMBER.sub(lambda run: run[0].replace("\u101d", "\u1040"), text)
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in text
    )
