"""The SDK of Allowance: everything that a plugin may import from the project.

A plugin is a module with ``API_VERSION = 1`` and one or more hooks of :mod:`allowance.hookspecs`. Its distribution
names the module in the entry-point group ``allowance``. A meter is a declaration of one of the kinds
(:class:`Counter`, :class:`Level`, :class:`Credits`, :class:`Ratio`, :class:`Term`, :class:`Admission`) or a
subclass of :class:`Meter` with a ``measure`` of its own. A notifier is a subclass of :class:`Notifier`.
"""

from allowance.cells import Admitted, AdmittedCell, EntityCell, Grant, LevelCell, SumCell
from allowance.errors import InvalidDeclaration
from allowance.events import Dimension, EventType
from allowance.hookspecs import API_VERSION, ENTRY_POINT_GROUP, PROJECT_NAME, hookimpl, hookspec
from allowance.kinds.admission import Admission
from allowance.kinds.counter import Counter
from allowance.kinds.credits import Credits
from allowance.kinds.level import Level
from allowance.kinds.ratio import Latest, Ratio, Total
from allowance.kinds.term import Term
from allowance.license import Contract, License, Period
from allowance.meter import Enforcement, Meter, Section
from allowance.notifier import Alert, ExpiringCredits, ForecastAlert, GiveUp, Message, Notifier, RequestedCredits
from allowance.reading import Limit, Reading, Share
from allowance.text import Application, Text, Unit, UnitFormat
from allowance.usage import Usage

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "PROJECT_NAME",
    "Admission",
    "Admitted",
    "AdmittedCell",
    "Alert",
    "Application",
    "Contract",
    "Counter",
    "Credits",
    "Dimension",
    "Enforcement",
    "EntityCell",
    "EventType",
    "ExpiringCredits",
    "ForecastAlert",
    "GiveUp",
    "Grant",
    "InvalidDeclaration",
    "Latest",
    "Level",
    "LevelCell",
    "License",
    "Limit",
    "Message",
    "Meter",
    "Notifier",
    "Period",
    "Ratio",
    "Reading",
    "RequestedCredits",
    "Section",
    "Share",
    "SumCell",
    "Term",
    "Text",
    "Total",
    "Unit",
    "UnitFormat",
    "Usage",
    "hookimpl",
    "hookspec",
]
