"""The wording of the codes of activity profiles."""

from __future__ import annotations

from .diagnostics import Code

PROFILES = {
    "CC0901": Code(
        "profile that cannot be read",
        """A profile is a JSON file that `chunkc profile` or `chunkc.profile(…).write(path)` wrote; `docs/profiles.md` lists its keys. It is
read strictly: a key that is missing or not known, a count that cannot be, or another version of the format is an error, and never guessed at.

    chunkc profile moe.cc --dims B=2,T=16 --calls 20 -o moe.profile.json""",
    ),
    "CC0902": Code(
        "profile of another model",
        """A profile names the model it was recorded of by a fingerprint of the model's name and parameters, and each selection by its path and
number of ways. It fits no model with other sizes or other numbers of chunks. (Other weights are no error: what is built on a profile checks
each call's own decisions, and computes everything where they are not as recorded.)

    chunkc profile moe.cc -D experts=8 --dims B=2,T=16 -o eight.json
    chunkc opt moe.cc -D experts=16 --profile eight.json        # record one with -D experts=16""",
    ),
}
