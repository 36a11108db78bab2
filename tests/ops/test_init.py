"""Parameters start by their own path and the seed, whatever else there is."""

from __future__ import annotations

import numpy as np
import pytest
from hand import tensor

from chunkc.compiler.init import initial
from chunkc.compiler.ir import Parameter


def parameter(init: tuple[str, float], path: str = "a.weight", dtype: str = "f32", *shape: int) -> Parameter:
    return Parameter(path, tensor(dtype, *(shape or (400, 5))), init)


def test_uniform_and_normal_have_their_spread():
    uniform = initial(parameter(("uniform", 0.25)), 0)
    assert uniform.dtype == np.float32 and uniform.shape == (400, 5)
    assert -0.25 <= uniform.min() < -0.24 and 0.24 < uniform.max() <= 0.25
    normal = initial(parameter(("normal", 2.0)), 0)
    assert abs(normal.std() - 2) < 0.1 and abs(normal.mean()) < 0.15


@pytest.mark.parametrize(
    "dtype, expected", [("f64", "f8"), ("bf16", "f4"), ("f16", "f4"), ("i64", "i8"), ("i32", "i4"), ("bool", "?")]
)
def test_constants_have_their_dtype(dtype: str, expected: str):
    value = initial(parameter(("constant", 1.0), "s", dtype, 3), 0)
    assert value.dtype == np.dtype(expected) and (value == 1).all()
    assert initial(Parameter("s", tensor("f32"), ("constant", 0.5)), 0).shape == ()


def test_seed_and_path_make_the_values_and_the_dtype_does_not():
    one = initial(parameter(("uniform", 1.0)), 0)
    assert (one == initial(parameter(("uniform", 1.0)), 0)).all()
    assert (one != initial(parameter(("uniform", 1.0)), 1)).mean() > 0.99
    assert (one != initial(parameter(("uniform", 1.0), "b.weight"), 0)).mean() > 0.99
    assert (one == initial(parameter(("uniform", 1.0), "a.weight", "f64"), 0).astype(np.float32)).all()


def test_values_stay_what_they_were():
    """A stored model's test values depend on them: a change of the generator shows here."""
    assert initial(parameter(("normal", 1.0), "expert.0.linear_1.weight", "f64", 3), 7) == pytest.approx(VALUES)


VALUES = [-0.996536317467, -2.184356335689, -0.358342477748]


def test_what_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="`p` has the size B"):
        initial(Parameter("p", tensor("f32", "B"), ("constant", 0.0)), 0)
    with pytest.raises(ValueError, match="no known way"):
        initial(parameter(("magic", 1.0)), 0)
