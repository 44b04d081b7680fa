"""The conformance suite of GeoReport v2: `REGISTER` has its fifty checks, `run_all` runs them."""

from connectors.open311.conformance.listing import LISTING
from connectors.open311.conformance.posting import POSTING
from connectors.open311.conformance.reading import READING
from connectors.open311.conformance.server import Server
from connectors.open311.conformance.suite import FAILED, PASSED, SKIPPED, Outcome, Register, run_all

REGISTER = Register({**READING.checks, **POSTING.checks, **LISTING.checks})

__all__ = ["FAILED", "PASSED", "REGISTER", "SKIPPED", "Outcome", "Register", "Server", "run_all"]
