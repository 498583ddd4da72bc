#!/usr/bin/env bash
# Trains ten seeds of {x0.5, x1, x2} and compares them. Results: runs/multiplicative-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() {
  "$qstride" train --recipe experiments/multiplicative/recipe.json --seed "$1" --out "runs/multiplicative-$1" --no-compare --no-plots --force > "runs/multiplicative-$1.log"
}
export -f train
mkdir -p runs
seq 0 9 | xargs -P "$(nproc)" -I{} bash -c 'train {}'
policies=$(seq -f 'runs/multiplicative-%.0f' -s, 0 9)
"$qstride" compare --suite validation --per-family 60 --seeds 3 --seed 100 --budget 202 --out runs/multiplicative-validation --force --reference cosine-sign \
  --methods "$policies,cosine-sign,taylor-cosine,armijo,armijo-warm,gll,gll-warm,best-constant,random:multiplicative,keep:multiplicative,sequence:multiplicative,blind:runs/multiplicative-0,untrained:multiplicative"
