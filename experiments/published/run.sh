#!/usr/bin/env bash
# Trains the paper's agent, v1 and v2, five seeds each, and compares them. Results: runs/published-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
policies=""
for version in v1 v2; do
  for seed in 0 1 2 3 4; do
    run="runs/published-$version-$seed"
    "$qstride" train --recipe "experiments/published/$version.json" --seed "$seed" --out "$run" --no-compare --no-plots --force
    policies="$policies$run,"
  done
done
"$qstride" compare --suite validation --per-family 60 --seeds 3 --seed 100 --budget 202 --out runs/published-validation --force \
  --methods "${policies}armijo,armijo-warm,gll,gll-warm,best-constant,random:v1,keep:v1,random:v2,keep:v2,untrained:v2,multiplicative,proposals"
