"""The outlooks of a refresh: those of the meters that it measures, once a day and whenever their past changed. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice
from typing import TypeAlias

from allowance import Enforcement, Reading

from core.forecast.documents import encode_outlook
from core.forecast.meter_outlook import MeterHistory, outlook_of, stamp_of
from core.forecast.store import NewOutlook
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import LoadedUsage
from core.measuring.measure import Failure
from core.refresh.choose_meters import ChosenMeter
from core.refresh.local_days import local_days
from core.refresh.plan import RefreshPlan
from core.usage.tables import LateUsage

NewOutlooks: TypeAlias = Mapping[int, Mapping[str, NewOutlook]]
"""The outlooks to store, by license id and meter."""


def find_outdated(
    licenses: Mapping[int, LoadedLicense],
    chosen: Mapping[int, Sequence[ChosenMeter]],
    usage: Mapping[int, LoadedUsage],
    late_usage: Mapping[int, LateUsage],
    stored: Mapping[int, Mapping[str, str]],
) -> dict[int, dict[str, str]]:
    """Return the meters whose outlook is to be made again, with the stamp of the new one, by license id.

    It is made again on the first refresh of a day, with a new contract or grant, and if the past changed.
    """
    outdated: dict[int, dict[str, str]] = {}
    for key, of_license in usage.items():
        known = {} if key in late_usage else stored.get(key, {})
        stamps = {
            meter.key: stamp_of(licenses[key], meter, of_license.grants)
            for meter, _ in chosen[key]
            if meter.enforcement is not Enforcement.NONE
        }
        if changed := {meter: stamp for meter, stamp in stamps.items() if known.get(meter) != stamp}:
            outdated[key] = changed
    return outdated


def make_outlooks(plan: RefreshPlan, answers: Sequence[Reading | Failure]) -> NewOutlooks:
    """Return the new outlooks of a refresh, from the history that was loaded and the days that it measured itself.

    Args:
        plan: The plan of the refresh.
        answers: The answer to each question of the plan, in the same order.
    """
    made: dict[int, dict[str, NewOutlook]] = defaultdict(dict)
    day_ends: dict[tuple[int, str], dict[date, float]] = {}
    remaining = iter(answers)
    for moment in plan.moments:
        key, of_moment = moment.license.id, list(islice(remaining, len(moment.questions)))
        outdated, known = plan.outdated.get(key, {}), plan.day_ends.get(key, {})
        day = local_days(moment.license)(moment.at)
        for question, answer in zip(moment.questions, of_moment, strict=True):
            meter = question.meter
            if meter.key not in outdated or isinstance(answer, Failure):
                continue
            of_meter = day_ends.setdefault((key, meter.key), {}) or dict(known.get(meter.key, {}))
            day_ends[key, meter.key] = of_meter
            if not moment.past:
                grants = plan.usage[key].grants
                in_order = dict(sorted(of_meter.items()))
                history = MeterHistory(moment.license, meter, in_order, answer, question.usage, grants)
                document = encode_outlook(outlook_of(history, moment.at))
                made[key][meter.key] = NewOutlook(outdated[meter.key], document)
            elif answer.used is not None:
                of_meter[day] = float(answer.used)
    return made
