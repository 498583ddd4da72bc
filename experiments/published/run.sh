#!/usr/bin/env bash
# Trains the paper's agent, v1 and v2, five seeds each, and the forms with a warm start, three seeds each, and compares them. Results: runs/published-*
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
warm=$(train v1-warm "0 1 2")$(train v2-warm "0 1 2")
compare=("$qstride" compare --suite validation --per-family 60 --seeds 3 --seed 100 --budget 202 --force)
"${compare[@]}" --out runs/published-validation \
  --methods "${published}armijo,armijo-warm,gll,gll-warm,best-constant,random:v1,keep:v1,random:v2,keep:v2,untrained:v2,multiplicative,proposals"
"${compare[@]}" --out runs/published-warm --reference armijo-warm \
  --methods "${warm}armijo-warm,gll-warm,cosine-sign,armijo,gll,random:v1,random:v2"
