#!/usr/bin/env bash
# Trains ten seeds and compares them with chance and with the proposal that is best on the train families. Results: runs/proposals-*
set -euo pipefail
cd "$(dirname "$0")/../.."
experiments/train-ten.sh proposals
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
policies=$(seq -f 'runs/proposals-%.0f' -s, 0 9)
# Twenty seeds: twenty draws of a random choice.
for suite in fresh unseen peer200; do
  for reference in random:proposals fixed:proposals:bb2; do
    "$qstride" compare --suite "$suite" --per-family 20 --seeds 20 --seed 100 --budget 202 --methods "$policies,random:proposals,fixed:proposals:bb2" \
      --reference "$reference" --no-plots --out "runs/proposals-$suite-${reference%%:*}" --force
  done
done
