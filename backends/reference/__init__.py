"""The plain dense meaning in NumPy float64: the oracle for everything else.

`run(graph, inputs, params)` computes every chunk and every part, then selects away what is absent. It can replay the
decisions and draws of another backend, and says where its own decisions would have differed and by how little
(`Result.disagreements`).
"""

from .interpret import run
from .meaning import MEANING
from .result import Disagreement, Inadmissible, Result, RunError, SelectionStats, admissible

__all__ = ["MEANING", "Disagreement", "Inadmissible", "Result", "RunError", "SelectionStats", "admissible", "run"]
