"""Installations: unique installations that called home."""

from allowance import Section, hookimpl

API_VERSION = 1


@hookimpl
def allowance_sections() -> list[Section]:
    return [
        Section(
            key="installations",
            title="Installations",
            description="Unique installations that called home in the quota window.",
            order=70,
        )
    ]
