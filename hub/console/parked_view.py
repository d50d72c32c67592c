"""What an operator sees of a record that was put aside: enough to decide on it, and no person's number."""

from dataclasses import dataclass
from typing import Final

from hub.store.operations import Parked
from schemas.masking import mask_numbers

LONGEST: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedView:
    """A parked record, and the beginning of what it holds."""

    record: Parked
    text: str
    is_cut: bool


def view_parked(record: Parked) -> ParkedView:
    """Show a parked record; numbers that could be a person's are masked."""
    text = mask_numbers((record.bytes or b"")[: 10 * LONGEST].decode(errors="replace"))
    return ParkedView(record=record, text=text[:LONGEST], is_cut=len(text) > LONGEST)
