"""How a person is shown on a schedule: by name, by initials and by a tone.

A tone is one of eight that also a colour-blind reader tells apart, given in the order
of a schedule's members so that neighbours differ. It never stands alone: the initials
are in every block, and the name beside them where there is room.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from watchbill.core.oncall import Schedule
from watchbill.core.people import Contact, Directory

TONES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One person as a schedule shows them."""

    key: str
    name: str
    initials: str
    #: From 0; the ninth person has the first one's tone again, and a dashed edge.
    tone: int
    is_dashed: bool = False
    is_placeholder: bool = False


NOBODY = Face(key="", name="nobody", initials="–", tone=-1)


def faces(schedule: Schedule, directory: Directory) -> dict[str, Face]:
    """Return the faces of a schedule's members, in order, then of everybody else."""
    others = (one.key for one in directory.contacts)
    keys = list(dict.fromkeys((*schedule.members, *others)))
    return {
        key: _face(key, number, directory.contact(key))
        for number, key in enumerate(keys)
    }


def face_of(found: Mapping[str, Face], key: str | None) -> Face:
    """Return the face of a holder, also of nobody and of whom the plan dropped."""
    if key is None:
        return NOBODY
    return found.get(key) or _face(key, 0, None)


def initials(name: str) -> str:
    """Return two letters of a name, or its first syllable in a script without capitals.

    A Burmese letter carries its vowels and medials after it; cut off from them it would
    be another letter.
    """
    words = [word for word in name.replace("_", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    if words[0][0].upper() == words[0][0].lower():
        return _syllable(words[0])
    return "".join(word[0] for word in words[:2]).upper()


def _syllable(word: str) -> str:
    end = 1
    while end < len(word) and unicodedata.category(word[end]).startswith("M"):
        end += 1
    return word[:end]


def _face(key: str, number: int, contact: Contact | None) -> Face:
    name = contact.label if contact is not None else key
    return Face(
        key=key,
        name=name,
        initials=initials(name),
        tone=number % TONES,
        is_dashed=number // TONES % 2 == 1,
        is_placeholder=contact is not None and contact.is_placeholder,
    )
