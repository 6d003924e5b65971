from pathlib import Path

import pytest

from watchbill import integrations
from watchbill.integrations import registry
from watchbill.integrations.contract import Answer, Inbound, MailOutbound, Outbound
from watchbill.integrations.registry import ContractError

PARSE = '''"""A source."""

def parse(body):
    return ()
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
    assert foghorn.inbound.parse(b"{}") == ()


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
