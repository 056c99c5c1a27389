"""What a private training step costs beside the plain PyTorch step of the same model and batch.

Both sides are timed in one process, in interleaved rounds, on one thread, in process CPU time; the
ratio is the median of the rounds' ratios. Noise and optimizer are included on both sides. The plain
step is what users have: the whole batch at once, PyTorch's default memory layout, torch.optim.SGD.

    python benchmarks/dp_step.py [--json] [--only mlp,lm] [--rounds N] [--peer opacus]
                                 [--device cuda]

"engine" is the step of Strongroom's own trainers, in micro-batches that fit the cache; "loop" is a
user's own loop after `make_private`, on whole batches. `--peer opacus` installs Opacus beside the
running environment (in a temporary folder) and times its hooks and ghost modes the same way; the
faster one counts. Memory is the peak of resident memory above what the process held before, of five
steps, in a process of its own.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[Tensor, Tensor], None]

RATE, SIGMA, CLIP = 0.1, 1.0, 1.0


class Attention(nn.Module):
    """Self-attention of linear layers around PyTorch's own."""

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.inside, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads, self.causal = heads, causal

    def forward(self, given: Tensor) -> Tensor:
        """[n, t, width] to the same."""
        n, t, width = given.shape
        split = self.inside(given).view(n, t, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        joined: Tensor = self.out(found.transpose(1, 2).reshape(n, t, width))
        return joined


class Block(nn.Module):
    """A transformer block, normalised first."""

    def __init__(self, width: int, *, causal: bool) -> None:
        super().__init__()
        self.first, self.attention = nn.LayerNorm(width), Attention(width, 4, causal=causal)
        self.second = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, given: Tensor) -> Tensor:
        """[n, t, width] to the same."""
        attended = given + self.attention(self.first(given))
        found: Tensor = attended + self.down(functional.gelu(self.up(self.second(attended))))
        return found


class Transformer(nn.Module):
    """Tokens to classes of the whole, or of every place."""

    def __init__(self, tokens: int, outputs: int, *, causal: bool) -> None:
        super().__init__()
        width, places = 128, 64
        self.token, self.place = nn.Embedding(tokens, width), nn.Embedding(places, width)
        self.blocks = nn.Sequential(*[Block(width, causal=causal) for _ in range(2)])
        self.norm, self.head, self.causal = nn.LayerNorm(width), nn.Linear(width, outputs), causal

    def forward(self, tokens: Tensor) -> Tensor:
        """[n, t] to [n, outputs], or [n, t, outputs]."""
        # A row for each example, in memory of its own: Opacus' ghost mode needs that.
        places = torch.arange(tokens.shape[1], device=tokens.device).repeat(len(tokens), 1)
        inside = self.norm(self.blocks(self.token(tokens) + self.place(places)))
        found: Tensor = self.head(inside if self.causal else inside.mean(1))
        return found


def mlp() -> nn.Module:
    """100-256-256-2."""
    return nn.Sequential(
        nn.Linear(100, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)
    )


def mnist() -> nn.Module:
    """The network of Opacus' own MNIST example."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 8, 2, padding=3), nn.ReLU(), nn.MaxPool2d(2, 1)),
        *(nn.Conv2d(16, 32, 4, 2), nn.ReLU(), nn.MaxPool2d(2, 1)),
        *(nn.Flatten(), nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, 10)),
    )


def cifar() -> nn.Module:
    """Three convolutions with GroupNorm."""
    layers: list[nn.Module] = []
    for inside, outside in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(inside, outside, 3, padding=1), nn.GroupNorm(8, outside)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 10))


@dataclass(frozen=True)
class Case:
    """A model, its batch, and how many examples go through it together in the engine."""

    title: str
    make: Callable[[], nn.Module]
    inputs: tuple[int, ...]
    classes: int
    tokens: int = 0
    micro_batch: int = 256
    steps: int = 1

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return made-up inputs and targets."""
        if not self.tokens:
            return torch.randn(self.inputs), torch.randint(self.classes, self.inputs[:1])
        places = self.inputs if self.classes == self.tokens else self.inputs[:1]
        return torch.randint(self.tokens, self.inputs), torch.randint(self.classes, places)


CASES = {
    "mlp": Case("MLP 100-256-256-2, 256", mlp, (256, 100), 2, steps=100),
    "logistic": Case("logistic 100-2, 256", lambda: nn.Linear(100, 2), (256, 100), 2, steps=400),
    "mnist": Case("MNIST CNN, 256", mnist, (256, 1, 28, 28), 10, micro_batch=64, steps=4),
    "cifar": Case("CIFAR CNN with GroupNorm, 256", cifar, (256, 3, 32, 32), 10, micro_batch=32),
    "transformer": Case(
        "transformer d128 L2 T64 V5000, 128",
        lambda: Transformer(5000, 2, causal=False),
        (128, 64),
        2,
        tokens=5000,
        micro_batch=16,
    ),
    "lm": Case(
        "transformer LM d128 T64 V2000, 64",
        lambda: Transformer(2000, 2000, causal=True),
        (64, 64),
        2000,
        tokens=2000,
        micro_batch=8,
    ),
}


