#!/usr/bin/env bash
# Trains ten seeds of the paper's actions with a warm start, v1 and v2, and compares them with the line searches that start alike. Results: runs/v?-warm-*
set -euo pipefail
cd "$(dirname "$0")/../.."
experiments/train-ten.sh v1-warm v2-warm
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
policies=$(seq -f 'runs/v1-warm-%.0f' -s, 0 9),$(seq -f 'runs/v2-warm-%.0f' -s, 0 9)
for reference in armijo-warm gll-warm; do
  "$qstride" compare --suite validation --per-family 60 --seeds 3 --seed 100 --budget 202 --out "runs/warm-$reference" --force --no-plots --reference "$reference" \
    --methods "$policies,armijo-warm,gll-warm,armijo,gll,cosine-sign,random:v1-warm,random:v2-warm,keep:v1-warm,untrained:v1-warm,untrained:v2-warm"
done
