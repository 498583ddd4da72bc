#!/usr/bin/env bash
# Trains three seeds of every recipe here, compares them, and prints one line a recipe. Results: runs/ablations-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() { # recipe-seed
  local run="runs/ablations/$1"
  [ -f "$run/checkpoint/manifest.json" ] && grep -q '"seconds"' "$run.json" && return
  "$qstride" train --recipe "experiments/ablations/${1%-*}.json" --seed "${1##*-}" --out "$run" --no-compare --no-plots --force --json --threads 1 > "$run.json"
}
export -f train
mkdir -p runs/ablations
names=$(basename -s .json experiments/ablations/*.json)
runs=$(for name in $names; do printf '%s\n' "$name-0" "$name-1" "$name-2"; done)
xargs -P "$(nproc)" -I{} bash -c 'train {}' <<< "$runs"
policies=$(sed 's|^|runs/ablations/|' <<< "$runs" | paste -sd,)
methods="$policies,blind:runs/ablations/whole-0,random:proposals,keep:proposals,untrained:proposals,sequence:proposals,fixed:proposals:bb2"
for suite in fresh unseen peer200; do
  "$qstride" compare --suite "$suite" --per-family 40 --seeds 3 --seed 100 --budget 202 --methods "$methods" --reference random:proposals --no-plots --force \
    --out "runs/ablations-$suite" > "runs/ablations-$suite.txt"
done
# Means over families and seeds, one line a recipe: fresh, unseen, peer-200.
for suite in fresh unseen peer200; do
  awk -F, -v suite="$suite" 'NR > 1 {
      name = $1; if (name ~ /^runs/) sub(/-[0-9]+$/, "", name); sub(/^runs.ablations./, "", name)
      sum[name, $3] += $16; count[name, $3]++; names[name]; families[$3]
    } END { for (n in names) { total = k = 0; for (f in families) { total += sum[n, f] / count[n, f]; k++ }; print n, suite, total / k } }' "runs/ablations-$suite/rows.csv"
done | awk '{ score[$1, $2] = $3; names[$1] } END { for (n in names) printf "%-32s %7.2f %7.2f %7.2f\n", n, score[n, "fresh"], score[n, "unseen"], score[n, "peer200"] }' | sort -k2,2n
