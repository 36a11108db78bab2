"""Two levels: the memory of a device that computes, and RAM before it.

Each has a room, and residents that decide what lies there. A chunk that the device is to hold is read into RAM, if it is not
there, and copied; in RAM it stays while nothing else needs the room, so that the next time it is only copied. Where the device is
the CPU there is one level, and RAM is what is counted.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ....compiler.loading.residents import Residents
from ..foreign.chunks import Runners
from ..tensors import LOAN
from .loader import Job, Loader
from .replicas import lend


class Device:
    """Where chunks are copied to, on a stream beside the one that computes."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cuda = device.type == "cuda"
        self.stream = torch.cuda.Stream(device) if self.cuda else None

    def copies(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of the device with the same numbers, there when this comes back."""
        if self.stream is None:
            return {name: tensor.to(self.device, copy=True) for name, tensor in tensors.items()}
        with torch.cuda.stream(self.stream):
            found = {name: tensor.to(self.device, non_blocking=True) for name, tensor in tensors.items()}
        self.stream.synchronize()
        return found

    def settle(self) -> None:
        """Until nothing that was launched reads what is about to go."""
        if self.cuda:
            torch.cuda.synchronize(self.device)


class Staged(Loader):
    """The mover of a device's memory. `ram`: what lies in RAM, filled from files by a loader of its own."""

    def __init__(self, device: Device, residents: Residents, room: int, runners: Runners) -> None:
        super().__init__(runners)
        self.device = device
        self.ram = Residents(residents.sizes, room, policy=residents.policy)
        # Versions are those of the device: the same tables.
        self.ram.sizes, self.ram.versions, self.ram.newest = residents.sizes, residents.versions, residents.newest
        self.ram.mover = self.below = Loader(pinned=device.cuda)
        weakref.finalize(self, self.below.close)

    def job(self, key: str) -> Job:
        # Runners are the device's own, and rows cannot be read one by one into another memory.
        self.below.parcels[key] = replace(self.parcels[key], foreign=(), partial=frozenset())
        return StagedJob(replace(self.parcels[key], partial=frozenset()), self.runners, staged=self, key=key)


class StagedJob(Job):
    """A load of a device, out of RAM."""

    def __init__(self, *arguments: object, staged: Staged, key: str) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.staged, self.key = staged, key

    def bring(self) -> None:
        """Its tensors, copied; they are in RAM first, and may go from there when they were copied."""
        ram, below = self.staged.ram, self.staged.below
        with ram.call() as lease:
            lease.acquire(self.key)
            job = below.jobs[self.key]
            self.look()
            self.verified = job.verified
            for name, tensor in self.staged.device.copies(job.tensors).items():
                self.tensors[name] = lend(tensor, job.tensors[name].__dict__.get(LOAN))

    def give_back(self) -> None:
        """The device's memory goes, when nothing reads it any more."""
        if self.tensors:
            self.staged.device.settle()
        super().give_back()
