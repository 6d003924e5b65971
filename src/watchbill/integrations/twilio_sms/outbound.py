"""Send a notice as a text message by Twilio.

The sender is a number, the SID of a messaging service (``MG...``) or a name. A name
cannot be answered, so the text then says nothing about answering. Twilio reports
what became of the message to the door ``status``; *sent* means no more than that a
network has it, and only *delivered* is a receipt.

Sources: twilio.com/docs/messaging/api/message-resource.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from watchbill.core.messages import Notice
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations import sms, twilio
from watchbill.integrations.contract import Channel, Mode, Outgoing, Setting
from watchbill.integrations.twilio import read

__all__ = ["CHANNEL", "read", "render"]

CHANNEL = Channel(
    kind=MethodKind.SMS,
    reaches=AddressKind.PHONE,
    modes=(Mode(needs=twilio.ACCOUNT | {"sms_from"}, people=True),),
    settings=(
        *twilio.SETTINGS,
        Setting(
            name="sms_from",
            help="Who text messages come from: a number, a messaging service (MG),"
            " or a name, which cannot be answered.",
        ),
    ),
    prefix=twilio.PREFIX,
    per_second=1.0,
    receipt_within=timedelta(minutes=3),
)


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the request for a text message, or raise `SettingsError`."""
    sender = settings.get("sms_from", "").strip()
    is_service = re.fullmatch(r"MG[0-9A-Za-z]{32}", sender) is not None
    status = twilio.hook(settings, "status")
    can_reply = is_service or re.fullmatch(r"\+?[0-9]{3,15}", sender) is not None
    text = sms.compose(notice, can_reply=can_reply and status is not None)
    fields = [
        ("To", twilio.phone(settings)),
        ("MessagingServiceSid" if is_service else "From", sender),
        ("Body", text),
    ]
    if status is not None:
        fields.append(("StatusCallback", status))
    return twilio.create(settings, "Messages", fields)
