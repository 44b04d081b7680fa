"""What is looked at of a YAML text before the parser: PyYAML takes seconds for thousands of open brackets."""

from __future__ import annotations

from typing import Final

#: Maps are three levels deep; brackets within quotes count as well, for that is cheaper than to know better.
DEEPEST: Final = 100


def too_deep(text: str) -> bool:
    """Whether more than `DEEPEST` brackets are open at once. One pass."""
    depth = 0
    for sign in text:
        if sign in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif sign in "]}":
            depth = max(depth - 1, 0)
    return False
