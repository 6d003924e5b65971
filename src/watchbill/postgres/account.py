"""Which operating-system account runs the server.

PostgreSQL refuses to run as root, and ``initdb`` refuses a user id that the password
database does not know.

- An ordinary user runs the server as itself.
- Root runs it as whoever owns the cluster, so that one ``sudo`` does not take a user's
  data away from them; a new cluster is given to ``nobody``. No user is added and no
  mode of any existing directory is changed.

Because other daemons may run as ``nobody`` too, being ``nobody`` opens no door: the
server lets in only the account that runs watchbill, and root (see ``settings``).
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from watchbill.postgres.errors import AccountUnusable

UNPRIVILEGED = "nobody"
#: May always connect: it could become the owner anyway.
ADMINISTRATOR = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int


def our_account() -> Account:
    """Return the account of this process."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise AccountUnusable(
            f"User id {uid} has no entry in the password database, and PostgreSQL's "
            "initdb refuses to work for a user without a name. Add a line for it to "
            "/etc/passwd, run as a user who has one, or set DATABASE_URL to use a "
            "PostgreSQL server that runs elsewhere."
        ) from None
    return Account(name=entry.pw_name, uid=uid, gid=os.getegid())


def server_account(pgdata: Path) -> Account:
    """Return the account that must run the server of the cluster ``pgdata``."""
    ours = our_account()
    if not pgdata.exists():
        return ours if ours.uid else _named(UNPRIVILEGED)
    owner = pgdata.stat().st_uid
    if owner == ours.uid and owner != 0:
        return ours
    if ours.uid != 0:
        raise AccountUnusable(
            f"The database in {pgdata} belongs to user id {owner}, but you are "
            f"{ours.name} ({ours.uid}). Run watchbill as that user, or as root."
        )
    if owner == 0:
        raise AccountUnusable(
            f"The database in {pgdata} belongs to root, and PostgreSQL refuses to run "
            f"as root. Give it to another user: chown -R {UNPRIVILEGED} {pgdata}"
        )
    return _of_uid(owner, pgdata)


def _named(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise AccountUnusable(
            f"PostgreSQL refuses to run as root, and this system has no user {name} to "
            "run it as. Run watchbill as an ordinary user, or set DATABASE_URL."
        ) from None
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _of_uid(uid: int, pgdata: Path) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise AccountUnusable(
            f"The database in {pgdata} belongs to user id {uid}, which has no entry in "
            "the password database. Give it to a user who has one: "
            f"chown -R {UNPRIVILEGED} {pgdata}"
        ) from None
    return Account(name=entry.pw_name, uid=uid, gid=entry.pw_gid)
