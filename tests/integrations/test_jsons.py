from datetime import UTC, datetime

import pytest

from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import (
    PathError,
    decode,
    decode_object,
    instant_of,
    look_for_all,
    object_at,
    read_path,
    spell,
    text_at,
    text_of,
)
from watchbill.integrations.text import (
    identity,
    one_line,
    printable,
    severity_of,
    slug,
)

DEEP = b'{"a":' * 5_000 + b"1" + b"}" * 5_000


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b'{"a": 1} x', "trailing characters"),
        (b"NaN", "invalid character"),
        (b"1e400", "out of range"),
        (b"1" * 5_000, "out of range"),
        (b'"\xff"', "invalid start byte"),
        (rb'"\ud800 x', "truncated"),
        (DEEP, "nested too deeply"),
    ],
)
def test_what_is_no_json_is_refused_in_words(body: bytes, problem: str) -> None:
    with pytest.raises(PayloadError, match=problem) as caught:
        decode(body, hint="Do this.")

    assert caught.value.where == "$"
    assert caught.value.hint == "Do this."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        (rb'"cut \ud83d"', "cut \ufffd"),
        (rb'"\uDE00 cut"', "\ufffd cut"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\N{GRINNING FACE}"),
        (rb'"\ude00\ude00\\"', "\ufffd\ufffd\\"),
    ],
)
def test_half_a_surrogate_loses_no_alert(body: bytes, text: str) -> None:
    assert decode(body, hint="") == text


def test_a_mark_of_the_byte_order_is_passed_over() -> None:
    assert decode(b'\xef\xbb\xbf{"a": 1}', hint="") == {"a": 1}


def test_of_a_key_that_comes_twice_the_last_one_holds() -> None:
    assert decode_object(b'{"a": 1, "a": 2}', hint="") == {"a": 2}


def test_an_object_is_an_object() -> None:
    with pytest.raises(PayloadError, match="expected a JSON object"):
        decode_object(b"[]", hint="")


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("a.b[0]", "a.b[0]"),
        ("$", "$"),
        ("$.a", "$.a"),
        ('["a b"].c', '["a b"].c'),
        ('$["x.y"][*]', '$["x.y"][*]'),
    ],
)
def test_a_path_is_spelt_as_people_write_it(text: str, spelt: str) -> None:
    path = read_path(text)

    assert spell(path.steps, start="$" if path.is_absolute else "") == spelt


@pytest.mark.parametrize(
    "text", ["", "a..b", "a b", "$a", "a[", "a[-1]", "a[x]", "..", "a.b" * 100 + "c"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        read_path(text)


def test_a_path_with_stars_leads_to_many_values() -> None:
    document = {"a": [{"b": [1, 2]}, {"c": 0}, {"b": [3]}]}

    found = dict(look_for_all(read_path("$.a[*].b[*]"), document))

    assert found == {"$.a[0].b[0]": 1, "$.a[0].b[1]": 2, "$.a[2].b[0]": 3}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        (3.0, "3"),
        (0.5, "0.5"),
        (["a", 1, None], "a, 1"),
        ({"a": [1]}, '{"a":[1]}'),
        ([{"a": 1}], '[{"a":1}]'),
    ],
)
def test_values_are_read_as_people_read_them(value: object, text: str) -> None:
    assert text_of(value) == text


def test_what_is_not_there_is_empty() -> None:
    assert text_at({"a": {"b": "x"}}, "a", "b") == "x"
    assert text_at({"a": 7}, "a", "b") == ""
    assert object_at([], "a") == {}


@pytest.mark.req("A58")
@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T18:30:00.5+0630", datetime(2026, 11, 23, 12, 0, 0, 500_000, UTC)),
        ("2026-11-23 12:00:00", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23 12:00:00 UTC", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        (1795435200, datetime(2026, 11, 23, 12, tzinfo=UTC)),
        (1795435200.25, datetime(2026, 11, 23, 12, 0, 0, 250_000, UTC)),
        (1795435200000, datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("1795435200000000", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        (1795435200000000000, datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        (0, None),
        (-1, None),
        (10**30, None),
        (True, None),
        ("soon", None),
        (None, None),
        ([1795435200], None),
    ],
)
def test_instants_are_read_in_every_common_form(
    value: object, instant: datetime | None
) -> None:
    assert instant_of(value) == instant


@pytest.mark.req("S4.1-09")
def test_parts_of_an_identity_cannot_run_into_each_other() -> None:
    assert identity("disk-1") == "disk-1"
    assert identity("a", "bc") != identity("ab", "c")
    assert identity("a", "") != identity("a")
    assert len(identity("two words")) == 32


@pytest.mark.parametrize(
    ("word", "severity"),
    [(" FATAL ", "critical"), ("High", "error"), ("p5", "P4"), ("page", ""), ("", "")],
)
def test_words_for_how_bad_it_is(word: str, severity: str) -> None:
    assert severity_of(word) == severity


def test_names_are_written_as_plans_write_them() -> None:
    assert slug(" Payment API (v2) ") == "payment-api-v2"
    assert slug("ငွေပေးချေမှု") == ""


def test_nearly_all_text_needs_no_pattern_and_the_rest_gets_it() -> None:
    """What Python calls printable has nothing in it that must be replaced."""
    plain = [chr(code) for code in range(0x110000) if chr(code).isprintable()]

    assert all(printable(f"{one}\n") == f"{one}\n" for one in plain)
    assert [one for one in plain if one.isspace()] == [" "]
    assert one_line(" a \n\t b ") == "a b"
    assert one_line("a  b") == one_line(" a b ") == "a b"
