#!/usr/bin/env bash
# Trains the residual policy for momentum. Result: runs/schedule-momentum
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --bin qstride
qstride="${CARGO_TARGET_DIR:-target}/release/qstride"
"$qstride" train --recipe experiments/schedule-momentum/recipe.json --out runs/schedule-momentum --force
# The rule alone on the same validation tasks: both actions keep its rate.
"$qstride" train --recipe experiments/schedule-momentum/rule.json --out runs/schedule-momentum-rule --force
