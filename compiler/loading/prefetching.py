"""Whether to load ahead: prefetches are paid from a credit that those earn that were used, and that what they waste costs.

Bytes are counted, not seconds, so that the simulator decides alike. A prefetch that is used hides its own bytes. One that goes
unused costs them on the link; so does a chunk that went for one and is loaded again. A wasted byte weighs `COST` used ones,
for it is seldom all of a load that hides behind what runs. A credit begins with the bytes of one cache that may be wasted, never
exceeds that, and runs out when more is lost than won: then prefetching is off. Two things restore it, so that it is tried again:
`TRIAL` of what is loaded otherwise; and, while it is off, guesses that would have been right, of which `UNMADE` counts. So COST
times what is wasted, but for one cache, is at most what is used, `TRIAL` of what is loaded and `UNMADE` of what would have been
right (and what displaced chunks cost beyond that, which is known only when they come back).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

COST = 2.0
TRIAL = 0.02
UNMADE = 0.25
"""A guess that is not made shows that it is right, but not what would have gone for it."""

Kind = Literal["decided", "guess"]
"""What is known to be used in this call, and what is not."""


@dataclass
class Account:
    """The credit of one kind, in used bytes, and the bytes prefetched that were `used` and `wasted` so far."""

    most: float
    left: float = field(init=False)
    used: int = 0
    wasted: int = 0

    def __post_init__(self) -> None:
        self.left = self.most

    def earn(self, amount: float) -> None:
        self.left = min(self.most, self.left + amount)

    def gained(self, amount: int) -> None:
        self.used += amount
        self.earn(amount)

    def lost(self, amount: int) -> None:
        self.wasted += amount
        self.left -= COST * amount


@dataclass
class Prefetching:
    """Is told what is loaded, what is used and what goes, by key and bytes."""

    room: int
    accounts: dict[Kind, Account] = field(init=False)
    ahead: dict[str, Kind] = field(default_factory=dict)
    """Loaded ahead and not used since."""
    displaced: dict[str, tuple[str, Kind]] = field(default_factory=dict)
    """What went for a prefetch, and for which."""

    def __post_init__(self) -> None:
        self.accounts = {"decided": Account(COST * self.room), "guess": Account(COST * self.room)}

    def allows(self, size: int, kind: Kind) -> bool:
        """Whether so many bytes may be loaded ahead."""
        return self.accounts[kind].left >= COST * size

    def unmade(self, size: int, right: bool) -> None:
        """A guess of so many bytes would have been right or wrong. It counts while guesses are off."""
        account = self.accounts["guess"]
        if account.left < COST * size:
            account.left = account.left + UNMADE * size if right else max(min(0.0, account.left), account.left - COST * size)

    def loaded(self, key: str, size: int, gone: Sequence[str], kind: Kind | None) -> None:
        """A load begins, for which others went. None: for what waits for it."""
        if by := self.displaced.pop(key, None):
            self.accounts[by[1]].lost(size)
        if kind is None:
            for account in self.accounts.values():
                account.earn(TRIAL * size)
        else:
            self.ahead[key] = kind
            self.displaced.update(dict.fromkeys(gone, (key, kind)))

    def used(self, key: str, size: int) -> None:
        """A chunk is acquired that is resident."""
        if kind := self.ahead.pop(key, None):
            self.accounts[kind].gained(size)
            # It would have been loaded in any case, in the room of the same.
            self.displaced = {one: by for one, by in self.displaced.items() if by[0] != key}

    def dropped(self, key: str, size: int) -> None:
        """A chunk has gone."""
        if kind := self.ahead.pop(key, None):
            self.accounts[kind].lost(size)
