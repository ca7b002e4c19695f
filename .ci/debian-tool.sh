#!/bin/sh
# debian-tool.sh PACKAGE PROGRAM: print the path of PROGRAM; when it is not installed, from Debian's
# PACKAGE, fetched without root into a cache outside the clone. Exit code 1 with the reason when
# neither can be had.
set -eu
package=$1 program=$2
if command -v "$program"; then exit 0; fi
cache="${XDG_CACHE_HOME:-$HOME/.cache}/seawall/debian/$package"
find_program() { find "$cache" -path "*/bin/$program" -perm -u+x 2>/dev/null | head -n 1; }
found=$(find_program)
if [ -z "$found" ]; then
  for needed in apt-get dpkg; do
    command -v "$needed" >/dev/null || { echo "$program is not installed, and without $needed it cannot be fetched" >&2; exit 1; }
  done
  mkdir -p "$cache.new"
  trap 'rm -rf "$cache.new"' EXIT
  if ! (cd "$cache.new" && apt-get download -q "$package" && dpkg -x "$package"_*.deb . && rm -f -- *.deb) >"$cache.log" 2>&1; then
    echo "$program is not installed, and apt-get download $package failed: $(tail -n 1 "$cache.log")" >&2
    exit 1
  fi
  rm -rf "$cache"
  mv "$cache.new" "$cache"
  found=$(find_program)
  [ -n "$found" ] || { echo "Debian's $package holds no $program" >&2; exit 1; }
fi
echo "$found"
