"""`python -m deploy`: write what is generated here; with `--check`, say whether it is current."""

import sys
from pathlib import Path

from deploy.acls import DEFAULTS, FOLDER, files
from streams.settings import load_settings

RULES = FOLDER.parent / "dashboards" / "seawall.rules.yaml"


def generated() -> dict[Path, str]:
    """Every generated file and what must be in it."""
    settings = load_settings(None, DEFAULTS, environment={}).settings
    access = {FOLDER / name: text for name, text in files(settings, "kafka").items()}
    # Helm reads no file outside its chart.
    rules = {FOLDER / "helm" / "seawall" / "files" / RULES.name: RULES.read_text("utf-8")}
    return access | rules


def main() -> int:
    """Write, or check: 1 when a file is not current."""
    check = "--check" in sys.argv[1:]
    stale = {
        path: text
        for path, text in generated().items()
        if not path.is_file() or path.read_text("utf-8") != text
    }
    for path, text in stale.items():
        print(f"{path.name} is not current: run python -m deploy" if check else path.name)
        if not check:
            path.write_text(text, "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
