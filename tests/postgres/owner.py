"""A process that owns, or joins, a server until its standard input ends.

Run by the tests as ``owner.py serve|join_or_serve DATA_DIR [BIN_DIR]``. It prints the
server's URL when ready, or the error. Standing alone, it can be killed and can run as
another user.
"""

import sys
from pathlib import Path

from watchbill import postgres

VERBS = {"serve": postgres.serve, "join_or_serve": postgres.join_or_serve}


def main() -> None:
    verb, data_dir, *bin_dir = sys.argv[1:]
    with (
        postgres.unwind_on_sigterm(),
        VERBS[verb](
            Path(data_dir),
            bin_dir=Path(bin_dir[0]) if bin_dir else None,
            log=lambda text: print(text, file=sys.stderr),
        ) as server,
    ):
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    try:
        main()
    except postgres.PostgresError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        sys.exit(1)
