"""Showing that an address is known without showing it (S2.1-16)."""


def mask(address: str) -> str:
    """Return an e-mail address or number with its middle left out.

    Channel names such as ``#incidents`` are public and returned as they are.
    """
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:2]}…@{domain}"
    if address.startswith("+") and len(address) > 6:
        return f"{address[:3]}…{address[-3:]}"
    return address