def each_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return a loss for every row."""
    flat = functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), reduction="none")
    return flat.view(len(targets), -1).mean(1)


def mean_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss, as users write it."""
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def plain(model: nn.Module) -> Step:
    """Return the step that everybody has."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def step(inputs: Tensor, targets: Tensor) -> None:
        optimizer.zero_grad()
        loss: Any = mean_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()

    return step


def engine(model: nn.Module, micro_batch: int) -> Step:
    """Return the step of Strongroom's own trainers."""
    from strongroom.privacy import ClippedGradient, SecretStream, cross_entropy, noisy_sum
    from strongroom.train._optimizers import Optimizer

    clipped = ClippedGradient(model, CLIP)
    sums, stream, number = clipped.accumulator(), SecretStream(), 0
    flat = torch.cat([p.detach().flatten() for p in clipped.parameters.values()])
    begin = 0
    for parameter in clipped.parameters.values():
        end = begin + parameter.numel()
        parameter.data = flat[begin:end].view_as(parameter)
        begin = end
    optimizer = Optimizer("sgd", flat, RATE, 0.0)
    clipped.tape.attach()
    noise = torch.empty_like(flat, device="cpu").numpy()

    def step(inputs: Tensor, targets: Tensor) -> None:
        nonlocal number
        number += 1
        sums.flat.zero_()
        for begin in range(0, len(inputs), micro_batch):
            part = slice(begin, begin + micro_batch)
            loss = each_loss if targets.dim() > 1 else cross_entropy
            clipped((inputs[part],), targets[part], loss, into=sums)
        total = sums.flat.numpy(force=True)
        noisy = noisy_sum(
            total,
            sensitivity=clipped.sensitivity,
            noise_multiplier=SIGMA,
            stream=stream,
            label="noise",
            step=number,
            out=noise,
        )
        noisy /= len(inputs)
        optimizer.step(torch.from_numpy(noisy).to(flat.device), number)

    return step


def loop(model: nn.Module, inputs: Tensor, targets: Tensor) -> Step:
    """Return a user's own step after `make_private`."""
    from strongroom.privacy import make_private

    model.train()
    model, optimizer, _ = make_private(
        model,
        torch.optim.SGD(model.parameters(), lr=RATE),
        (inputs, targets),
        noise_multiplier=SIGMA,
        batch_size=len(inputs),  # whose accounting is exact, and quick
        epochs=10_000_000,
    )
    private: Any = optimizer

    def step(inputs: Tensor, targets: Tensor) -> None:
        # As the loader does: the same batch again, so that both sides see the same rows.
        private.private.expect(len(inputs), last=True)
        optimizer.zero_grad()
        loss: Any = mean_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()

    return step


def opacus(model: nn.Module, inputs: Tensor, targets: Tensor, mode: str) -> Step:
    """Return the step of Opacus in one of its modes."""
    from opacus import PrivacyEngine
    from torch.utils.data import DataLoader, TensorDataset

    warnings.filterwarnings("ignore")
    model.train()
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=len(inputs))
    language = targets.dim() > 1
    criterion: Any = nn.CrossEntropyLoss()
    made = PrivacyEngine().make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=RATE),
        data_loader=loader,
        noise_multiplier=SIGMA,
        max_grad_norm=CLIP,
        poisson_sampling=False,
        criterion=criterion,
        grad_sample_mode=mode,
    )
    if mode == "ghost":
        model, optimizer, criterion, _ = made
    else:
        model, optimizer, _ = made

    def step(inputs: Tensor, targets: Tensor) -> None:
        optimizer.zero_grad()
        outputs = model(inputs)
        if language:
            outputs = outputs.transpose(1, 2)
        criterion(outputs, targets).backward()
        optimizer.step()

    return step


def seconds(step: Step, batch: tuple[Tensor, Tensor], times: int) -> float:
    """Return the CPU time (on a GPU the time) of a step."""
    clock = time.perf_counter if batch[0].is_cuda else time.process_time
    if batch[0].is_cuda:
        torch.cuda.synchronize()
    begun = clock()
    for _ in range(times):
        step(*batch)
    if batch[0].is_cuda:
        torch.cuda.synchronize()
    return (clock() - begun) / times


