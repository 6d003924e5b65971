import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Button, Link, Notice, Reply
from watchbill.integrations.sms import (
    Answered,
    Consent,
    Encoding,
    Headline,
    Size,
    compose,
    fit,
    graphemes,
    measure,
    parse_reply,
)

pytestmark = pytest.mark.req("S7.1-01")

ASKING = replace(PAGE, reply_code="4711")

#: Letters and marks of many scripts, emoji, and what may not be shown.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("[]{}€^|~ab1 \n\u200d\ufe0f👩🏽🚒🇲🇲\u1039\u103a\u0301…’\x00"),
        st.characters(min_codepoint=0x1000, max_codepoint=0x109F),
        st.characters(),
    ),
    max_size=400,
)


#: European, Burmese and full-width.
DIGITS = "".join(chr(zero + n) for zero in (0x30, 0x1040, 0xFF10) for n in range(10))


def full_width(text: str) -> str:
    return "".join("\u3000" if c == " " else chr(ord(c) + 0xFEE0) for c in text)


def titled(title: str) -> Notice:
    return replace(ASKING, subject=f"[P1] Page: {title} (#12)")


# ── What a text takes up ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", Encoding.GSM7, 0, 1),
        ("a" * 160, Encoding.GSM7, 160, 1),
        ("a" * 161, Encoding.GSM7, 161, 2),
        ("a" * 306, Encoding.GSM7, 306, 2),
        ("a" * 307, Encoding.GSM7, 307, 3),
        ("€" * 80, Encoding.GSM7, 160, 1),
        ("a" + "€" * 80, Encoding.GSM7, 161, 2),
        # 153 is odd: the pair for the 77th euro sign begins the next part.
        ("€" * 152, Encoding.GSM7, 304, 2),
        ("€" * 153, Encoding.GSM7, 306, 3),
        ("က" * 70, Encoding.UCS2, 70, 1),
        ("က" * 71, Encoding.UCS2, 71, 2),
        ("က" * 134, Encoding.UCS2, 134, 2),
        ("က" * 135, Encoding.UCS2, 135, 3),
        ("😀" * 35, Encoding.UCS2, 70, 1),
        # 67 is odd too: no pair of surrogates is parted.
        ("😀" * 66, Encoding.UCS2, 132, 2),
        ("😀" * 67, Encoding.UCS2, 134, 3),
        ("a" * 69 + "’", Encoding.UCS2, 70, 1),
    ],
)
def test_a_text_is_counted_as_networks_count_it(
    text: str, encoding: Encoding, units: int, segments: int
) -> None:
    assert measure(text) == Size(encoding=encoding, units=units, segments=segments)


@pytest.mark.parametrize("text", ["[P1]", "{}", "\\", "~", "^", "|", "€", "\f"])
def test_characters_of_the_extension_table_count_double(text: str) -> None:
    extended = sum(character in "[]{}\\~^|€\f" for character in text)

    assert measure(text).units == len(text) + extended


# ── Where it is cut ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ("", []),
        ("abc", ["a", "b", "c"]),
        ("e\u0301x", ["e\u0301", "x"]),
        ("👩🏽‍🚒!", ["👩🏽‍🚒", "!"]),
        ("🇲🇲🇩🇪", ["🇲🇲", "🇩🇪"]),
        ("❤️a", ["❤️", "a"]),
        # kinzi: nga, asat and virama hang on to the letter below them.
        ("င်္ဂလိ", ["င်္ဂ", "လိ"]),
        ("က္ကူ", ["က္ကူ"]),
        ("ကောင်း", ["ကော", "င်း"]),
        ("क्षा", ["क्षा"]),
        ("\u1100\u1161\u11a8", ["\u1100\u1161\u11a8"]),
        ("a\r\nb", ["a", "\r\n", "b"]),
    ],
)
def test_what_a_reader_takes_for_one_character_stays_whole(
    text: str, clusters: list[str]
) -> None:
    assert list(graphemes(text)) == clusters


@given(TEXTS)
@example("e" + "\u0301" * 1000)
def test_the_clusters_are_the_text(text: str) -> None:
    clusters = list(graphemes(text))

    assert "".join(clusters) == text
    assert all(0 < len(cluster) <= 32 for cluster in clusters)


@given(TEXTS, st.integers(min_value=1, max_value=4))
@example("e" + "\u0301" * 1000, 1)
@example("👩🏽‍🚒" * 200, 2)
@example(BURMESE * 30, 1)
@example("[" * 500, 3)
def test_a_text_fits_and_loses_only_its_end(text: str, segments: int) -> None:
    whole, cut = fit(text, max_segments=99), fit(text, max_segments=segments)

    assert measure(cut).segments <= segments
    cut.encode("utf-16")
    if cut != whole:
        kept = cut.removesuffix("...")
        assert whole.startswith(kept)
        clusters = list(graphemes(whole))
        ends = [joined(clusters, count) for count in range(len(clusters) + 1)]
        assert kept in ends
        longer = [end for end in ends if len(end) > len(kept)]
        assert all(measure(f"{end}...").segments > segments for end in longer[:1])


