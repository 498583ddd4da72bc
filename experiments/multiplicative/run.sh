#!/usr/bin/env bash
# Trains ten seeds of {x0.5, x1, x2} and compares them with the two rules by hand. Results: runs/multiplicative-*
set -euo pipefail
cd "$(dirname "$0")/../.."
experiments/train-ten.sh multiplicative
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
policies=$(seq -f 'runs/multiplicative-%.0f' -s, 0 9)
for reference in cosine-sign taylor-cosine; do
  "$qstride" compare --suite validation --per-family 60 --seeds 3 --seed 100 --budget 202 --out "runs/multiplicative-$reference" --force --no-plots \
    --reference "$reference" --methods "$policies,cosine-sign,taylor-cosine,armijo,armijo-warm,gll,gll-warm,best-constant,random:multiplicative,keep:multiplicative,sequence:multiplicative,untrained:multiplicative"
done
