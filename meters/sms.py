"""SMS: prepaid credits."""

from allowance import Credits, Meter, Section, hookimpl

API_VERSION = 1


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "SMS"."""
    return [Section(key="sms", title="SMS", description="Credits for text messages.", order=20)]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meter of SMS credits."""
    return [
        Credits(
            key="sms_credits",
            section="sms",
            title="SMS credits",
            description="Credits that were granted and have not expired, less the credits spent, over all entities.",
            unit="credits",
            event="sms.sent",
            applications=("sms",),
        )
    ]
