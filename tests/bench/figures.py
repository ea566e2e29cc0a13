"""A figure with its target and its floor; how it is timed, printed, and kept in `docs/bench/figures.json`."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

KEPT = Path(__file__).resolve().parents[2] / "docs" / "bench" / "figures.json"
TOOLS = ("duckdb", "pyarrow", "httpx", "adbc-driver-sqlite", "adbc-driver-postgresql")


@dataclass(frozen=True)
class Figure:
    """What was measured: `value` in `unit`, the median of its runs.

    `target` is the most it may be; `floor` is the least that the same work can take, as `floor_is` says, measured in
    turns with it, and `ratio_target` the most that value / floor may be. `parts` tell where the time goes.
    """

    name: str
    value: float
    unit: str = "s"
    target: float | None = None
    floor: float | None = None
    floor_is: str = ""
    ratio_target: float | None = None
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times the floor it is."""
        return None if not self.floor else self.value / self.floor

    @property
    def met(self) -> bool:
        """Whether every target that it has is met."""
        return (self.target is None or self.value <= self.target) and (
            self.ratio is None or self.ratio_target is None or self.ratio <= self.ratio_target
        )


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(rounds: int, *works: Callable[[], float]) -> list[float]:
    """The median of what each work returns, all taking turns, so that the machine's moods touch all alike."""
    taken = [[work() for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def median_parts(runs: Iterable[dict[str, float]]) -> dict[str, float]:
    """The median of each part over several runs."""
    runs = list(runs)
    return {name: statistics.median(run.get(name, 0.0) for run in runs) for name in runs[0]}


def machine() -> dict[str, Any]:
    """What the seconds are seconds of."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in TOOLS},
    }


def keep(subject: str, figures: list[Figure]) -> None:
    """Put the figures of one subject in the place of those that were there."""
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"subjects": {}}
    kept["subjects"][subject] = {
        "machine": machine(),
        "at": time.strftime("%Y-%m-%d", time.gmtime()),
        "figures": [_rounded(asdict(figure)) for figure in figures],
    }
    kept["subjects"] = dict(sorted(kept["subjects"].items()))
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def kept_figures() -> dict[str, list[Figure]]:
    """Every figure that is kept, by subject."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))["subjects"]
    return {subject: [Figure(**figure) for figure in entry["figures"]] for subject, entry in kept.items()}


def kept_machines() -> list[str]:
    """The machines that the kept figures are of, each in a line."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))["subjects"].values()
    return sorted({named(entry["machine"]) for entry in kept})


def named(machine: dict[str, Any]) -> str:
    """A machine in a line."""
    tools = ", ".join(f"{name} {machine[name]}" for name in TOOLS)
    told = "{processor}, {cores} cores, {memory_gib} GiB, {system}; Python {python}".format(**machine)
    return f"{told}, {tools}"


def told(value: float | None, unit: str) -> str:
    """A value as it is printed."""
    if value is None:
        return ""
    if unit == "MiB":
        return f"{value:.0f} {unit}"
    if not unit:
        return f"{value:,.0f}" if value == round(value) else f"{value:.2f}"
    return f"{1000 * value:.0f} ms" if unit == "s" and value < 0.1 else f"{value:.2f} {unit}"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value
