from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.scripted_server import Posted, Reply, ScriptedServer
from tests.integrations.notices import PAGE
from tests.integrations.sending import LOOPBACK, NOW
from watchbill import integrations
from watchbill.core.notification import Outcome
from watchbill.core.paging import AddressKind, MethodKind, Provided
from watchbill.integrations import registry
from watchbill.integrations.contract import Answer, MailOutbound, Outbound, TwoWay
from watchbill.integrations.registry import ContractError
from watchbill.integrations.sources import Inbound, Post, Reading
from watchbill.server import providers
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.project import channel_settings

PARSE = '''"""A source."""

from watchbill.integrations.sources import (NO_CONFIG, Reading, Source)

SOURCE = Source(setup="Blow into {url}.")

def parse(post, config=NO_CONFIG):
    return Reading((), (post.body.decode(),))
'''


def add_folder(root: Path, name: str, files: dict[str, str]) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text)


def extend_the_package(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    paths = [*integrations.__path__, str(root)]
    monkeypatch.setattr(integrations, "__path__", paths)


def test_the_providers_are_the_folders_of_the_package() -> None:
    found = registry.providers()

    assert found.keys() >= {"alertmanager", "email", "slack"}
    assert list(found) == sorted(found)
    assert isinstance(found["alertmanager"].inbound, Inbound)
    assert isinstance(found["slack"].outbound, Outbound)
    assert isinstance(found["email"].outbound, MailOutbound)


def test_adding_a_folder_adds_a_provider_and_nothing_else_is_edited(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    title = '"""Foghorn: a source that the tests add."""'
    add_folder(tmp_path, "foghorn", {"__init__.py": title, "inbound.py": PARSE})
    extend_the_package(monkeypatch, tmp_path)

    foghorn = registry.providers()["foghorn"]

    assert foghorn.title == "Foghorn"
    assert foghorn.outbound is None
    assert foghorn.inbound is not None
    assert foghorn.inbound.SOURCE.setup == "Blow into {url}."
    assert foghorn.inbound.parse(Post(body=b"low")) == Reading((), ("low",))


OUTBOUND = '''"""Say a notice with light."""

from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations.contract import (Channel, Mode, Outgoing, Setting)

CHANNEL = Channel(
    kind=MethodKind.SMS,
    reaches=AddressKind.PHONE,
    modes=(Mode(needs=frozenset({"url", "token"}), people=True, posts=True),),
    settings=(
        Setting(name="url", help="Where the keeper is."),
        Setting(name="token", help="What the keeper knows you by.", is_secret=True),
        Setting(name="color", help="Of the light.", default="white"),
    ),
)

def render(notice, settings):
    return Outgoing(
        method="POST",
        url=settings["url"],
        headers={"Authorization": settings["token"], "X-Hook": settings["hook_url"]},
        body="/".join((settings["to"], settings["color"], notice.subject)).encode(),
    )

def read(answer):
    outcome = Outcome.DELIVERED if answer.status == 200 else Outcome.PERMANENT
    return Attempt(outcome=outcome, detail="seen", provider_ref="flash-1")
'''

TWOWAY = '''"""See the answer."""

from datetime import timedelta

from watchbill.integrations.contract import (HookReply)

DOORS = frozenset({"flash"})
SAME_FOR = timedelta(days=1)

def verify(call, settings, *, now):
    return None

def read(call):
    return ()

def mark(call):
    return ""

def answer(call, results):
    return HookReply()

def follow_up(result, settings):
    return None
'''


class Keeper(ScriptedServer[Posted]):
    """The service that the tests' provider sends to."""

    def judge(self, posted: Posted) -> Reply:
        self.keep(posted)
        return Reply()


@pytest.fixture
def lighthouse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[registry.Provider]:
    """A provider that is one folder, and no line anywhere else."""
    title = '"""Lighthouse: flashes that a ship can see."""'
    files = {"__init__.py": title, "outbound.py": OUTBOUND, "twoway.py": TWOWAY}
    add_folder(tmp_path, "lighthouse", files)
    extend_the_package(monkeypatch, tmp_path)
    providers.known_channels.cache_clear()  # as in a process that starts now
    yield registry.providers()["lighthouse"]
    providers.known_channels.cache_clear()


def test_a_folder_is_all_that_a_two_way_channel_needs(
    lighthouse: registry.Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert lighthouse.title == "Lighthouse"
    assert isinstance(lighthouse.twoway, TwoWay)

    with Keeper() as keeper:
        # the environment, a secret as a file included
        (tmp_path / "token").write_text("s3cret\n")
        monkeypatch.setenv("WATCHBILL_LIGHTHOUSE_URL", keeper.origin)
        monkeypatch.setenv("WATCHBILL_LIGHTHOUSE_TOKEN_FILE", f"{tmp_path}/token")
        given = channel_settings.read()
        assert given["lighthouse"] == {"url": keeper.origin, "token": "s3cret"}

        # what it is good for
        channels = Channels(
            egress=Egress(LOOPBACK),
            configured=providers.configure({"lighthouse": given["lighthouse"]}),
        )
        assert channels.names == ("lighthouse",)
        assert channels.reach.posts == {"lighthouse"}
        assert channels.reach.provided == (
            Provided(
                channel="lighthouse",
                kind=MethodKind.SMS,
                reaches=AddressKind.PHONE,
            ),
        )

        # and a message
        attempt = channels.send("lighthouse", "+959123", PAGE, now=NOW)
        (posted,) = keeper.taken

    assert (attempt.outcome, attempt.provider_ref) == (Outcome.DELIVERED, "flash-1")
    assert posted.headers["authorization"] == "s3cret"
    assert posted.headers["x-hook"].endswith("/hooks/lighthouse")
    assert posted.body.decode() == f"+959123/white/{PAGE.subject}"


def test_half_a_set_of_settings_stops_the_start(
    lighthouse: registry.Provider,
) -> None:
    assert lighthouse.channel is not None
    with pytest.raises(ValueError, match="lighthouse needs token and url"):
        providers.configure({"lighthouse": {"url": "https://keeper.example"}})


@pytest.mark.parametrize("module", ["inbound", "outbound"])
def test_a_provider_without_the_functions_of_its_contract_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str
) -> None:
    name = f"half_{module}"
    add_folder(tmp_path, name, {"__init__.py": "", f"{module}.py": "x = 1"})
    extend_the_package(monkeypatch, tmp_path)

    with pytest.raises(ContractError, match=rf"{name}\.{module} must define"):
        registry.providers()


def test_every_source_and_channel_is_total_on_an_empty_answer() -> None:
    for provider in registry.providers().values():
        if isinstance(provider.outbound, Outbound):
            assert provider.outbound.read(Answer(status=200)).detail
        if isinstance(provider.outbound, MailOutbound):
            assert provider.outbound.read_smtp(-1, "").detail
