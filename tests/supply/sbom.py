"""The SBOM is what the lock says: `python -m tests.supply.sbom SBOM LOCK`, a part of `make sbom`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.supply.lock import pins


def faults(sbom: dict[str, Any], locked: dict[tuple[str, str], frozenset[str]]) -> list[str]:
    """Everything in which a CycloneDX document differs from a lock."""
    found = [] if sbom.get("bomFormat") == "CycloneDX" else ["not CycloneDX"]
    listed: dict[tuple[str, str], frozenset[str]] = {}
    for one in sbom.get("components", []):
        hashes = [
            item["content"] for where in one.get("externalReferences", []) for item in where.get("hashes", [])
        ]
        name, version = one["name"].lower(), one.get("version", "")
        listed[name, version] = frozenset(hashes)
        if one.get("purl", "").split("?")[0].partition("#")[0] != f"pkg:pypi/{name}@{version}":
            found.append(f"{name} {version}: purl {one.get('purl')}")
    found += [f"{name} {version}: not in the SBOM" for name, version in locked.keys() - listed.keys()]
    found += [f"{name} {version}: not in the lock" for name, version in listed.keys() - locked.keys()]
    found += [
        f"{name} {version}: other hashes"
        for name, version in locked.keys() & listed.keys()
        if locked[name, version] != listed[name, version]
    ]
    return sorted(found)


def main() -> int:
    """Compare, and say how many packages there are."""
    sbom = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    locked = pins(Path(sys.argv[2]))
    found = faults(sbom, locked)
    print("\n".join(found) or f"SBOM: {len(locked)} packages, as locked ({sys.argv[1]})")  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
