"""The inputs of the mutations of licenses and contracts. A field that is left out keeps its value; null clears it."""

from datetime import date

import strawberry

from api.graphql.schema.common.scalars import Duration
from api.graphql.schema.licenses.enums import Identifiers, OnOutage, PeriodAnchor
from core.licenses.quota_terms import LOST_AFTER_DAYS


@strawberry.input(description="A user of the license with the admin role.")
class AdminInput:
    email: str = strawberry.field(description="The e-mail address. Alerts are sent there.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The display name. If left out, an admin of the license keeps the name. Null clears the name.",
    )
    language: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The language of e-mails, for example `en` or `fr`. If left out, an admin of the license keeps the "
        "language. Null clears the language.",
    )


@strawberry.input(description="The account manager of a license.")
class ContactInput:
    name: str = strawberry.field(description="The display name.")
    email: str | None = strawberry.field(default=None, description="The e-mail address.")
    url: str | None = strawberry.field(
        default=None, description="The address of a page. It begins with `https://` or `http://`."
    )


@strawberry.input(
    description="A license to create or to change. A field that is left out keeps its value. Null clears a field."
)
class LicenseInput:
    key: str = strawberry.field(
        description="The key of the license. It has at most 100 letters, digits, '.', '_' and '-'. It never changes."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The display name of the license. A new license needs a name. A name cannot be null.",
    )
    time_zone: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The IANA time zone of the license, for example Europe/Brussels. Days and billing periods begin "
        "at midnight there. UTC for a new license, and if null.",
    )
    admins: list[AdminInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All admins of the license. If left out, the present admins stay. Null removes all admins.",
    )
    contact: ContactInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="The account manager of the license, whom e-mails and pages name. Null removes the contact.",
    )


@strawberry.input(description="A term of a contract: a number with a name.")
class TermInput:
    key: str = strawberry.field(description="The name of the term, for example `interactions_per_profile`.")
    value: float = strawberry.field(description="The value of the term, from 0 to 2^53.")


@strawberry.input(description="The at-risk ratio of one meter.")
class AtRiskInput:
    meter: str = strawberry.field(description="The key of the meter.")
    ratio: float = strawberry.field(
        description="The ratio of the limit from which the status is AT_RISK: above 0 and at most 1, for example 0.8."
    )


@strawberry.input(
    description="Additional thresholds of one meter, or of its forecast. They alert people and change no status."
)
class AlertAtInput:
    meter: str = strawberry.field(description="The key of the meter.")
    ratios: list[float] = strawberry.field(
        description="The thresholds as ratios of the limit: above 0 and at most 10, or at most 1 for a hard limit. At "
        "most 20 thresholds are allowed. The ratio 1 always alerts."
    )


@strawberry.input(
    description="The rules for the hard quota of one meter. The number of places is a term of the contract."
)
class QuotaInput:
    meter: str = strawberry.field(description="The key of the meter, for example `active_installations`.")
    window: Duration | None = strawberry.field(
        default=None,
        description="The length of a quota window. Windows are counted like billing periods, in the license's time "
        "zone. The default is calendar months in UTC.",
    )
    back_off_days: int | None = strawberry.field(
        default=None,
        description="The maximum number of days that a refused installation must stay away. The default is the end of "
        "the window.",
    )
    lost_after_days: int = strawberry.field(
        default=LOST_AFTER_DAYS, description="The number of days after which an installation that was not seen is lost."
    )
    on_outage: OnOutage = strawberry.field(
        default=OnOutage.REFUSE, description="The behaviour of check-ins while the database is unavailable."
    )
    identifiers: Identifiers = strawberry.field(
        default=Identifiers.PLAIN, description="The form in which identifiers of installations are stored."
    )


@strawberry.input(
    description="A version of a contract that is in force from a day on. Earlier days keep the terms of their own "
    "version. A field that is left out keeps the value of the newest version by `effectiveFrom`. Null clears a field."
)
class ContractInput:
    license: str = strawberry.field(description="The key of the license.")
    effective_from: date = strawberry.field(description="The first day on which these terms are in force.")
    ends_on: date | None = strawberry.field(
        default=strawberry.UNSET,
        description="The last day on which these terms are in force, in the license's time zone. After it no contract "
        "is in force, until a later version begins. If left out, the end of the version in force on `effectiveFrom` "
        "is kept. Null stands for no end.",
    )
    starts_on: date = strawberry.field(description="The day from which billing periods are counted.")
    billing_period: Duration | None = strawberry.field(
        default=strawberry.UNSET,
        description="The length of a billing period. P1Y for a first version, and if null.",
    )
    anchor: PeriodAnchor | None = strawberry.field(
        default=strawberry.UNSET,
        description="The anchor from which billing periods are counted. CONTRACT_DATE for a first version, and if "
        "null.",
    )
    terms: list[TermInput] = strawberry.field(description="All terms of the contract.")
    at_risk: list[AtRiskInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All at-risk ratios that differ from the meters' own. With null, the ratios of the meters apply.",
    )
    alert_at: list[AlertAtInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All additional thresholds that alert people, beside the thresholds that the meters define.",
    )
    forecast_at: list[AlertAtInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All ratios of the limit that alert people once the forecast expects them to be reached at the end "
        "of the period. None for a first version, and if null.",
    )
    expiry_notice_days: list[int] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The numbers of days before credits expire on which people are notified. 30 and 7 for a first "
        "version, and if null. An empty list disables these notifications.",
    )
    warnings: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True if applications warn people of exceeded limits. False for a first version, and if null.",
    )
    quotas: list[QuotaInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All rules for hard quotas that differ from the defaults. A field that is left out of a quota has "
        "its default.",
    )


@strawberry.input(description="A contract version to take back.")
class WithdrawContractInput:
    license: str = strawberry.field(description="The key of the license.")
    version: int = strawberry.field(description="The number of the version.")
    begun: bool = strawberry.field(
        default=False,
        description="True to take back a version that has begun as well. Its days are measured again by what was in "
        "force before.",
    )


@strawberry.input(description="A license to suspend.")
class SuspendLicenseInput:
    license: str = strawberry.field(description="The key of the license.")
    reason: str = strawberry.field(
        description="The reason, at most 500 characters. Users of the license and installations that check in see it."
    )


@strawberry.input(description="A suspended license to resume.")
class ResumeLicenseInput:
    license: str = strawberry.field(description="The key of the license.")
