"""A checkpoint as Hugging Face writes it, in shards with an index, becomes chunks of a store, the same bit for bit."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

import chunkc

transformers = pytest.importorskip("transformers")


@pytest.mark.slow
def test_mixtral_in_shards(tmp_path):
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_local_experts": 4, "vocab_size": 40}
    config = transformers.MixtralConfig(**sizes, num_attention_heads=2, num_key_value_heads=2)
    model = transformers.MixtralForCausalLM(config)
    model.save_pretrained(tmp_path / "mixtral", max_shard_size="12KB")
    assert len(list((tmp_path / "mixtral").glob("*.safetensors"))) > 2
    saved = {}
    for shard in (tmp_path / "mixtral").glob("*.safetensors"):
        saved |= load_file(shard)
    manifest = chunkc.import_checkpoint(tmp_path / "mixtral", "mixtral@v1", store=tmp_path / "store", split="auto")
    assert "model.layers.1" in manifest.parts and "" in manifest.parts
    found = {}
    for part, one in manifest.parts.items():
        found |= {f"{part}.{name}" if part else name: value for name, value in load_file(one.blob.path).items()}
    assert found.keys() == saved.keys() and all(torch.equal(found[name], saved[name]) for name in saved)
