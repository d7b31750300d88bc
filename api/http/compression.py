"""The compression of answers: by gzip over HTTP, by permessage-deflate over WebSocket.

Starlette's middleware for gzip was weighed: it compresses each response anew, on the event loop, and also those that
carry a new secret. Answers of GraphQL are compressed once, where they are made, and cached compressed.
"""

import zlib
from collections.abc import Sequence
from typing import Final

from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.typing import ExtensionParameter

SMALLEST: Final = 1_000
"""Bytes from which compression saves more than it takes: less fits into the first packet anyway."""
_LEVEL: Final = 4
"""The level of zlib. Higher levels take up to twice the time for a twentieth of the bytes."""
_GZIP: Final = 16 + zlib.MAX_WBITS
"""The window size by which zlib writes the header of gzip."""
_BITS: Final = 12
"""The window over WebSocket: 4 KiB, in which an answer repeats itself."""


def accepts_gzip(accepted: str | None) -> bool:
    """Return whether a header `Accept-Encoding` accepts gzip (RFC 9110, section 12.5.3)."""
    if not accepted or not ("gzip" in accepted.lower() or "*" in accepted):
        return False
    weights: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        coding, *parameters = (text.strip() for text in part.split(";"))
        weights[coding] = not any(_is_zero(parameter) for parameter in parameters)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


def gzip(body: bytes) -> bytes:
    """Compress a body. Equal bodies give equal bytes."""
    return zlib.compress(body, _LEVEL, _GZIP)


class CompressLarge(ServerPerMessageDeflateFactory):
    """The negotiation of permessage-deflate (RFC 7692), by which messages from SMALLEST on are compressed.

    No context is kept between messages, so an idle connection takes no memory for it.
    """

    def __init__(self) -> None:
        """Offer small windows without takeover of the context."""
        super().__init__(
            server_no_context_takeover=True,
            client_no_context_takeover=True,
            server_max_window_bits=_BITS,
            compress_settings={"memLevel": 5, "level": _LEVEL},
        )

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[object]
    ) -> tuple[list[ExtensionParameter], "_Large"]:
        """Return the parameters of the answer, and the compression of the connection."""
        answer, agreed = super().process_request_params(params, accepted_extensions)  # type: ignore[arg-type]
        large = _Large(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
            agreed.compress_settings,
        )
        return answer, large


class _Large(PerMessageDeflate):
    """The compression of a connection, which leaves small messages as they are."""

    def encode(self, frame: Frame) -> Frame:
        return frame if len(frame.data) < SMALLEST else super().encode(frame)


def _is_zero(parameter: str) -> bool:
    name, _, weight = parameter.partition("=")
    return name.strip() == "q" and not weight.strip(" 0.")
