"""The pages of the plan: what is read, typed, refused and drawn."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.server_plans.conftest import (
    SIGNERS,
    TRM,
    MakeUser,
    browser,
    changed,
    propose,
)
from watchbill.core.access import ConsoleRole
from watchbill.plan import load
from watchbill.plan.edit import replace, value_at
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import actions, queries
from watchbill.server.plans.models import PlanVersion

SCRIPT = "<script>alert(1)</script>"
PHONE = "+95 9 777 123 456"


def page(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return response.content.decode()


def typed(html: str) -> str:
    """Return what stands in the editor of a page."""
    found = re.search(r"<textarea name=\"text\"[^>]*>\n(.*?)</textarea>", html, re.S)
    assert found is not None
    return unescape(found[1])


def words(html: str) -> str:
    """Return a page without its tags, which part the words of a comparison."""
    return unescape(re.sub(r"<[^>]+>", "", html))


def form(running: PlanVersion, text: str, **more: Any) -> dict[str, Any]:
    return {
        "action": "propose",
        "text": text,
        "reason": "Because.",
        "version": "1.1",
        "effective": "2026-03-01",
        "based_on": running.pk,
        "from": running.pk,
    } | more


@pytest.fixture
def owner(running: PlanVersion, make_user: MakeUser) -> Client:
    return browser(make_user("technical_lead", ConsoleRole.OWNER))


@pytest.mark.req("S0-05", "SD-04", "A43")
def test_the_plan_is_read_as_tables_with_its_state_and_signers(
    owner: Client, running: PlanVersion
) -> None:
    html = page(owner, "/plan/")

    assert "UNSIGNED" in html
    for wanted in ("Help Desk Lead", "Notify the CTO", "Page the DevOps on-call again"):
        assert wanted in html
    for contact in ("Engineering Manager", "Product Manager", "CTO"):
        assert contact in html[html.index('id="approval"') :]
    document = load(TRM, name="plan").lines
    keys = [line[:-1] for line in document if re.fullmatch(r"[a-z_]+:", line)]
    assert [key for key in keys if f'id="s-{key}"' not in html] == []
    assert "S3.2-07" in html


def test_every_page_carries_the_mark_until_all_have_signed(
    owner: Client,
    running: PlanVersion,
    make_user: MakeUser,
    virtual_clock: VirtualClock,
) -> None:
    assert "UNSIGNED: plan 1.0" in page(owner, "/incidents/")

    for contact in SIGNERS:
        signer = browser(make_user(contact, ConsoleRole.STAKEHOLDER))
        answer = signer.post(f"/plan/{running.pk}/sign/", {"role": contact})
        assert answer.status_code == 302

    assert "UNSIGNED" not in page(owner, "/incidents/")
    assert "UNSIGNED" not in page(owner, "/plan/")


def test_somebody_elses_signature_is_refused(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    version = propose(
        make_user("technical_lead"), changed("1.1"), now=virtual_clock.now()
    )
    url = f"/plan/{version.pk}"
    agent, nobody, cto = (
        browser(make_user("ceo", ConsoleRole.OWNER)),
        browser(make_user("", ConsoleRole.AGENT)),
        browser(make_user("cto", ConsoleRole.STAKEHOLDER)),
    )

    for client in (agent, nobody):
        assert client.post(f"{url}/sign/", {"role": "cto"}).status_code == 403
        assert client.post(f"{url}/reject/", {"reason": "x"}).status_code == 403
    assert nobody.post(f"{url}/withdraw/", {"reason": "x"}).status_code == 403
    for method in ("sign", "reject", "withdraw"):
        assert cto.get(f"{url}/{method}/").status_code == 405
    assert queries.signatures_of(version.pk) == []

    assert cto.post(f"{url}/sign/", {"role": "cto"}).status_code == 302
    twice = cto.post(f"{url}/sign/", {"role": "cto"}, follow=True)
    assert "the role has signed already" in twice.content.decode()
    no_reason = cto.post(f"{url}/reject/", {"reason": " "}, follow=True)
    assert "Nothing was done" in no_reason.content.decode()
    assert queries.get(version.pk).state == "proposed"


def test_an_edited_text_is_proposed_with_its_version_and_date(
    owner: Client, running: PlanVersion
) -> None:
    text = TRM.replace(
        "after: 1h, do: notify, who: cto", "after: 45m, do: notify, who: cto"
    )

    answer = owner.post("/plan/edit/", form(running, text.replace("\n", "\r\n")))

    version = queries.newest()
    assert version is not None
    assert answer["Location"] == f"/plan/{version.pk}/#approval"
    stored = queries.get(version.pk)
    assert stored.text == replace(
        text, {("plan", "version"): "1.1", ("plan", "effective"): "2026-03-01"}
    )
    assert (stored.state, stored.reason) == ("proposed", "Because.")
    diff = page(owner, f"/plan/{running.pk}/diff/{version.pk}/")
    assert "15 min earlier" in diff
    assert "<del>1h</del>" in diff
    assert "<ins>45m</ins>" in diff


def test_what_the_author_wrote_into_the_text_wins_over_the_fields(
    owner: Client, running: PlanVersion
) -> None:
    owner.post("/plan/edit/", form(running, changed("7.5")))

    version = queries.newest()
    assert version is not None
    assert version.label == "7.5"
    assert value_at(queries.get(version.pk).text, ("plan", "effective")) == "2026-03-01"


@pytest.mark.req("S0-06")
@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"reason": ""}, 422, "This field is required"),
        ({"effective": "2026-02-30"}, 422, "is not in the calendar"),
        ({"effective": ""}, 422, "This field is required"),
        ({"version": ""}, 422, "This field is required"),
        ({"version": "1.0"}, 409, "there is a version 1.0 already"),
        ({"based_on": "999999"}, 409, "another version was stored"),
        ({"based_on": ""}, 409, "another version was stored"),
        ({"based_on": "x"}, 409, "another version was stored"),
        ({"text": TRM.replace("who: cto", "who: ctoo")}, 422, "A plan with errors"),
        ({"text": ""}, 422, "A plan with errors"),
        ({"text": "a: [" * 60}, 422, "A plan with errors"),
        ({"text": TRM + "x" * 1_000_000}, 422, "A plan with errors"),
        ({"text": "# \ufffd\n" + TRM}, 422, "in line 1 was lost"),
        ({"text": f"# {SCRIPT}"}, 422, "A plan with errors"),
    ],
)
def test_whatever_is_refused_comes_back_with_the_text_that_was_typed(
    more: dict[str, Any],
    status: int,
    says: str,
    owner: Client,
    running: PlanVersion,
) -> None:
    data = form(running, TRM.replace("languages: [my, en]", "languages: [en]")) | more

    answer = owner.post("/plan/edit/", data)

    html = answer.content.decode()
    assert answer.status_code == status
    assert says in unescape(html)
    assert typed(html) == data["text"]
    assert SCRIPT not in html
    assert PlanVersion.objects.count() == 1


def test_a_text_with_a_nul_is_refused_with_its_line(
    owner: Client, running: PlanVersion
) -> None:
    answer = owner.post("/plan/edit/", form(running, "# \0\n" + TRM))

    assert answer.status_code == 422
    assert "U+0000" in answer.content.decode()
    assert PlanVersion.objects.count() == 1


def test_a_text_that_is_not_utf8_is_refused(
    owner: Client, running: PlanVersion
) -> None:
    parts = form(running, "TEXT")
    head = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(head.format(*one) for one in parts.items()).encode()
    body = body.replace(b"TEXT", b"# \xff\n" + TRM.encode()) + b"--x--\r\n"

    answer = owner.post(
        "/plan/edit/", body, content_type="multipart/form-data; boundary=x"
    )

    assert answer.status_code == 422
    assert "was lost on the way" in answer.content.decode()


def test_a_check_says_the_findings_and_proposes_nothing(
    owner: Client, running: PlanVersion
) -> None:
    text = TRM.replace("who: cto", "who: ctoo")

    answer = owner.post("/plan/edit/", form(running, text, action="check", reason=""))

    html = answer.content.decode()
    line = TRM[: TRM.index("who: cto")].count("\n") + 1
    assert answer.status_code == 200
    assert f'href="#L{line}"' in html
    assert f'id="L{line}"' in html
    assert typed(html) == text
    assert "This field is required" not in html
    assert PlanVersion.objects.count() == 1


def test_an_author_who_was_overtaken_keeps_the_text_and_can_go_on(
    owner: Client,
    running: PlanVersion,
    make_user: MakeUser,
    virtual_clock: VirtualClock,
) -> None:
    other = propose(
        make_user("devops_engineer"), changed("1.1"), now=virtual_clock.now()
    )
    data = form(running, TRM.replace("[my, en]", "[en]"), version="1.2")

    first = owner.post("/plan/edit/", data)
    html = first.content.decode()
    assert first.status_code == 409
    assert f"/plan/{running.pk}/diff/{other.pk}/" in html
    assert typed(html) == data["text"]
    assert f'name="based_on" value="{other.pk}"' in html

    second = owner.post("/plan/edit/", data | {"based_on": other.pk})
    assert second.status_code == 302


@pytest.mark.req("S0-04")
def test_only_the_owners_of_the_plan_may_propose(
    running: PlanVersion, make_user: MakeUser
) -> None:
    outsider = browser(make_user("mobile_engineer"))
    insider = browser(make_user("help_desk_lead", ConsoleRole.AGENT))

    assert "To propose it you have to be" in page(outsider, "/plan/edit/")
    assert "To propose it you have to be" in page(outsider, "/plan/start/")
    assert outsider.post("/plan/start/", form(running, "")).status_code == 403
    assert PlanVersion.objects.count() == 1
    refused = outsider.post("/plan/edit/", form(running, TRM))
    assert refused.status_code == 403
    assert typed(refused.content.decode()) == TRM
    assert "To propose it" not in page(insider, "/plan/edit/")
    stakeholder = browser(make_user("cto", ConsoleRole.STAKEHOLDER))
    assert stakeholder.get("/plan/edit/").status_code == 403
    assert stakeholder.get("/plan/").status_code == 200


def test_markup_in_a_plan_is_shown_and_not_obeyed(
    owner: Client, running: PlanVersion, virtual_clock: VirtualClock
) -> None:
    text = replace(
        changed("2.0", title=f"A {SCRIPT}"),
        {
            ("channels", "#alerts", "purpose"): f'"{SCRIPT}',
            ("contacts", 0, "title"): f"Lead {SCRIPT}",
            ("escalation", "P1", 0, "title"): f"Page {SCRIPT}",
        },
    )
    loaded = load(text, name=f"{SCRIPT}.yaml")
    version = actions.put_in_force(loaded, now=virtual_clock.now())

    for url in (
        "/plan/",
        "/plan/source/",
        "/plan/versions/",
        "/plan/edit/",
        "/plan/start/",
        "/plan/simulate/?severity=P1&route=payment",
        f"/plan/{running.pk}/diff/{version.pk}/",
        "/users/",
    ):
        html = page(owner, url)
        assert SCRIPT not in html, url
    assert "&lt;script&gt;" in page(owner, "/plan/")


@pytest.mark.req("S2.1-16")
def test_phone_numbers_are_for_those_who_may_dial_them(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    numbered = replace(changed("2.0"), {("contacts", 0, "phone"): PHONE})
    version = actions.put_in_force(load(numbered, name="plan"), now=virtual_clock.now())
    urls = (
        "/plan/",
        "/plan/source/",
        f"/plan/{running.pk}/diff/{version.pk}/",
        "/plan/simulate/?severity=P4&route=payment",
    )
    responder = browser(make_user("technical_lead"))
    stakeholder = browser(make_user("ceo", ConsoleRole.STAKEHOLDER))
    bare = PHONE.replace(" ", "")

    for url in urls:
        said = words(page(stakeholder, url))
        assert PHONE not in said, url
        assert bare not in said, url
        assert "tech-lead@trm.rocks" not in said, url
    assert [PHONE in words(page(responder, url)) for url in urls] == [True] * 3 + [
        False
    ]


@pytest.mark.req("S3.2-22")
def test_a_simulation_is_asked_by_its_address_and_drawn(owner: Client) -> None:
    html = page(
        owner,
        "/plan/simulate/?severity=P1&route=payment&at=2026-02-08T02:30"
        "&acknowledged=7m&resolved=50m",
    )

    rows = re.findall(
        r"<tr><th scope=\"row\"[^>]*>([^<]+)</th>.*?data-label=\"Whom\"><span>([^<]+)<",
        html,
        re.S,
    )
    assert ("0 min", "DevOps Engineer") in rows
    assert ("15 min", "Technical Lead") in rows
    assert ("30 min", "Engineering Manager") in rows
    assert "CTO" not in [whom for _, whom in rows]
    assert "acknowledged" in html[html.index('<svg class="drawing"') :]
    assert 'value="2026-02-08T02:30"' in html


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("severity=P9", "no severity “P9”"),
        ("route=nowhere", "no route “nowhere”"),
        ("severity=P1&at=tomorrow", "is no time"),
        ("severity=P1&at=9999-12-31T23:59", "is no time"),
        ("severity=P1&acknowledged=soon", "is not a duration"),
        ("labels=alertname", "is no label"),
        (f"severity={SCRIPT}", "no severity"),
    ],
)
def test_a_question_that_cannot_be_read_is_answered_in_words(
    query: str, says: str, owner: Client
) -> None:
    html = page(owner, f"/plan/simulate/?{query}", status=422)

    assert says in unescape(html)
    assert SCRIPT not in html


def test_labels_decide_as_they_would_for_a_real_alert(owner: Client) -> None:
    html = page(
        owner, "/plan/simulate/?labels=alertname%3DPlatformDown+severity%3Dcritical"
    )

    assert "P1 Critical" in re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize(
    "url", ["/plan/999/", "/plan/999/source/", "/plan/1/diff/999/"]
)
def test_a_version_that_is_not_there_is_not_found(url: str, owner: Client) -> None:
    assert owner.get(url).status_code == 404
    assert owner.get("/plan/edit/?from=999").status_code == 404
    assert owner.get("/plan/simulate/?version=999").status_code == 404
    assert owner.get(f"/plan/{'9' * 30}/").status_code == 404


@pytest.mark.req("A10", "A11", "A12", "A20", "A21", "A23", "A30", "A32", "S2.1-10")
def test_the_ten_questions_quote_their_decisions_and_show_what_the_plan_says(
    owner: Client, running: PlanVersion
) -> None:
    html = page(owner, "/plan/start/")

    assert html.count('class="panel question"') == 10
    for decision in ("A20", "A21", "A23", "A10, A30", "A11", "A32", "A12", "S2.1-10"):
        assert f'<span class="ids">{decision}</span>' in html
    for path, value in (
        ("business_hours.from", "09:00"),
        ("shifts.night.to", "08:00"),
        ("on_call.primary-oncall.handover", "10:00"),
        ("alerts.contacting.P2.secondary", "15m"),
        ("fallback", "management"),
    ):
        assert f'name="{path}" value="{value}"' in html


@pytest.mark.req("A20", "A23")
def test_answers_are_written_at_their_place_shown_and_proposed(
    owner: Client, running: PlanVersion
) -> None:
    answers = form(
        running,
        "",
        **{
            "business_hours.from": "08:30",
            "business_hours.closed": "2026-02-12\n2026-03-03\n",
            "on_call.primary-oncall.members": "backend_engineer, devops_engineer",
            "default_expert": "database_administrator",
        },
    )

    shown = owner.post("/plan/start/", answers | {"action": "show", "reason": ""})
    html = shown.content.decode()
    assert shown.status_code == 200
    assert "3 answers changed" in html
    assert 'name="business_hours.from" value="08:30"' in html
    assert PlanVersion.objects.count() == 1

    assert owner.post("/plan/start/", answers).status_code == 302
    version = queries.newest()
    assert version is not None
    text = queries.get(version.pk).text
    assert value_at(text, ("business_hours", "closed")) == ["2026-02-12", "2026-03-03"]
    assert "- 2026-02-12                # Union Day\n" in text
    assert "members: [backend_engineer, devops_engineer]" in text


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"business_hours.from": "25:00"}, "These answers make a plan with errors"),
        ({"default_expert": "nobody_at_all"}, "These answers make a plan with errors"),
        ({"fallback": SCRIPT}, "These answers make a plan with errors"),
        ({"business_hours.closed": " "}, "cannot become an empty list"),
        ({"business_hours.days": "mon\0fri"}, "cannot be edited"),
    ],
)
def test_answers_that_make_no_plan_come_back_with_what_is_wrong(
    answer: dict[str, str], says: str, owner: Client, running: PlanVersion
) -> None:
    got = owner.post("/plan/start/", form(running, "", **answer))

    html = got.content.decode()
    assert got.status_code == 422
    assert says in html
    assert SCRIPT not in html
    assert PlanVersion.objects.count() == 1


def test_an_owner_says_which_contact_a_user_is(
    owner: Client, running: PlanVersion, make_user: MakeUser
) -> None:
    thida = make_user("", ConsoleRole.STAKEHOLDER, name="Thida")
    url = f"/users/{thida.pk}/"

    owner.post(url, {"role": "stakeholder", "contact_key": "cto"})
    thida.refresh_from_db()
    assert thida.contact_key == "cto"
    assert "CTO" in page(browser(thida), "/account/")
    assert browser(thida).get("/users/").status_code == 403
    assert browser(thida).post(url, {"role": "owner"}).status_code == 403

    other = make_user("", name="Other")
    for refused in (
        {"role": "responder", "contact_key": "cto"},
        {"role": "responder", "contact_key": "nobody"},
        {"role": "king", "contact_key": ""},
    ):
        answer = owner.post(f"/users/{other.pk}/", refused, follow=True)
        assert "Nothing was changed" in answer.content.decode()
    other.refresh_from_db()
    assert (other.contact_key, other.role) == ("", "responder")


def test_the_last_owner_stays_one(running: PlanVersion, make_user: MakeUser) -> None:
    one = make_user("technical_lead", ConsoleRole.OWNER)

    answer = browser(one).post(
        f"/users/{one.pk}/",
        {"role": "agent", "contact_key": "technical_lead"},
        follow=True,
    )

    assert "the last owner" in answer.content.decode()
    one.refresh_from_db()
    assert one.role == "owner"


@pytest.mark.parametrize("url", ["/plan/", "/plan/versions/", "/users/"])
def test_more_rows_cost_no_more_questions_to_the_database(
    url: str,
    owner: Client,
    make_user: MakeUser,
    virtual_clock: VirtualClock,
) -> None:
    page(owner, url)
    with CaptureQueriesContext(connection) as few:
        page(owner, url)

    author = make_user("devops_engineer")
    for number in range(1, 6):
        propose(author, changed(f"1.{number}"), now=virtual_clock.now())
        make_user("", name=f"User {number}")
    page(owner, url)
    with CaptureQueriesContext(connection) as many:
        page(owner, url)

    assert len(many) == len(few)
    assert len(few) < 30


def test_without_any_plan_the_page_says_how_to_begin(
    db: None, make_user: MakeUser
) -> None:
    queries.forget()
    html = page(browser(make_user("", ConsoleRole.OWNER)), "/plan/")

    assert "No plan is in force" in html
