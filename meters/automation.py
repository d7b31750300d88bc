"""Automation: scenarios, rules, exports and newsletters."""

from allowance import Dimension, Level, Meter, Section, hookimpl

API_VERSION = 1

EXPORT_TYPE = Dimension(
    "type",
    {
        "incremental": "Incremental exports",
        "periodic_full": "Periodic full exports",
        "out_flow": "Out flows",
    },
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Automation"."""
    return [
        Section(
            key="automation",
            title="Automation",
            description="Scenarios, rules, exports and newsletters that run automatically.",
            order=50,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meters of scenarios, rules, exports and newsletters."""
    return [
        Level(
            key="scenarios",
            section="automation",
            title="Scenarios",
            description="Active scenarios.",
            unit="scenarios",
            limit="scenarios",
            applications=("scenarios",),
        ),
        Level(
            key="segmentation_rules",
            section="automation",
            title="Segmentation rules",
            description="Active segmentation rules.",
            unit="rules",
            limit="segmentation_rules",
            applications=("segmentation",),
        ),
        Level(
            key="daily_exports",
            section="automation",
            title="Daily exports",
            description="Active recurring exports.",
            unit="exports",
            limit="daily_exports",
            by=(EXPORT_TYPE,),
            applications=("exports",),
        ),
        Level(
            key="newsletters",
            section="automation",
            title="Newsletters",
            description="Active newsletters.",
            unit="newsletters",
            limit="newsletters",
            applications=("campaigns",),
        ),
    ]
