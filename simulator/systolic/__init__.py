"""Systolic arrays: a stepped array that moves operands, the closed forms it proves, and the memory behind the array."""
