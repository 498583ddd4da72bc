#!/usr/bin/env bash
# The study of the agent's recipe, its confirmation, and the best recipe beside the default one in training of full length.
set -euo pipefail
cd "$(dirname "$0")/../.."
export QSTRIDE_STORAGE="${QSTRIDE_STORAGE:-sqlite:///runs/agent-study.db}"
mkdir -p runs
qstride() { cargo run -q --release -- "$@"; }

qstride study run experiments/agent-study/recipe.json
qstride study confirm --study agent

qstride study create experiments/agent-study/full.json
qstride study enqueue --study agent-full $(qstride study best --study agent --json \
    | sed -n '/"params": {/,/}/p' | sed -n 's/^ *"\([^"]*\)": \([^{,]*\),*$/\1=\2/p')
qstride study worker --study agent-full
qstride study confirm --study agent-full
