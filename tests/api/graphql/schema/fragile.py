"""A partner's plugin with a meter that fails while thirteen of its calls are counted, and one that measures bytes."""

from allowance import Contract, EventType, Level, License, Meter, Reading, Section, Unit, UnitFormat, Usage, hookimpl

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
    return [Section(key="calls", title="Calls", order=80), Section(key="storage", title="Storage", order=81)]


@hookimpl
def allowance_meters() -> list[Meter]:
    size = Unit(one="byte", other="bytes", format=UnitFormat.BYTES)
    return [
        Calls(key="calls", section="calls", title="Calls", description="Calls made.", unit="calls"),
        Level(key="storage", section="storage", title="Storage", description="Recordings.", unit=size, limit="storage"),
    ]
