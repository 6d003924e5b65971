"""What a source's folder agrees with the server on.

A source is a folder with ``inbound.py``: a value `Source` that says how it is reached,
and pure functions that read what is posted (`Inbound`). The intake knows this contract
and no product; what a product answers to its clients is worded in its folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from watchbill.core.alerts import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One request of a source, as it is stored and read again when it is folded.

    ``headers`` and ``query`` hold what the source's module asks for in `Source` and
    nothing else; names of headers are in lower case. ``path`` is what follows the
    address of the integration, without a slash at either end, such as
    ``alerts/abc/close``.
    """

    body: bytes = b""
    method: str = "POST"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Post {self.method} {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the operator has set for one integration."""

    #: By the names of ``Source.options``; one that is not set has its default.
    options: Mapping[str, str] = field(default_factory=dict)
    #: For sources with ``has_mapping``: where to find each field (``mapping.py``).
    #: None is the source's own.
    mapping: Mapping[str, object] | None = None


NO_CONFIG = Config()
"""An integration as it is made, with every option as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that can be set for each integration of a kind."""

    name: str
    #: One sentence for the operator.
    help: str
    default: str = ""
    #: The values allowed; empty for any text.
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A path at which a source is understood without ``/intake/<kind>/<key>``.

    Clients of another product call there because their paths are fixed. Everything
    below ``path`` belongs to the door, and ``Post.path`` is ``prefix`` with the rest.
    """

    path: str
    prefix: str = ""
    methods: frozenset[str] = frozenset({"POST"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a folder says of itself as a source: ``SOURCE`` in ``inbound.py``."""

    #: How to set up the other side, in plain text. ``{url}`` is the address with the
    #: key in it, ``{address}`` the one without, ``{key}`` the key, ``{base}`` the
    #: address of this installation; written with ``str.replace``, so braces are safe.
    setup: str
    #: Under which heading of the gallery: "Metrics", "Errors", "Uptime" ...
    group: str = "Other"
    doors: tuple[Door, ...] = ()
    methods: frozenset[str] = frozenset({"POST"})
    #: Headers and parameters that ``parse`` reads; only these are stored.
    headers: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    #: Schemes of ``Authorization`` that carry the key, in lower case; of "basic" the
    #: password is the key.
    schemes: frozenset[str] = frozenset({"bearer", "basic"})
    options: tuple[Option, ...] = ()
    #: Whether a signing secret can be given; with one, ``verify`` is asked each time.
    is_signed: bool = False
    #: Whether people say by a mapping where the fields are.
    has_mapping: bool = False
    #: Exactly 32 characters of ``[0-9a-z]`` and no prefix, where clients insist.
    has_short_key: bool = False
    #: What a new key may do, of "post", "read" and "silence": a product whose clients
    #: also read needs a key that may.
    scopes: frozenset[str] = frozenset({"post"})
    #: Whether clients ask for a request again by the id in the receipt; it is stored.
    has_request_ids: bool = False
    #: No longer body is taken.
    max_body: int = 5 * 1024 * 1024
    #: What an overloaded server answers. Alertmanager's webhook drops what is answered
    #: with 429, so 503 unless the protocol says otherwise.
    overloaded: int = 503


class Reading(NamedTuple):
    """What a post says. ``problems`` are about parts that were left out, in words."""

    reports: tuple[Report, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A post that is on disk."""

    #: A UUID by which it can be asked for.
    request_id: str
    #: Seconds from its first byte to its commit.
    took: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A post that is not taken, and why; ``status`` is what HTTP calls it."""

    status: int
    #: One word for machines, such as ``unknown_key``.
    reason: str
    problem: str
    where: str = ""
    hint: str = ""
    request_id: str = ""
    took: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReply:
    """The HTTP response to a post."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


@runtime_checkable
class Inbound(Protocol):
    """The module ``inbound.py`` of a source. Everything in it is pure.

    A module may also define, where the product that it stands in for does so:

    - ``key_of(post: Post) -> str``: the key, where it is in the body; empty when there
      is none. Cheap; raises `PayloadError` for a body that could hold none.
    - ``verify(post: Post, secret: str, *, now: datetime) -> None``: raise
      `SignatureError` unless the holder of the secret has sent these very bytes.
    - ``accepted(post: Post, reading: Reading, receipt: Accepted) -> PostReply`` and
      ``refused(refusal: Refused) -> PostReply``: the answers of that product.
    - ``skim(post: Post, config: Config) -> int | None``: how many reports ``parse``
      would find, duplicates counted, when it would certainly take the whole post and
      that can be said for less; None when ``parse`` has to be asked. For kinds that
      are sent thousands of alerts a second. ``accepted`` is told an empty reading then.
    - ``answer(post: Post) -> PostReply | None``: a response to a request that tells
      nothing and is not stored, such as a probe.
    - ``document_of(post: Post) -> bytes``: the JSON that a mapping looks into, where
      the post wraps it; raises `PayloadError`.
    - ``PRESET: Mapping[str, object]``: the mapping that applies until one is written.

    Beside it, ``sample.py`` may have ``SAMPLE: Post``, which a test of an integration
    posts: it says that it is a test, names no instant, and is of no high severity.
    """

    SOURCE: Source

    def parse(self, post: Post, config: Config = NO_CONFIG) -> Reading:
        """Return what a post says, or raise `PayloadError` and nothing else.

        It is asked before the post is accepted and again when it is folded, so the
        answer may depend on nothing but the arguments.
        """
        ...
