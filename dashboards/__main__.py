"""`python -m dashboards`: write what is generated; with `--check`, say whether it is current."""

import argparse
import sys
from pathlib import Path

from dashboards.boards import BOARDS
from dashboards.boards.grafana import board_json
from dashboards.rules.model import STEPS, Scale
from dashboards.rules.render import RUNBOOKS, index_page, rules_file, tests_file

FOLDER = Path(__file__).parent
RULES = "seawall.rules.yaml"
BOARD_RUNBOOKS = "http://localhost:9090/user/runbooks"
"""Where a Prometheus on this machine, or a forwarded port, shows them; a board's reader can change
it at its top."""


def generated(runbooks: str | None = None) -> dict[Path, str]:
    """Every generated file, by its path under `dashboards/`, and what must be in it. `runbooks` is
    where alerts and dashboards find the runbook pages."""
    return {
        Path("runbooks/README.md"): index_page(),
        Path(RULES): rules_file(Scale(), runbooks or RUNBOOKS),
        **{Path(f"seawall.rules.test-{step}.yaml"): tests_file(RULES, step) for step in STEPS},
        **{
            Path("grafana") / f"{board.uid}.json": board_json(board, runbooks or BOARD_RUNBOOKS)
            for board in BOARDS
        },
    }


def main() -> int:
    """Write, or check: 1 when a file is not current."""
    parser = argparse.ArgumentParser(
        prog="python -m dashboards",
        description="Write the Prometheus rules, their tests and the Grafana dashboards.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if not current")
    parser.add_argument("--out", type=Path, default=FOLDER, help="a folder (dashboards/)")
    parser.add_argument(
        "--runbooks",
        help="where the runbook pages are, without a slash at the end; else where Prometheus shows "
        "them when started with --web.user-assets=dashboards",
    )
    arguments = parser.parse_args()
    files = generated(arguments.runbooks)
    stale = [
        path
        for path, text in files.items()
        if not (arguments.out / path).is_file() or (arguments.out / path).read_text("utf-8") != text
    ]
    for path in stale:
        print(f"{path} is not current: run `make dashboards`" if arguments.check else path)
        if not arguments.check:
            (arguments.out / path).parent.mkdir(parents=True, exist_ok=True)
            (arguments.out / path).write_text(files[path], "utf-8")
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
