"""The operators' page names every setting and scope as they are."""

from pathlib import Path

from core.access.keys import Scope
from core.settings import PREFIX, Settings

PAGE = (Path(__file__).parents[2] / "docs" / "operators.md").read_text()


def test_the_table_has_every_setting_with_its_default_and_description() -> None:
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        assert f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |" in PAGE


def test_the_table_names_no_setting_that_does_not_exist() -> None:
    named = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith(f"| `{PREFIX}")]
    assert named == [PREFIX + name.upper() for name in Settings.model_fields]


def test_every_scope_is_explained() -> None:
    assert [scope for scope in Scope if f"| `{scope.value}` |" not in PAGE] == []
