#!/usr/bin/env bash
# Trains two seeds of every recipe here, at a third of the shipped policies' training, and prints one line a recipe: the best validation
# (mean log10 of the final over the first full loss on 60 generated tasks), its distance to the whole recipe's, and the seeds.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() { # recipe-seed
  local run="runs/schedule-ablations/$1"
  [ -f "$run/checkpoint/manifest.json" ] && [ -f "$run.done" ] && return
  "$qstride" train --recipe "experiments/schedule-ablations/${1%-*}.json" --seed "${1##*-}" --out "$run" --no-compare --no-plots --force --threads 1 > "$run.txt"
  touch "$run.done"
}
export -f train
mkdir -p runs/schedule-ablations
for name in $(basename -s .json experiments/schedule-ablations/*.json); do printf '%s\n' "$name-0" "$name-1"; done \
  | xargs -P "$(nproc)" -I{} bash -c 'train {}'
for metrics in runs/schedule-ablations/*/metrics.jsonl; do
  name=$(basename "$(dirname "$metrics")")
  best=$(grep -o '"mean_log10_gap":-\?[0-9.]*' "$metrics" | cut -d: -f2 | sort -g | head -1)
  printf '%s %s\n' "${name%-*}" "$best"
done | awk '{ sum[$1] += $2; count[$1]++; all[$1] = all[$1] sprintf(" %.3f", $2) }
  END { for (n in sum) printf "%-22s %7.3f %+7.3f  %s\n", n, sum[n] / count[n], sum[n] / count[n] - sum["whole"] / count["whole"], all[n] }' | sort -k2,2g