def paired(
    case: Case, sides: dict[str, Callable[[nn.Module], Step]], rounds: int, device: str
) -> dict[str, dict[str, float]]:
    """Return, for every side, the median ratio to the plain step, its spread, and milliseconds."""
    torch.manual_seed(0)
    inputs, targets = case.batch()
    batch = inputs.to(device), targets.to(device)
    model = case.make().to(device)
    steps = {"plain": plain(copy.deepcopy(model))}
    steps |= {name: make(copy.deepcopy(model)) for name, make in sides.items()}
    for step in steps.values():
        seconds(step, batch, 2)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds):
        order = list(steps) if number % 2 else list(reversed(steps))
        for name in order:
            times[name].append(seconds(steps[name], batch, case.steps))
    found = {}
    for name in sides:
        ratios = sorted(a / b for a, b in zip(times[name], times["plain"], strict=True))
        found[name] = {
            "ratio": statistics.median(ratios),
            "low": ratios[len(ratios) // 4],
            "high": ratios[-1 - len(ratios) // 4],
            "milliseconds": 1e3 * statistics.median(times[name]),
            "plain_milliseconds": 1e3 * statistics.median(times["plain"]),
        }
    return found


def peak(name: str, side: str) -> float:
    """Return the megabytes that five steps need at most, beyond what was there before."""
    run = subprocess.run(
        [sys.executable, __file__, "--only", name, "--peak", side],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return float(run.stdout)


def measure_peak(case: Case, side: str) -> float:
    """Return the same, in this process."""
    torch.manual_seed(0)
    batch = case.batch()
    model = case.make()
    step = plain(model) if side == "plain" else engine(model, case.micro_batch)
    small = (batch[0][:2], batch[1][:2])
    step(*small)  # what is loaded and compiled once isn't a step's
    status = Path("/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = _kilobytes(status.read_text(), "VmRSS")
    for _ in range(5):
        step(*batch)
    return (_kilobytes(status.read_text(), "VmHWM") - before) / 1024


def _kilobytes(status: str, name: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))


def peer_folder() -> str:
    """Install Opacus where only this run sees it, and return the folder."""
    folder = tempfile.mkdtemp(prefix="strongroom-peer-")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    subprocess.run([*install, "opacus==1.6.0", "opt-einsum"], check=True, stdout=sys.stderr)
    return folder


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peer", choices=["opacus"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", choices=["plain", "engine"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    names = chosen.only.split(",")
    if chosen.peak:
        print(measure_peak(CASES[names[0]], chosen.peak))
        return
    if chosen.peer:
        sys.path.append(peer_folder())
    rows = [row(name, chosen) for name in names]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    if chosen.device != "cpu":
        machine += f", {torch.cuda.get_device_name()}"
    if chosen.json:
        print(json.dumps({"benchmark": "dp_step", "machine": machine, "rows": rows}, indent=1))
        return
    print(f"{machine}; private over plain, CPU time, medians of {chosen.rounds} rounds")
    heads = (("engine", 8), ("quartiles", 15), ("loop", 7), ("Opacus", 8), ("plain ms", 10))
    print(f"{'':<36}" + "".join(f"{head:>{wide}}" for head, wide in heads) + f"{'peak':>14}")
    for one in rows:
        quartiles = f"[{one['low']:.2f}, {one['high']:.2f}]"
        other = f"{one['opacus']:.2f}" if one["opacus"] else "–"
        memory = f"{one['peak_mb']:.0f}/{one['plain_peak_mb']:.0f} MB" if one["peak_mb"] else "–"
        print(
            f"{one['name']:<36}{one['ratio']:>8.3f}{quartiles:>15}{one['loop']:>7.2f}{other:>8}"
            f"{one['plain_milliseconds']:>10.2f}{memory:>14}"
        )


def row(name: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure one model."""
    case = CASES[name]
    inputs, targets = (part.to(chosen.device) for part in case.batch())
    sides: dict[str, Callable[[nn.Module], Step]] = {
        "engine": lambda model: engine(model, case.micro_batch),
        "loop": lambda model: loop(model, inputs, targets),
    }
    # Each side with the plain step alone: a third one would change what lies in the cache.
    found = {
        side: paired(case, {side: make}, chosen.rounds, chosen.device)[side]
        for side, make in sides.items()
    }
    peers = {}
    for mode in ("hooks", "ghost") if chosen.peer else ():
        make = lambda model, mode=mode: opacus(model, inputs, targets, mode)  # noqa: E731
        try:
            slower = max(3, chosen.rounds // 3)
            peers[mode] = paired(case, {mode: make}, slower, chosen.device)[mode]["ratio"]
        except Exception as error:  # noqa: BLE001 - whatever a peer can't do is told and passed over
            print(f"note: Opacus' {mode} mode fails on {case.title}: {error}", file=sys.stderr)
    on_cpu = chosen.device == "cpu" and Path("/proc/self/clear_refs").exists()
    ours = found["engine"]
    return {
        "name": case.title,
        "ratio": round(ours["ratio"], 3),
        "strongroom": round(ours["milliseconds"], 3),
        "peer": round(ours["plain_milliseconds"], 3),
        "peer_name": "plain PyTorch step",
        "unit": "ms CPU" if chosen.device == "cpu" else "ms",
        "low": round(ours["low"], 3),
        "high": round(ours["high"], 3),
        "loop": round(found["loop"]["ratio"], 3),
        "plain_milliseconds": round(ours["plain_milliseconds"], 3),
        "opacus": round(min(peers.values()), 3) if peers else None,
        "opacus_modes": {mode: round(ratio, 3) for mode, ratio in peers.items()},
        "micro_batch": case.micro_batch,
        "peak_mb": round(peak(name, "engine"), 1) if on_cpu else None,
        "plain_peak_mb": round(peak(name, "plain"), 1) if on_cpu else None,
    }


if __name__ == "__main__":
    main()
