"""Random models in the surface language: chunks, routers, masks, fuses, loops and losses, put together by a small grammar.

All values are `f32[B, T, d]` (`seq`) or `f32[B, d]` (`vec`), so that everything fits everything of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

WEIGHTS = ("", "", "softmax", "sigmoid", "renormalise(softmax)", "renormalise(sigmoid)", "1")
LIMITS = (0.0, 0.2, 0.4, 0.5)


@st.composite
def sources(draw: st.DrawFn, *, steps: int = 7) -> str:
    """The text of a model called `m`."""
    writer = Writer(draw(st.randoms(use_true_random=False)))
    return writer.model(draw(st.integers(1, steps)))


@dataclass
class Chunk:
    """A declared chunk: its name, how many there are of it (0: a single one), and what it may be applied to."""

    name: str
    count: int
    takes: str


@dataclass
class Writer:
    """Writes statements; each may use what stands above it."""

    random: Random
    lines: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=lambda: {"seq": ["x"], "vec": ["p"]})
    chunks: list[Chunk] = field(default_factory=list)
    routers: list[tuple[str, str, int]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    count: int = 0

    def model(self, steps: int) -> str:
        self.line("model m(d: int = 4) {")
        self.line("  input x: f32[B, T, d]")
        self.line("  input p: f32[B, d]")
        self.line("  param shared: f32[d, d]")
        for _ in range(steps):
            kinds = (self.pruned, self.attended, self.skipped, self.early, self.among, self.balanced, self.let)
            self.pick(*[self.mixed] * 5, *kinds)()
        last = self.values["seq"][-1], self.values["vec"][-1]
        self.line(f"  output y = mean({last[0]}, T) + {last[1]}")
        for place, text in enumerate(self.random.sample(self.outputs, min(3, len(self.outputs)))):
            self.line(f"  output o{place} = {text}")
        self.line("}")
        return "\n".join(self.lines) + "\n"

    # ---- words

    def line(self, text: str) -> None:
        self.lines.append(text)

    def pick(self, *options):  # type: ignore[no-untyped-def]
        return self.random.choice(options)

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def value(self, kind: str) -> str:
        return self.random.choice(self.values[kind])

    def let(self) -> None:
        """A value by ops alone."""
        kind = self.pick("seq", "vec")
        a, b, name = self.value(kind), self.value(kind), self.fresh("v")
        text = self.pick(
            f"{a} |> layer_norm |> linear(d) |> tanh",
            f"{a} + 0.5 * {b}",
            f"sigmoid({a}) * {b}",
            f"if training {{ {a} |> dropout(p=0.3) }} else {{ {a} }}",
            f"where({a} > 0.1, {a}, tanh({b}))",
            f"gated({a}, {b})",
            f"gated_convex({a}, {b})",
            f"{a} |> linear(shared)",
        )
        self.define(kind, name, text)

    def define(self, kind: str, name: str, text: str, word: str = "") -> None:
        self.line(f"  {word}{name} = {text}")
        self.values[kind].append(name)

    # ---- chunks

    def chunk(self, kind: str, count: int) -> Chunk:
        """A chunk that may be applied to this kind, of one that is there or new."""
        fits = [one for one in self.chunks if one.count == count and one.takes in ("any", kind)]
        if fits and self.chance(0.3):
            return self.random.choice(fits)
        takes, body = self.body(kind)
        made = Chunk(self.fresh("c"), count, takes)
        named = ", ".join(f"{made.name}_{label}" for label in "abcd"[:count])
        array = "" if not count else f"[{named}]" if self.chance(0.2) else f"[{count}]"
        self.line(f"  chunk {made.name}{array}(h) {{ {body} }}")
        self.chunks.append(made)
        return made

    def body(self, kind: str) -> tuple[str, str]:
        """What a chunk may be applied to, and what it computes of `h`."""
        if kind == "seq" and self.chance(0.15):
            heads = "linear(h, d) |> heads(2)"
            return "seq", f"h + (attention({heads}, {heads}, {heads}, mask=causal) |> merge_heads |> linear(d))"
        inner = "router g { score = h |> linear(2)  keep = " + self.pick("top(1)", "above(0.5)", "top_p(0.6)") + " }"
        plain = "\n    "
        return "any", self.pick(
            "h |> linear(2 * d) |> gelu |> linear(d)",
            "silu(linear(h, d)) * linear(h, d)",
            "h |> layer_norm |> linear(d) |> relu",
            "h |> linear(shared) |> tanh",
            "h |> dropout(p=0.25) |> linear(d)",
            "h + 1",
            f"{plain}param a: f32[d] = 0.5{plain}output y = h * a{plain[:-2]}",
            f"{plain}chunk e[2](z) {{ z |> linear(d) |> tanh }}{plain}{inner}{plain}"
            f"output y = h + weighted_sum(e(h), by=g){plain[:-2]}",
            f"{plain}{inner}{plain}output y = weighted_sum([tanh(h), h |> linear(d)], by=g){plain[:-2]}",
        )

    # ---- routers

    def router(self, kind: str, score: str, ways: int, over: str, name: str = "", extra: str = "") -> str:
        """A router with this score; `over` the names of what it decides for."""
        name = name or self.fresh("r")
        fields = [f"score = {score}"]
        weight = self.pick(*WEIGHTS)
        fields += [f"weight = {weight}"] if weight else []
        fields.append(f"keep = {self.keep(kind, ways, over)}")
        fields += [self.pick("fallback = last when none", "fallback = all when coverage < 0.5")] if self.chance(0.3) else []
        fields += [f"train = {self.pick('straight_through', 'gumbel(0.7)', 'hard')}"] if self.chance(0.4) else []
        fields += [extra] if extra else []
        same = [router for router, other, count in self.routers if (other, count) == (over, ways)]
        fields += [f"within = {self.pick('', 'not ')}{self.random.choice(same)}"] if same and self.chance(0.3) else []
        self.line(f"  router {name} {{ {'  '.join(fields)} }}")
        if "[" not in name:
            self.routers.append((name, over, ways))
            self.outputs += [f"{name}.weight", f"{name}.kept", f"{name}.load", f"{name}.score"]
            self.loss(name)
        return name

    def keep(self, kind: str, ways: int, over: str) -> str:
        limit = self.pick(*LIMITS)
        rules = [
            f"top({self.random.randint(1, ways)})",
            f"top({self.random.randint(1, ways)}, of=sigmoid(score))",
            f"top({self.pick(25, 50, 80)}%)",
            f"above({limit})",
            f"above({limit}, of=score)",
            f"above(learned({limit}))",
            f"above(learned({limit}, from={self.pick('x' if over == 'B, T' else 'p')}))",
            f"top_p({self.pick(0.3, 0.7, 1.0)})",
            "all",
            f"top(share({self.pick(0.3, 0.6)}), over=[{over}])",
            f"top(1) |> first(share({self.pick(0.2, 0.6)}), over=[{over}])",
            f"top({min(2, ways)}) |> above({limit})",
            f"above({limit}) |> first(1)",
        ]
        rule: str = self.pick(*rules)
        return f"if training {{ {rule} }} else {{ {self.pick(*rules)} }}" if self.chance(0.15) else rule

    def score(self, kind: str, x: str, ways: int) -> tuple[str, str]:
        """A score for a value, and the names of what it decides for."""
        hidden = " |> linear(3) |> tanh" if self.chance(0.3) else ""
        if kind == "vec":
            return f"{x}{hidden} |> linear({ways})", "B"
        if self.chance(0.4):
            return f"{x} |> mean(T){hidden} |> linear({ways})", "B"
        return f"{x}{hidden} |> linear({ways})", "B, T"

    def loss(self, name: str) -> None:
        if self.chance(0.4):
            text = self.pick(f"density({name})", f"0.1 * load_balance({name})", f"z_loss({name})", f"consistency({name}, p)")
            self.line(f"  loss {self.fresh('l')} = {text}")

    def mixed(self) -> None:
        """A router over some ways, and their fuse."""
        kind = self.pick("seq", "vec")
        x, ways = self.value(kind), self.random.randint(1, 4)
        streams = self.streams(kind, ways)
        score, over = self.score(kind, self.value(kind), ways)
        router = self.router(kind, score, ways, over)
        name = self.fresh("y")
        fuses = [f"weighted_sum({streams}, by={router})", f"sum({streams}, by={router})", f"mean({streams}, by={router})"]
        fuses += [f"concat({streams}, by={router}) |> linear(d)", f"{x} + mean({streams})", f"learned({streams}, by={router})"]
        fuses += [f"residual({x}, weighted_sum({streams}, by={router}))"]
        fuses += [f"null_point({streams}, by={router}, heads=2)"] if kind == "vec" and ways > 1 else []
        self.define(kind, name, self.pick(*fuses), "fuse ")

    def streams(self, kind: str, ways: int) -> str:
        """A bundle, or a list."""
        x = self.value(kind)
        if ways > 1 and self.chance(0.5):
            array = self.chunk(kind, ways)
            given = x if self.chance(0.8) else f"[{', '.join(self.value(kind) for _ in range(ways))}]"
            return f"{array.name}({given})"
        parts = []
        for _ in range(ways):
            part = self.pick("call", "op", "value", "shared")
            calls = f"{self.chunk(kind, 0).name}({x})" if part == "call" else ""
            parts.append(calls or {"op": f"tanh({x}) * 0.5", "value": x, "shared": f"linear(relu({x}), d)"}[part])
        return f"[{', '.join(parts)}]"

    def balanced(self) -> None:
        """A mixture whose load a state evens out."""
        bias, router, name = self.fresh("bias"), self.fresh("r"), self.fresh("y")
        array = self.chunk("seq", 3)
        self.line(f"  state {bias}: f32[3] = 0")
        self.line(f"  router {router} {{ score = {self.value('seq')} |> linear(3)  keep = top(1, of=softmax(score) + {bias}) }}")
        new = f"next {bias} = {bias} + 0.1 * sign(mean({router}.load) - {router}.load)"
        self.line(f"  if training {{ {new} }}" if self.chance(0.5) else f"  {new}")
        self.define("seq", name, f"weighted_sum({array.name}({self.value('seq')}), by={router})", "fuse ")

    # ---- loops

    def skipped(self) -> None:
        """Blocks of a loop that run where they are worth it."""
        kind = self.pick("seq", "vec")
        array, h, live = self.chunk(kind, 2), self.fresh("h"), self.fresh("live")
        self.line(f"  {h} = {self.value(kind)}")
        self.line("  for i in 0..2 {")
        score, over = self.score(kind, h, 1)
        self.router(kind, score, 1, over, f"{live}[i]")
        if self.chance(0.5):
            self.line(f"  loss {self.fresh('l')} = density({live}[i])")
        self.line(f"  fuse {h} = residual({h}, {array.name}[i]({h}), by={live}[i])")
        self.line("  }")
        self.values[kind].append(h)

    def among(self) -> None:
        """Kept positions that see only each other."""
        array, live, name = self.fresh("b"), self.fresh("live"), self.fresh("y")
        heads = "linear(n, d) |> heads(2)"
        mask = self.pick("", ", mask=causal")
        turned = self.pick("", " |> rope")
        attention = f"attention({heads}{turned}, {heads}{turned}, {heads}{mask}) |> merge_heads |> linear(d)"
        self.line(f"  chunk {array}(h) {{\n    n = h |> layer_norm\n    output y = h + ({attention})\n  }}")
        x = self.value("seq")
        self.router("seq", f"{x} |> linear(1)", 1, "B, T", live)
        self.define("seq", name, f"residual({x}, {array}({x}, among={live}), by={live})", "fuse ")

    def early(self) -> None:
        """Early exit from a tower."""
        stage, answer, sure, router, name = (self.fresh(stem) for stem in ("s", "a", "u", "r", "y"))
        kind, depth = self.pick("seq", "vec"), self.random.randint(2, 3)
        h = self.fresh("h")
        self.line(f"  chunk {stage}[{depth}](h) {{ h + (h |> layer_norm |> linear(d) |> gelu) }}")
        self.line(f"  {h} = {self.value(kind)}")
        self.line(f"  for i in 0..{depth} {{")
        self.line(f"    {h} = {stage}[i]({h})\n    {answer}[i] = {h} |> linear(d)")
        self.line(f"    {sure}[i] = {answer}[i] |> softmax |> max\n  }}")
        limit, rest = self.pick(0.3, 0.4, 0.6), self.pick("", "  fallback = last when none")
        weight = self.pick("1", "1", "sigmoid")
        keep = f"above({limit}, of=score) |> first(1)"
        self.line(f"  router {router} {{ score = stack({sure})  weight = {weight}  keep = {keep}{rest} }}")
        self.define(kind, name, f"weighted_sum({answer}, by={router})", "fuse ")
        self.outputs.append(f"{router}.kept")

    # ---- masks

    def pruned(self) -> None:
        """A hidden layer of which a mask leaves a part."""
        w, mask, name = self.fresh("w"), self.fresh("k"), self.fresh("y")
        self.line(f"  param {w}: f32[2 * d, d]")
        kind, x = "vec", self.value("vec")
        grain = self.pick("neuron", "neuron", "weight", "block(2, 2)", "tokens")
        if grain == "tokens":
            kind, x, grain = "seq", self.value("seq"), "neuron"
            score = f"{x} |> linear(2 * d)"
        else:
            score = f"importance({x}, {w}, hidden=3)"
        keep = self.pick("top(50%)", "top(2)", "above(0.5)", "above(learned(0.4))", "top_p(0.9)")
        train = self.pick("", "  train = straight_through", "  train = hard")
        self.line(f"  mask {mask} {{ score = {score}  grain = {grain}  keep = {keep}{train} }}")
        if self.chance(0.4):
            self.line(f"  loss {self.fresh('l')} = density({mask})")
        act = self.pick("relu", "gelu", "sigmoid")
        self.define(kind, name, f"{x} |> linear({w}, mask={mask}) |> {act} |> linear(d)")
        self.outputs.append(f"{mask}.kept")

    def attended(self) -> None:
        """Attention over pairs that a mask leaves."""
        mask, name = self.fresh("k"), self.fresh("y")
        x, other = self.value("seq"), self.value("seq")
        groups = self.pick(2, 1)
        levels = self.chance(0.4)
        plain = self.pick("top(50%)", "top(1)", "above(0.1)", "above(learned(0.1))")
        keep = "levels(coarse=top(25%), fine=all)" if levels else plain
        grain = self.pick("pair", "pair", "block(2, 2)")
        train = self.pick("", "  train = straight_through")
        weight = self.pick("", "", "  weight = renormalise(softmax)", "  weight = softmax")
        ends = 2 if levels else 1
        score = f"pairs({x}, {other}) |> linear({ends})" + ("" if levels else " |> squeeze(-1)")
        self.line(f"  mask {mask} {{ score = {score}  keep = {keep}  grain = {grain}{weight}{train} }}")
        q, k = f"linear({x}, d) |> heads(2)", f"linear({other}, {groups} * d / 2) |> heads({groups})"
        masks = mask if self.chance(0.7) else f"[{mask}, causal]"
        self.define("seq", name, f"attention({q}, {k}, {k}, mask={masks}) |> merge_heads |> linear(d)")
