"""Goals and forms: goals on websites, forms and landing pages."""

from allowance import Application, Latest, Level, Meter, Ratio, Section, Text, Total, Unit, UnitFormat, hookimpl

API_VERSION = 1

FORMS = Application("forms", Text("Forms", fr="Formulaires"))
GOALS = Application("goals", Text("Goals", fr="Objectifs"))


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Goals and forms"."""
    return [
        Section(
            key="web",
            title=Text("Goals and forms", fr="Objectifs et formulaires"),
            description=Text(
                "Goals on websites, forms and landing pages.",
                fr="Objectifs sur les sites web, formulaires et pages d’atterrissage.",
            ),
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
            title=Text("Goal interactions per profile", fr="Interactions d’objectif par profil"),
            description=Text(
                "Goals triggered in the billing period, divided by the number of profiles.",
                fr="Objectifs déclenchés pendant la période de facturation, divisés par le nombre de profils.",
            ),
            unit=Unit(
                one=Text("interaction per profile", fr="interaction par profil"),
                other=Text("interactions per profile", fr="interactions par profil"),
                format=UnitFormat.RATIO,
            ),
            numerator=Total("goal.triggered"),
            denominator=Latest("profiles.level"),
            limit="goal_interactions_per_profile",
            applications=(GOALS,),
        ),
        Level(
            key="website_goals",
            section="web",
            title=Text("Website goals", fr="Objectifs web"),
            description=Text("Active goals on website visits.", fr="Objectifs actifs sur les visites de sites web."),
            unit=Unit(one=Text("goal", fr="objectif"), other=Text("goals", fr="objectifs")),
            limit="website_goals",
            applications=(GOALS,),
        ),
        Level(
            key="transactional_goals",
            section="web",
            title=Text("Transactional goals", fr="Objectifs transactionnels"),
            description=Text("Active transactional goals.", fr="Objectifs transactionnels actifs."),
            unit=Unit(one=Text("goal", fr="objectif"), other=Text("goals", fr="objectifs")),
            limit="transactional_goals",
            applications=(GOALS,),
        ),
        Level(
            key="forms",
            section="web",
            title=Text("Forms", fr="Formulaires"),
            description=Text("Active forms and landing pages.", fr="Formulaires et pages d’atterrissage actifs."),
            unit=Unit(one=Text("form", fr="formulaire"), other=Text("forms", fr="formulaires")),
            limit="forms",
            applications=(FORMS,),
        ),
    ]
