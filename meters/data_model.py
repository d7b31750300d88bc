"""Data model: profiles and tables."""

from decimal import Decimal

from allowance import Application, Dimension, Level, Meter, Section, Text, Unit, hookimpl

API_VERSION = 1

DATA = Application("data", Text("Data", fr="Données"))

TABLE_TYPE = Dimension(
    "type",
    {
        "interaction": Text("Interaction tables", fr="Tables d’interactions"),
        "linked_data": Text("Linked data tables", fr="Tables de données liées"),
        "repository": Text("Repository tables", fr="Tables de référence"),
    },
    Text("Type", fr="Type"),
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Data model"."""
    return [
        Section(
            key="data_model",
            title=Text("Data model", fr="Modèle de données"),
            description=Text("Profiles and the tables around them.", fr="Les profils et les tables qui les entourent."),
            order=30,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meters of profiles, tables and subscriptions."""
    return [
        Level(
            key="profiles",
            section="data_model",
            title=Text("Profiles", fr="Profils"),
            description=Text("Profiles in all profile tables.", fr="Profils de toutes les tables de profils."),
            unit=Unit(one=Text("profile", fr="profil"), other=Text("profiles", fr="profils")),
            limit="profiles",
            at_risk=Decimal("0.8"),
            by=(Dimension("entity"),),
            applications=(DATA,),
        ),
        Level(
            key="profile_tables",
            section="data_model",
            title=Text("Profile tables", fr="Tables de profils"),
            description=Text("Profile tables of the license.", fr="Tables de profils de la licence."),
            unit=Unit(one=Text("table", fr="table"), other=Text("tables", fr="tables")),
            limit="profile_tables",
            applications=(DATA,),
        ),
        Level(
            key="custom_tables",
            section="data_model",
            title=Text("Custom tables", fr="Tables personnalisées"),
            description=Text(
                "Custom tables: interaction, linked data and repository tables.",
                fr="Tables personnalisées : tables d’interactions, de données liées et de référence.",
            ),
            unit=Unit(one=Text("table", fr="table"), other=Text("tables", fr="tables")),
            limit="custom_tables",
            by=(TABLE_TYPE,),
            applications=(DATA,),
        ),
        Level(
            key="subscriptions",
            section="data_model",
            title=Text("Subscriptions", fr="Abonnements"),
            description=Text("Subscriptions in all profile tables.", fr="Abonnements de toutes les tables de profils."),
            unit=Unit(one=Text("subscription", fr="abonnement"), other=Text("subscriptions", fr="abonnements")),
            limit="subscriptions",
            applications=(DATA,),
        ),
    ]
