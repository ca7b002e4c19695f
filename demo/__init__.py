"""`make demo`: the whole pipeline on a broker of its own, with what was decided and why."""
