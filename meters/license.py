"""License settings: who and what is set up."""

from allowance import Dimension, Level, Meter, Section, Term, hookimpl

API_VERSION = 1

DOMAIN_TYPE = Dimension("type", {"standard": "Standard domains", "transactional": "Transactional domains"})


@hookimpl
def allowance_sections() -> list[Section]:
    return [
        Section(
            key="license",
            title="License settings",
            description="Users, sending domains, entities and how long data is kept.",
            order=60,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    return [
        Level(
            key="users",
            section="license",
            title="Users",
            description="Active users with access to the interface.",
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
            description="Domains from which e-mail is sent.",
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
            description="How long campaigns and scenarios, and with them profile interactions, are kept.",
            unit="months",
            limit="retention_months",
        ),
    ]
