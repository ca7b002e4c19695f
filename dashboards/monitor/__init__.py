"""`make monitor`: the demo's pipeline under a real Prometheus, to look at."""
