"""Strings of a known format (JSON Schema Validation, section 7.3, and the names Pydantic adds)."""

from __future__ import annotations

__all__ = ["FORMATS"]

_HEX = "[0-9a-f]"
_YEAR = "[12] [0-9]{3}"
_DAY = '("0" [1-9] | "1" [0-9] | "2" [0-8])'
_DATE = (
    f'({_YEAR} "-" (("0" [1-9] | "1" [0-2]) "-" {_DAY}'
    ' | ("0" [13-9] | "1" [0-2]) "-" ("29" | "30")'
    ' | ("0" [13578] | "1" [02]) "-31")'
    ' | ([12] [0-9] ("0" [48] | [2468] [048] | [13579] [26]) | "2000") "-02-29")'
)
_HOUR, _SIXTY = '([01] [0-9] | "2" [0-3])', "[0-5] [0-9]"
_ZONE = f'("Z" | [+-] {_HOUR} ":" {_SIXTY})'
_TIME = f'{_HOUR} ":" {_SIXTY} ":" {_SIXTY} ("." [0-9]{{1,6}})?'
_OCTET = '([0-9] | [1-9] [0-9] | "1" [0-9]{2} | "2" [0-4] [0-9] | "25" [0-5])'
_IPV4 = f'{_OCTET} ("." {_OCTET}){{3}}'
_IPV6 = f'{_HEX}{{1,4}} (":" {_HEX}{{1,4}}){{7}}'
_LABEL = "[a-z0-9] ([a-z0-9-]{0,20} [a-z0-9])?"
_HOST = f'({_LABEL} "."){{1,3}} [a-z]{{2,6}}'
_URL = f'"http" "s"? "://" {_HOST} ("/" [a-zA-Z0-9._~=&?/-]{{0,200}})?'


def _uuid(version: str) -> str:
    return f'{_HEX}{{8}} "-" {_HEX}{{4}} "-" {version} {_HEX}{{3}} "-" [89ab] {_HEX}{{3}} "-" {_HEX}{{12}}'


FORMATS = {
    "date": _DATE,
    "time": f"{_TIME} {_ZONE}?",
    "date-time": f'{_DATE} "T" {_TIME} {_ZONE}?',
    "duration": (
        '"P" ([0-9]{1,4} "D" ("T" [0-9]{1,2} "H")?'
        ' | "T" ([0-9]{1,4} "H" [0-9]{1,4} "M" | [0-9]{1,4} "M" ([0-9]{1,2} "S")? | [0-9]{1,4} "S"))'
    ),
    "uuid": _uuid("[1-8]"),
    **{f"uuid{version}": _uuid(f'"{version}"') for version in range(1, 9)},
    "email": f'[a-z0-9] ([a-z0-9_+-]{{0,30}} [a-z0-9])? "@" {_HOST}',
    "uri": _URL,
    "ipv4": _IPV4,
    "ipv6": _IPV6,
    "ipvanyaddress": f"({_IPV4} | {_IPV6})",
    "base64": "([A-Za-z0-9+/]{4}){1,250}",
    "base64url": "([A-Za-z0-9_-]{4}){1,250}",
}
"""What stands between the quotes. Years run from 1000 to 2999, since Python has no year 0."""
