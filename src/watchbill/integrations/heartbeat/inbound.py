"""Read the pings of jobs, in the form that Healthchecks made common.

``/ping/<key>[/<name>][/start|/fail|/log|/<exit code>]``, by GET, HEAD, POST or PUT;
what is posted is what the job printed. ``?rid=`` is a UUID that tells runs apart which
overlap. The answer is ``OK``, and ``not found`` for a key that is none, so that what is
written for Healthchecks needs another address and nothing else. Grammar and answers:
healthchecks.io/docs/http_api and ``hc/api/urls.py``.

Two differences: an unknown name makes a monitor instead of failing, because here a job
is set up by calling; and of what was printed the end is kept, where the error stands.
Words that mean something in the path (``start``, ``fail``, ``log``, a number) are no
names.
"""

import re
from uuid import UUID

from watchbill.core.alerts import Beat, BeatKind
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import (
    NO_CONFIG,
    Accepted,
    Config,
    Door,
    Option,
    Post,
    PostReply,
    Reading,
    Refused,
    Source,
)
from watchbill.integrations.text import printable

MAX_LOG = 10_000
"""Characters kept of the end of what a job printed."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CODE = re.compile(r"[0-9]{1,3}")
_ACTIONS = {
    "start": BeatKind.START,
    "fail": BeatKind.FAIL,
    "log": BeatKind.LOG,
}
_HINT = (
    "Call /ping/KEY, /ping/KEY/NAME, or either with /start, /fail, /log or an exit"
    " code from 0 to 255 at the end."
)
_PLAIN = (("content-type", "text/plain; charset=utf-8"),)

SOURCE = Source(
    group="Heartbeats",
    setup="""\
# A job that calls when it is done; "nightly-backup" is its name, and you choose it.
curl -fsS -m 10 --retry 5 -o /dev/null {base}/ping/{key}/nightly-backup

# crontab: say when it starts and how it ended
0 1 * * *  curl -fsS -m 10 -o /dev/null {base}/ping/{key}/nightly-backup/start; \\
  /usr/local/bin/backup; \\
  curl -fsS -m 10 --retry 5 -o /dev/null {base}/ping/{key}/nightly-backup/$?
""",
    doors=(Door(path="/ping", methods=_METHODS),),
    methods=_METHODS,
    query=frozenset({"rid"}),
    has_short_key=True,
    options=(
        Option(
            name="period",
            help="How often a job speaks whose monitor its first call makes.",
            default="1d",
        ),
        Option(
            name="grace",
            help="How much later such a job may still speak.",
            default="1h",
        ),
    ),
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the beat of a ping, or raise `PayloadError`."""
    name, kind, code = _path(post.path)
    log = printable(post.body[-4 * MAX_LOG :].decode("utf-8", "replace"))
    beat = Beat(
        name=name,
        kind=kind,
        exit_code=code,
        log=log[-MAX_LOG:],
        run=_run(post.query.get("rid", "")),
    )
    return Reading((beat,))


def accepted(post: Post, reading: Reading, receipt: Accepted) -> PostReply:
    """Answer as Healthchecks does."""
    return PostReply(status=200, body=b"OK", headers=_PLAIN)


def refused(refusal: Refused) -> PostReply:
    """Answer as Healthchecks does; a key that is none is not found."""
    if refusal.reason in {"no_key", "unknown_key", "wrong_kind", "revoked_key"}:
        return PostReply(status=404, body=b"not found", headers=_PLAIN)
    text = f"{refusal.problem}. {refusal.hint}".strip()
    return PostReply(status=refusal.status, body=text.encode(), headers=_PLAIN)


def _path(path: str) -> tuple[str, BeatKind, int | None]:
    """Return the name, what is said, and the exit code if there is one."""
    parts = path.split("/") if path else []
    kind, code = BeatKind.SUCCESS, None
    if parts and parts[-1] in _ACTIONS:
        kind = _ACTIONS[parts.pop()]
    elif parts and _CODE.fullmatch(parts[-1]):
        code = int(parts.pop())
        kind = BeatKind.FAIL if code else BeatKind.SUCCESS
    if code is not None and code > 255:
        raise _unreadable(f"{code} is no exit code")
    if len(parts) > 1:
        raise _unreadable("the path has too many parts")
    if parts and not _NAME.fullmatch(parts[0]):
        raise _unreadable("this is no name of a job")
    return (parts[0] if parts else ""), kind, code


def _run(text: str) -> str:
    if not text:
        return ""
    try:
        return str(UUID(text))
    except ValueError:
        raise PayloadError(
            where="?rid",
            problem="this is no UUID",
            hint="Leave it out, or use uuidgen.",
        ) from None


def _unreadable(problem: str) -> PayloadError:
    return PayloadError(where="path", problem=problem, hint=_HINT)
