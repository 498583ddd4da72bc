"""What Python's Optuna and optuna-dashboard make of a storage: called by the tests as `python.py TASK ADDRESS`.

Prints one line of JSON; numbers that JSON has not are written as texts.
"""

import json
import math
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def dump(address):
    """Everything that Optuna reads of the study `ours`."""
    study = optuna.load_study(study_name="ours", storage=address)
    trials = [
        {
            "number": trial.number,
            "state": trial.state.name,
            "value": trial.value,
            "params": trial.params,
            "distributions": {
                name: json.loads(optuna.distributions.distribution_to_json(distribution))
                for name, distribution in trial.distributions.items()
            },
            "intermediate": trial.intermediate_values,
            "user": trial.user_attrs,
            "system": {k: v for k, v in trial.system_attrs.items() if not k.startswith("qstride:")},
            "started": trial.datetime_start is not None,
            "ended": trial.datetime_complete is not None,
        }
        for trial in study.trials
    ]
    return {
        "direction": study.direction.name,
        "user": study.user_attrs,
        "trials": trials,
        "best": study.best_trial.number if any(t["state"] == "COMPLETE" for t in trials) else None,
    }


def plot(address):
    """All of Optuna's plots of the study `ours`; their numbers of traces."""
    from optuna import visualization

    study = optuna.load_study(study_name="ours", storage=address)
    plots = [
        visualization.plot_contour,
        visualization.plot_edf,
        visualization.plot_intermediate_values,
        visualization.plot_optimization_history,
        visualization.plot_parallel_coordinate,
        visualization.plot_param_importances,
        visualization.plot_rank,
        visualization.plot_slice,
        visualization.plot_timeline,
    ]
    return {plot.__name__: len(plot(study).data) for plot in plots}


def carry_on(address):
    """Five more trials of the study `ours`."""
    study = optuna.load_study(study_name="ours", storage=address)

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        width = trial.suggest_int("width", 16, 64, step=16)
        kind = trial.suggest_categorical("kind", [None, True, 1, 2.5, "adam"])
        trial.report(lr, 1)
        trial.set_user_attr("by", "optuna")
        return lr + width + len(str(kind))

    study.optimize(objective, n_trials=5)
    return {"trials": len(study.trials)}


def make(address):
    """The study `theirs` with everything that Optuna can write."""
    study = optuna.create_study(study_name="theirs", storage=address, direction="maximize")
    study.set_user_attr("what", {"made": ["by", "optuna"]})

    def objective(trial):
        a = trial.suggest_float("a", -1.0, 1.0)
        b = trial.suggest_float("b", 1e-5, 1.0, log=True)
        c = trial.suggest_float("c", 0.0, 1.0, step=0.1)
        d = trial.suggest_int("d", 1, 1000, log=True)
        e = trial.suggest_int("e", 0, 10, step=5)
        f = trial.suggest_categorical("f", [None, True, False, 7, 2.5, "text"])
        for step, value in enumerate([a, math.nan, math.inf, -math.inf, b]):
            trial.report(value, step)
        trial.set_user_attr("nan", math.nan)
        if trial.number == 3:
            return math.inf
        if trial.number == 4:
            raise optuna.TrialPruned()
        if trial.number == 5:
            raise RuntimeError("on purpose")
        return a + b + c + d + e + len(str(f))

    study.optimize(objective, n_trials=7, catch=(RuntimeError,))
    study.enqueue_trial({"a": 0.25, "d": 17, "f": None}, user_attrs={"from": "python"})
    optuna.create_study(study_name="pareto", storage=address, directions=["minimize", "maximize"])
    return plain(
        [
            {
                "params": trial.params,
                "value": trial.value,
                "state": trial.state.name,
                "intermediate": [list(item) for item in trial.intermediate_values.items()],
            }
            for trial in study.trials
        ]
    )


def theirs(address):
    """What Optuna reads of its study after others went on with it."""
    study = optuna.load_study(study_name="theirs", storage=address)
    trial = study.trials[7]
    return {
        "states": [trial.state.name for trial in study.trials],
        "params": trial.params,
        "value": trial.value,
        "user": trial.user_attrs,
        "best": study.best_trial.number,
    }


def enqueue(address):
    """A trial for a worker of ours to run."""
    study = optuna.load_study(study_name="ours", storage=address)
    study.enqueue_trial({"lr": 0.0625, "width": 48, "kind": "adam"})
    return {}


def alive(address):
    """A trial with a heartbeat, and the trials that Optuna would take for dead after a minute."""
    storage = optuna.storages.RDBStorage(address, heartbeat_interval=60, grace_period=60)
    study = optuna.load_study(study_name="ours", storage=storage)
    trial = study.ask()
    storage.record_heartbeat(trial._trial_id)
    return {"dead": storage._get_stale_trial_ids(study._study_id)}


def dashboard(address):
    """What optuna-dashboard's server answers about the study `ours`."""
    from optuna.storages import get_storage
    from optuna_dashboard import wsgi
    from wsgiref.util import setup_testing_defaults

    app = wsgi(get_storage(address))

    def get(path):
        path, _, query = path.partition("?")
        environment = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": "GET"}
        setup_testing_defaults(environment)
        statuses = []
        body = b"".join(app(environment, lambda status, _headers, *_: statuses.append(status)))
        assert statuses == ["200 OK"], (path, statuses, body)
        return json.loads(body)

    summaries = get("/api/studies")["study_summaries"]
    ours = next(summary for summary in summaries if summary["study_name"] == "ours")
    study = get(f"/api/studies/{ours['study_id']}?after=0")
    return {
        "studies": sorted(summary["study_name"] for summary in summaries),
        "states": [trial["state"] for trial in study["trials"]],
        "params": [sorted(p["name"] for p in trial["params"]) for trial in study["trials"]],
        "best": [trial["number"] for trial in study["best_trials"]],
    }


if __name__ == "__main__":
    tasks = [dump, plot, carry_on, make, theirs, enqueue, alive, dashboard]
    task = {task.__name__: task for task in tasks}[sys.argv[1]]
    # SQLAlchemy 2.1 would look for another driver than 2.0.
    address = sys.argv[2].replace("postgresql://", "postgresql+psycopg2://")
    print(json.dumps(plain(task(address)), allow_nan=False))
