"""Known vulnerabilities of what is locked: `python -m tests.supply.audit PIP_AUDIT LOCK [--if-reachable]`.

pip-audit ends with 0 for packages that it could not look up at all. Here each locked package is vulnerable,
clean or not audited, and "not audited" is never taken for "clean".
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.supply.lock import pins

VULNERABLE: Final = 1
NOT_AUDITED: Final = 2
SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of it, each package once."""

    clean: int
    not_audited: int
    known: tuple[str, ...]

    def status(self, *, if_reachable: bool) -> int:
        """0, VULNERABLE or NOT_AUDITED, which is forgiven only where nothing could be asked."""
        if self.known:
            return VULNERABLE
        if self.not_audited:
            return 0 if if_reachable and not self.clean else NOT_AUDITED
        return 0

    def told(self) -> str:
        """For people, and for a log that is read later."""
        lines = [f"KNOWN VULNERABILITY {line}" for line in self.known]
        if self.not_audited:
            lines.append(
                f"AUDIT NOT RUN for {self.not_audited} packages: the service could not be asked about them"
            )
        lines.append(
            f"audit: {self.clean} clean, {len(self.known)} vulnerable, {self.not_audited} not audited"
        )
        return "\n".join(lines)


def read(answer: dict[str, Any], locked: set[tuple[str, str]]) -> Audit:
    """pip-audit's JSON against the lock: a package that it does not speak of was not audited."""
    asked = {
        (one["name"].lower(), one["version"]): one.get("vulns", [])
        for one in answer.get("dependencies", [])
        if "skip_reason" not in one
    }
    known = tuple(
        f"{name} {version}: {one['id']} (mended in {', '.join(one['fix_versions']) or 'no release'})"
        for (name, version), found in sorted(asked.items())
        for one in found
    )
    vulnerable = {key for key, found in asked.items() if found}
    return Audit(len(asked.keys() & locked - vulnerable), len(locked - asked.keys()), known)


def main() -> int:
    """Ask, tell, and give the status."""
    tool, lock = sys.argv[1:3]
    arguments = [tool, "-r", lock, "--disable-pip", "--no-deps", "-f", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(arguments, capture_output=True, check=False, timeout=SECONDS)
        answer = json.loads(done.stdout or b"{}")
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        answer = {}
    found = read(answer, set(pins(Path(lock))))
    print(found.told())  # noqa: T201
    return found.status(if_reachable="--if-reachable" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
