"""Very many licenses cross their limits at once, and several workers tell of it."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.e2e.processes import Installation
from tests.e2e.recipients import Answer, Recipients, recipients
from tests.soak.deliveries import tell_all


@pytest.fixture
def there() -> Iterator[Recipients]:
    with recipients() as found:
        yield found


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_thousand_alerts_are_recorded_once_and_told_once_but_for_what_the_kills_hid(
    installation: Installation, there: Recipients, random: Random
) -> None:
    licenses, rounds = 250, 2
    told = tell_all(installation, there, random, licenses=licenses, rounds=rounds)
    print(told)  # noqa: T201 - shown where it fails
    assert told.wrong == []
    assert (told.alerts, told.sent) == (4 * licenses, 2 * licenses)
    assert told.kills > 3 * rounds
    assert all(told.answers[answer] for answer in Answer if answer is not Answer.HANG)


@pytest.mark.long
def test_workers_that_nobody_kills_send_each_delivery_once(
    installation: Installation, there: Recipients, random: Random
) -> None:
    licenses = 100
    told = tell_all(installation, there, random, licenses=licenses, rounds=0, workers=3)
    assert told.wrong == []
    assert (told.sent, told.attempts, told.repeated) == (2 * licenses, 2 * licenses, 0)
    assert there.arrived.total() == 2 * licenses
