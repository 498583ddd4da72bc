#!/usr/bin/env bash
# Every policy that ships for exact objectives, side by side with what one would use instead. Results: runs/deterministic-*
# The test families belong to the last table only: `experiments/deterministic/run.sh test`.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
for suite in ${1:-fresh unseen peer200}; do
  "$qstride" compare --recipe "experiments/deterministic/$suite.json" --out "runs/deterministic-$suite" --force
done
