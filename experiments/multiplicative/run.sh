#!/usr/bin/env bash
# Trains three seeds of {x0.5, x1, x2} and compares them. Results: runs/multiplicative-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
for seed in 0 1 2; do
  "$qstride" train --recipe experiments/multiplicative/recipe.json --seed "$seed" --out "runs/multiplicative-$seed" --no-compare --force
done
"$qstride" compare --suite validation --per-family 60 --seeds 3 --seed 100 --budget 202 --out runs/multiplicative-validation --force \
  --methods "runs/multiplicative-0,runs/multiplicative-1,runs/multiplicative-2,armijo,armijo-warm,gll,gll-warm,best-constant,random:multiplicative,keep:multiplicative,untrained:multiplicative"
