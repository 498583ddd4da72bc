#!/usr/bin/env bash
# Trains ten seeds and compares them with chance and with each single action. Results: runs/span-*
set -euo pipefail
cd "$(dirname "$0")/../.."
experiments/train-ten.sh span
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
policies=$(seq -f 'runs/span-%.0f' -s, 0 9)
fixed=$(printf ',fixed:span:%s' span-bb2 span-bb2-x1.5 span-bb2-x5 span-ritz-short span-ritz-mid)
# Twenty seeds: twenty draws of a random choice. Once against chance, once against the action that is best on the train families.
for suite in fresh unseen peer200; do
  for reference in random:span fixed:span:span-bb2; do
    "$qstride" compare --suite "$suite" --per-family 20 --seeds 20 --seed 100 --budget 202 --methods "$policies,random:span$fixed" \
      --reference "$reference" --no-plots --out "runs/span-$suite-${reference%%:*}" --force
  done
done
