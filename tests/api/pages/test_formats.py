"""The figures of the element are those of mails: sizes and percentages, for any number."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from allowance import Unit, UnitFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from api.endpoints.pages import ELEMENTS
from core.languages.words import words_in

SOURCE = ELEMENTS.parent / "source"
PROGRAM = """
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { transformWithOxc } from 'vite';
const { code } = await transformWithOxc(readFileSync('src/format.ts', 'utf8'), 'format.ts');
const { formatsOf } = await import('data:text/javascript,' + encodeURIComponent(code));
for await (const line of createInterface({ input: process.stdin })) {
  const [language, what, ...values] = JSON.parse(line);
  console.log(JSON.stringify(formatsOf(language, 'UTC')[what](...values)));
}
"""
LANGUAGES = ("en", "fr")

Show = Callable[..., str]


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """A format of the element: by a language, the name of the format, and its arguments."""
    folder = tmp_path_factory.mktemp("formats") / "source"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True, timeout=300)
    (folder / "formats.mjs").write_text(PROGRAM)
    with subprocess.Popen(
        ["node", "formats.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin
        assert program.stdout
        asked, answers = program.stdin, program.stdout

        def ask(language: str, what: str, *values: object) -> str:
            print(json.dumps([language, what, *values]), file=asked, flush=True)
            return str(json.loads(answers.readline()))

        yield ask
        asked.close()


def plain(text: str) -> str:
    """A text whose spaces are all alike: ICU and Babel choose different ones."""
    return " ".join(text.split())


def size_of(digits: int) -> Unit:
    return Unit(one="byte", other="bytes", format=UnitFormat.BYTES, fraction_digits=digits)


near_the_next_unit = st.builds(
    lambda power, digits, step: 1000**power - 1000 ** (power - 1) * 5 // 10 ** (digits + 1) + step,
    st.integers(2, 5), st.integers(0, 2), st.integers(-2, 2),
)  # fmt: skip


@pytest.mark.needs("node")
@pytest.mark.long
@settings(deadline=None, max_examples=500)
@given(
    language=st.sampled_from(LANGUAGES),
    digits=st.integers(0, 3),
    size=st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(0, 10_000_000) | near_the_next_unit,
)
def test_a_size_is_rounded_as_in_mails_and_never_shows_a_thousand_of_a_unit(
    show: Show, language: str, digits: int, size: int
) -> None:
    unit = {"one": "byte", "other": "bytes", "format": "BYTES", "fractionDigits": digits}
    shown = plain(show(language, "number", size, unit))
    assert shown == plain(words_in((language,)).number(Decimal(size), size_of(digits)))
    assert abs(size) >= 10**18 or not re.match(r"-?1[,. ]000( |$)", shown)


@pytest.mark.needs("node")
@pytest.mark.long
@settings(deadline=None, max_examples=500)
@given(
    language=st.sampled_from(LANGUAGES),
    used=st.integers(0, 10**12) | st.integers(995, 1005),
    limit=st.integers(1, 10**12) | st.just(1000),
)
def test_a_percentage_is_rounded_away_from_the_limit_as_in_mails(
    show: Show, language: str, used: int, limit: int
) -> None:
    shown = plain(show(language, "percent", used / limit))
    assert shown == plain(words_in((language,)).percent(Decimal(used), Decimal(limit)))
    assert (shown in ("100%", "100 %")) is (used == limit)
