"""Writing a small file where another account may have been before us.

Root writes into directories that belong to the server's account. A link left there
must not lead root's pen elsewhere, so the file is always new, and takes the old one's
place only when complete.
"""

import os
from pathlib import Path


def write_private(target: Path, text: str, uid: int, gid: int) -> None:
    """Replace ``target`` by a file of mode 0600 that belongs to ``uid``."""
    unfinished = target.with_name(f"{target.name}.new")
    unfinished.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(unfinished, flags, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchown(descriptor, uid, gid)
        file.write(text)
    unfinished.rename(target)


def fsync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
