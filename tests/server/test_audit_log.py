"""The audit log against those who would rather not be in it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from click.testing import CliRunner
from django.db import IntegrityError, connection, connections, transaction
from django.http import StreamingHttpResponse

from tests.server import site
from watchbill.commands.audit import command
from watchbill.core.access import ConsoleRole
from watchbill.core.incidents import IncidentAction
from watchbill.core.ledger import START, Head, SealedLine, read_head, seal
from watchbill.core.paging import AddressKind
from watchbill.server.accounts.models import User
from watchbill.server.audit import actions, desk, exports, queries, views
from watchbill.server.audit.acting import Acting, acting, current, known_as
from watchbill.server.audit.models import ActorKind, AuditCheck, AuditEntry
from watchbill.server.audit.queries import Wanted
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import audit, witness
from watchbill.server.engine.kinds import Moment
from watchbill.server.engine.models import AuditRun
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.models import Incident
from watchbill.server.people.models import ContactMethod
from watchbill.server.plans.models import PlanVersion

WALL = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)
AUNG = Acting(
    act="test.act", kind=ActorKind.USER, id="7", name="Aung", remote="192.0.2.1"
)


def somebody(name: str = "owner") -> User:
    return site.user(ConsoleRole.OWNER, now=WALL, name=name)


def rows(number: int = 3) -> list[AuditEntry]:
    """Write some lines and seal them."""
    for one in range(number):
        actions.record("test.done", wall=WALL, details={"number": str(one)})
    actions.seal_all()
    return list(AuditEntry.objects.order_by("position"))


def execute(sql: str, *values: int | datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@contextmanager
def triggers_disabled() -> Iterator[None]:
    """What an owner of the database can do who does not want to be found."""
    execute("ALTER TABLE watchbill_auditentry DISABLE TRIGGER USER")
    yield
    execute("ALTER TABLE watchbill_auditentry ENABLE TRIGGER USER")


# ── Who did what ────────────────────────────────────────────────────────────────


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_a_change_is_written_with_who_made_it_and_what_it_was_before() -> None:
    user = somebody()
    with acting(AUNG):
        User.objects.filter(pk=user.pk).update(role="agent")
    line = AuditEntry.objects.latest("id")
    assert (line.act, line.actor_kind, line.actor_id) == ("test.act", "user", "7")
    assert (line.actor_name, line.remote) == ("Aung", "192.0.2.1")
    assert (line.change, line.subject_kind) == ("changed", "user")
    assert line.subject_id == str(user.pk)
    assert json.loads(line.details) == {"role": ["owner", "agent"]}


@pytest.mark.django_db
def test_what_nobody_asked_for_is_the_engines() -> None:
    somebody()
    line = AuditEntry.objects.latest("id")
    assert (line.act, line.actor_kind) == ("engine.user", "engine")


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_who_comes_past_watchbill_is_named_as_who_signed_in_to_the_database() -> None:
    user = somebody()
    execute("SET LOCAL application_name = 'psql'")
    execute(
        "UPDATE watchbill_user SET role = 'owner', name = 'Me' WHERE id = %s", user.pk
    )
    line = AuditEntry.objects.latest("id")
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        name = cursor.fetchone()[0]
    assert (line.act, line.actor_kind) == ("database.user", "database")
    assert line.actor_name == name


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_no_secret_and_no_address_gets_into_the_log() -> None:
    user = somebody()
    user.set_password("a long and secret sentence")
    user.save(update_fields=["password"])
    method = ContactMethod.objects.create(
        contact_key="a",
        kind=AddressKind.PHONE,
        address="+959250000001",
        created_at=WALL,
    )
    ContactMethod.objects.filter(pk=method.pk).update(address="+959250000002")
    said = " ".join(AuditEntry.objects.values_list("details", flat=True))
    assert '"address": ["(hidden)", "(hidden)"]' in said
    assert '"password": ["(hidden)", "(hidden)"]' in said
    assert user.password not in said
    assert "+9592500" not in said


@pytest.mark.django_db
def test_bookkeeping_is_no_change() -> None:
    execute(
        "INSERT INTO watchbill_integration (kind, name, options, mapping,"
        " sealed_secret, is_drill, created_at, accepted)"
        " VALUES ('grafana', 'G', '{}', '{}', '', false, %s, 0)",
        WALL,
    )
    before = AuditEntry.objects.count()
    execute("UPDATE watchbill_integration SET accepted = accepted + 1")
    assert AuditEntry.objects.count() == before


@pytest.mark.django_db
def test_an_act_ends_with_its_block_and_a_view_may_say_who_it_is() -> None:
    with acting(AUNG):
        known_as(ActorKind.CONTACT, id="devops", name="Hla")
        somebody("first")
        assert current() is not None
    somebody("second")
    names = list(AuditEntry.objects.order_by("id").values_list("actor_name", flat=True))
    assert names[-2:] == ["Hla", "watchbill"]
    assert current() is None


@pytest.mark.django_db(transaction=True)
def test_an_act_that_failed_in_the_database_leaves_no_name_behind() -> None:
    with acting(AUNG):
        somebody("one")

    @transaction.atomic
    def again() -> None:
        with acting(AUNG):
            somebody("one")

    with pytest.raises(IntegrityError):
        again()
    somebody("two")
    assert [one.actor_name for one in AuditEntry.objects.order_by("id")] == [
        "Aung",
        "watchbill",
    ]


def test_what_the_engine_does_to_incidents_is_not_written_what_people_do_is(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    assert not AuditEntry.objects.filter(subject_kind="incident").exists()
    with acting(AUNG):
        incidents.perform(
            incident.pk,
            IncidentAction.ACKNOWLEDGE,
            actor=site.SOMEBODY,
            now=virtual_clock.now(),
        )
    line = AuditEntry.objects.filter(subject_kind="incident").first()
    assert line is not None
    assert json.loads(line.details)["status"] == ["triggered", "acknowledged"]


# ── Nothing is altered ──────────────────────────────────────────────────────────


@pytest.mark.django_db
@pytest.mark.req("SC-02")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE watchbill_auditentry SET actor_name = 'Nobody'",
        "UPDATE watchbill_auditentry SET hash = NULL, position = NULL",
        "UPDATE watchbill_auditentry SET position = position + 1",
        "DELETE FROM watchbill_auditentry",
    ],
)
def test_a_line_cannot_be_altered_or_removed(sql: str) -> None:
    rows()
    with pytest.raises(IntegrityError, match="only ever added to"):
        execute(sql)


@pytest.mark.django_db
def test_a_line_that_waits_gets_a_seal_and_nothing_else() -> None:
    actions.record("test.done", wall=WALL)
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(
            "UPDATE watchbill_auditentry SET position = 1,"
            " hash = sha256('x'), actor_name = 'Nobody'"
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        execute("UPDATE watchbill_auditentry SET position = 1, hash = 'short'")


@pytest.mark.django_db
def test_the_log_cannot_be_emptied() -> None:
    rows()
    # Django empties tables between tests, so that conftest.py puts the guard down.
    execute("ALTER TABLE watchbill_auditentry ENABLE TRIGGER auditentry_not_emptied")
    with pytest.raises(IntegrityError, match="only ever added to"):
        execute("TRUNCATE watchbill_auditentry")


@pytest.mark.django_db
@pytest.mark.req("SC-02")
@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        (
            "UPDATE watchbill_auditentry SET actor_name = 'Nobody' WHERE position = 3",
            "line 3 is not what was written, or its hash is not",
        ),
        (
            "UPDATE watchbill_auditentry SET hash = sha256('x') WHERE position = 2",
            "line 2 is not what was written, or its hash is not",
        ),
        (
            "DELETE FROM watchbill_auditentry WHERE position = 2",
            "line 2 is missing; line 3 stands there",
        ),
        (
            "UPDATE watchbill_auditentry SET at = at + interval '1 second'"
            " WHERE position = 1",
            "line 1 is not what was written, or its hash is not",
        ),
    ],
)
def test_what_the_databases_owner_alters_is_found_at_its_line(
    sql: str, broken: str
) -> None:
    rows(5)
    assert desk.verify_all().broken == ""
    with triggers_disabled():
        execute(sql)
    assert desk.verify_all().broken == broken
    assert actions.check_some(wall=WALL) == broken


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_a_tail_that_was_cut_off_is_missed_by_whoever_knew_the_head() -> None:
    rows(5)
    known = queries.head()
    with triggers_disabled():
        execute("DELETE FROM watchbill_auditentry WHERE position > 3")
    assert desk.verify_all().broken == ""
    gone = "line 5 was there and is gone; the log ends at line 3"
    assert desk.verify_all([known]).broken == gone
    rows(2)
    other = "line 5 is another one than the head that was given"
    assert desk.verify_all([known]).broken == other


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_the_engine_misses_a_tail_that_it_had_checked() -> None:
    rows(5)
    assert actions.check_some(wall=WALL) == ""
    with triggers_disabled():
        execute("DELETE FROM watchbill_auditentry WHERE position > 3")
    finding = "line 5 was there and is gone; the log ends at line 3"
    assert actions.check_some(wall=WALL) == finding
    assert actions.check_some(wall=WALL) == ""  # it is said once
    assert AuditCheck.objects.get().finding == finding  # and stays


@pytest.mark.django_db
def test_old_lines_are_read_again_and_again() -> None:
    rows(10)
    for _ in range(4):
        actions.check_some(wall=WALL, limit=5)
    with triggers_disabled():
        execute("UPDATE watchbill_auditentry SET act = 'x' WHERE position = 2")
    found = [actions.check_some(wall=WALL, limit=5) for _ in range(3)]
    assert [one for one in found if one] == [
        "line 2 is not what was written, or its hash is not"
    ]


@pytest.mark.django_db
@pytest.mark.req("SC-02")
@pytest.mark.parametrize("was_checked", [True, False])
def test_a_gap_that_is_longer_than_what_is_read_at_once_is_found(
    *, was_checked: bool
) -> None:
    rows(20)
    for _ in range(5 if was_checked else 0):
        actions.check_some(wall=WALL, limit=5)
    with triggers_disabled():
        execute("DELETE FROM watchbill_auditentry WHERE position BETWEEN 6 AND 15")
    found = [actions.check_some(wall=WALL, limit=5) for _ in range(5)]
    assert [one for one in found if one] == ["line 6 is missing; line 16 stands there"]


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_a_break_that_was_found_without_a_plan_is_declared_once_there_is_one(
    request: pytest.FixtureRequest, virtual_clock: VirtualClock
) -> None:
    rows(3)
    with triggers_disabled():
        execute("DELETE FROM watchbill_auditentry WHERE position = 1")
    now = virtual_clock.now()
    witness.look(now=now, wall=now)
    assert not Incident.objects.exists()
    request.getfixturevalue("trm_plan")
    for _ in range(2):
        witness.look(now=virtual_clock.now(), wall=virtual_clock.now())
    found = Incident.objects.get(group_key=witness.GROUP)
    assert "line 1 is missing" in found.summary
    Incident.objects.filter(pk=found.pk).update(status="resolved", resolved_at=now)
    witness.look(now=virtual_clock.now(), wall=virtual_clock.now())
    assert Incident.objects.filter(group_key=witness.GROUP).count() == 1


@pytest.mark.parametrize("fault", ["of python", "of the database"])
def test_a_witness_that_fails_takes_no_audit_with_it(
    fault: str,
    trm_plan: PlanVersion,
    virtual_clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**_: object) -> None:
        actions.record("test.half", wall=WALL)
        if fault == "of the database":
            execute("SELECT 1 / 0")
        raise RuntimeError(fault)

    monkeypatch.setattr(witness, "look", fail)
    now = virtual_clock.now()
    reach: Any = None  # an audit reaches nobody
    moment = Moment(now=now, wall=now, reach=reach)
    with transaction.atomic():
        audit.KIND.fire([], moment)
    assert AuditRun.objects.count() == 1
    assert not AuditEntry.objects.filter(act="test.half").exists()
    assert "the audit log cannot be checked" in caplog.text


@pytest.mark.req("SC-02")
def test_a_break_becomes_one_incident(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    rows(3)
    now = virtual_clock.now()
    witness.look(now=now, wall=now)
    assert not Incident.objects.filter(group_key=witness.GROUP).exists()
    with triggers_disabled():
        execute("DELETE FROM watchbill_auditentry WHERE position = 1")
    for minute in range(3):
        virtual_clock.advance(timedelta(minutes=minute))
        witness.look(now=virtual_clock.now(), wall=virtual_clock.now())
    found = Incident.objects.get(group_key=witness.GROUP)
    assert found.title == "The audit log was tampered with"
    assert "line 1 is missing" in found.summary


# ── Writing and sealing ─────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("SC-02")
def test_a_change_that_is_rolled_back_leaves_no_line() -> None:
    with transaction.atomic(), acting(AUNG):
        somebody()
        assert AuditEntry.objects.count() == 1
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()
    assert actions.seal_some() == 0


@pytest.mark.django_db(transaction=True)
def test_what_an_engine_left_unsealed_when_it_died_the_next_one_seals() -> None:
    rows(2)
    actions.record("test.done", wall=WALL)
    with transaction.atomic():
        assert actions.seal_some() == 1
        transaction.set_rollback(True)  # what PostgreSQL does for a killed process
    assert queries.unsealed() == 1
    assert desk.verify_all().head.position == 2
    assert actions.seal_some() == 1
    assert desk.verify_all().head.position == 3


@pytest.mark.django_db(transaction=True)
def test_who_exports_waits_for_an_engine_that_seals() -> None:
    begun, end = threading.Event(), threading.Event()

    def sealing() -> None:
        try:
            with transaction.atomic():
                actions.seal_some()
                begun.set()
                end.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=sealing)
    thread.start()
    assert begun.wait(10)
    actions.record("test.done", wall=WALL)  # the other one does not see it any more
    assert actions.seal_some() == 0
    threading.Timer(0.3, end.set).start()
    assert actions.seal_all().position == 1
    thread.join(10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("SC-02")
def test_two_who_write_and_two_who_seal_at_once_make_one_chain() -> None:
    ready = threading.Barrier(4)

    def write(name: str) -> None:
        ready.wait(10)
        for number in range(40):
            with transaction.atomic(), acting(AUNG):
                somebody(f"{name}{number}")

    def seal() -> None:
        ready.wait(10)
        for _ in range(60):
            actions.seal_some(limit=7)

    def run(body: threading.Thread) -> None:
        body.start()

    def closing(body: object, *args: str) -> None:
        try:
            body(*args)  # type: ignore[operator]
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=closing, args=(write, "a")),
        threading.Thread(target=closing, args=(write, "b")),
        threading.Thread(target=closing, args=(seal,)),
        threading.Thread(target=closing, args=(seal,)),
    ]
    for one in threads:
        run(one)
    for one in threads:
        one.join(30)
    head = actions.seal_all()
    assert head.position == 80 == AuditEntry.objects.count()
    assert desk.verify_all().head == head
    assert set(AuditEntry.objects.values_list("actor_name", flat=True)) == {"Aung"}


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_not_committed_keeps_no_seal_waiting() -> None:
    begun, end = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                somebody("slow")
                begun.set()
                end.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(10)
    quick = somebody("quick")
    assert actions.seal_some() == 1
    end.set()
    thread.join(10)
    assert actions.seal_some() == 1
    first, second = AuditEntry.objects.order_by("position")
    assert first.subject_id == str(quick.pk)
    assert first.pk > second.pk  # written later, committed first
    assert desk.verify_all().broken == ""


# ── To take along ───────────────────────────────────────────────────────────────


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_an_export_of_a_period_is_checked_by_itself() -> None:
    for day in range(6):
        actions.record("test.done", wall=WALL + timedelta(days=day))
    lines = list(
        desk.export(WALL + timedelta(days=2), WALL + timedelta(days=4), wants_csv=False)
    )
    assert len(lines) == 3
    verdict = exports.check_file(lines)
    assert (verdict.broken, verdict.head.position) == ("", 4)
    assert read_head(json.loads(lines[0])["after"]).position == 2
    forged = [lines[0], lines[1].replace("test.done", "test.nothing"), lines[2]]
    assert "line 3 is not what was written" in exports.check_file(forged).broken
    assert "lines are missing at the end" in exports.check_file(lines[:2]).broken
    assert AuditEntry.objects.latest("id").act == "audit.export"


@pytest.mark.django_db
@pytest.mark.parametrize("text", [[], ["x"], ["{}"], ["[]"], ['{"format": 1}']])
def test_what_is_no_export_is_refused(text: list[str]) -> None:
    with pytest.raises(exports.ExportUnreadableError, match="first line"):
        exports.check_file(text)


def exported(first: int, last: int, *, forged: str = "") -> tuple[list[str], Head]:
    """A file of some lines, and its head; forged from its first line on if asked."""
    after = queries.head_at(first - 1)
    assert after is not None
    head, lines = after, []
    for line in queries.sealed(first, last):
        words = {**line.words, "act": forged} if forged else line.words
        head = seal(head, words)
        lines.append(SealedLine(words=words, hash=head.hash))
    return list(exports.as_json(lines, after=after, head=head)), head


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_a_head_is_held_to_its_line_wherever_it_is_in_the_file(tmp_path: Path) -> None:
    rows(6)
    honest, _ = exported(3, 6)
    forged, _ = exported(3, 6, forged="test.nothing")
    assert exports.check_file(forged).broken == ""  # nobody knows it by itself
    file = tmp_path / "log.jsonl"

    def said(lines: list[str], position: int, *, of: Head | None = None) -> str:
        file.write_text("".join(lines), encoding="utf-8")
        known = str(of or queries.head_at(position))
        result = CliRunner().invoke(command, ["verify", str(file), "--head", known])
        assert isinstance(result.exception, SystemExit | None)
        assert result.exit_code == (0 if "log is whole" in result.output else 1)
        return result.output

    for position in (2, 3, 5, 6):
        assert "is broken" not in said(honest, position)
    for position in (3, 5, 6):
        text = f"line {position} is another one than the head that was given"
        assert text in said(forged, position)
    other = Head(position=2, hash=b"x" * 32)
    assert "line 2 is another one" in said(honest, 2, of=other)
    assert "is not in this file, which follows line 2" in said(honest, 1)
    assert "it does not reach the head 6:" in said(exported(3, 5)[0], 6)


@pytest.mark.django_db
@pytest.mark.req("SC-02")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"position":2', '"position":"2"'),
        ('"position":2', '"position":2.9'),
        ('"position":2', '"position":Infinity'),
        ('"position":2', '"position":true'),
        ('"position":2', '"position":1,"position":2'),
        ('"act":"test.done"', '"act":"test.else","act":"test.done"'),
        ('"act":"test.done"', '"act":"\\ud800"'),
        ('"act":"test.done"', '"act":"\ud800"'),
        ('"act":"test.done"', '"act":["test.done"]'),
        ('"act":', '"act": '),
        ('"hash":"', '"hash":" '),
        ('"remote":""', '"remote":' + "[" * 100_000),
    ],
)
def test_a_line_that_no_export_would_write_is_a_finding(old: str, new: str) -> None:
    rows(3)
    lines, _ = exported(1, 3)
    assert exports.check_file(lines).broken == ""
    assert old in lines[2]
    verdict = exports.check_file([*lines[:2], lines[2].replace(old, new), lines[3]])
    assert verdict.broken == "line 3 of the file is not as an export writes it"
    assert verdict.head == queries.head_at(1)


@pytest.mark.django_db
def test_a_table_of_the_log_is_inert_in_a_spreadsheet() -> None:
    with acting(Acting(act="=1+1", kind=ActorKind.USER, name="@SUM(A1)")):
        somebody()
    text = "".join(desk.export(None, None, wants_csv=True))
    assert "'=1+1" in text
    assert "'@SUM(A1)" in text
    assert ",=1" not in text


@pytest.mark.django_db
def test_an_empty_log_is_whole() -> None:
    assert desk.verify_all().head == START
    assert exports.check_file(desk.export(None, None, wants_csv=False)).head == START


# ── The page ────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_lines_are_found_by_who_act_subject_period_and_words() -> None:
    with acting(AUNG):
        user = somebody("findme")
    rows(1)
    for wanted in (
        Wanted(actor="Aung"),
        Wanted(actor="7"),
        Wanted(act="test.act"),
        Wanted(subject=f"user {user.pk}"),
        Wanted(subject=f"user #{user.pk}"),
        Wanted(text="findme"),
    ):
        assert [one.subject_id for one in queries.lines(wanted)] == [str(user.pk)]
    of_old = Wanted(starts_at=WALL, ends_at=WALL + timedelta(seconds=1))
    assert [one.act for one in queries.lines(of_old)] == ["test.done"]


@pytest.mark.django_db
def test_pages_follow_each_other_without_a_gap() -> None:
    rows(120)
    seen: list[int] = []
    before: int | None = None
    while True:
        found, before = queries.page(Wanted(), before=before)
        seen += [one.pk for one in found]
        if before is None:
            break
        actions.record("test.meanwhile", wall=WALL)
    assert len(seen) == 120
    assert seen == sorted(seen, reverse=True)


@pytest.mark.req("SC-02")
def test_the_page_says_how_far_the_chain_is_verified_and_what_changed(
    trm_plan: PlanVersion,
) -> None:
    owner = somebody()
    with acting(AUNG):
        User.objects.filter(pk=owner.pk).update(name="<b>New</b>")
    actions.seal_all()
    actions.check_some(wall=WALL)
    actions.record("test.done", wall=WALL)
    head = queries.head()
    page = site.signed_in(owner).get("/audit/", {"actor": "Aung"})
    assert page.status_code == 200
    assert f"verified until line {head.position}" in page.text
    assert "wait for their seal" in page.text  # the line above, and the sign-in
    assert "&lt;b&gt;New&lt;/b&gt;" in page.text
    assert page.text.count('id="line-') == 1
    AuditCheck.objects.update(finding="line 1 is missing")
    assert (
        "The chain is broken: line 1 is missing"
        in site.signed_in(owner).get("/audit/").text
    )


@pytest.mark.django_db
def test_filters_that_cannot_be_read_are_no_error(trm_plan: PlanVersion) -> None:
    client = site.signed_in(somebody())
    for query in (
        "first=x",
        "before=x",
        "before=99999999999999999999",
        "last=9999-12-31",
    ):
        assert client.get(f"/audit/?{query}").status_code == 200


@pytest.mark.req("SC-02")
def test_the_table_of_a_period_is_logged(trm_plan: PlanVersion) -> None:
    rows(2)
    head = queries.head()
    answer = site.signed_in(somebody()).get("/audit/table.csv")
    text = b"".join(answer).decode("utf-8-sig")
    assert text.startswith("position,at,actor_kind")
    assert len(text.splitlines()) == head.position + 1
    line = AuditEntry.objects.latest("id")
    assert (line.act, line.change) == ("audit.table", "shown")
    assert line.subject_id == f"1-{head.position}"


@pytest.mark.req("SC-02")
def test_a_table_of_what_cannot_be_read_is_refused(trm_plan: PlanVersion) -> None:
    answer = site.signed_in(somebody()).get("/audit/table.csv?first=junk")
    assert answer.status_code == 422
    assert "valid date" in answer.text
    assert not AuditEntry.objects.filter(act="audit.table").exists()


def test_a_long_table_is_sent_while_it_is_read(
    trm_plan: PlanVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(8)
    head = queries.head()
    monkeypatch.setattr(views, "_AT_ONCE", 300)
    answer: Any = site.signed_in(somebody()).get("/audit/table.csv")
    assert isinstance(answer, StreamingHttpResponse)
    assert answer.is_async

    async def gathered() -> list[bytes]:
        return [part async for part in answer]

    parts = async_to_sync(gathered)()
    assert len(parts) > 1
    text = b"".join(parts).decode("utf-8-sig")
    assert len(text.splitlines()) == head.position + 1


def test_a_head_has_a_place_and_a_hash() -> None:
    assert str(Head(position=2, hash=b"\1" * 32)) == "2:" + "01" * 32
