"""A partner's plugin with a meter that fails while thirteen of its calls are counted."""

from allowance import Contract, EventType, License, Meter, Reading, Section, Usage, hookimpl

API_VERSION = 1


class Calls(Meter):
    def events(self) -> tuple[EventType, ...]:
        return (EventType("call.made", "counter"),)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        calls = usage.total("call.made", contract.period)
        if calls == 13:
            raise ArithmeticError("the password is swordfish")
        return Reading(used=calls)


@hookimpl
def allowance_sections() -> list[Section]:
    return [Section(key="calls", title="Calls", order=80)]


@hookimpl
def allowance_meters() -> list[Meter]:
    return [Calls(key="calls", section="calls", title="Calls", description="Calls made.", unit="calls")]
