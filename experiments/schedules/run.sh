#!/usr/bin/env bash
# Schedules on the digits: classic ones at the best of nine rates, the rule and the learned policies from seven starts. Results and
# the tables: runs/schedules. SEEDS and EPOCHS may be set for a quick look.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride --example schedule_table
built="${CARGO_TARGET_DIR:-target}/release"
out=runs/schedules
mkdir -p "$out"
for model in mlp:32:relu cnn; do
  fit() { # optimizer, name, options
    "$built/qstride" fit digits --model "$model" --optimizer "$1" --batch 32 --epochs "${EPOCHS:-15}" --seeds "${SEEDS:-5}" --json \
      "${@:3}" 2>> "$out/log" > "$out/${model%%:*}-$1-$2.json"
  }
  fit sgd 1-classic --grid --schedule constant
  for optimizer in momentum adam; do
    fit "$optimizer" 1-classic --grid --schedule constant,cosine,plateau,one-cycle
    fit "$optimizer" 2-default --schedule plateau
    fit "$optimizer" 3-own --schedule rule,qstride --rate auto,1e-4,1e-3,1e-2,1e-1,1e0,1e1
    fit "$optimizer" 4-unguarded --schedule rule,qstride --no-guard
  done
done
"$built/examples/schedule_table" "$out"/*.json | tee "$out/tables.md"
