"""License settings: users, domains, entities and data retention."""

from allowance import Dimension, Level, Meter, Section, Term, hookimpl

API_VERSION = 1

DOMAIN_TYPE = Dimension("type", {"standard": "Standard domains", "transactional": "Transactional domains"})


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "License settings"."""
    return [
        Section(
            key="license",
            title="License settings",
            description="Users, sending domains, entities and data retention.",
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
            title="Users",
            description="Active users with access to the user interface.",
            unit="users",
            limit="users",
            applications=("administration",),
        ),
        Level(
            key="api_users",
            section="license",
            title="API users",
            description="Active technical users of the web services.",
            unit="users",
            limit="api_users",
            applications=("administration",),
        ),
        Level(
            key="sending_domains",
            section="license",
            title="Sending domains",
            description="Domains from which e-mails are sent.",
            unit="domains",
            limit="sending_domains",
            by=(DOMAIN_TYPE,),
            applications=("administration",),
        ),
        Level(
            key="entities",
            section="license",
            title="Entities",
            description="Entities, the subdivisions of the license.",
            unit="entities",
            limit="entities",
            applications=("administration",),
        ),
        Term(
            key="retention",
            section="license",
            title="Data retention",
            description="The time for which campaigns, scenarios and their profile interactions are stored.",
            unit="months",
            limit="retention_months",
        ),
    ]
