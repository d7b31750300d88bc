"""Headers of e-mails, in which texts of users are text and nothing else.

Python's email package decodes encoded words (RFC 2047) in the text that a header is made from. Such a word may hold
line breaks, and the package writes them out: a name could then add headers and a body. Newer patch releases of Python
refuse some of these mails when they are written. The classes here hold on every version, and the mail is sent.
"""

import re
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UniqueAddressHeader, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy, Policy
from typing import Any, Final

_ENCODED_WORD: Final = "=?"
"""The beginning of an encoded word."""
_ONE_HEADER: Final = re.compile(r"[!-9;-~]+:[^\r\n]*(\r\n[ \t][^\r\n]*)*\r\n")
"""A header with its folded lines (RFC 5322, section 2.2)."""


_LINE: Final = 78
"""Characters of a line that should not be passed (RFC 5322, section 2.1.1)."""


class UnsafeHeader(ValueError):
    """A header of an e-mail would hold more than its own text."""


class _Link(UniqueUnstructuredHeader, BaseHeader):  # type: ignore[misc]  # how the registry combines them
    """A header that stays on one line. A long link that is folded would be encoded, and mail readers ignore it then."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header as one line."""
        return f"{self.name}: {self}{policy.linesep}"


class _TextHeader(UniqueUnstructuredHeader, BaseHeader):  # type: ignore[misc]
    """A header of text. A text that looks encoded is encoded itself, so that readers show it as it was written.

    A text that is not of ASCII alone is encoded as a whole: the package encodes words by themselves, and loses the
    space between two of them that stand on two lines (Python up to 3.13).
    """

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Take the text as it is, without decoding words in it."""
        super().parse(value, kwds)
        kwds["decoded"] = value

    def fold(self, *, policy: Policy) -> str:
        """Return the lines of the header."""
        if _ENCODED_WORD not in self and (self.isascii() or _is_utf8(policy)):
            return super().fold(policy=policy)
        return f"{self.name}: {_encode(str(self), self.name, policy)}{policy.linesep}"


class _Addresses(UniqueAddressHeader, BaseHeader):  # type: ignore[misc]
    """A header of addresses whose display names are text, also if they look encoded. Addresses never look so.

    A name that does not fit on the line is encoded as well: the package folds a long quoted name without its quotes, so
    that a comma in it would begin another address (Python up to 3.13). So is a name that is not of ASCII alone, for its
    spaces.
    """

    def fold(self, *, policy: Policy) -> str:
        """Return the lines of the header."""
        is_short = len(f"{self.name}: {self}") <= (policy.max_line_length or _LINE)
        is_short &= self.isascii() or _is_utf8(policy)
        if _ENCODED_WORD not in self and (is_short or not any(address.display_name for address in self.addresses)):
            return super().fold(policy=policy)
        break_ = f"{policy.linesep} "
        mailboxes = (
            f"{_encode(address.display_name, self.name, policy)}{break_}<{address.addr_spec}>"
            for address in self.addresses
        )
        return f"{self.name}: {f',{break_}'.join(mailboxes)}{policy.linesep}"


_HEADERS: Final = HeaderRegistry()
_HEADERS.map_to_type("List-Unsubscribe", _Link)
_HEADERS.map_to_type("Subject", _TextHeader)
_HEADERS.map_to_type("From", _Addresses)
_HEADERS.map_to_type("To", _Addresses)
POLICY: Final = EmailPolicy(header_factory=_HEADERS)
"""The policy of messages whose headers hold texts of users."""


def verify_headers(message: EmailMessage) -> None:
    """Check that each header is one header, in the form in which it is sent.

    Raises:
        UnsafeHeader: A value holds a line break, or its written form is more than one header.
    """
    for name, value in message.items():
        forms = [policy.fold(name, value) for policy in (SMTP, SMTPUTF8)]
        if re.search("[\r\n]", str(value)) or not all(map(_ONE_HEADER.fullmatch, forms)):
            raise UnsafeHeader(f"The header {name} would hold more than its own text.")


def _is_utf8(policy: Policy) -> bool:
    """Return whether headers are written in UTF-8, without encoded words."""
    return isinstance(policy, EmailPolicy) and policy.utf8


def _encode(text: str, name: str, policy: Policy) -> str:
    """Return a text as encoded words, each on a line of its own; of ASCII characters only."""
    return Header(text, "utf-8", header_name=name).encode(linesep=policy.linesep)
