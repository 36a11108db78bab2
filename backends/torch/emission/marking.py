"""Lines that tell which steps run, where the text is written to be logged (`backends.torch.logging`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....compiler.plan import Step

if TYPE_CHECKING:
    from .body import Body


def mark(body: Body, step: Step, rows: str = "") -> None:
    """The line that says that this step begins, and on which rows: the text of numbers, or of the rows themselves."""
    if body.logged:
        body.line(f'{body.ctx}.step({step.id}, "{step.kind}"{f", {rows}" if rows else ""})')


def mark_rows(body: Body, rows: str) -> None:
    """The line that says the rows of the step that began last."""
    if body.logged:
        body.line(f"{body.ctx}.step_rows({rows})")
