"""What lives as long as the process: tables, addresses, models. The garbage collector need not look at it.

A full collection looks at every object there is. Of what a web process holds from its start on that is a
quarter of a million: a request that fell into one waited 150 to 350 ms longer. Called by the long-running
processes, once they have loaded what they keep.
"""

from __future__ import annotations

import gc


def settle() -> int:
    """Take what there is now for lasting, after its garbage is gone. Gives how many objects that is.

    Takes as long as one full collection: to be called before anybody waits.
    """
    gc.collect()
    gc.freeze()
    return gc.get_freeze_count()


def settle_quickly() -> int:
    """The same in no time, while somebody may wait: what is garbage in cycles just now stays."""
    gc.freeze()
    return gc.get_freeze_count()
