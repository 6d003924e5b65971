"""A GSM modem on a real terminal device (pty) that speaks AT, and is strict.

It reads commands as a modem does, up to the carriage return or, at the prompt, up to
Ctrl-Z, and takes the PDU apart with a decoder of its own. It starts with echo on, in
text mode, and refuses a PDU whose length was not announced.

    with ModemDouble(tmp_path) as modem:
        modem.refuse("+CMGS", "+CMS ERROR: 38")
        modem.silent_after_text = True
        modem.arrive(deliver_pdu)
        ... Modem(modem.path) ...
"""

import os
import select
import threading
import tty
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self


class ModemDouble:
    """A modem in a thread of its own; ``path`` is a link that outlives a replug."""

    def __init__(self, folder: Path, *, pin: str = "") -> None:
        self.path = folder / "modem"
        self.pin = pin
        self.locked = bool(pin)
        self.pins_tried: list[str] = []
        self.network = "+CREG: 0,1"
        #: The PDUs that were taken for sending, without the service centre's octet.
        self.sent: list[bytes] = []
        self.commands: list[str] = []
        #: What is stored, by the name of the memory; SR holds receipts.
        self.memories: dict[str, dict[int, str]] = {"SM": {}, "SR": {}}
        self.silent_after_text = False
        self.silent = False
        self.echo = True
        self.pdu_mode = False
        self.unplugs_after_text = False
        self.reference = 0
        self._refusals: dict[str, deque[str]] = defaultdict(deque)
        self._expects: int | None = None
        self._memory = "SM"
        self._stop_r, self._stop_w = os.pipe()
        self._master = self._slave = -1
        self._thread: threading.Thread | None = None

    def refuse(self, command: str, *answers: str) -> None:
        """Answer the next of these commands so."""
        self._refusals[command].extend(answers)

    def arrive(self, pdu: bytes, *, memory: str = "SM") -> int:
        """Store a message or a receipt that comes in, and announce it."""
        stored = self.memories[memory]
        index = max(stored, default=0) + 1
        stored[index] = pdu.hex().upper()
        self.say(f'{"+CDSI" if memory == "SR" else "+CMTI"}: "{memory}",{index}')
        return index

    def report(self, pdu: bytes) -> None:
        """Say a status report, unasked."""
        self.say(f"+CDS: {len(pdu) - 1}", pdu.hex().upper())

    def say(self, *lines: str) -> None:
        os.write(self._master, "".join(f"\r\n{line}\r\n" for line in lines).encode())

    def plug(self) -> None:
        """Connect the modem; its memory is kept, its modes are not."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))
        self.echo, self.pdu_mode, self._expects = True, False, None
        self._thread = threading.Thread(target=self._serve, name="modem-double")
        self._thread.start()

    def unplug(self) -> None:
        """Take the device away."""
        self.path.unlink(missing_ok=True)
        os.write(self._stop_w, b"x")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(10)

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unplug()
        os.close(self._stop_r)
        os.close(self._stop_w)

    def _serve(self) -> None:
        buffer = b""
        try:
            while True:
                ready, _, _ = select.select([self._master, self._stop_r], [], [])
                if self._stop_r in ready:
                    os.read(self._stop_r, 1)
                    return
                buffer = self._eat(buffer + os.read(self._master, 4096))
        finally:
            os.close(self._master)
            os.close(self._slave)

    def _eat(self, data: bytes) -> bytes:
        """Act on what is complete, and return the rest."""
        while data:
            if data.startswith(b"\x1b"):
                self._expects, data = None, data[1:]
                continue
            end = b"\r" if self._expects is None else b"\x1a"
            piece, found, rest = data.partition(end)
            if not found:
                return data
            data = rest
            if self._expects is None:
                self._command(piece.decode("ascii").strip())
            else:
                self._text(piece.decode("ascii"))
        return b""

    def _command(self, command: str) -> None:
        self.commands.append(command)
        if self.silent:
            return
        if self.echo:
            os.write(self._master, command.encode() + b"\r")
        for name, answers in self._refusals.items():
            if command.startswith(f"AT{name}") and answers:
                self.say(answers.popleft())
                return
        name, _, value = command.removeprefix("AT").partition("=")
        known = self._known.get(name)
        if known is None:
            self.say("ERROR")
        else:
            known(value)

    @property
    def _known(self) -> dict[str, Callable[[str], None]]:
        locked = "SIM PIN" if self.locked else "READY"
        return {
            "": lambda value: self.say("OK"),
            "E0": lambda value: self._set(echo=False),
            "+CPIN?": lambda value: self.say(f"+CPIN: {locked}", "OK"),
            "+CPIN": lambda value: self._try_pin(value.strip('"')),
            "+CREG?": lambda value: self.say(self.network, "OK"),
            "+CEREG?": lambda value: self.say(
                self.network.replace("CREG", "CEREG"), "OK"
            ),
            "+CMGF": lambda value: self._set(pdu_mode=value == "0"),
            "+CMEE": lambda value: self.say("OK"),
            "+CNMI": lambda value: self.say("OK"),
            "+CPMS": self._use_memory,
            "+CMGS": self._prompt,
            "+CMGL": self._list,
            "+CMGD": self._delete,
        }

    def _set(self, **values: bool) -> None:
        for name, value in values.items():
            setattr(self, name, value)
        self.say("OK")

    def _use_memory(self, value: str) -> None:
        memory = value.split(",")[0].strip('"')
        if memory not in self.memories:
            self.say("+CMS ERROR: 302")
            return
        self._memory = memory
        self.say("OK")

    def _prompt(self, value: str) -> None:
        if self.locked:
            self.say("+CMS ERROR: 311")
        elif not self.pdu_mode:
            self.say("+CMS ERROR: 302")
        else:
            self._expects = int(value)
            os.write(self._master, b"\r\n> ")

    def _list(self, value: str) -> None:
        for index, pdu in sorted(self.memories[self._memory].items()):
            self.say(f"+CMGL: {index},0,,{len(pdu) // 2 - 1}", pdu)
        self.say("OK")

    def _delete(self, value: str) -> None:
        self.memories[self._memory].pop(int(value), None)
        self.say("OK")

    def _try_pin(self, pin: str) -> None:
        self.pins_tried.append(pin)
        if pin == self.pin:
            self.locked = False
            self.say("OK")
        else:
            self.say("+CME ERROR: 16")

    def _text(self, text: str) -> None:
        expected, self._expects = self._expects, None
        pdu = bytes.fromhex(text)
        if len(pdu) - 1 - pdu[0] != expected:
            self.say("+CMS ERROR: 304")
            return
        self.sent.append(pdu[1:])
        if self.unplugs_after_text:
            self.unplug()
            return
        if self.silent_after_text:
            return
        self.reference = (self.reference + 1) % 256
        self.say(f"+CMGS: {self.reference}", "OK")
