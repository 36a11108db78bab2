"""
When tasks start and end on queues that run in parallel, over flat arrays. `docs/engine.md` says what holds.

    tasks = TaskList()
    load = tasks.add("copy", moves={"link": 64e6}, latency=2e-6)        # -> its number
    use = tasks.add("device", 1e-3, after=[load], moves={"dram": 64e6})  # ends when seconds and transfer are both through
    tasks.hold("memory", 64e6, load, use)                                # from the start of one to the end of the other

    run(tasks.done(), {"link": 64e9, "dram": 4.8e12}, {"memory": 1e9}) -> Schedule
    run_many(tasks.done(), ..., seconds=[inputs, tasks], amounts=[inputs, moves]) -> ends, [inputs, tasks]
    latencies(ends.max(axis=1)) -> p50, p90, p99

Both take `sharing="fair"` (transfers in flight share bandwidth, max-min fair) or `"in order"` (one at a time; monotone in all).
"""

from .running import Sharing, run, run_many
from .schedule import DoesNotFit, Schedule, Wait
from .tasks import TaskList, Tasks
from .totals import Latencies, latencies

__all__ = ["DoesNotFit", "Latencies", "Schedule", "Sharing", "TaskList", "Tasks", "Wait", "latencies", "run", "run_many"]
