"""Runs one subject of the pipeline benchmark as a process of its own, until SIGTERM.

`python -m benchmarks.subject NAME`, with settings from the environment as for `seawall worker`.
"""

import sys

from benchmarks.work import Work, pass_work
from streams.settings import Settings, load_settings


def main(name: str) -> None:
    """`name` is PEER-WORK, such as `faust-pass`. Imports only what the subject needs, so that its
    memory is its own."""
    settings = load_settings().settings
    match name.split("-"):
        case ["seawall", "stages"]:
            from streams.app import run_worker
            from streams.logs import set_up_logging

            set_up_logging("WARNING")
            run_worker(settings)
        case ["seawall", "pass"]:
            from benchmarks.peers import seawall_engine
            from streams.logs import set_up_logging

            set_up_logging("WARNING")
            seawall_engine.run(settings, pass_work(settings))
        case ["faust", "stages" | "pass" as work]:
            from benchmarks.peers import faust_agent

            faust_agent.run(settings, _work(work, settings))
        case ["quixstreams", "stages" | "pass" as work]:
            from benchmarks.peers import quix_app

            quix_app.run(settings, _work(work, settings))
        case ["aiokafka", "pass"]:
            from benchmarks.peers import aiokafka_loop

            aiokafka_loop.run(settings)
        case _:
            raise SystemExit(f"no such subject: {name}")


def _work(name: str, settings: Settings) -> Work:
    if name == "pass":
        return pass_work(settings)
    from benchmarks.stage_work import stage_work

    return stage_work(settings)


if __name__ == "__main__":
    main(sys.argv[1])
