"""Names and public addresses without a network: they lead to servers on the loopback interface."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest

_resolve, _connect = socket.getaddrinfo, socket.create_connection


class Internet:
    """What names resolve to, and which port of this machine answers for an address."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[Sequence[str]]] = {}
        """Several answers are given one after the other, the last one again and again."""
        self.servers: dict[str, int] = {}
        self.connected: list[str] = []
        for variable in ("http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(variable, raising=False)
            patch.delenv(variable.upper(), raising=False)
        patch.setattr(socket, "getaddrinfo", self._resolve)
        patch.setattr(socket, "create_connection", self._connect)

    def _resolve(self, host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        answers = self.names.get(host)
        if answers is None:
            return _resolve(host, port, *rest, **named)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (each, 0)) for each in addresses]

    def _connect(self, address: tuple[str, int], *rest: Any, **named: Any) -> socket.socket:
        self.connected.append(address[0])
        if address[0] in self.servers:
            address = "127.0.0.1", self.servers[address[0]]
        return _connect(address, *rest, **named)
