"""Goals and forms: goals on websites, forms and landing pages."""

from allowance import Latest, Level, Meter, Ratio, Section, Total, hookimpl

API_VERSION = 1


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Goals and forms"."""
    return [
        Section(
            key="web",
            title="Goals and forms",
            description="Goals on websites, forms and landing pages.",
            order=40,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meters of goals and forms."""
    return [
        Ratio(
            key="goal_interactions",
            section="web",
            title="Goal interactions per profile",
            description="Goals triggered in the billing period, divided by the number of profiles.",
            unit="interactions per profile",
            numerator=Total("goal.triggered"),
            denominator=Latest("profiles.level"),
            limit="goal_interactions_per_profile",
            applications=("goals",),
        ),
        Level(
            key="website_goals",
            section="web",
            title="Website goals",
            description="Active goals on website visits.",
            unit="goals",
            limit="website_goals",
            applications=("goals",),
        ),
        Level(
            key="transactional_goals",
            section="web",
            title="Transactional goals",
            description="Active transactional goals.",
            unit="goals",
            limit="transactional_goals",
            applications=("goals",),
        ),
        Level(
            key="forms",
            section="web",
            title="Forms",
            description="Active forms and landing pages.",
            unit="forms",
            limit="forms",
            applications=("forms",),
        ),
    ]
