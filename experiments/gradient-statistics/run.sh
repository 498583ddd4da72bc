#!/usr/bin/env bash
# Trains the policies that see gradient statistics at every tenth step, and compares them with those that see the loss alone on the digits. SEEDS may be
# set to train fewer seeds. Results: runs/gradient-statistics
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() { # optimizer-seed
  local run="runs/gradient-statistics/$1"
  [ -f "$run.done" ] && return
  "$qstride" train --recipe "experiments/gradient-statistics/${1%-*}.json" --seed "${1##*-}" --out "$run" --no-compare --no-plots --force --threads 1 > "$run.txt"
  touch "$run.done"
}
export -f train
mkdir -p runs/gradient-statistics
for seed in ${SEEDS:-0 1 2}; do printf '%s\n' "adam-$seed" "momentum-$seed"; done | xargs -P "$(nproc)" -I{} bash -c 'train {}'
policies=$(for seed in ${SEEDS:-0 1 2}; do printf '%s\n' "runs/gradient-statistics/adam-$seed" "runs/gradient-statistics/momentum-$seed"; done | paste -sd,)
"$qstride" compare --tasks digits --seeds 5 --methods "rule:adam,rule:momentum,schedule-adam,schedule-momentum,$policies,tuned:sgd" --reference tuned:sgd \
  --pairs "runs/gradient-statistics/adam-0=schedule-adam,runs/gradient-statistics/momentum-0=schedule-momentum" --out runs/gradient-statistics/digits --force
