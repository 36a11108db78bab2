"""The helpers of these tests are importable by their names, as `tests/support` is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
