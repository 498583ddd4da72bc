#!/usr/bin/env bash
# The policies that ship and every classic method on the digits, from five start rates. Results: runs/digits-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
for model in softmax mlp; do
  "$qstride" compare --data data/digits.csv --target digit --model "$model" --start-rates 1e-4,1e-3,1e-2,1e-1,1e1 --seeds 3 \
    --methods proposals,span,multiplicative,v2-warm,v1-warm,classic,random:proposals,random:span --out "runs/digits-$model" --force
done
