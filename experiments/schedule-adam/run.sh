#!/usr/bin/env bash
# Trains the residual policy for adam. Result: runs/schedule-adam
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
"$qstride" train --recipe experiments/schedule-adam/recipe.json --out runs/schedule-adam --force
# The rule alone on the same validation tasks: both actions keep its rate.
"$qstride" train --recipe experiments/schedule-adam/rule.json --out runs/schedule-adam-rule --force
