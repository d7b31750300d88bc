"""Data model: profiles and tables."""

from decimal import Decimal

from allowance import Dimension, Level, Meter, Section, hookimpl

API_VERSION = 1

TABLE_TYPE = Dimension(
    "type",
    {
        "interaction": "Interaction tables",
        "linked_data": "Linked data tables",
        "repository": "Repository tables",
    },
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Data model"."""
    return [Section(key="data_model", title="Data model", description="Profiles and the tables around them.", order=30)]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meters of profiles, tables and subscriptions."""
    return [
        Level(
            key="profiles",
            section="data_model",
            title="Profiles",
            description="Profiles in all profile tables.",
            unit="profiles",
            limit="profiles",
            at_risk=Decimal("0.8"),
            by=(Dimension("entity"),),
            applications=("data",),
        ),
        Level(
            key="profile_tables",
            section="data_model",
            title="Profile tables",
            description="Profile tables of the license.",
            unit="tables",
            limit="profile_tables",
            applications=("data",),
        ),
        Level(
            key="custom_tables",
            section="data_model",
            title="Custom tables",
            description="Custom tables: interaction, linked data and repository tables.",
            unit="tables",
            limit="custom_tables",
            by=(TABLE_TYPE,),
            applications=("data",),
        ),
        Level(
            key="subscriptions",
            section="data_model",
            title="Subscriptions",
            description="Subscriptions in all profile tables.",
            unit="subscriptions",
            limit="subscriptions",
            applications=("data",),
        ),
    ]
