"""Every spec at a size for tests: compile-time parameters, run-time dimensions, and what makes its decisions vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SPECS = Path(__file__).parents[2] / "specs"


@dataclass(frozen=True)
class Case:
    """One spec, small.

    `gain` multiplies the start values of parameters whose path begins so: with PyTorch's small start values many a gate would
    always say the same. `below` bounds the values of integer inputs. `stream` scales the other inputs.
    """

    spec: str
    params: Mapping[str, int | float] = field(default_factory=dict)
    dims: Mapping[str, int] = field(default_factory=dict)
    gain: Mapping[str, float] = field(default_factory=dict)
    below: Mapping[str, int] = field(default_factory=dict)
    bind: Mapping[str, str] = field(default_factory=dict)
    stream: float = 1.0
    always: frozenset[str] = frozenset()
    """Selections that keep or drop the same at each run by what they say, so that only one of the two can be seen."""
    label: str = ""

    @property
    def path(self) -> Path:
        return SPECS / f"{self.spec}.cc"

    @property
    def name(self) -> str:
        return self.label or self.spec


def _case(
    spec: str,
    dims: str,
    gain: Mapping[str, float] | None = None,
    below: Mapping[str, int] | None = None,
    bind: Mapping[str, str] | None = None,
    stream: float = 1.0,
    always: str = "",
    label: str = "",
    **params: int | float,
) -> Case:
    sizes = {name: int(size) for name, size in (pair.split("=") for pair in dims.split())}
    return Case(spec, params, sizes, gain or {}, below or {}, bind or {}, stream, frozenset(always.split()), label)


PARTS = {name: str(SPECS / "parts" / f"{name}.cc") for name in ("edges", "texture", "shapes")}

CASES = (
    _case("moe", "B=3 T=5", d=8, experts=4),
    _case("switch", "B=3 T=5", d=8, experts=4),
    _case("mixtral", "B=2 T=5", d=8, ffn=6, h=4, g=2, experts=4),
    _case("deepseek_moe", "B=3 T=5", d=8, ffn=4, experts=12, groups=4, k=3),
    _case("expert_choice", "B=3 T=5", d=8, experts=4),
    _case("soft_moe", "B=2 T=5", d=8, experts=3, slots=2),
    _case("composition", "B=4", {"attend": 8.0}, bind=PARTS, d=4),
    _case("dynamic_sparsity", "B=6", {"live.importance": 14.0}, d=6),
    _case("dynamic_sparsity_channel", "B=4 H=5 W=6", c=4, classes=3),
    _case("dynamic_sparsity_weight", "B=5", d=6),
    _case("dynamic_sparsity_block", "B=5", {"live.importance": 14.0}, d=8, block=4),
    _case("dynamic_sparsity_block", "B=5", {"live.importance": 14.0}, d=6, block=4, label="dynamic_sparsity_block-edges"),
    _case("dynamic_sparsity_hierarchical", "B=5", d=6),
    _case("topk_neurons", "B=3 T=4", d=8, rank=3),
    _case("active_layers", "B=6 T=3", {"live": 30.0}, d=8, layers=6),
    _case("mixture_of_depths", "B=2 T=9", {"live": 3.0}, d=8, layers=2, h=2),
    _case("early_exit", "B=8", {"classify": 6.0}, d=8, layers=3, classes=3),
    _case("translation_attention", "B=2 S=7 T=5", {"grain": 9.0}, d=8, h=2),
    _case("translation_attention_block", "B=2 S=7 T=5", {"grain": 9.0}, d=8, h=2, block=2),
    _case("learned_fusion", "B=4", d=8, layers=3),
    _case("gated_fusion", "B=4", image=6, text=5, d=8),
    _case("convex_fusion", "B=4", image=6, text=5, d=8),
    _case("null_point", "B=5", d=8, pathways=4, h=2, k=2),
    _case("nine_ways", "B=8", d=9, k=4, h=3),
    _case("self_pool", "B=3 T=5", d=8, classes=3),
    _case("cross_pool", "B=3 S=5", d=8, asked=6, classes=3),
    _case("multi_pathway", "B=3 T=5", d=8, h=2),
    _case("resnet18", "B=3 H=40 W=48", width=2, classes=3),
    _case("gpt", "B=2 T=6", below={"ids": 11}, vocabulary=11, context=8, layers=2, h=2, d=8),
    _case("vit", "B=2", size=8, patch=4, layers=2, h=2, d=8, classes=3),
    _case("hash_routing", "B=3 T=8", below={"ids": 100}, d=8, experts=4),
    _case("skipnet", "B=6 H=2 W=3", {"live": 8.0, "live.0.linear_1": -1.0}, stream=4.0, c=8, layers=3, classes=3),
    _case("deja_vu", "B=2 T=4", d=8, layers=2, h=2),
    _case("x_lora", "B=3 T=5", {"scaling": 6.0}, d=8, adapters=4, rank=2),
    _case("ponder_net", "B=8", {"halt": 6.0}, stream=2.0, d=6, steps=4, classes=3),
)


def every_spec() -> list[Path]:
    """All files of `specs/`, parts and standard library included."""
    return sorted([*SPECS.glob("*.cc"), *SPECS.glob("parts/*.cc")])
