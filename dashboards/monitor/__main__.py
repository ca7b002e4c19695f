"""`python -m dashboards.monitor`: the demo's pipeline under a real Prometheus, until Ctrl-C."""

import signal
import sys

if __name__ == "__main__":
    # Ctrl-C while the libraries are imported is nothing to show a traceback of.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dashboards.monitor.run import main

    sys.exit(main())
