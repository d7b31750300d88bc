"""The admission of installations that have no place yet, for many quotas together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from core.admission.back_off import back_off
from core.admission.check_in import CheckIn, Decision
from core.admission.identifiers import stored_identifier
from core.admission.quota import Quota
from core.admission.store import AdmitRequest, AdmitResult, InstallationState, RefuseResult, Store

_NO_REFUSALS: Final = RefuseResult(frozenset(), is_first=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Installations that request a place of one quota, by digest, in the order in which they came.

    `stored` holds their stored states.
    """

    quota: Quota
    identifiers: Mapping[bytes, str]
    stored: Mapping[bytes, InstallationState | None]


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """The answers to a group by digest, the number of places taken after them, and the refusals that were recorded.

    An `outdated` group has installations without an answer: the contract changed, and the quota has to be read again.
    """

    quota: Quota
    answers: Mapping[bytes, CheckIn]
    used: int
    refusals: RefuseResult
    outdated: bool

    @property
    def admitted(self) -> int:
        """The number of installations that got a place now."""
        return sum(answer.decision is Decision.ADMITTED for answer in self.answers.values())


def admit_groups(store: Store, connection: Connection, groups: Sequence[Group], now: datetime) -> list[GroupOutcome]:
    """Admit or refuse each installation of each group, first come, first served.

    Returns:
        The outcome of each group, in their order.
    """
    answers = [_refused(group) for group in groups]
    used = [0] * len(groups)
    refusals = [_NO_REFUSALS] * len(groups)
    outdated: set[int] = set()
    waiting = [number for number, group in enumerate(groups) if not group.quota.refusal]
    while waiting:
        requests = [_request(groups[number], answers[number]) for number in waiting]
        results = store.admit(connection, requests, now)
        for number, request, result in zip(waiting, requests, results, strict=True):
            if result is None:
                outdated.add(number)
                continue
            used[number] = result.used
            answers[number] |= _admitted(request, result)
            rest = [digest for digest in request.identifiers if digest not in answers[number]]
            if rest and result.full:
                refused, refusals[number] = _refuse(store, connection, groups[number], rest, result.used, now)
                answers[number] |= refused
        # An installation without an answer requests again: another process was quicker, and places are left.
        waiting = [
            number
            for number in waiting
            if number not in outdated and len(answers[number]) < len(groups[number].identifiers)
        ]
    return [
        GroupOutcome(group.quota, answers[number], used[number], refusals[number], number in outdated)
        for number, group in enumerate(groups)
    ]


def _refused(group: Group) -> dict[bytes, CheckIn]:
    """Return the answers to a group whose license serves nobody; none if the license does."""
    refusal = group.quota.refusal
    return dict.fromkeys(group.identifiers, CheckIn(Decision.REFUSED, reason=refusal)) if refusal else {}


def _request(group: Group, answers: Mapping[bytes, CheckIn]) -> AdmitRequest:
    """Return the request of a group's installations that have no answer yet."""
    return AdmitRequest(
        group.quota,
        {
            digest: stored_identifier(identifier, group.quota.terms)
            for digest, identifier in group.identifiers.items()
            if digest not in answers
        },
    )


def _admitted(request: AdmitRequest, result: AdmitResult) -> dict[bytes, CheckIn]:
    """Answer the installations with a place, each with the number of places left after its own."""
    quota = request.quota
    answers = {}
    used = result.used - len(result.admitted)
    for digest in request.identifiers:
        if digest in result.admitted:
            used += 1
            answers[digest] = CheckIn(Decision.ADMITTED, quota.places, quota.remaining(used))
    known = CheckIn(Decision.KNOWN, quota.places, quota.remaining(used))
    return answers | dict.fromkeys(result.known, known)


def _refuse(
    store: Store, connection: Connection, group: Group, digests: Sequence[bytes], used: int, now: datetime
) -> tuple[dict[bytes, CheckIn], RefuseResult]:
    """Answer the installations that find no place. A back-off of an earlier refusal stands while it lasts.

    Returns:
        The answers by digest, and the refusals that were recorded.
    """
    quota = group.quota
    remaining = quota.remaining(used)
    back_offs = {
        digest: stored.backing_off_from(quota, now) for digest in digests if (stored := group.stored.get(digest))
    }
    newly = [digest for digest in digests if not back_offs.get(digest)]
    answers = {}
    refused = _NO_REFUSALS
    if newly:
        new = back_off(now, quota.window, quota.terms)
        refused = store.refuse(connection, quota, newly, new)
        back_offs |= dict.fromkeys(refused.digests, new)
        # Another process decided on the others meanwhile: its decision stands.
        others = [digest for digest in newly if digest not in refused.digests]
        keys = [(quota.license_id, quota.meter, digest) for digest in others]
        for digest, stored in zip(others, store.find(connection, keys) if keys else [], strict=True):
            if stored and stored.has_place_in(quota):
                answers[digest] = CheckIn(Decision.KNOWN, quota.places, remaining)
            else:
                back_offs[digest] = (stored and stored.backing_off_from(quota, now)) or new
    for digest in digests:
        if digest not in answers:
            answers[digest] = CheckIn(Decision.BACK_OFF, quota.places, remaining, back_offs[digest])
    return answers, refused
