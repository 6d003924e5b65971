"""The commands that make a modem ready, and what it says of itself.

PDU mode, because only it carries Burmese, long texts and receipts in one way on every
modem. Results of errors as numbers. Messages that come in stay stored until they are
fetched; receipts come by themselves where the modem can do that, else they are stored
too (``+CDSI``).

Sources: 3GPP TS 27.005 (+CMGF, +CNMI, +CMGL, +CMGD, +CPMS), 3GPP TS 27.007 (+CMEE,
+CPIN, +CREG, +CEREG).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import Exchange, SettingsError
from watchbill.integrations.gsm.errors import read_error
from watchbill.integrations.text import one_line, shorten

DEFAULT_BAUD = 115_200

AWAKE = Exchange(send=b"AT\r", seconds=1.0)
ESCAPE = b"\x1b"
"""Leaves a prompt that nobody answered."""

PREPARE = (
    Exchange(send=b"ATE0\r"),
    Exchange(send=b"AT+CMEE=1\r"),
)
ASK_PIN = Exchange(send=b"AT+CPIN?\r")
PDU_MODE = Exchange(send=b"AT+CMGF=0\r")
STORAGES = ("SM", "ME")
"""Where messages that come in are kept: the first that a modem takes."""

#: The first that a modem takes: receipts as they come, receipts stored, none at all.
ANNOUNCE = (
    Exchange(send=b"AT+CNMI=2,1,0,1,0\r"),
    Exchange(send=b"AT+CNMI=2,1,0,2,0\r"),
    Exchange(send=b"AT+CNMI=1,1,0,0,0\r"),
)
#: The old networks, and the new ones, where a modem may know only the latter.
ASK_NETWORK = (Exchange(send=b"AT+CREG?\r"), Exchange(send=b"AT+CEREG?\r"))
LIST = Exchange(send=b"AT+CMGL=4\r", seconds=8.0)

_STORAGE = re.compile(r'\+CDSI: *"([A-Z]{2})",')
_LISTED = re.compile(r"\+CMGL: *([0-9]+),")
_REGISTRATION = re.compile(r"\+CE?REG: *[0-9] *, *([0-9]+)")
_REGISTERED = frozenset({1, 5, 6, 7})
_UNREGISTERED = {
    0: "the modem is not looking for a network",
    2: "the modem is looking for a network; check the antenna",
    3: "the network refuses this SIM",
    4: "the modem does not know whether it has a network",
    8: "the network allows emergency calls only",
}
_PIN_STATES = {
    "SIM PIN": "the SIM asks for its PIN: set WATCHBILL_GSM_PIN",
    "SIM PUK": "the SIM is blocked and asks for its PUK; unblock it in a phone",
    "PH-SIM PIN": "the modem is locked to another SIM",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A message in the memory of the modem; what came by itself has no index."""

    pdu: str
    index: int | None = None
    storage: str = ""


def baud_of(settings: Mapping[str, str]) -> int:
    """Return the speed of the line, or raise `SettingsError`."""
    text = settings.get("baud", "") or str(DEFAULT_BAUD)
    if not re.fullmatch(r"[1-9][0-9]{2,6}", text):
        raise SettingsError(
            f"WATCHBILL_GSM_BAUD is {shorten(one_line(text), 20)!r}; give the speed of"
            f" the line as a number, such as {DEFAULT_BAUD}."
        )
    return int(text)


def enter_pin(pin: str) -> Exchange:
    """Return the command that unlocks the SIM, or raise `SettingsError`."""
    if not re.fullmatch(r"[0-9]{4,8}", pin):
        raise SettingsError("WATCHBILL_GSM_PIN must be four to eight digits.")
    return Exchange(send=f'AT+CPIN="{pin}"\r'.encode(), seconds=10.0)


def asks_for_pin(lines: tuple[str, ...]) -> bool:
    """Say whether the PIN of the SIM is what the modem waits for."""
    return "+CPIN: SIM PIN" in lines


def why_locked(lines: tuple[str, ...]) -> Attempt | None:
    """Return why the SIM cannot be used; None when it is ready."""
    for line in lines:
        if line.startswith("+CPIN:"):
            state = line.removeprefix("+CPIN:").strip()
            if state == "READY":
                return None
            words = _PIN_STATES.get(state, f"the SIM is locked: {one_line(state)}")
            return Attempt(outcome=Outcome.PERMANENT, detail=words)
    # A modem without this command, such as one without a SIM slot, just refuses it.
    return (
        read_error(lines[-1]) if is_refusal(lines) and "ERROR:" in lines[-1] else None
    )


def why_unregistered(lines: tuple[str, ...]) -> str | None:
    """Return why there is no network; None when there is one, or nobody can tell."""
    for line in lines:
        found = _REGISTRATION.match(line)
        if found is not None:
            state = int(found[1])
            if state in _REGISTERED:
                return None
            return _UNREGISTERED.get(state, f"the modem has no network (state {state})")
    return None


def is_refusal(lines: tuple[str, ...]) -> bool:
    """Say whether an answer ends in an error, or never came."""
    return not lines or not lines[-1].startswith(("OK", ">"))


def use_storage(name: str) -> Exchange:
    """Return the command that keeps what comes in in a memory, and lists it there."""
    return Exchange(send=f'AT+CPMS="{name}","{name}","{name}"\r'.encode())


def choose_storage(name: str) -> Exchange:
    """Return the command that lists and deletes in another memory."""
    return Exchange(send=f'AT+CPMS="{name}"\r'.encode())


def delete(index: int) -> Exchange:
    """Return the command that deletes a stored message."""
    return Exchange(send=f"AT+CMGD={index}\r".encode())


def announced_storage(line: str) -> str | None:
    """Return the memory in which a receipt has just been stored."""
    found = _STORAGE.match(line)
    return found[1] if found else None


def stored(lines: tuple[str, ...], *, storage: str = "") -> Iterator[Stored]:
    """Yield the messages of an answer to `LIST`."""
    index: int | None = None
    for line in lines:
        found = _LISTED.match(line)
        if found is not None:
            index = int(found[1])
        elif index is not None:
            yield Stored(pdu=line, index=index, storage=storage)
            index = None
