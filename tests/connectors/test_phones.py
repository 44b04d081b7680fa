"""Which numbers stand in a field that says how to call somebody back."""

from __future__ import annotations

import pytest

from connectors.phones import besides


@pytest.mark.parametrize(
    ("field", "found"),
    [
        # One number is found by all its digits already.
        ("13800005678", ()),
        ("+86 138-0000-5678", ()),
        ("(010) 8765-4321", ()),
        ("87654321", ()),
        ("", ()),
        ("李小明", ()),
        ("010-87654321转801", ("01087654321",)),
        ("010-87654321-801", ("01087654321",)),
        ("０１０－８７６５４３２１转８０１", ("01087654321",)),
        ("87654321分机801", ("87654321",)),
        ("0311-8765432 转 9", ("03118765432",)),
        ("13800005678/13800005679", ("13800005678", "13800005679")),
        ("13800005678 13800005679", ("13800005678", "13800005679")),
        ("13800005678，010-87654321", ("13800005678", "01087654321")),
        ("手机13800005678（女儿）", ()),
        ("13800005678/13800005678", ("13800005678",)),
        # Digits without an end to a number are none.
        ("1380000567813800005679", ()),
        ("110105199001011234", ()),
        ("/".join(f"1380000567{n}" for n in range(9)), tuple(f"1380000567{n}" for n in range(4))),
        ("1" * 100_000, ()),
    ],
)
def test_numbers(field: str, found: tuple[str, ...]) -> None:
    assert besides(field) == found
