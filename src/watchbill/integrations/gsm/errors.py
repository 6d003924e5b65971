"""What a modem's refusal means, in words and as an outcome.

Below 128 the network refused, from 128 on the service centre, from 300 on the modem.
Where only a person can mend it (no SIM, a number that does not exist, a subscription
without text messages) it is permanent. Where the modem itself does not know what
became of the message it is *unknown*. All else passes, and is tried again.

Sources: 3GPP TS 27.005 §3.2.5 (+CMS ERROR), 3GPP TS 24.011 annex E-2 (RP causes),
3GPP TS 23.040 §9.2.3.22 (TP failure causes), 3GPP TS 27.007 §9.2 (+CME ERROR).
"""

import re

from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.text import one_line, shorten

_P, _T, _U = Outcome.PERMANENT, Outcome.TRANSIENT, Outcome.UNKNOWN

_CMS = {
    1: (_P, "the number is not assigned to anybody"),
    8: (_P, "the operator has barred text messages of this SIM"),
    10: (_P, "outgoing text messages of this SIM are barred"),
    21: (_T, "the network rejected the message; the SIM may have no credit"),
    27: (_T, "the recipient is out of service"),
    28: (_P, "the number is not known in the network"),
    29: (_P, "the network rejected the service; the SIM may have no credit"),
    30: (_P, "the number is not known in the network"),
    38: (_T, "the network is out of order"),
    41: (_T, "the network has a temporary failure"),
    42: (_T, "the network is congested"),
    47: (_T, "the network has no resources"),
    50: (_P, "the SIM has no subscription for text messages"),
    69: (_P, "the network offers no text messages"),
    96: (_P, "the network cannot read the message"),
    111: (_T, "the network reports an unspecified error of protocol"),
    127: (_T, "the network reports an error between networks"),
    192: (_T, "the service centre is busy"),
    194: (_T, "the service centre has failed"),
    195: (_P, "the service centre calls the number invalid"),
    196: (_P, "the service centre has barred the number"),
    300: (_T, "the modem has failed"),
    302: (_P, "the modem does not allow this"),
    303: (_P, "the modem does not support this"),
    304: (_P, "the modem cannot read the message"),
    310: (_P, "there is no SIM in the modem"),
    311: (_P, "the SIM asks for its PIN: set WATCHBILL_GSM_PIN"),
    312: (_P, "the modem is locked to another SIM"),
    313: (_T, "the SIM has failed"),
    314: (_T, "the SIM is busy"),
    315: (_P, "the SIM is of the wrong kind"),
    316: (_P, "the SIM is blocked and asks for its PUK; unblock it in a phone"),
    320: (_T, "the memory of the modem has failed"),
    322: (_T, "the memory of the modem is full"),
    330: (_P, "the SIM holds no number of a service centre; set it with AT+CSCA"),
    331: (_T, "the modem has no network"),
    332: (_U, "the network did not answer in time"),
    500: (_U, "the modem reports an unknown error"),
}
_CME = {
    3: (_P, "the modem does not allow this"),
    4: (_P, "the modem does not support this"),
    5: (_P, "the modem is locked to another SIM"),
    10: (_P, "there is no SIM in the modem"),
    11: (_P, "the SIM asks for its PIN: set WATCHBILL_GSM_PIN"),
    12: (_P, "the SIM is blocked and asks for its PUK; unblock it in a phone"),
    13: (_T, "the SIM has failed"),
    14: (_T, "the SIM is busy"),
    15: (_P, "the SIM is of the wrong kind"),
    16: (_P, "the PIN in WATCHBILL_GSM_PIN is wrong"),
    30: (_T, "the modem has no network"),
    31: (_U, "the network did not answer in time"),
    32: (_T, "the network allows emergency calls only"),
}
_TABLES = {"CMS": _CMS, "CME": _CME}
_LINE = re.compile(r"\+(CM[SE]) ERROR: *([0-9]{1,5})")


def read_error(line: str) -> Attempt:
    """Return what the last line of a failed command means."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        said = shorten(one_line(line), 80)
        return Attempt(outcome=_T, detail=f"the modem answered {said or 'nothing'}")
    kind, number = found[1], int(found[2])
    outcome, words = _TABLES[kind].get(number, (_T, "the modem refused"))
    return Attempt(outcome=outcome, detail=f"{words} (+{kind} ERROR: {number})")
