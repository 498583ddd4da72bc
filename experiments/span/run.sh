#!/usr/bin/env bash
# Trains six seeds and compares them with chance, each single action, scalar steps and L-BFGS. Results: runs/span-*
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
policies=""
for seed in 0 1 2 3 4 5; do
  "$qstride" train --recipe experiments/span/recipe.json --seed "$seed" --out "runs/span-$seed" --no-compare --force
  policies="$policies,runs/span-$seed"
done
fixed=""
for action in span-bb2 span-bb2-x1.5 span-bb2-x5 span-ritz-short span-ritz-mid; do
  fixed="$fixed,fixed:span:$action"
done
methods="${policies#,}$fixed,random:span,sequence:span,proposals,gll-bb,abbmin,lmsd,lbfgs-3,lbfgs-10"
# Twenty seeds: twenty draws of a random choice. Once against chance, once against the action that is best on the train families.
for suite in unseen peer200 fresh; do
  for reference in random:span fixed:span:span-bb2; do
    "$qstride" compare --suite "$suite" --per-family 20 --seeds 20 --seed 200 --budget 202 --methods "$methods" \
      --reference "$reference" --out "runs/span-$suite-${reference##*:}" --force
  done
done
