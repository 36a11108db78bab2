"""What tests of the store share: nothing waits for the disk, which is what most of their time would go to."""

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
