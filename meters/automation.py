"""Automation: scenarios, rules, exports and newsletters."""

from allowance import Application, Dimension, Level, Meter, Section, Text, Unit, hookimpl

API_VERSION = 1

CAMPAIGNS = Application("campaigns", Text("Campaigns", fr="Campagnes"))
EXPORTS = Application("exports", Text("Exports", fr="Exports"))
SCENARIOS = Application("scenarios", Text("Scenarios", fr="Scénarios"))
SEGMENTATION = Application("segmentation", Text("Segmentation", fr="Segmentation"))

EXPORT_TYPE = Dimension(
    "type",
    {
        "incremental": Text("Incremental exports", fr="Exports incrémentiels"),
        "periodic_full": Text("Periodic full exports", fr="Exports complets périodiques"),
        "out_flow": Text("Out flows", fr="Flux sortants"),
    },
    Text("Type", fr="Type"),
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Automation"."""
    return [
        Section(
            key="automation",
            title=Text("Automation", fr="Automatisation"),
            description=Text(
                "Scenarios, rules, exports and newsletters that run automatically.",
                fr="Scénarios, règles, exports et newsletters qui s’exécutent automatiquement.",
            ),
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
            title=Text("Scenarios", fr="Scénarios"),
            description=Text("Active scenarios.", fr="Scénarios actifs."),
            unit=Unit(one=Text("scenario", fr="scénario"), other=Text("scenarios", fr="scénarios")),
            limit="scenarios",
            applications=(SCENARIOS,),
        ),
        Level(
            key="segmentation_rules",
            section="automation",
            title=Text("Segmentation rules", fr="Règles de segmentation"),
            description=Text("Active segmentation rules.", fr="Règles de segmentation actives."),
            unit=Unit(one=Text("rule", fr="règle"), other=Text("rules", fr="règles")),
            limit="segmentation_rules",
            applications=(SEGMENTATION,),
        ),
        Level(
            key="daily_exports",
            section="automation",
            title=Text("Daily exports", fr="Exports quotidiens"),
            description=Text("Active recurring exports.", fr="Exports récurrents actifs."),
            unit=Unit(one=Text("export", fr="export"), other=Text("exports", fr="exports")),
            limit="daily_exports",
            by=(EXPORT_TYPE,),
            applications=(EXPORTS,),
        ),
        Level(
            key="newsletters",
            section="automation",
            title=Text("Newsletters", fr="Newsletters"),
            description=Text("Active newsletters.", fr="Newsletters actives."),
            unit=Unit(one=Text("newsletter", fr="newsletter"), other=Text("newsletters", fr="newsletters")),
            limit="newsletters",
            applications=(CAMPAIGNS,),
        ),
    ]
