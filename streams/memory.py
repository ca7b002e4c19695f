"""How often Python looks for garbage."""

import gc


def defer_collection() -> None:
    """Look for no garbage until `settle_memory`: a start makes millions of objects that stay, and
    a quarter of its time went into looking them over."""
    gc.disable()


def settle_memory() -> None:
    """Spare the garbage collector what lives as long as the process, and call it less often: a
    chunk makes tens of thousands of objects that all die with it, and at Python's defaults a
    third of a worker's time went into looking them over."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
