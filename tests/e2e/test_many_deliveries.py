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


@pytest.mark.timeout(300)
def test_a_thousand_alerts_are_recorded_once_and_told_once_but_for_what_the_kills_hid(
    installation: Installation, there: Recipients
) -> None:
    told = tell_all(installation, there, Random(), licenses=250, rounds=2)  # noqa: S311 - nothing is to be kept secret
    print(told)  # noqa: T201 - shown where it fails
    assert told.wrong == []
    assert (told.alerts, told.sent) == (1000, 500)
    assert told.kills > 6
    assert all(told.answers[answer] for answer in Answer if answer is not Answer.HANG)


def test_workers_that_nobody_kills_send_each_delivery_once(installation: Installation, there: Recipients) -> None:
    told = tell_all(installation, there, Random(), licenses=100, rounds=0, workers=3)  # noqa: S311
    assert told.wrong == []
    assert (told.sent, told.attempts, told.repeated) == (200, 200, 0)
    assert there.arrived.total() == 200
