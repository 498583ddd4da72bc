#!/usr/bin/env bash
# Trains ten seeds of each recipe that is named: experiments/NAME/recipe.json into runs/NAME-0 to runs/NAME-9. What is trained already is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --bin qstride
export qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
train() { # NAME-SEED
  local run="runs/$1"
  [ -f "$run.done" ] && return
  "$qstride" train --recipe "experiments/${1%-*}/recipe.json" --seed "${1##*-}" --out "$run" --no-compare --no-plots --force --threads 1 > "$run.log"
  touch "$run.done"
}
export -f train
mkdir -p runs
for name in "$@"; do seq -f "$name-%.0f" 0 9; done | xargs -P "$(nproc)" -I{} bash -c 'train {}'
