"""GSM modem: text messages by a modem on this machine, without the internet."""
