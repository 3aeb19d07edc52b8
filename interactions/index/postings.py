"""Which interactions have which value, as sets of their numbers. Knows no database."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nlargest

from pyroaring import BitMap

# A dimension is its name and, for labels and scores, the id of their key (else 0).
Dimension = tuple[str, int]
Value = int | float | str

MODEL: Dimension = ("model", 0)  # the model's id, 0 for none
SOURCE: Dimension = ("source", 0)
STATE: Dimension = ("state", 0)
ERROR: Dimension = ("error", 0)  # its kind
FAILED: Dimension = ("failed", 0)  # 1: has an error of some kind
IMAGE: Dimension = ("image", 0)  # 1: has an image
USER: Dimension = ("user", 0)  # hexadecimal digits
HOUR: Dimension = ("hour", 0)  # hours since 1970 of `created_at`
LABELLED: Dimension = ("labelled", 0)  # ids of label keys
SCORED: Dimension = ("scored", 0)  # ids of feedback keys
COMPARED: Dimension = ("compared", 0)  # ids of feedback keys
# What an interaction is recorded with and keeps as long as it exists.
LASTING = frozenset({MODEL, SOURCE, USER, HOUR})

# Of a dimension with more values than this only the commonest are held; the others are looked up in the store.
MOST_VALUES = 2_000
VALUES_KEPT = 1_000

# The numbers with each value of each dimension.
Grouped = dict[Dimension, dict[Value, list[int]]]


def LABEL(key_id: int) -> Dimension:
    """Values are ids of labels."""
    return ("label", key_id)


def SCORE(key_id: int) -> Dimension:
    """Values are what was given, or ranges of it, see `Values.ranged`."""
    return ("score", key_id)


@dataclass(slots=True)
class Values:
    """The values of one dimension.

    Not `complete`: there are values that are not held. `ranged`: a held value stands for all up to the next `ceiling`.
    """

    held: dict[Value, BitMap] = field(default_factory=dict)
    complete: bool = True
    ranged: bool = False

    def add(self, groups: dict[Value, list[int]]) -> None:
        for value, numbers in (_in_ranges(groups) if self.ranged else groups).items():
            if value in self.held:
                self.held[value].update(numbers)
            elif self.complete:
                self.held[value] = BitMap(numbers)

    def remove(self, numbers: BitMap) -> None:
        for bitmap in self.held.values():
            bitmap.difference_update(numbers)
        if self.complete:
            for value in [value for value, bitmap in self.held.items() if not bitmap]:
                del self.held[value]

    def keep_commonest(self) -> None:
        self.held = dict(nlargest(VALUES_KEPT, self.held.items(), key=lambda item: len(item[1])))
        self.complete = False

    def set_ranged(self) -> None:
        if self.ranged:
            return
        ranges: dict[Value, list[BitMap]] = {}
        for value, bitmap in self.held.items():
            ranges.setdefault(floor(float(value)), []).append(bitmap)
        self.held = {value: BitMap.union(*several) for value, several in ranges.items()}
        self.ranged = True

    def within(self, block: BitMap) -> Values:
        parts = {value: bitmap & block for value, bitmap in self.held.items()}
        # Where not all is held, also what is not in the block: that it is held must be known.
        kept = {value: part for value, part in parts.items() if part or not self.complete}
        return Values(kept, self.complete, self.ranged)


def merged(parts: list[Values]) -> Values:
    """The values of several blocks as one."""
    if any(part.ranged for part in parts):
        for part in parts:
            part.set_ranged()
    several: dict[Value, list[BitMap]] = {}
    for part in parts:
        for value, bitmap in part.held.items():
            several.setdefault(value, []).append(bitmap)
    incomplete = [part.held.keys() for part in parts if not part.complete]
    held = {
        value: BitMap.union(*bitmaps)
        for value, bitmaps in several.items()
        if all(value in known for known in incomplete)  # else it is held for some blocks only
    }
    return Values(held, not incomplete, any(part.ranged for part in parts))


class Postings:
    """The sets of a project, or of a part of it."""

    def __init__(self) -> None:
        self.all = BitMap()
        self.dimensions: dict[Dimension, Values] = {}

    def values(self, dimension: Dimension) -> Values:
        return self.dimensions.get(dimension) or Values()

    def add(self, numbers: Iterable[int], grouped: Grouped) -> None:
        self.all.update(numbers)
        for dimension, groups in grouped.items():
            values = self.dimensions.setdefault(dimension, Values())
            values.add(groups)
            _bound(dimension, values)

    def remove(self, numbers: BitMap, *, lasting: bool) -> None:
        """Forget what is known of `numbers`; with `lasting` all of it, else only what can change."""
        if lasting:
            self.all.difference_update(numbers)
        for dimension, values in self.dimensions.items():
            if lasting or dimension not in LASTING:
                values.remove(numbers)

    def within(self, numbers: BitMap) -> Postings:
        """Copies of the sets, as far as they lie in `numbers`."""
        part = Postings()
        part.all = self.all & numbers
        for dimension, values in self.dimensions.items():
            kept = values.within(numbers)
            if kept.held or not kept.complete:
                part.dimensions[dimension] = kept
        return part


def united(parts: list[Postings]) -> Postings:
    """Several blocks as one."""
    whole = Postings()
    whole.all = BitMap.union(*(part.all for part in parts)) if parts else BitMap()
    by_dimension: dict[Dimension, list[Values]] = {}
    for part in parts:
        for dimension, values in part.dimensions.items():
            by_dimension.setdefault(dimension, []).append(values)
    whole.dimensions = {dimension: merged(several) for dimension, several in by_dimension.items()}
    for dimension, values in whole.dimensions.items():
        _bound(dimension, values)
    return whole


def _bound(dimension: Dimension, values: Values) -> None:
    """See that there are not too many values. Of labels, users and errors there may be one for each interaction."""
    if len(values.held) > MOST_VALUES:
        if dimension[0] == "score":
            values.set_ranged()
        elif values.complete and dimension[0] in ("label", "user", "error"):
            values.keep_commonest()


# Ranges of floating-point numbers: those that agree in sign, exponent and the first 7 bits of the mantissa.

_DROPPED_BITS = 45
# The order of -5e-324; -0.0 comes after it, and is 0.0.
_BELOW_ZERO = (1 << 63) - 2


def floor(value: float) -> float:
    """The least value of the range that `value` lies in."""
    return _value(_order(value) >> _DROPPED_BITS << _DROPPED_BITS)


def ceiling(value: float) -> float:
    """The greatest value of the range that `value` lies in."""
    greatest = _order(value) | ((1 << _DROPPED_BITS) - 1)
    return _value(min(greatest, _BELOW_ZERO) if value < 0 else greatest)


def _order(value: float) -> int:
    """Whole numbers in the order of the values they stand for; 0.0 and -0.0 are one."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", value + 0.0))
    return int(~bits & 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else bits | 1 << 63)


def _value(order: int) -> float:
    bits = order & ~(1 << 63) if order >> 63 else ~order & 0xFFFF_FFFF_FFFF_FFFF
    return float(struct.unpack(">d", struct.pack(">Q", bits))[0])


def _in_ranges(groups: dict[Value, list[int]]) -> dict[Value, list[int]]:
    ranges: dict[Value, list[int]] = {}
    for value, numbers in groups.items():
        ranges.setdefault(floor(float(value)), []).extend(numbers)
    return ranges


def blocks(bitmap: BitMap, size: int) -> Iterator[int]:
    """The blocks of `size` numbers that hold some of `bitmap`."""
    number = bitmap.min() if bitmap else None
    while number is not None:
        block = number // size
        yield block
        number = bitmap.next_set_bit((block + 1) * size) if (block + 1) * size <= bitmap.max() else None
