"""Strings of a known format (JSON Schema Validation, section 7.3, and the names Pydantic adds).

No format holds ``<``, so none can spell a control token. Where a format is hard to say, the rule says less
than it (any hexadecimal groups for an IPv6 address), never more.
"""

from __future__ import annotations

from .text import WIDE

__all__ = ["FORMATS"]

_HEX = "[0-9a-fA-F]"
_YEAR = '([1-9] [0-9]{3} | "0" [1-9] [0-9]{2} | "00" [1-9] [0-9] | "000" [1-9])'
_BY_FOUR = '("0" [48] | [2468] [048] | [13579] [26])'
_LEAP_YEAR = f'([0-9]{{2}} {_BY_FOUR} | {_BY_FOUR} "00")'
_DAY = '("0" [1-9] | "1" [0-9] | "2" [0-8])'
_DATE = (
    f'({_YEAR} "-" (("0" [1-9] | "1" [0-2]) "-" {_DAY}'
    ' | ("0" [13-9] | "1" [0-2]) "-" ("29" | "30")'
    ' | ("0" [13578] | "1" [02]) "-31")'
    f' | {_LEAP_YEAR} "-02-29")'
)
_HOUR, _SIXTY = '([01] [0-9] | "2" [0-3])', "[0-5] [0-9]"
_ZONE = f'("Z" | [+-] {_HOUR} ":" {_SIXTY})'
_TIME = f'{_HOUR} ":" {_SIXTY} ":" {_SIXTY} ("." [0-9]{{1,9}})?'
_OCTET = '([0-9] | [1-9] [0-9] | "1" [0-9]{2} | "2" [0-4] [0-9] | "25" [0-5])'
_IPV4 = f'{_OCTET} ("." {_OCTET}){{3}}'
_IPV6 = "[0-9a-fA-F:.]+"
_NAME = f"[a-zA-Z0-9_{WIDE}-]+"
_MAILBOX = f"[a-zA-Z0-9!#$%&'*+/=?^_{WIDE}.-]+"
_URL = rf"[a-zA-Z] [a-zA-Z0-9+.-]* \":\" [a-zA-Z0-9._~:/?#\[\]@!$&'()*+,;=%{WIDE}-]+".replace(r"\"", '"')


def _in_order(units: str, amount: str) -> str:
    """One at least of amounts with a unit, in the order of ``units``."""
    each = [f'{amount} "{unit}"' for unit in units]
    return " | ".join(
        " ".join([first, *(f"({later})?" for later in each[at + 1 :])]) for at, first in enumerate(each)
    )


_AMOUNT = "[0-9]{1,4}"
_DAYS, _SECONDS = _in_order("YMWD", _AMOUNT), _in_order("HMS", _AMOUNT)


def _uuid(version: str, variant: str = "[89abAB]") -> str:
    return f'{_HEX}{{8}} "-" {_HEX}{{4}} "-" {version} {_HEX}{{3}} "-" {variant} {_HEX}{{3}} "-" {_HEX}{{12}}'


FORMATS = {
    "date": _DATE,
    "time": f"{_TIME} {_ZONE}?",
    "date-time": f'{_DATE} "T" {_TIME} {_ZONE}?',
    "duration": f'"P" (({_DAYS}) ("T" ({_SECONDS}))? | "T" ({_SECONDS}))',
    "uuid": _uuid(_HEX, _HEX),
    **{f"uuid{version}": _uuid(f'"{version}"') for version in range(1, 9)},
    "email": f'{_MAILBOX} "@" {_NAME} ("." {_NAME})+',
    "uri": _URL,
    "ipv4": _IPV4,
    "ipv6": _IPV6,
    "ipvanyaddress": _IPV6,
    "base64": '[a-zA-Z0-9+/]* "="{0,2}',
    "base64url": '[a-zA-Z0-9_-]* "="{0,2}',
}
"""What stands between the quotes."""
