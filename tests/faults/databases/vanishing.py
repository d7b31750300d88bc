"""A host that can vanish: a network namespace whose address leads to a server of this machine, until it is cut off."""

import ctypes
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

_NEW_NETWORK = 0x40000000
_MAC = "02:00:00:00:00:02"


@dataclass(frozen=True)
class Host:
    """A host at an address, which passes connections on."""

    namespace: str
    address: str
    port: int

    def vanish(self) -> None:
        """Drop all packets to the host, without an answer."""
        _ip("-n", self.namespace, "address", "flush", "dev", "eth0")


@contextmanager
def vanishing_host(port: int) -> Iterator[Host]:
    """Yield a host whose port leads to a port of this machine. Needs the service ``namespaces``."""
    name = f"allowance{secrets.token_hex(3)}"
    link, subnet = name[-13:], f"198.18.{secrets.randbelow(256)}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "address", _MAC, "netns", name)
        _ip("address", "add", f"{subnet}.1/30", "dev", link)
        _ip("link", "set", link, "up")
        _ip("-n", name, "address", "add", f"{subnet}.2/30", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        # A fixed neighbour: otherwise the system would soon know that nobody is there.
        _ip("neigh", "replace", f"{subnet}.2", "lladdr", _MAC, "dev", link, "nud", "permanent")
        with closing(_listener(name, f"{subnet}.2")) as listener:
            threading.Thread(target=_accept, args=(listener, port), daemon=True).start()
            yield Host(name, f"{subnet}.2", listener.getsockname()[1])
    finally:
        _ip("netns", "del", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _listener(namespace: str, address: str) -> socket.socket:
    """Return a socket that listens in the namespace, which a thread enters for that."""
    made: list[socket.socket] = []

    def listen() -> None:
        number = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(number, _NEW_NETWORK) == 0:
                made.append(socket.create_server((address, 0)))
        finally:
            os.close(number)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    [listener] = made
    return listener


def _accept(listener: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
