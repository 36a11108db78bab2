"""The default of what goes: whichever rule loads the least for the uses there are, and never much more than `lru`.

Rules are judged by shadow caches (`shadows.py`), and the one in charge is followed: of what is resident, what its shadow does not
hold goes first. Another one takes over when it has saved, since the two were last equal, more than it takes to load what its
shadow holds and is not resident (as one buys skis when renting them has cost as much: Karlin et al. 1988), and more than chance
explains. Whatever happens, once `SLACK` and half a cache (with a plan: `TRUST` caches) more has been loaded than
least-recently-used would have, that is followed until half of this is left. Following a shadow from any state costs at most one
cache more than the shadow loads, because each load that only it was spared makes the two more alike (Fiat et al. 1991,
"Competitive paging algorithms"). So no more is ever loaded than (1 + SLACK) times what `lru` loads, and one and a half caches
(with a plan: TRUST + 1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .shadows import Shadow, Shares, going

HALVES = (1.0, 8.0, 64.0)
"""How long the past counts, in uses per chunk: for what changes now and then, and for what does not."""
SLACK = 0.005
TRUST = 4
"""So many caches more than `lru` a plan may cost."""
CHANCE = 2.5
"""Standard deviations."""

Distance = Callable[[str], int]


@dataclass
class Duel:
    """How much more the rule in charge has loaded than another: since they were last equal, and the sum of squares."""

    ahead: float = 0.0
    squares: float = 0.0

    def told(self, mine: int, other: int) -> None:
        self.ahead += mine - other
        self.squares += (mine - other) ** 2
        if self.ahead <= 0:
            self.ahead = self.squares = 0.0

    @property
    def sure(self) -> bool:
        """Whether the other one has saved more than chance explains."""
        return self.ahead > CHANCE * self.squares**0.5


@dataclass
class Adaptive:
    """Follows the best of: `recent` (what was used longest ago goes), `latest` (what was used last goes: the best of a cycle that
    does not fit), and for each of `HALVES` `likely`: what is expected to be used farthest ahead goes. A plan comes to a chunk in
    `distance` acquisitions of its `cycle`, and in a share p of its calls uses it: so that is expected after distance +
    cycle (1/p - 1); if it is `known` that this call uses it, after distance, and if not, after distance + cycle / p. Without a
    plan (`cycle` 0) what was used least often goes, the past ageing."""

    sizes: Mapping[str, int]
    room: int
    distance: Distance
    cycle: int = 0
    known: Callable[[str], bool | None] = lambda unit: None
    heeds_plan: bool = False
    """The plan reckons with all that may be used; this one with what is."""
    shadows: dict[str, Shadow] = field(init=False)
    shares: tuple[Shares, ...] = field(init=False)
    leader: str = field(init=False)
    duels: dict[str, Duel] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """When each was used last, in uses."""
    since: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The same, negated."""
    clock: int = 0
    follower: dict[str, None] = field(default_factory=dict)
    """What would be resident had the rules in charge decided alone, without prefetches and chunks that are held; what was used
    last comes last."""
    bytes: int = 0
    loaded: int = 0
    """Bytes that would have been loaded so."""
    recent: int = 0
    """Bytes that `recent` would have loaded."""

    def __post_init__(self) -> None:
        self.shares = tuple(Shares(half * max(1, len(self.sizes))) for half in HALVES)
        rules: dict[str, Callable[[str], float]] = {"recent": self.last.__getitem__, "latest": self.since.__getitem__}
        for half, shares in zip(HALVES, self.shares):
            rules[f"likely {half:g}"] = self._nearness(shares) if self.cycle else shares.used.__getitem__
        self.shadows = {name: Shadow(self.sizes, self.room, rule) for name, rule in rules.items()}
        self._lead(f"likely {HALVES[-1]:g}" if self.cycle else "recent")

    def used(self, unit: str) -> None:
        self._follow(unit)
        self.clock += 1
        self.last[unit], self.since[unit] = self.clock, -self.clock
        for shares in self.shares:
            shares.use(unit)
        loads = {name: shadow.use(unit) for name, shadow in self.shadows.items()}
        self.recent += loads["recent"]
        mine = loads[self.leader]
        for name, other in loads.items():
            if other != mine:
                self.duels[name].told(mine, other)
        self._choose()

    def passed(self, unit: str) -> None:
        """The plan has come to a chunk, whether it was used or not."""
        for shares in self.shares:
            shares.offer(unit)

    def dropped(self, unit: str) -> None:
        pass

    def victims(self, candidates: Sequence[str], need: int) -> list[str]:
        shadow = self.shadows[self.leader]
        strays = [one for one in candidates if one not in shadow.resident]
        gone = going(strays, need, self.sizes, shadow.worth)
        rest = need - sum(self.sizes[one] for one in gone)
        if rest > 0:
            gone += going([one for one in candidates if one in shadow.resident], rest, self.sizes, shadow.worth)
        return gone

    def _follow(self, unit: str) -> None:
        if unit in self.follower:
            del self.follower[unit]
        else:
            size = self.sizes[unit]
            need = self.bytes + size - self.room
            for gone in self.victims(list(self.follower), need) if need > 0 else ():
                del self.follower[gone]
                self.bytes -= self.sizes[gone]
            self.bytes += size
            self.loaded += size
        self.follower[unit] = None

    # ---- who is in charge

    def _choose(self) -> None:
        excess = self.loaded - self.recent
        grace = self.room * (TRUST if self.cycle else 0.5)
        if self.leader != "recent" and excess > SLACK * self.recent + grace:
            self._lead("recent")
        winners = [name for name, duel in self.duels.items() if duel.sure and duel.ahead > self._price(name)]
        if winners and (self.leader != "recent" or excess <= (SLACK * self.recent + grace) / 2):
            self._lead(max(winners, key=lambda name: self.duels[name].ahead))

    def _price(self, name: str) -> int:
        """Bytes that the shadow of a rule holds and the follower does not."""
        return sum(self.sizes[one] for one in self.shadows[name].resident if one not in self.follower)

    def _lead(self, name: str) -> None:
        self.leader = name
        self.duels = {other: Duel() for other in self.shadows if other != name}

    def _nearness(self, shares: Shares) -> Callable[[str], float]:
        def nearness(unit: str) -> float:
            known, distance = self.known(unit), self.distance(unit)
            if known:
                return -distance
            cycles = 1.0 / shares.share(unit) - (known is None)
            return -(distance + self.cycle * cycles)

        return nearness
