"""Keys: how a plan calls what a product knew by an id.

A key is made of the name, without accents, in lower case; where nothing is left of it,
as of a name in Burmese script, of the e-mail address or of a number. Keys that are
taken get a number. Who is a contact of the plan already, by e-mail address or phone
number, keeps the contact's key.
"""

import re
import unicodedata
from collections.abc import Collection

_LONGEST = 40


def slug(text: str, *, joiner: str) -> str:
    """Return the letters and digits of a text, in lower case; empty without any."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    return joiner.join(words)[:_LONGEST].strip(joiner)


def unique(wanted: str, taken: Collection[str], *, joiner: str) -> str:
    """Return a key that is not taken."""
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted}{joiner}{number}", number + 1
    return key
