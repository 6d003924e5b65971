"""Posts of sources, recorded: a file with the body, and beside it what else there was.

``payloads/down.json`` is a body as it came; ``payloads/down.post.json``, where there is
one, has the headers, the path or the query.
"""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from watchbill.core.alerts import Report, Signal
from watchbill.integrations.registry import providers
from watchbill.integrations.sources import NO_CONFIG, Config, Post

ROOT = Path(__file__).parent
_REST = ".post.json"


def names(kind: str) -> list[str]:
    """Return the files of the recorded bodies of a source."""
    folder = ROOT / kind / "payloads"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [file.name for file in files if not file.name.endswith(_REST)]


def recorded(kind: str, name: str) -> Post:
    """Return a recorded post by its file, or by its name when the body is JSON."""
    path = ROOT / kind / "payloads" / name
    path = path if path.suffix else path.with_suffix(".json")
    rest = path.with_name(path.name.removesuffix(path.suffix) + _REST)
    given = json.loads(rest.read_text("utf-8")) if rest.exists() else {}
    known = {one.name for one in fields(Post)}
    return Post(
        body=path.read_bytes(), **{k: v for k, v in given.items() if k in known}
    )


def changed(post: Post, **parts: Any) -> Post:
    """Return a post whose JSON object has other values at its top."""
    return replace(post, body=json.dumps({**json.loads(post.body), **parts}).encode())


def reports(kind: str, post: Post, config: Config = NO_CONFIG) -> tuple[Report, ...]:
    """Return what a source reads in a post."""
    inbound = providers()[kind].inbound
    assert inbound is not None
    return inbound.parse(post, config).reports


def signal(kind: str, post: Post, config: Config = NO_CONFIG) -> Signal:
    """Return the only report of a post, a signal."""
    (one,) = reports(kind, post, config)
    assert isinstance(one, Signal)
    return one