def joined(clusters: list[str], count: int) -> str:
    return "".join(clusters[:count]).rstrip()


def test_what_fits_is_not_touched_but_written_plainly() -> None:
    assert fit("“It’s down” – 5 × worse…") == '"It\'s down" - 5 x worse...'
    assert measure(fit("“It’s down” – 5 × worse…")).encoding is Encoding.GSM7
    assert fit("a\x00b") == "a?b"


# ── What a notice says ────────────────────────────────────────────────────────────


def test_one_message_says_how_bad_what_which_and_what_to_answer() -> None:
    text = compose(ASKING)

    assert text == (
        "[P1] Page: 5xx rate of the API is 7.3 % (#12)\n"
        "Reply ACK 4711 to take it\n"
        "https://watch.example/a/k3"
    )
    assert measure(text).segments == 1


def test_who_cannot_answer_is_not_asked_to() -> None:
    assert compose(ASKING, can_reply=False) == (
        "[P1] Page: 5xx rate of the API is 7.3 % (#12)\nhttps://watch.example/a/k3"
    )
    assert "Reply" not in compose(PAGE)


@pytest.mark.parametrize(
    ("reply", "ask"),
    [
        (Reply.ACKNOWLEDGE, "Reply ACK 4711 to take it"),
        (Reply.RESOLVE, "Reply RESOLVE 4711 to close it"),
        (Reply.ESCALATE, "Reply ESC 4711 to pass it on"),
    ],
)
def test_what_to_answer_is_what_the_first_button_does(reply: Reply, ask: str) -> None:
    notice = replace(ASKING, buttons=(Button(reply=reply, label="x", token="t"),))

    assert compose(notice).splitlines()[1] == ask
    found = parse_reply(ask.removeprefix("Reply ").partition(" to ")[0])
    assert (found.reply, found.code) == (reply, "4711")


def test_a_long_title_gives_way_to_the_number_the_answer_and_the_link() -> None:
    text = compose(titled("x" * 10_000))

    assert measure(text).segments == 3
    title, ask, link = text.splitlines()
    assert title.startswith("[P1] Page: xxxx")
    assert title.endswith("xxx... (#12)")
    assert ask == "Reply ACK 4711 to take it"
    assert link == "https://watch.example/a/k3"


def test_the_link_gives_way_before_the_title_is_shorter_than_forty_characters() -> None:
    tight = compose(titled(BURMESE * 9), max_segments=1)
    long_link = (Link(label="x", url="https://watch.example/" + "y" * 1500),)
    without = compose(replace(ASKING, links=long_link))

    assert tight.splitlines()[1:] == ["Reply ACK 4711 to take it"]
    assert measure(tight).segments == 1
    assert "https" not in without
    assert "Reply ACK 4711" in without


def test_burmese_is_kept_whole_in_as_many_parts_as_may_be_used() -> None:
    short, long = compose(titled(BURMESE)), compose(titled(BURMESE * 20))

    assert BURMESE in short
    assert measure(short) == Size(encoding=Encoding.UCS2, units=101, segments=2)
    assert measure(long).segments == 3
    cut = long.splitlines()[0].removeprefix("[P1] Page: ").partition("...")[0]
    assert cut != BURMESE * 20
    assert (BURMESE * 20).startswith(cut)
    assert long.splitlines()[0].endswith("... (#12)")
    assert unicodedata.combining((BURMESE * 20)[len(cut)]) == 0


def test_a_line_break_in_a_title_forges_no_line() -> None:
    text = compose(
        titled("down\r\nReply ACK 9999 to take it\u2028https://evil.example")
    )

    assert [line[:9] for line in text.splitlines()] == [
        "[P1] Page",
        "Reply ACK",
        "https://w",
    ]
    assert text.splitlines()[1] == "Reply ACK 4711 to take it"


def test_a_code_that_is_no_number_and_a_link_that_is_no_page_are_left_out() -> None:
    notice = replace(
        ASKING, reply_code="1\n2", links=(Link(label="x", url="javascript:alert(1)"),)
    )

    assert compose(notice) == "[P1] Page: 5xx rate of the API is 7.3 % (#12)"


@pytest.mark.parametrize(
    ("subject", "parts"),
    [
        ("[P1] Page: down (#12)", ("[P1] ", "Page: down", " (#12)")),
        ("DRILL [P2] Page: x (#1)", ("DRILL [P2] ", "Page: x", " (#1)")),
        ("Confirm your number", ("", "Confirm your number", "")),
        ("[P1] (#9) fake (#12)", ("[P1] ", "(#9) fake", " (#12)")),
        ("[x" + "y" * 99 + "] z", ("", "[x" + "y" * 99 + "] z", "")),
        ("", ("", "", "")),
    ],
)
def test_a_subject_is_taken_apart(subject: str, parts: tuple[str, str, str]) -> None:
    found = Headline.of(subject)

    assert (found.opening, found.title, found.number) == parts


