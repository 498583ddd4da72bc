#!/usr/bin/env bash
# Trains ten seeds and compares them with classic methods and with chance. Results: runs/proposals-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() {
  "$qstride" train --recipe experiments/proposals/recipe.json --seed "$1" --out "runs/proposals-$1" --no-compare --no-plots --force > "runs/proposals-$1.log"
}
export -f train
mkdir -p runs
seq 0 9 | xargs -P "$(nproc)" -I{} bash -c 'train {}'
policies=$(seq -f 'runs/proposals-%.0f' -s, 0 9)
methods="$policies,random:proposals,fixed:proposals:bb2,sequence:proposals,blind:runs/proposals-0,untrained:proposals,coin-flip,lmsd,abbmin,armijo-bb,gll-bb,adgd,hdm-hb,lbfgs-3,lbfgs-10,armijo,armijo-warm,gll,gll-warm,zhang-hager"
# Twenty seeds: twenty draws of a random choice, each on fresh instances of the train families.
"$qstride" compare --suite fresh --per-family 20 --seeds 20 --seed 100 --budget 202 --out runs/proposals-fresh --force --reference random:proposals --methods "$methods"
# The other validation families and the peer instances.
"$qstride" compare --suite unseen,peer200 --per-family 40 --seeds 20 --seed 100 --budget 202 --out runs/proposals-unseen --force --reference random:proposals --methods "$methods"
