"""Sets as bits, and the sorted line that is asked about sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acd.queues import bits
from acd.queues.ladder import RUNG, Ladder

NUMBERS = st.sets(st.integers(0, 3000), max_size=100)


@given(NUMBERS)
def test_a_set_of_bits_has_the_members_it_was_made_of(numbers):
    ordered = sorted(numbers)
    made = bits.of(numbers)
    assert list(bits.members(made)) == ordered
    assert bits.lowest(made) == (ordered[0] if ordered else -1)
    assert [bits.nth(made, place) for place in range(len(ordered))] == ordered


@given(
    st.lists(st.tuples(st.integers(0, 400), st.one_of(st.none(), st.integers(0, 9))), max_size=900),
    st.sets(st.integers(0, 400)),
)
def test_a_ladder_finds_the_first_of_any_set(steps, among):
    ladder: Ladder[tuple[int]] = Ladder()
    keys: dict[int, int] = {}
    for member, key in steps:
        if key is None:
            keys.pop(member, None)
            ladder.drop(member)
        else:
            keys[member] = key
            ladder.put(member, (key,))
    assert len(ladder) == len(keys)
    expected = min(((key, member) for member, key in keys.items() if member in among), default=(0, -1))[1]
    assert ladder.first(bits.of(among)) == expected


def test_many_members_come_out_in_order():
    ladder: Ladder[tuple[int]] = Ladder()
    members = [number * 37 % 1000 for number in range(1000)]
    for place, member in enumerate(members):
        ladder.put(member, (-place,))
    assert len(members) > 5 * RUNG
    came = []
    for _ in members:
        came.append(ladder.first((1 << 1000) - 1))
        ladder.drop(came[-1])
    assert came == members[::-1] and len(ladder) == 0
