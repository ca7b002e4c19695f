#!/bin/sh
# Copies the librarian's snapshot from the shared volume to the pod's own, where the worker maps it
# into memory, and again whenever there is a new one. Runs as a sidecar that starts before the
# worker: SOURCE and TARGET are the files, REFRESH_SECONDS the time between looks.
set -eu
: "${SOURCE:?}" "${TARGET:?}" "${REFRESH_SECONDS:?}"
ended=0
trap 'ended=1' TERM INT
copied=
while [ "$ended" = 0 ]; do
  # Inode, size and time of change: the librarian puts each new snapshot in place whole.
  found=$(stat -c '%i %s %Y' "$SOURCE" 2>/dev/null || true)
  if [ -n "$found" ] && [ "$found" != "$copied" ]; then
    if cp "$SOURCE" "$TARGET.new" && chmod 0400 "$TARGET.new" && cmp -s "$SOURCE" "$TARGET.new"; then
      mv -f "$TARGET.new" "$TARGET"
      copied=$found
      echo "snapshot of $(stat -c %s "$TARGET") bytes is in place"
    else
      rm -f "$TARGET.new"
      echo "the snapshot could not be copied, or changed meanwhile: trying again" >&2
    fi
  elif [ -z "$found" ]; then
    echo "waiting for the librarian's first snapshot" >&2
  fi
  sleep "$REFRESH_SECONDS" &
  wait "$!" || true
done
