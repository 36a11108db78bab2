"""Measured tables are read strictly, with all that is wrong told at its place."""

from __future__ import annotations

import numpy as np
import pytest

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.source import Source
from chunkc.simulator.tables import Column, parse_table, read_table, with_predictions

COLUMNS = (Column("m"), Column("past", least=0), Column("share", least=0, whole=False), Column("spread", word=True))
GOOD = "spread,m,past,share,extra,latency_ms\nbalanced,4,0,0.5,a b,0.25\n\nzipf,8,3,1,c,2e-3\n"


def wrong(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(CompileError) as caught:
        parse_table(Source("t.csv", text), COLUMNS)
    assert {d.code for d in caught.value.diagnostics} == {"CC1101"}
    return [(d.span.line, d.span.text, d.message) for d in caught.value.diagnostics]


def test_columns_are_found_by_name_and_others_are_kept():
    table = parse_table(Source("t.csv", GOOD), COLUMNS)
    assert len(table) == 2 and table.columns["m"].tolist() == [4, 8] and table.columns["spread"].tolist() == ["balanced", "zipf"]
    assert np.allclose(table.seconds, [0.25e-3, 2e-6]) and "extra" not in table.columns
    written = with_predictions(table, np.array([1e-3, 2e-3]))
    assert written.splitlines()[1] == "balanced,4,0,0.5,a b,0.25,1"
    again = parse_table(Source("t.csv", written), COLUMNS)
    assert again.seconds.tolist() == table.seconds.tolist()
    assert with_predictions(again, np.array([1e-3, 2e-3])) == written, "predictions are written in the place of earlier ones"


def test_all_that_is_wrong_is_told_at_once():
    assert wrong("spread,M,past,share,past\n") == [
        (1, "spread,M,past,share,past", "the column `past` stands twice"),
        (1, "spread,M,past,share,past", "the table has no column `m`"),
        (1, "spread,M,past,share,past", "the table has no column `latency_ms`"),
    ]
    header = "spread,m,past,share,latency_ms\n"
    assert [(line, text) for line, text, _ in wrong(header + "x,0,1,2,3\n ,1.5,-1,nan,0\ny,1,1,-0.5,inf\n")] == [
        (2, "0"),
        (3, "1.5"),
        (3, "-1"),
        (3, "nan"),
        (4, "-0.5"),
        (3, " "),
        (3, "0"),
        (4, "inf"),
    ]
    assert wrong(header + "x,1,1\n")[0] == (2, "x,1,1", "this row has 3 values, the header 5 names")
    assert wrong(header)[0][2] == "the table has no rows" and len(wrong("")) == 5
    assert wrong(header + 'a "b",x,1,1,1\n')[0][:2] == (2, 'a "b",x,1,1,1'), "with quotes the line is underlined"


def test_a_file_that_is_no_text_or_not_there(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"m\n\xff")
    for name in ("t.csv", "none.csv"):
        with pytest.raises(CompileError, match="CC1101"):
            read_table(tmp_path / name, COLUMNS)
