"""The labels of a breakdown, in a reader's languages. Readings hold them as their meter stated them, in English."""

from typing import Final

from allowance import Meter

from core.languages.negotiation import ENGLISH_ALONE
from core.languages.words import Words

_OF_THE_SDK: Final = frozenset({"Not specified", "All others"})


def label_in_words(meter: Meter, dimension: str, key: str, label: str, words: Words) -> str:
    """Return the label of a value of a dimension.

    Args:
        meter: The meter that is broken down.
        dimension: The key of the dimension.
        key: The value; empty for usage without a value.
        label: The label in the reading, which stays for values that the meter does not declare.
        words: The words of the reader.
    """
    if words.languages == ENGLISH_ALONE:
        return label
    declared = next((each.values.get(key) for each in meter.by if each.key == dimension), None)
    if declared is not None:
        return words.text(declared)
    return words.sentence(label) if label in _OF_THE_SDK and label != key else label
