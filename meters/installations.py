"""Installations: unique installations that called home."""

from allowance import Admission, Meter, Section, hookimpl

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


@hookimpl
def allowance_meters() -> list[Meter]:
    return [
        Admission(
            key="active_installations",
            section="installations",
            title="Active installations",
            description="Unique installations that called home in the quota window.",
            unit="installations",
            limit="active_installations",
        )
    ]
