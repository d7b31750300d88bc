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
                "Unique installations that checked in during the quota window.",
                fr="Installations uniques qui se sont signalées pendant la fenêtre du quota.",
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
                "Unique installations that checked in during the quota window.",
                fr="Installations uniques qui se sont signalées pendant la fenêtre du quota.",
            ),
            unit=Unit(one=Text("installation", fr="installation"), other=Text("installations", fr="installations")),
            limit="active_installations",
        )
    ]
