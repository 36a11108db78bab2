"""`chunkc new NAME`: a starter spec."""

from __future__ import annotations

from pathlib import Path

import click

from .report import guarded

STARTER = '''\
# {name}: a router chooses {k} of {n} experts for each token; the others are not computed.
model {name}(d: int = 64, experts: int = {n}, k: int = {k}) {{
  input x: f32[B, T, d]

  chunk expert[experts](h) {{ h |> linear(4 * d) |> gelu |> linear(d) }}

  router gate {{
    score = x |> linear(experts)
    keep  = top(k)
  }}
  loss balance = 0.01 * load_balance(gate)

  fuse y = weighted_sum(expert(x), by=gate)
  output y
}}
'''


@click.command()
@click.argument("name")
@guarded
def command(name: str) -> None:
    """Write a starter spec to NAME.cc."""
    path = Path(name if name.endswith(".cc") else f"{name}.cc")
    if not (path.stem.isidentifier() and path.stem.isascii()):
        raise click.UsageError(f"`{path.stem}` cannot name a model: use letters, digits and _")
    with path.open("x", encoding="utf-8") as file:
        file.write(STARTER.format(name=path.stem, n=4, k=2))
    click.echo(f"wrote {path}")
    click.echo(f"try: chunkc run {path} --dims B=2,T=16", err=True)
