"""Rules for corrections of usage."""

from decimal import Decimal
from typing import Final

from core.administration.inputs import CorrectionInput
from core.administration.rules.problems import Problems
from core.usage.amount import LARGEST

_BILLIONTH: Final = Decimal("1e-9")
_OF_ADJUSTMENTS: Final = ("event", "quantity", "time", "entity", "dimensions")


def check_correction(given: CorrectionInput) -> None:
    """Raise :class:`InvalidInput` with every problem of a correction that its input alone tells."""
    problems = Problems()
    problems.text(given.id, 200, "id")
    problems.text(given.reason, 1000, "reason")
    if given.cancels is None:
        _check_adjustment(problems, given)
    else:
        for field in _OF_ADJUSTMENTS:
            if getattr(given, field) is not None:
                problems.add(f"Leave {field} out: `cancels` cancels an event as a whole.", field)
        for field, value in zip(("source", "id"), given.cancels, strict=True):
            problems.text(value, 200, "cancels", field)
    problems.raise_if_any()


def _check_adjustment(problems: Problems, given: CorrectionInput) -> None:
    if given.event is None and given.quantity is None:
        problems.add("Give an event and a signed quantity, or the event that the correction cancels.", "event")
        return
    problems.text(given.event, 200, "event")
    if given.entity is not None:
        problems.text(given.entity, 200, "entity")
    quantity = given.quantity
    if quantity is None:
        problems.add("quantity is missing: it is added to what was counted, so a negative one takes away.", "quantity")
    elif not quantity.is_finite() or quantity == 0 or abs(quantity) > LARGEST:
        problems.add(f"quantity must be from -2^53 to 2^53, and not 0, not {quantity}.", "quantity")
    elif quantity != quantity.quantize(_BILLIONTH):
        problems.add(f"quantity must have 9 digits at most behind the point, not {quantity}.", "quantity")
