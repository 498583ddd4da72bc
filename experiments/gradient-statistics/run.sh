#!/usr/bin/env bash
# Trains policies that see gradient statistics at every tenth step and policies that see the loss alone, and compares them on the digits. SEEDS may be
# set to train fewer seeds. Results: runs/gradient-statistics
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() { # optimizer-what-seed
  local run="runs/gradient-statistics/$1"
  [ -f "$run.done" ] && return
  "$qstride" train --recipe "experiments/gradient-statistics/${1%-*}.json" --seed "${1##*-}" --out "$run" --no-compare --no-plots --force --threads 1 > "$run.txt"
  touch "$run.done"
}
export -f train
mkdir -p runs/gradient-statistics
policies=() pairs=()
for seed in ${SEEDS:-0 1 2}; do
  for optimizer in adam momentum; do
    policies+=("$optimizer-gradients-$seed" "$optimizer-loss-$seed")
    pairs+=("runs/gradient-statistics/$optimizer-gradients-$seed=runs/gradient-statistics/$optimizer-loss-$seed")
  done
done
printf '%s\n' "${policies[@]}" | xargs -P "$(nproc)" -I{} bash -c 'train {}'
joined() { local IFS=,; echo "$*"; }
"$qstride" compare --tasks digits --seeds 5 --methods "rule:adam,rule:momentum,$(joined "${policies[@]/#/runs/gradient-statistics/}"),tuned:sgd" \
  --reference tuned:sgd --pairs "$(joined "${pairs[@]}")" --out runs/gradient-statistics/digits --force
