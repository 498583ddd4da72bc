#!/usr/bin/env bash
# Trains three seeds and compares them with line searches and with chance. Results: runs/proposals-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
for seed in 0 1 2; do
  "$qstride" train --recipe experiments/proposals/recipe.json --seed "$seed" --out "runs/proposals-$seed" --no-compare --force
done
policies=runs/proposals-0,runs/proposals-1,runs/proposals-2
# Twenty seeds: twenty draws of a random choice, each on fresh instances of the train families.
"$qstride" compare --suite fresh --per-family 20 --seeds 20 --seed 100 --budget 202 --out runs/proposals-fresh --force \
  --methods "$policies,armijo,armijo-warm,gll,gll-warm,zhang-hager,armijo-bb,gll-bb,abbmin,adgd,random:proposals,fixed:proposals:bb2,untrained:proposals"
# The other validation families and the peer instances.
"$qstride" compare --suite unseen,peer200 --per-family 40 --seeds 20 --seed 100 --budget 202 --out runs/proposals-unseen --force \
  --methods "$policies,armijo,armijo-warm,gll,gll-warm,zhang-hager,armijo-bb,gll-bb,abbmin,adgd,random:proposals,fixed:proposals:bb2,untrained:proposals"
