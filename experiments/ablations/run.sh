#!/usr/bin/env bash
# Trains three seeds of every recipe of one policy (proposals, span or multiplicative), compares them, and prints a table, one row a recipe.
# Results: runs/ablations/POLICY and runs/ablations-POLICY-SUITE
set -euo pipefail
cd "$(dirname "$0")/../.."
export policy="${1:?which policy: proposals, span or multiplicative}"
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() { # recipe-seed
  local run="runs/ablations/$policy/$1"
  [ -f "$run/checkpoint/manifest.json" ] && grep -q '"seconds"' "$run.json" && return
  "$qstride" train --recipe "experiments/ablations/$policy/${1%-*}.json" --seed "${1##*-}" --out "$run" --no-compare --no-plots --force --json --threads 1 > "$run.json"
}
export -f train
mkdir -p "runs/ablations/$policy"
names=$(basename -s .json experiments/ablations/"$policy"/*.json)
runs=$(for name in $names; do printf '%s\n' "$name-0" "$name-1" "$name-2"; done)
xargs -P "$(nproc)" -I{} bash -c 'train {}' <<< "$runs"
policies=$(sed "s|^|runs/ablations/$policy/|" <<< "$runs" | paste -sd,)
blind=$(printf ",blind:runs/ablations/$policy/whole-%d" 0 1 2)
fixed=$("$qstride" list actions | awk -v set="$policy" '$1 == set { gsub(",", ""); for (i = 2; i <= NF; i++) printf ",fixed:%s:%s", set, $i }')
for suite in fresh unseen peer200; do
  "$qstride" compare --suite "$suite" --per-family 40 --seeds 3 --seed 100 --budget 202 --reference "random:$policy" --no-plots --force \
    --methods "$policies$blind,random:$policy,untrained:$policy,sequence:$policy$fixed" \
    --out "runs/ablations-$policy-$suite" > "runs/ablations-$policy-$suite.txt"
done
awk -f experiments/ablations/table.awk runs/ablations-"$policy"-{fresh,unseen,peer200}/rows.csv
