"""``doctor``: what works here, and how well a server speaks gpt-oss."""

from .machine import examine_machine
from .server import examine_server
from .values import Check, Finding, Outcome, Report

__all__ = ["Check", "Finding", "Outcome", "Report", "examine_machine", "examine_server"]
