"""Installations: unique installations that checked in."""

from allowance import Admission, Meter, Section, hookimpl

API_VERSION = 1


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Installations"."""
    return [
        Section(
            key="installations",
            title="Installations",
            description="Unique installations that checked in during the quota window.",
            order=70,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meter of active installations."""
    return [
        Admission(
            key="active_installations",
            section="installations",
            title="Active installations",
            description="Unique installations that checked in during the quota window.",
            unit="installations",
            limit="active_installations",
        )
    ]