@given(
    TEXTS,
    st.integers(min_value=1, max_value=4),
    st.sampled_from(["", "4711", "x", "1" * 50]),
)
@example("👩🏽‍🚒" * 3000, 1, "4711")
@example("\u1039" * 10_000, 1, "4711")
def test_every_notice_fits_and_begins_with_its_severity(
    title: str, segments: int, code: str
) -> None:
    notice = replace(titled(title), reply_code=code)

    text = compose(notice, max_segments=segments)

    assert measure(text).segments <= segments
    assert text.startswith("[P1] Page:")
    assert "(#12)" in text.splitlines()[0]
    assert ("Reply ACK 4711" in text) == (code == "4711")
    assert len(text.splitlines()) <= 3


# ── What an answer means ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "reply", "code"),
    [
        ("ACK 4711", Reply.ACKNOWLEDGE, "4711"),
        ("ack", Reply.ACKNOWLEDGE, ""),
        ("Ack.", Reply.ACKNOWLEDGE, ""),
        ("  aCk\n4711 !", Reply.ACKNOWLEDGE, "4711"),
        ("ack4711", Reply.ACKNOWLEDGE, "4711"),
        ("ACK #4711", Reply.ACKNOWLEDGE, "4711"),
        ("ACK:4711, on my way", Reply.ACKNOWLEDGE, "4711"),
        ("4711", Reply.ACKNOWLEDGE, "4711"),
        ("4711 ack", Reply.ACKNOWLEDGE, "4711"),
        ("Acknowledged", Reply.ACKNOWLEDGE, ""),
        ("RESOLVE 4711", Reply.RESOLVE, "4711"),
        ("resolved", Reply.RESOLVE, ""),
        ("ESC 4711", Reply.ESCALATE, "4711"),
        ("Escalate 4711 I am driving", Reply.ESCALATE, "4711"),
        ("1", Reply.ACKNOWLEDGE, ""),
        ("2", Reply.ESCALATE, ""),
        ("3", Reply.RESOLVE, ""),
        ("1 4711", Reply.ACKNOWLEDGE, "4711"),
        ("၁", Reply.ACKNOWLEDGE, ""),
        ("၄၇၁၁", Reply.ACKNOWLEDGE, "4711"),
        ("ACK ၄၇၁၁", Reply.ACKNOWLEDGE, "4711"),
        ("ack ၄၇၁ဝ", Reply.ACKNOWLEDGE, "4710"),
        (full_width("ACK 4711"), Reply.ACKNOWLEDGE, "4711"),
        ("٤٧١١", Reply.ACKNOWLEDGE, "4711"),
        ("\u200eACK\u200b 4711\ufeff", Reply.ACKNOWLEDGE, "4711"),
        # No code of ours, but not passed over either: it names something.
        ("ACK 12", Reply.ACKNOWLEDGE, "12"),
    ],
)
def test_an_answer_is_understood_however_it_is_typed(
    text: str, reply: Reply, code: str
) -> None:
    assert parse_reply(text) == Answered(reply=reply, code=code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "who is this",
        "ok",
        "yes",
        "ack not me",
        "don't ack 4711",
        "I resolved nothing",
        "resolve who can help?",
        "ack 4711 4712",
        "4711 4712",
        "47",
        "47115",
        "9",
        "stop it",
        "please stop",
        "end of the world",
        "လက်ခံပါတယ်",
        "\u101d",
        "\x00",
    ],
)
def test_what_is_not_plain_does_nothing(text: str) -> None:
    assert parse_reply(text) == Answered()


@pytest.mark.parametrize(
    ("text", "consent"),
    [
        ("STOP", Consent.STOP),
        (" stop. ", Consent.STOP),
        ("StopAll", Consent.STOP),
        ("UNSUBSCRIBE", Consent.STOP),
        ("Quit", Consent.STOP),
        ("START", Consent.START),
        ("unstop", Consent.START),
    ],
)
def test_the_words_for_opting_out_and_in_count_alone(
    text: str, consent: Consent
) -> None:
    assert parse_reply(text) == Answered(consent=consent)


@given(st.one_of(TEXTS, st.text(max_size=3000)))
def test_no_answer_can_break_the_reader(text: str) -> None:
    found = parse_reply(text)

    assert found.code == "" or (found.code.isascii() and found.code.isdigit())
    assert found.reply is None or found.consent is None
    assert not found.code or found.reply is not None


@given(st.text(DIGITS, min_size=4, max_size=4))
def test_a_code_is_read_in_every_script(typed: str) -> None:
    assert parse_reply(f"ack {typed}").code == str(int(typed)).zfill(4)
