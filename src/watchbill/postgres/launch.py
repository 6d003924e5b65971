"""The last steps before a PostgreSQL program runs, taken in the child process.

Run as a script, never imported by the product: ``launch.py PARENT SIGNAL UID GID
PROGRAM ARGUMENT...``. It drops privileges, binds the child's life to its parent's and
becomes the program. This is a program of its own, not a ``preexec_fn``, because Python
code between fork and exec may deadlock in a process with threads.

The order matters. The kernel clears the parent-death signal when the user changes, so
it is set after that; and a parent that died before it was set is noticed by asking who
the parent is now. ``ctypes`` is loaded first, because the unprivileged user may be
unable to read the Python installation.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
#: The exit code of a shell that found a program but could not run it.
CANNOT_RUN = 126


def main(arguments: list[str]) -> None:
    """Become the program, or leave by an exception."""
    parent, death_signal, uid, gid = (int(word) for word in arguments[:4])
    command = arguments[4:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o077)
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        if os.getppid() != parent:
            sys.exit("the process that started PostgreSQL died before it ran")
    os.execv(command[0], command)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[5]}: {error}\n")
        sys.exit(CANNOT_RUN)
