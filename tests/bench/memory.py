"""The memory of a server, at rest and under load."""

from collections.abc import Callable, Iterator

from tests.bench.findings import Finding, Found, Remark
from tests.bench.places import Server


class Memory:
    """What a server holds, noted when this is made and after each round."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._noted = [server.memory()]

    def noting(self, measure: Callable[[], float]) -> Callable[[], float]:
        """The measure, with a note after each time it is taken."""

        def noted() -> float:
            figure = measure()
            self._noted.append(self._server.memory())
            return figure

        return noted

    def found(self) -> Iterator[Found]:
        noted = [memory for memory in self._noted if memory]
        if not noted:
            yield Remark("Memory: only Linux says how much a process holds.")
            return
        rest, most = noted[0][0], noted[-1][1]
        yield Finding("memory under the load, at the most", "at rest", "MB", (most, rest), [most / rest], "≤ + 200 MB")
        after = ", ".join(f"{now:.0f}" for now, _ in noted[1:])
        yield Remark(f"Memory after each round: {after} MB.")
