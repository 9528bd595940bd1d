#!/usr/bin/env bash
# The step of action.yml: annotations on standard output, SARIF in a file where that is asked for.
# In: TPC_PATHS, TPC_ARGS, TPC_SARIF, TPC_VERSION. Exit status: that of tpc lint.
set -euo pipefail

if ! command -v tpc >/dev/null; then
  cargo install tpc --locked ${TPC_VERSION:+--version "$TPC_VERSION"}
fi

# Words, split at blanks and line ends but not expanded as patterns.
set -f
# shellcheck disable=SC2206
paths=(${TPC_PATHS:-.})
# shellcheck disable=SC2206
args=(${TPC_ARGS:-})
set +f

reports=(--format github)
if [[ -n "${TPC_SARIF:-}" ]]; then
  reports+=(--format sarif --output "$TPC_SARIF")
  echo "sarif=$TPC_SARIF" >>"${GITHUB_OUTPUT:-/dev/null}"
fi

tpc lint "${reports[@]}" ${args[@]+"${args[@]}"} -- "${paths[@]}"
