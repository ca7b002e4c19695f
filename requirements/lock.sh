#!/bin/sh
# Pins every dependency with its hash. Run by `make lock`, never in CI.
set -eu
cd "$(dirname "$0")"
compile() {
  out=$1
  shift
  ../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --output-file "$out" "$@"
}
compile uv.txt uv.in
compile run.txt ../pyproject.toml --extra local
compile media.txt ../pyproject.toml --extra local --extra video --extra provenance
compile dev.txt ../pyproject.toml --extra local --extra video --extra provenance --group ../pyproject.toml:dev
compile oracle.txt oracle.in
compile bench.txt ../pyproject.toml --extra local --extra video --extra provenance --group ../pyproject.toml:dev \
  --group ../pyproject.toml:bench
