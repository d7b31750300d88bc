"""The protocol between the application and a child process: requests and answers, each one line of JSON.

The application sends requests (:data:`Request`); the child answers each of them in order with an :class:`Answer`.
Before the first request the child sends one line: an answer without a number, which states that the plugin is
imported, or why it is not. The lines of the application can be trusted. The lines of the child cannot, because
partners' code runs in it: :func:`decode_answer` checks their form,
:func:`core.plugins.sandbox.meter_codec.decode_reading` checks readings, and
:func:`core.plugins.sandbox.declaration_codec.decode_declarations` checks declarations.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
from allowance import Contract, License, Message, Reading, Usage
from allowance.contribution import Contribution

from core.plugins.sandbox.declaration_codec import encode_declarations
from core.plugins.sandbox.message_codec import decode_message, encode_message
from core.plugins.sandbox.meter_codec import (
    decode_contract,
    decode_usage,
    encode_contract,
    encode_reading,
    encode_usage,
)
from core.plugins.sandbox.question import MeterQuestion

MAX_ANSWER_BYTES: Final = 4 * 2**20
"""The largest size of an answer. A reading with the largest number of shares takes a fraction of it."""

GAVE_UP: Final = "GAVE_UP"
"""The failure code of a notifier that raised GiveUp. The codes of meters are in failure.py."""

READY: Final = b"{}\n"
"""The line that a child sends once it has imported its plugin, if nobody asked for the declarations."""

IMPORT_FAILED: Final = "IMPORT_FAILED"
"""The code of the problem of a plugin whose module cannot be imported."""

DECLARE: Final = "declare"
MEASURE: Final = "measure"
NOTIFY: Final = "notify"
"""The purposes of a child process."""


@dataclass(frozen=True, slots=True)
class LoadUsage:
    """A request to load the usage that the next measurements read."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Measure:
    """A request to measure a view of the loaded usage.

    Attributes:
        meter: The key of the meter.
        license: The license.
        contract: The contract.
        at: The instant of the view.
        day: The day of the view.
    """

    meter: str
    license: License
    contract: Contract
    at: datetime
    day: date

    @classmethod
    def of(cls, question: MeterQuestion) -> "Measure":
        """Return the request for a question, whose usage must be a view of the loaded usage."""
        usage = question.usage
        return cls(question.meter.key, question.license, question.contract, usage.at, usage.day)

    def view_of(self, loaded: Usage) -> Usage:
        """Return the view of the loaded usage that this request is about."""
        view = loaded.as_of(loaded.day)
        # The loaded usage may itself be a view of an earlier day, so the day is set rather than computed.
        view.day, view.at = self.day, self.at
        return view


@dataclass(frozen=True, slots=True)
class Notify:
    """A request to send a message through a notifier."""

    notifier: str
    message: Message


Request = LoadUsage | Measure | Notify


@dataclass(frozen=True, slots=True)
class ChildFailure:
    """A failure that a child reports.

    Attributes:
        code: A code of :mod:`core.plugins.sandbox.failure` or :data:`GAVE_UP`; anything if partners' code forged it.
        detail: The traceback, or the text of GiveUp.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a child.

    Attributes:
        number: The number of the request, counted from 1; None in the first line, which has none.
        failure: The failure; None if the request was carried out.
        reading: The reading in the form of :func:`core.plugins.sandbox.meter_codec.encode_reading`, unchecked.
        declared: The declarations of the plugin in the first line, unchecked.
        refusal: The message of the problem for which the plugin cannot be loaded, in the first line, unchecked.
    """

    number: object
    failure: ChildFailure | None
    reading: object
    declared: object = None
    refusal: object = None


def encode_request(request: Request) -> bytes:
    """Return the line of a request."""
    data: dict[str, Any]
    match request:
        case LoadUsage():
            data = {"usage": encode_usage(request.usage)}
        case Measure(meter, license, contract, at, day):
            owner = (license.key, license.name, license.time_zone)
            data = {"meter": meter, "at": at, "day": day, "license": owner, "contract": encode_contract(contract)}
        case Notify():
            data = {"notifier": request.notifier, "message": encode_message(request.message)}
    return orjson.dumps(data) + b"\n"


def decode_request(line: bytes) -> Request:
    """Return the request of a line that :func:`encode_request` wrote."""
    data = orjson.loads(line)
    if "usage" in data:
        return LoadUsage(decode_usage(data["usage"]))
    if "notifier" in data:
        return Notify(data["notifier"], decode_message(data["message"]))
    return Measure(
        data["meter"],
        License(*data["license"]),
        decode_contract(data["contract"]),
        datetime.fromisoformat(data["at"]),
        date.fromisoformat(data["day"]),
    )


def encode_declared(contribution: Contribution) -> bytes:
    """Return the first line of a child that was asked for the declarations of its plugin.

    Raises:
        TypeError: If a declaration holds a value of a type that the SDK does not declare.
    """
    return orjson.dumps({"declared": encode_declarations(contribution)}) + b"\n"


def encode_refused(code: str, message: str, detail: str) -> bytes:
    """Return the first line of a child whose plugin cannot be loaded.

    Args:
        code: The code of the problem.
        message: The message of :class:`allowance.errors.InvalidPlugin`; empty for any other error.
        detail: The traceback, for the log.
    """
    text = detail.encode(errors="replace").decode()
    return orjson.dumps({"failure": code, "detail": text, "refusal": message}) + b"\n"


def encode_done(number: int) -> bytes:
    """Return the line of an answer to LoadUsage or Notify."""
    return orjson.dumps({"number": number}) + b"\n"


def encode_measured(number: int, reading: Reading) -> bytes:
    """Return the line of an answer to Measure.

    Args:
        number: The number of the request.
        reading: The return value of a meter, which may be anything.

    Raises:
        TypeError: If it is not a Reading, or holds a value of another type than its declaration.
        ValueError: If the answer would be too long.
    """
    line = orjson.dumps({"number": number, "reading": encode_reading(reading)}) + b"\n"
    if len(line) > MAX_ANSWER_BYTES:
        raise ValueError(f"the reading takes {len(line) - 1} bytes; {MAX_ANSWER_BYTES} are too many")
    return line


def encode_failure(number: int, code: str, detail: str) -> bytes:
    """Return the line of an answer that reports a failure. Half surrogate pairs in the detail are replaced."""
    text = detail.encode(errors="replace").decode()
    return orjson.dumps({"number": number, "failure": code, "detail": text}) + b"\n"


def decode_answer(line: bytes | bytearray) -> Answer:
    """Return the answer of a line that a child wrote.

    Raises:
        ValueError: If the line is not a JSON object.
    """
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the child's answer is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError("the child's answer is not an object")
    failure = ChildFailure(str(data["failure"]), str(data.get("detail", ""))) if "failure" in data else None
    declared, refusal = data.get("declared"), data.get("refusal")
    return Answer(data.get("number"), failure, data.get("reading"), declared, refusal)
