#!/usr/bin/env bash
# Trains the paper's agent, v1 and v2, five seeds each, and compares it. Results: runs/published-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() { # recipe, seeds; prints the folders
  for seed in $2; do
    "$qstride" train --recipe "experiments/published/$1.json" --seed "$seed" --out "runs/published-$1-$seed" --no-compare --no-plots --force >&2
    printf 'runs/published-%s-%s,' "$1" "$seed"
  done
}
published=$(train v1 "0 1 2 3 4")$(train v2 "0 1 2 3 4")
"$qstride" compare --suite validation --per-family 60 --seeds 3 --seed 100 --budget 202 --force --out runs/published-validation \
  --methods "${published}armijo,armijo-warm,gll,gll-warm,best-constant,random:v1,keep:v1,random:v2,keep:v2,untrained:v2"
