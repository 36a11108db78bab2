"""A GPU as a machine: each shape of call goes to its cost model; prices are remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...compiler.cost import Cost
from ...compiler.shapes import Attention, Gather, Grouped, Pointwise, Product, Reduction, Sort, Transfer
from ..links import way_of, way_seconds
from ..machine import Bound, Timing, Timings
from ..target import Target
from .attention import context_parts
from .attention_decode import decode_parts
from .attention_tiles import Card, kept_tiles, tile_of
from .card import card_of
from .products import Products
from .ragged import Ragged
from .vector import Parts, VectorRates, Work, gather, pointwise, reduction, sort, streamed

Amount = TypeVar("Amount", float, NDArray[np.float64])

HOST_OPS = ("lookup",)
"""Ops that the thread does which launches."""


class GpuMachine:
    """Prices calls on a GPU (`simulator.machine.Machine`)."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._card = card_of(target, "f32")
        self._cards = {"f32": self._card}
        self._known: dict[Cost, Timing] = {}
        self._products = Products(target)
        self._ragged = Ragged(target)
        vector, lanes = target.vector, target.vector.units * target.clock
        shared = [level.latency for level in target.memory if level.name == "sram"]
        self._rates = VectorRates(lanes * vector.flops["f32"], lanes * vector.special, (shared or [0.0])[0])

    def time(self, call: Cost) -> Timing:
        """What the call takes, alone, all its operands in the device's memory."""
        timing = self._known.get(call)
        if timing is None:
            timing = self._known[call] = self._time(call)
        return timing

    def time_grouped(self, loads: NDArray[np.int64], n: float, k: float, dtype: str) -> Timings:
        """One `Grouped` of each input; `loads`: [inputs, ways] rows of each way."""
        launch, done, macs = self.target.launch, self._ragged.many(loads, n, k, dtype), loads.sum(axis=1) * float(n) * k
        seconds, none = done.seconds + launch.device, np.zeros(len(loads))
        joules = self._joules(macs, none, done.bytes, dtype)
        at = (none + launch.device, none + launch.host)
        return Timings(seconds, done.compute, done.memory, *at, macs, none, done.bytes, joules)

    def _time(self, call: Cost) -> Timing:
        target, shape = self.target, call.shape
        host = call.launches * target.launch.host
        if isinstance(shape, Transfer):
            return self._timing(call, transfer(target, shape), 0.0, host, "load")
        if isinstance(shape, Pointwise) and shape.op in HOST_OPS:
            return self._timing(call, Parts(host, 0.0, 0.0, 0.0, {}), 0.0, host, "launch")
        launch = call.launches * target.launch.device
        if not call.macs and not call.bytes:
            return self._timing(call, Parts(0.0, 0.0, 0.0, 0.0, {}), launch, host)
        return self._timing(call, self._parts(call), launch, host)

    def _parts(self, call: Cost) -> Parts:
        """By shape; what has none is a roofline."""
        card, rates = self._card, self._rates
        match call.shape:
            case Product() as shape:
                return self._product(shape)
            case Grouped() as shape:
                return self._ragged.one(shape)
            case Attention() as shape:
                return self._attention(shape)
            case Pointwise() as shape:
                return pointwise(card, rates, shape)
            case Reduction() as shape:
                return reduction(card, rates, shape)
            case Gather() as shape:
                return gather(card, rates, shape)
            case Sort() as shape:
                return sort(card, rates, shape)
        dtype = getattr(call.shape, "dtype", "f32")
        return self._roofline(call, dtype)

    def _roofline(self, call: Cost, dtype: str) -> Parts:
        """Multiply-adds at the peak of the matrix units, or bytes at the memory's rate."""
        moved = streamed(self._card, self._rates, call.bytes, call.bytes, 0.0, Work())
        card = self._card_of(dtype)
        compute = call.macs / (card.units * card.macs * card.clock)
        return moved._replace(seconds=max(moved.seconds, self._card.dram_latency + compute), compute=compute)

    def _product(self, shape: Product) -> Parts:
        one = self._products.time(shape.m, shape.n, shape.k, batch=shape.batch, window=float(shape.window), dtype=shape.dtype)
        seconds = one.seconds - self.target.launch.device
        return Parts(seconds, one.compute, one.memory, 0.0, {"dram": one.dram, "l2": max(one.l2, one.dram)})

    def _attention(self, shape: Attention) -> Parts:
        """The better of many blocks of queries and of split keys, as libraries choose."""
        card, widths = self._card_of(shape.dtype), float(shape.width + shape.value_width)
        batch, heads, kv_heads = float(shape.batch), float(shape.heads), float(shape.kv_heads)
        queries, keys, kept = float(shape.queries), float(shape.keys), float(shape.kept)
        key, value = float(shape.width), float(shape.value_width)
        rows, columns = map(float, shape.block or (1, 1))
        seen = kept_tiles(kept, queries, tile_of(card, key, True)[1], rows, columns)
        options = (
            context_parts(card, batch, heads, kv_heads, queries, keys, key, value, shape.causal, kept, rows, columns, False),
            decode_parts(card, batch, heads, kv_heads, queries, keys, key, value, seen, False),
        )
        seconds, compute, memory, _ = min(options)
        pairs = queries * keys - (queries * (queries - 1) / 2 if shape.causal else 0.0)
        moved = batch * card.item * widths * (heads * queries + kv_heads * keys)
        return Parts(seconds - card.launch, compute, memory, batch * heads * pairs * kept, {"dram": moved, "l2": moved})

    def _card_of(self, dtype: str) -> Card:
        if dtype not in self._cards:
            self._cards[dtype] = card_of(self.target, dtype)
        return self._cards[dtype]

    def _timing(self, call: Cost, parts: Parts, launch: float, host: float, bound: Bound | None = None) -> Timing:
        """With what it costs to launch, and what it was as slow as."""
        compute, memory = parts.compute, parts.memory
        seconds = parts.seconds + launch
        if bound is None:
            bound = "launch" if launch >= max(compute, memory) else "compute" if compute >= memory else "memory"
        dtype = getattr(call.shape, "dtype", "f32")
        joules = self._joules(call.macs, parts.flops, parts.bytes, dtype)
        return Timing(seconds, compute, memory, launch, host, call.macs, parts.flops, parts.bytes, joules, bound)

    def _joules(self, macs: Amount, flops: Amount, moved: Mapping[str, Amount], dtype: str) -> Amount:
        """What the work itself takes: operations, and bytes by the levels that they pass. 0 where the target says nothing."""
        energy = self.target.energy
        known = energy.mac.get(dtype, energy.mac.get("f32", 0.0)), energy.flop.get("f32", 0.0)
        return macs * known[0] + flops * known[1] + sum(energy.byte.get(level, 0.0) * some for level, some in moved.items())


def transfer(target: Target, shape: Transfer) -> Parts:
    """Over links, or read and written within the device's memory. `CompileError` where no links lead there."""
    way = way_of(target, shape)
    if not way:
        own = target.device_memory
        return Parts(
            2.0 * shape.bytes / own.bandwidth, 0.0, 2.0 * shape.bytes / own.bandwidth, 0.0, {own.name: 2.0 * shape.bytes}
        )
    seconds = way_seconds(way, shape.bytes)
    return Parts(seconds, 0.0, seconds, 0.0, dict.fromkeys((way[0].source, way[-1].destination), shape.bytes))
