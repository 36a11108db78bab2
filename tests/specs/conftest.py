"""The harness of these tests is importable by its name, as `tests/support` is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
