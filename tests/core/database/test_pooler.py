"""The URL of a database behind a pooler."""

import pytest

from core.database.pooler import is_pooled, settings_of
from core.database.postgresql import parse_url


def test_a_pooler_is_named_in_the_url_and_one_that_was_not_tried_is_refused() -> None:
    assert not is_pooled(parse_url("postgresql://a/name"))
    assert is_pooled(parse_url("postgresql://a,b/name?pooler=pgbouncer"))
    with pytest.raises(ValueError, match="pooler is other, and may be pgbouncer"):
        is_pooled(parse_url("postgresql://a/name?pooler=other"))


def test_options_are_read_as_libpq_reads_them() -> None:
    assert settings_of(r"-c a=1 -cb=x --c=2 -c d=x\ y") == {"a": "1", "b": "x", "c": "2", "d": "x y"}
    for wrong in ("-B 3", "-c", "-c x", "x=1"):
        with pytest.raises(ValueError, match="in options is no setting"):
            settings_of(wrong)
