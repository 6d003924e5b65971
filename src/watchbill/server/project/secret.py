"""The secret key of an installation.

It signs sessions and the links in messages. With several nodes all must have the
same one, so it can be given; otherwise it is made once and kept beside the data.
"""

import os
import secrets
from pathlib import Path

_NAME = "secret_key"


def secret_key(data_dir: Path) -> str:
    """Return the key of ``data_dir``, made at the first call."""
    path = data_dir / _NAME
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = data_dir / f"{_NAME}.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, unlike a rename, leaves a key that another process made first.
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
