"""License settings: users, domains, entities and data retention."""

from allowance import Application, Dimension, Level, Meter, Section, Term, Text, Unit, UnitFormat, hookimpl

API_VERSION = 1

ADMINISTRATION = Application("administration", Text("Administration", fr="Administration"))

DOMAIN_TYPE = Dimension(
    "type",
    {
        "standard": Text("Standard domains", fr="Domaines standard"),
        "transactional": Text("Transactional domains", fr="Domaines transactionnels"),
    },
    Text("Type", fr="Type"),
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "License settings"."""
    return [
        Section(
            key="license",
            title=Text("License settings", fr="Paramètres de la licence"),
            description=Text(
                "Users, sending domains, entities and data retention.",
                fr="Utilisateurs, domaines d’envoi, entités et conservation des données.",
            ),
            order=60,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meters of users, domains, entities and retention."""
    return [
        Level(
            key="users",
            section="license",
            title=Text("Users", fr="Utilisateurs"),
            description=Text(
                "Active users with access to the user interface.", fr="Utilisateurs actifs ayant accès à l’interface."
            ),
            unit=Unit(one=Text("user", fr="utilisateur"), other=Text("users", fr="utilisateurs")),
            limit="users",
            applications=(ADMINISTRATION,),
        ),
        Level(
            key="api_users",
            section="license",
            title=Text("API users", fr="Utilisateurs d’API"),
            description=Text(
                "Active technical users of the web services.", fr="Utilisateurs techniques actifs des services web."
            ),
            unit=Unit(one=Text("user", fr="utilisateur"), other=Text("users", fr="utilisateurs")),
            limit="api_users",
            applications=(ADMINISTRATION,),
        ),
        Level(
            key="sending_domains",
            section="license",
            title=Text("Sending domains", fr="Domaines d’envoi"),
            description=Text(
                "Domains from which e-mails are sent.", fr="Domaines à partir desquels des e-mails sont envoyés."
            ),
            unit=Unit(one=Text("domain", fr="domaine"), other=Text("domains", fr="domaines")),
            limit="sending_domains",
            by=(DOMAIN_TYPE,),
            applications=(ADMINISTRATION,),
        ),
        Level(
            key="entities",
            section="license",
            title=Text("Entities", fr="Entités"),
            description=Text(
                "Entities, the subdivisions of the license.", fr="Entités, les subdivisions de la licence."
            ),
            unit=Unit(one=Text("entity", fr="entité"), other=Text("entities", fr="entités")),
            limit="entities",
            applications=(ADMINISTRATION,),
        ),
        Term(
            key="retention",
            section="license",
            title=Text("Data retention", fr="Conservation des données"),
            description=Text(
                "The time for which campaigns, scenarios and their profile interactions are stored.",
                fr="Durée de conservation des campagnes, des scénarios et de leurs interactions de profils.",
            ),
            unit=Unit(one=Text("month", fr="mois"), other=Text("months", fr="mois"), format=UnitFormat.MONTHS),
            limit="retention_months",
        ),
    ]
