"""People: contacts, the roles they hold, and who answers to a role.

Rules speak of roles, never of names: a person may hold several roles, a role may
be held by several people (S2.1-12). An *alias* lets a table use a role that the
contact list does not define, such as "Backend Lead" (A10). A contact that still
carries a placeholder (``[Name]``, ``+95-xxx-xxx-xxxx``) is kept and shown as
unfilled; its filled methods still reach it (S2.1-14).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person of the support team, by a key that survives a change of name."""

    key: str
    #: The first role is the one shown beside the name.
    roles: tuple[str, ...]
    level: str
    #: None while the plan holds a placeholder.
    name: str | None = None
    email: str | None = None
    #: E.164, such as ``+959123456789`` (S2.1-13).
    phone: str | None = None
    slack_id: str | None = None
    expertise: frozenset[str] = frozenset()
    shift: str | None = None
    #: What the person speaks, the best first, such as ``my`` and ``en`` (ISO 639).
    languages: tuple[str, ...] = ()
    #: What to call the role on a page; the name stands beside it if there is one.
    title: str = ""

    @property
    def label(self) -> str:
        """The name if it is filled in, else the title of the role."""
        return self.name or self.title or self.key

    @property
    def is_placeholder(self) -> bool:
        """Whether the plan has not yet said who this is."""
        return self.name is None

    @property
    def is_reachable(self) -> bool:
        """Whether at least one contact method is filled in."""
        return bool(self.email or self.phone or self.slack_id)


class UnknownRoleError(LookupError):
    """A rule names a role that no contact, alias or group defines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Everybody a plan can reach, and the names by which it reaches them."""

    contacts: tuple[Contact, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Which contact answers when no specialty of a level matches (S2.1-10).
    default_expert: str | None = None
    _by_key: Mapping[str, Contact] = field(init=False, repr=False, compare=False)
    _by_role: Mapping[str, tuple[Contact, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_role: dict[str, list[Contact]] = {}
        for one in self.contacts:
            for role in {*one.roles, one.key}:
                by_role.setdefault(role, []).append(one)
        found = {role: tuple(group) for role, group in by_role.items()}
        # The first of two contacts with one key; the checker refuses the second.
        by_key = {one.key: one for one in reversed(self.contacts)}
        object.__setattr__(self, "_by_key", by_key)
        object.__setattr__(self, "_by_role", found)

    def contact(self, key: str) -> Contact | None:
        """Return the contact with this key."""
        return self._by_key.get(key)

    @property
    def specialties(self) -> frozenset[str]:
        """Everything that somebody is an expert of."""
        return frozenset().union(*(one.expertise for one in self.contacts))

    def holders(self, role: str) -> tuple[Contact, ...]:
        """Return who answers to a role, alias or group, in the plan's order.

        Raises UnknownRoleError when the plan defines none of that name; the
        checker refuses such a plan, so that a running one never meets it.
        """
        return self._holders(role, seen=frozenset())

    def knows(self, role: str) -> bool:
        """Return whether the name leads to a defined role, alias or group."""
        try:
            self.holders(role)
        except UnknownRoleError:
            return False
        return True

    def at_level(self, level: str) -> tuple[Contact, ...]:
        """Return the contacts of one level, in the plan's order."""
        return tuple(one for one in self.contacts if one.level == level)

    def experts(self, level: str, category: str | None) -> tuple[Contact, ...]:
        """Return the contacts of a level whose expertise covers the category.

        When none does, the plan's default expert answers and the commander is
        asked to choose (S2.1-09, S2.1-10).
        """
        team = self.at_level(level)
        matching = tuple(one for one in team if category in one.expertise)
        if matching or self.default_expert is None:
            return matching
        return tuple(one for one in team if one.key == self.default_expert)

    def _holders(self, role: str, *, seen: frozenset[str]) -> tuple[Contact, ...]:
        if role in seen:
            message = f"the role {role!r} is defined by itself"
            raise UnknownRoleError(message)
        seen |= {role}
        if role in self.groups:
            members = (self._holders(one, seen=seen) for one in self.groups[role])
            return unique(contact for group in members for contact in group)
        direct = self._by_role.get(role)
        if direct:
            return direct
        if role in self.aliases:
            return self._holders(self.aliases[role], seen=seen)
        message = f"no contact, alias or group answers to the role {role!r}"
        raise UnknownRoleError(message)


def unique(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """Return each contact once, in the order of first mention."""
    return tuple({one.key: one for one in contacts}.values())
