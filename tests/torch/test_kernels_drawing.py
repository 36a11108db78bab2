"""Draws and hashes: the bits of the reference, whatever is skipped."""

import hashlib

import numpy as np
import torch

from chunkc.backends.reference import MEANING
from chunkc.backends.torch.kernels import KERNELS as K

PATH = "layer.3.expert.1.dropout"
KEY = int.from_bytes(hashlib.sha256(PATH.encode()).digest()[:8], "little")


def test_hashes_are_the_references():
    ids = torch.tensor([0, 1, -1, 7, 50256, 2**62, -(2**63), 2**63 - 1])
    for n, seed in ((8, 0), (1000, 3), (2**40, 2**63 + 5)):
        assert K["hash_mod"](ids, n, seed).tolist() == MEANING["hash"](ids.numpy(), n=n, seed=seed).tolist()
    assert torch.equal(K["hash_mod"](ids[:5].int(), 8), K["hash_mod"](ids[:5], 8))


def test_draws_are_the_references_and_inside_the_unit_interval():
    x = torch.zeros(7, 5, 3, dtype=torch.float64)
    for seed in (0, 1, 2**64 - 1):
        expected = MEANING["uniform"](x.numpy(), path=PATH, seed=seed)
        assert np.array_equal(K["uniform"](x, seed, KEY).numpy(), expected)
        signed = torch.tensor(K["wrapped"](seed))
        assert np.array_equal(K["uniform"](x, signed, KEY).numpy(), expected)
    low = K["uniform"](torch.zeros(1000, 1000), 5, KEY)
    assert low.dtype == torch.float32 and low.min() > 0 and low.max() < 1
    assert abs(low.mean() - 0.5) < 1e-3
    assert K["uniform"](torch.zeros(3, dtype=torch.bfloat16), 5, KEY).dtype == torch.float32


def test_gathered_rows_draw_what_they_would_in_place():
    x = torch.zeros(12, 4, dtype=torch.float64)
    dense = K["uniform"](x, 9, KEY)
    rows = torch.tensor([3, 0, 11])
    assert torch.equal(K["uniform"](x[rows], 9, KEY, rows), dense[rows])
    assert torch.equal(K["uniform"](x[rows].unsqueeze(1), 9, KEY, rows), dense[rows].unsqueeze(1))
    assert K["uniform"](x[:0], 9, KEY, rows[:0]).shape == (0, 4)
    assert K["uniform"](torch.zeros(()), 9, KEY).shape == ()


def test_draws_compile_to_the_same_bits():
    compiled = torch.compile(lambda x, rows: K["uniform"](x, 9, KEY, rows), fullgraph=True, dynamic=True)
    for count in (5, 40):
        rows = torch.randperm(100)[:count]
        x = torch.zeros(count, 3)
        assert torch.equal(compiled(x, rows), K["uniform"](x, 9, KEY, rows))
