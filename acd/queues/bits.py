"""Sets of small numbers as the bits of one integer: ten thousand agents meet in a tenth of a microsecond.

Bit `n` stands for the member `n`: an agent's place in the configuration, or a lane's number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

MANY = 256  # from here, writing the set out and reading it is faster than setting bit after bit
FEW = 16  # up to here, taking the lowest bit off again and again is faster than writing the set out


def members(bits: int) -> Iterator[int]:
    """The members, lowest first."""
    return _few(bits) if bits.bit_count() <= FEW else _many(bits)


def of(numbers: Iterable[int]) -> int:
    """The set of these members."""
    numbers = numbers if isinstance(numbers, list) else list(numbers)
    return _of_many(numbers) if len(numbers) > MANY else _of_few(numbers)


def _of_many(numbers: list[int]) -> int:
    """Written out in binary digits, which are read at once."""
    written = bytearray(b"0") * (max(numbers) + 1)
    for number in numbers:
        written[~number] = 49
    return int(written, 2)


def _of_few(numbers: list[int]) -> int:
    whole = bytearray()
    for number in numbers:
        place, bit = divmod(number, 8)
        if place >= len(whole):
            whole.extend(bytes(place + 1 - len(whole)))
        whole[place] |= 1 << bit
    return int.from_bytes(whole, "little")


class Renumbering:
    """Members get other numbers: `to[n]` is what `n` becomes, -1 for who is out."""

    __slots__ = ("_kept", "same", "to")

    def __init__(self, to: Sequence[int]) -> None:
        self.to = to
        self.same = all(number in (-1, place) for place, number in enumerate(to))
        self._kept = ~of(place for place, number in enumerate(to) if number < 0)

    def __call__(self, bits: int) -> int:
        """The set by the new numbers, without those who are out."""
        bits &= self._kept
        return bits if self.same else of(map(self.to.__getitem__, members(bits)))


def lowest(bits: int) -> int:
    """The lowest member; -1 of none."""
    return (bits & -bits).bit_length() - 1


def nth(bits: int, number: int) -> int:
    """The member that has `number` members below it; by halving, so that it costs the logarithm of the width."""
    base, width = 0, bits.bit_length()
    while width > 1:
        half = width // 2
        lower = bits & ((1 << half) - 1)
        below = lower.bit_count()
        if number < below:
            bits, width = lower, half
        else:
            number, bits, base, width = number - below, bits >> half, base + half, width - half
    return base


def _few(bits: int) -> Iterator[int]:
    while bits:
        member = (bits & -bits).bit_length() - 1
        yield member
        bits ^= 1 << member


def _many(bits: int) -> Iterator[int]:
    written = bin(bits)[:1:-1]
    at = written.find("1")
    while at >= 0:
        yield at
        at = written.find("1", at + 1)
