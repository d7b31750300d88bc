"""The decision on installations that have no place yet, as far as is known: those of many licenses together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from core.admission.back_off import back_off
from core.admission.check_in import CheckIn, Decision
from core.admission.identifiers import kept_as
from core.admission.quota import Quota
from core.admission.store import AdmitResult, Candidates, Record, Store


@dataclass(slots=True)
class Group:
    """Installations that ask for a place at one license, by digest, in the order in which they came.

    `identifiers` are what they call themselves, `records` what was found of them. After :func:`decide` it has an
    answer for each and `used` places are taken, or it is `outdated`: the contract changed, and its quota has to
    be read again.
    """

    quota: Quota
    identifiers: Mapping[bytes, str]
    records: Mapping[bytes, Record | None]
    answers: dict[bytes, CheckIn] = field(default_factory=dict)
    used: int = 0
    outdated: bool = False

    @property
    def admitted(self) -> int:
        """How many got a place now."""
        return sum(answer.decision is Decision.ADMITTED for answer in self.answers.values())

    def undecided(self) -> dict[bytes, str | None]:
        """What is to be kept of those who have no answer yet."""
        return {
            digest: kept_as(identifier, self.quota.terms)
            for digest, identifier in self.identifiers.items()
            if digest not in self.answers
        }

    def take(self, taken: AdmitResult) -> None:
        """Tell those who have a place, in the order in which they came, what was left after each."""
        self.used = taken.used - len(taken.admitted)
        for digest in self.undecided():
            if digest in taken.admitted:
                self.used += 1
                self._answer(digest, Decision.ADMITTED)
        for digest in taken.known:
            self._answer(digest, Decision.KNOWN)

    def refuse(self, store: Store, connection: Connection, now: datetime) -> None:
        """Tell all others to back off: what they were told before, as long as that lasts."""
        rest = list(self.undecided())
        told = {digest: record.backing_off(now) for digest in rest if (record := self.records.get(digest))}
        newly = [digest for digest in rest if not told.get(digest)]
        if newly:
            new = back_off(now, self.quota.window, self.quota.terms)
            told |= dict.fromkeys(store.refuse(connection, self.quota, newly, new), new)
            # On whom somebody else decided meanwhile, that holds.
            others = [digest for digest in newly if not told.get(digest)]
            keys = [(self.quota.license_id, self.quota.meter, digest) for digest in others]
            for digest, record in zip(others, store.find(connection, keys) if keys else [], strict=True):
                if record and record.has_place_in(self.quota):
                    self._answer(digest, Decision.KNOWN)
                else:
                    told[digest] = (record and record.backing_off(now)) or new
        for digest in self.undecided():
            remaining = self.quota.remaining(self.used)
            self.answers[digest] = CheckIn(Decision.BACK_OFF, self.quota.places, remaining, told[digest])

    def _answer(self, digest: bytes, decision: Decision) -> None:
        self.answers[digest] = CheckIn(decision, self.quota.places, self.quota.remaining(self.used))


def decide(store: Store, connection: Connection, groups: Sequence[Group], now: datetime) -> None:
    """Answer each installation of each group, first come, first served."""
    pending = list(groups)
    while pending:
        asked = [Candidates(group.quota, group.undecided()) for group in pending]
        for group, taken in zip(list(pending), store.admit(connection, asked, now), strict=True):
            if taken is None:
                group.outdated = True
                pending.remove(group)
                continue
            group.take(taken)
            if group.undecided() and taken.full:
                group.refuse(store, connection, now)
            if not group.undecided():
                pending.remove(group)
