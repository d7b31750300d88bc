"""The content of a contract input in the form in which versions store it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from core.licenses.quota_terms import QuotaTerms
from core.text import decimal_text


def decimal_texts(values: Iterable[tuple[str, Decimal]]) -> dict[str, str]:
    """Return numbers by name, as the terms or the at-risk ratios of a version are stored."""
    return {name: decimal_text(value) for name, value in values}


def ratio_texts(values: Iterable[tuple[str, Iterable[Decimal]]]) -> dict[str, list[str]]:
    """Return further ratios by meter, lowest first. A meter without ratios is left out."""
    return {meter: list(map(decimal_text, sorted(ratios))) for meter, ratios in values if ratios}


def quota_documents(values: Iterable[tuple[str, QuotaTerms]]) -> dict[str, dict[str, Any]]:
    """Return the documents of quotas' terms by meter."""
    return {meter: terms.to_document() for meter, terms in values}
