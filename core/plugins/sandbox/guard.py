"""The guard of a child process: a meter has its arguments, and no network, files, databases or processes.

It is an audit hook of Python. It turns mistakes into clear errors, and is no wall against malice: code that calls the
operating system past Python is not seen. Until the plugin is imported it may read and write files, as modules do.
"""

import ctypes
import os
import re
import sys
import zoneinfo
from contextlib import suppress
from typing import Any, Final

_PREFIXES: Final = {
    "socket.": "use the network",
    "sqlite3.": "open a database",
    "subprocess.": "start a process",
    "os.fork": "start a process",
    "os.exec": "start a process",
    "os.posix_spawn": "start a process",
    "os.spawn": "start a process",
    "os.system": "start a process",
    "os.kill": "send a signal",
    "signal.pthread_kill": "send a signal",
    "ctypes.": "call the operating system",
    "os.remove": "change files",
    "os.rename": "change files",
    "os.rmdir": "change files",
    "os.mkdir": "change files",
    "os.link": "change files",
    "os.symlink": "change files",
    "os.truncate": "change files",
    "os.chmod": "change files",
    "os.chown": "change files",
    "shutil.": "change files",
    "tempfile.": "change files",
}
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CODE: Final = (".py", ".pyc", ".so", ".pyd", ".zip", ".egg")
_OTHER_PROCESS: Final = re.compile(r"/proc/(\d+)/")
_ALWAYS: Final = frozenset(("/dev/null", "/dev/urandom", "/dev/random", "/etc/localtime"))

_LOOK_INTO_OTHERS: Final = (19, 21, 38)
"""The numbers of CAP_SYS_PTRACE, CAP_SYS_ADMIN and CAP_PERFMON, each of which opens the files of a process in /proc."""
_PR_CAPBSET_DROP: Final = 24
_CAPABILITIES_VERSION: Final = 0x20080522


class NotForMeters(PermissionError):
    """An error of code that does what a meter may not do."""


class Guard:
    """The guard of this process. Python cannot remove an audit hook, so the guard is switched on and off."""

    def __init__(self) -> None:
        """Watch this process, which may not look into others; it may do everything else for now."""
        self._is_on = False
        roots = {sys.prefix, sys.base_prefix, sys.exec_prefix, *zoneinfo.TZPATH}
        self._roots = tuple({os.path.realpath(root) + os.sep for root in roots})
        sys.addaudithook(self._check)

    def switch(self, *, on: bool) -> None:
        """Forbid, or allow, what a meter may not do."""
        self._is_on = on

    def _check(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._check_open(*arguments)
        elif self._is_on:
            for prefix, what in _PREFIXES.items():
                if event.startswith(prefix):
                    raise NotForMeters(f"a meter may not {what} ({event}): it has its arguments alone")

    def _check_open(self, path: object, _mode: object, flags: object) -> None:
        if not isinstance(path, str | bytes):
            return  # a descriptor of a file that is open already
        name = os.path.realpath(os.fsdecode(path))
        other = _OTHER_PROCESS.match(name)
        if other and int(other[1]) != os.getpid():
            raise NotForMeters(f"a plugin may not look into another process ({name})")
        if not self._is_on:
            return
        if isinstance(flags, int) and flags & _WRITES and name != os.devnull:
            raise NotForMeters(f"a meter may not write files ({name}): it has its arguments alone")
        if not (name in _ALWAYS or name.startswith(self._roots) or name.endswith(_CODE)):
            raise NotForMeters(f"a meter may not read files ({name}): it has its arguments alone")


def close_to_children() -> None:
    """Close this process to its children, so that no plugin reads its environment, which has secrets, in /proc.

    On Linux only processes with certain capabilities can look into this process then; see :func:`drop_capabilities`.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def drop_capabilities() -> None:
    """Give up the capabilities to look into other processes, which the processes of root have."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        header, data = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()
        if libc.capget(header, data) != 0:
            return
        for capability in _LOOK_INTO_OTHERS:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
            upper, bit = divmod(capability, 32)
            for index in range(3):  # effective, permitted and inheritable, 32 capabilities of each, then the upper 32
                data[3 * upper + index] &= ~(1 << bit)
        libc.capset(header, data)
