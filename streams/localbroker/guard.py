"""Runs one command and ends it when the parent is gone, however the parent went.

`python guard.py DIRECTORY COMMAND …`: starts the command, writes its process id and a newline to
standard output, and waits. When the command ends, so does the guard. When standard input closes,
which the kernel does even for a parent that was killed, the guard kills the command and removes
DIRECTORY (`-` for none). A parent-death signal would not do: it is Linux's own, and fires when the
thread that started the command ends.

Uses the standard library alone, to start within milliseconds under `python -I -S`.
"""

import os
import shutil
import subprocess
import sys
import threading


def main() -> None:
    directory, command = sys.argv[1], sys.argv[2:]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)  # noqa: S603
    print(child.pid, flush=True)

    orphaned = threading.Event()

    def end_with_parent() -> None:
        while os.read(0, 64):
            pass
        orphaned.set()
        child.kill()
        child.wait()
        if directory != "-":
            shutil.rmtree(directory, ignore_errors=True)
        os._exit(0)

    watcher = threading.Thread(target=end_with_parent, daemon=True)
    watcher.start()
    code = child.wait()
    if orphaned.is_set():
        watcher.join()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
