"""The splitting of JSON into its values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.usage import json_values
from core.usage.exact_json import NotJson
from core.usage.json_values import LONGEST_VALUE, JsonValues, split_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=5), st.integers(1, 50), st.sampled_from([None, 1]))
def test_a_list_is_split_into_its_values_whatever_the_parts(
    values: list[object], length: int, indent: int | None
) -> None:
    text = json.dumps(values, indent=indent).encode()
    splitter = JsonValues()
    parts = [text[start : start + length] for start in range(0, len(text), length)]
    split = [value for part in parts for value in splitter.feed(part)]
    splitter.end()
    assert [json.loads(value) for value in split] == values
    assert split_json(text) == split


@pytest.mark.parametrize("text", [b"1", b"[1,]", b"[{,]", b"]", b'{"a', b"{} x", b"{}, {}", b"[1"])
def test_a_text_that_is_no_list_of_values_is_refused(text: bytes) -> None:
    with pytest.raises(NotJson):
        split_json(text)


def test_objects_may_follow_each_other() -> None:
    assert split_json(b'{"a": 1}\n {"b": [1, NaN]}') == [b'{"a": 1}', b'{"b": [1, NaN]}']


def test_a_value_that_is_too_long_is_cut_off() -> None:
    long = b'"' + b"x" * (2 * LONGEST_VALUE) + b'"'
    assert [len(value) for value in split_json(b"[" + long + b", 1]")] == [LONGEST_VALUE + 1, 1]


def test_a_request_of_too_many_values_is_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "MOST_MARKS", 5)
    assert split_json(b"[1,2,3]") == [b"1", b"2", b"3"]
    with pytest.raises(NotJson):
        split_json(b"[1,2,3,4,5]")
