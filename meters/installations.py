"""Installations: unique installations that checked in."""

from allowance import Admission, Meter, Section, Text, Unit, hookimpl

API_VERSION = 1


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Installations"."""
    return [
        Section(
            key="installations",
            title=Text("Installations", fr="Installations"),
            description=Text(
                "Different installations that checked in during the period. Each counts once.",
                fr="Installations différentes qui se sont signalées pendant la période. Chacune compte une fois.",
            ),
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
            title=Text("Active installations", fr="Installations actives"),
            description=Text(
                "Different installations that checked in during the period. Each counts once.",
                fr="Installations différentes qui se sont signalées pendant la période. Chacune compte une fois.",
            ),
            unit=Unit(one=Text("installation", fr="installation"), other=Text("installations", fr="installations")),
            limit="active_installations",
        )
    ]
