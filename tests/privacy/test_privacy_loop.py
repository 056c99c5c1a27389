"""If this fails, somebody's own training loop is called private and isn't, or is changed by it."""

# ruff: noqa: ANN401, ARG001 - the loops here take whatever a user's loop has
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from strongroom.errors import BudgetExceededError, InputError
from strongroom.privacy import (
    AdamCorrected,
    ClippedGradient,
    EntryState,
    MemoryLedger,
    SecretStream,
    make_private,
    noisy_sum,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = bytes(range(32))
ROWS = 400


def data(rows: int = ROWS) -> TensorDataset:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(rows, 6, generator=generator)
    return TensorDataset(inputs, (inputs[:, 0] - inputs[:, 1] > 0).long())


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))


def loop(model: nn.Module, optimizer: torch.optim.Optimizer, loader: Any, epochs: int = 1) -> None:
    """Train as any PyTorch tutorial does; nothing in here knows of privacy."""
    criterion = nn.CrossEntropyLoss()
    model.train()
    for _ in range(epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()


def private(
    model: nn.Module, optimizer: torch.optim.Optimizer, **about: Any
) -> tuple[nn.Module, Any, Any]:
    given = {"batch_size": 50, "noise_multiplier": 1.0, "seed": SEED, **about}
    return make_private(model, optimizer, data(), **given)


def parameters(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_two_lines_make_a_plain_loop_private_and_it_learns() -> None:
    model = network()
    optimizer: Any = torch.optim.Adam(model.parameters(), lr=0.02)
    loader: Any = DataLoader(data(2000), batch_size=100)
    model, optimizer, loader = make_private(
        model, optimizer, loader, epsilon=8, delta=1e-4, epochs=10
    )
    loop(model, optimizer, loader, epochs=10)
    inputs, targets = data(2000).tensors
    model.eval()
    assert float((model(inputs).argmax(1) == targets).float().mean()) > 0.85
    said = optimizer.private.statement
    assert said.private
    assert 7.9 < said.epsilon <= 8
    assert optimizer.private.done == optimizer.private.steps == 200
    assert "ε = 8" in str(said) or "ε = 7.9" in str(said)


def test_each_step_is_the_clipped_sum_plus_noise_over_a_constant() -> None:
    model, twin = network(), network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model, optimizer, loader = private(model, optimizer, clipping=0.3)
    engine, stream = ClippedGradient(twin, 0.3), SecretStream(SEED)
    drawn = []
    criterion = nn.CrossEntropyLoss()
    for inputs, targets in loader:
        drawn.append(len(targets))
        criterion(model(inputs), targets).backward()
        optimizer.step()
        found = engine(
            (inputs,),
            targets,
            lambda out, y: nn.functional.cross_entropy(out, y, reduction="none"),
        )
        total = torch.cat([v.flatten() for v in found.total.values()]).numpy()
        about: Any = {"sensitivity": 0.3, "noise_multiplier": 1.0, "label": "noise"}
        noisy = torch.from_numpy(noisy_sum(total, stream=stream, step=len(drawn), **about))
        sizes = [p.numel() for p in twin.parameters()]
        for parameter, part in zip(twin.parameters(), noisy.split(sizes), strict=True):
            parameter.data -= 0.5 * part.view_as(parameter) / 50
        torch.testing.assert_close(parameters(model), parameters(twin), atol=2e-6, rtol=1e-5)
    assert len(set(drawn)) > 1  # Poisson batches: their sizes vary, the normaliser doesn't


def test_micro_batches_are_the_same_training() -> None:
    ends = []
    for micro in (None, 7):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        model, optimizer, loader = private(model, optimizer, micro_batch=micro)
        loop(model, optimizer, loader)
        assert optimizer.private.done == 8
        ends.append(parameters(model))
    torch.testing.assert_close(*ends, atol=1e-5, rtol=1e-4)


def test_a_batch_left_half_way_does_not_count_twice() -> None:
    ends = []
    for leaves in (False, True):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        model, optimizer, loader = private(model, optimizer, micro_batch=7)
        if leaves:
            for inputs, targets in loader:
                nn.functional.cross_entropy(model(inputs), targets).backward()
                optimizer.step()
                break
            assert optimizer.private.done == 0
            model(inputs)  # and a forward that nothing comes of
        loop(model, optimizer, loader)
        ends.append(parameters(model))
    torch.testing.assert_close(*ends)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.AdamW(p, lr=0.01),
        lambda p: torch.optim.RMSprop(p, lr=0.01),
        lambda p: torch.optim.Adagrad(p, lr=0.01),
        lambda p: AdamCorrected(p, lr=0.01),
    ],
)
def test_any_optimizer_and_schedule_works(make: Callable[[Any], torch.optim.Optimizer]) -> None:
    model = network()
    begin = parameters(model)
    optimizer = make(model.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    model, optimizer, loader = private(model, optimizer, epochs=2)
    rate = optimizer.param_groups[0]["lr"]
    for _ in range(2):
        loop(model, optimizer, loader)
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == rate / 4
    assert not torch.equal(begin, parameters(model))
    optimizer.load_state_dict(optimizer.state_dict())


def test_evaluation_in_between_changes_nothing() -> None:
    ends = []
    for look in (False, True):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        model, optimizer, loader = private(model, optimizer)
        criterion = nn.CrossEntropyLoss()
        for inputs, targets in loader:
            if look:
                with torch.no_grad():
                    model(torch.randn(9, 6))
                model.eval()
                model(torch.randn(4, 6))
                model.train()
            criterion(model(inputs), targets).backward()
            optimizer.step()
        ends.append(parameters(model))
    torch.testing.assert_close(*ends)


def test_autocast_trains_in_mixed_precision() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model, optimizer, loader = private(model, optimizer)
    for inputs, targets in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(inputs).float(), targets)
        loss.backward()
        optimizer.step()
    assert torch.isfinite(parameters(model)).all()
    assert all(p.dtype is torch.float32 for p in model.parameters())


def test_a_run_continues_where_its_state_says() -> None:
    def fresh(**about: Any) -> tuple[nn.Module, Any, Any]:
        model = network()
        return private(model, torch.optim.SGD(model.parameters(), lr=0.5), epochs=2, **about)

    whole, optimizer, loader = fresh()
    loop(whole, optimizer, loader, epochs=2)
    first, optimizer, loader = fresh()
    loop(first, optimizer, loader)
    kept = io.BytesIO()
    state = optimizer.private.state_dict()
    torch.save(first.state_dict(), kept)
    kept.seek(0)
    second, optimizer, loader = fresh(seed=None)
    second.load_state_dict(torch.load(kept, weights_only=True))
    optimizer.private.load_state_dict(state)
    loop(second, optimizer, loader)
    torch.testing.assert_close(parameters(whole), parameters(second))
    with pytest.raises(InputError, match="another private training"):
        optimizer.private.load_state_dict({**state, "done": 99})


def test_the_spend_is_reserved_before_and_settled_after() -> None:
    ledger, model = MemoryLedger(), network()
    optimizer: Any = torch.optim.SGD(model.parameters(), lr=0.1)
    about: dict[str, Any] = {"ledger": ledger, "account": "people", "budget": 2.5}
    model, optimizer, loader = make_private(
        model, optimizer, data(), epsilon=2, batch_size=50, **about
    )
    (entry,) = ledger.entries("people")
    assert entry.state is EntryState.RESERVED
    loop(model, optimizer, loader)
    assert ledger.entries("people")[0].state is EntryState.SETTLED
    other = network()
    with pytest.raises(BudgetExceededError, match="2 asked"):
        make_private(
            other, torch.optim.SGD(other.parameters()), data(), epsilon=2, batch_size=50, **about
        )
    assert len(ledger.entries("people")) == 1


def test_more_steps_than_were_paid_for_are_refused() -> None:
    model = network()
    model, optimizer, loader = private(model, torch.optim.SGD(model.parameters(), lr=0.1))
    loop(model, optimizer, loader)
    with pytest.raises(InputError, match="all 8 steps that were paid for are done"):
        loop(model, optimizer, loader)


def test_an_empty_batch_is_a_step_of_noise_alone() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model, optimizer, loader = private(model, optimizer, batch_size=1)
    begin, seen = parameters(model), 0
    for inputs, targets in loader:
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        seen += 1
    assert optimizer.private.done == ROWS
    assert ROWS / 2 < seen < ROWS * 0.8  # 1 - 1/e of the batches hold somebody
    assert not torch.equal(begin, parameters(model))


class MixesRows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.layer(inputs - inputs.mean(0))
        return found


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)
        self.seen = 0.0

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen += 1
        found: Tensor = self.layer(inputs) * self.seen
        return found


class BehindTheBack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.other = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.other(self.layer(inputs) @ self.layer.weight)
        return found


@pytest.mark.parametrize("make", [MixesRows, Remembers, BehindTheBack])
def test_a_model_that_clipping_cannot_follow_is_refused(make: Callable[[], nn.Module]) -> None:
    model = make()
    model, optimizer, loader = private(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(InputError, match="clipping would bound nothing"):
        loop(model, optimizer, loader)
    assert optimizer.private.done == 0


def mixed(outputs: Tensor, targets: Tensor) -> Tensor:
    similar = outputs @ outputs.T
    return nn.functional.cross_entropy(similar, torch.arange(len(targets)))


def test_a_loss_that_mixes_examples_is_refused_before_a_step() -> None:
    model = network()
    model, _, loader = private(model, torch.optim.SGD(model.parameters(), lr=0.1))
    inputs, targets = next(iter(loader))
    with pytest.raises(InputError, match="the loss mixes the examples"):
        mixed(model(inputs), targets).backward()


@pytest.mark.parametrize(
    "loss",
    [
        nn.functional.cross_entropy,
        lambda out, y: nn.functional.binary_cross_entropy_with_logits(out[:, 0], y.float()),
        lambda out, y: (out.softmax(1)[:, 1] - y).square().mean() + out.abs().mean(),
        nn.functional.multi_margin_loss,
    ],
)
def test_losses_of_single_examples_pass(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    model = network()
    model, optimizer, loader = private(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for inputs, targets in loader:
        loss(model(inputs), targets).backward()
        optimizer.step()
    assert optimizer.private.done == 8


def test_gradients_that_are_not_finite_release_nothing() -> None:
    model = network()
    model, optimizer, loader = private(model, torch.optim.SGD(model.parameters(), lr=0.1))
    begin = parameters(model)
    inputs, targets = next(iter(loader))
    (nn.functional.cross_entropy(model(inputs), targets) * math.inf).backward()
    with pytest.raises(InputError, match="step 1 are not finite; nothing was released"):
        optimizer.step()
    assert torch.equal(begin, parameters(model))


def without_step(model: nn.Module, optimizer: Any, loader: Any) -> None:
    for inputs, targets in loader:
        nn.functional.cross_entropy(model(inputs), targets).backward()


def two_forwards(model: nn.Module, optimizer: Any, loader: Any) -> None:
    for inputs, targets in loader:
        model(inputs)
        nn.functional.cross_entropy(model(inputs), targets).backward()


def two_steps(model: nn.Module, optimizer: Any, loader: Any) -> None:
    for inputs, targets in loader:
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        optimizer.step()


def in_eval_mode(model: nn.Module, optimizer: Any, loader: Any) -> None:
    model.eval()
    for inputs, _ in loader:
        model(inputs)
        optimizer.step()


def counted_twice(model: nn.Module, optimizer: Any, loader: Any) -> None:
    for inputs, targets in loader:
        both = torch.cat([inputs, inputs.flip(1)])
        nn.functional.cross_entropy(model(both), targets.repeat(2)).backward()
        optimizer.step()


def by_closure(model: nn.Module, optimizer: Any, loader: Any) -> None:
    next(iter(loader))
    optimizer.step(lambda: 0.0)


@pytest.mark.parametrize(
    ("misuse", "said"),
    [
        (without_step, "no optimizer step"),
        (two_forwards, "ran twice"),
        (two_steps, "without a batch"),
        (in_eval_mode, "no gradient came back"),
        (counted_twice, "would count twice"),
        (by_closure, "a closure"),
    ],
)
def test_a_loop_that_would_break_the_accounting_is_told(
    misuse: Callable[[Any, Any, Any], None], said: str
) -> None:
    model = network()
    model, optimizer, loader = private(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(InputError, match=said) as refusal:
        misuse(model, optimizer, loader)
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"epsilon": 1.0}, "one of them"),
        ({"noise_multiplier": None}, "one of them"),
        ({"batch_size": None}, "no batch size"),
        ({"batch_size": ROWS + 1}, "can't be drawn"),
        ({"loss_reduction": "median"}, '"mean" or "sum"'),
        ({"clipping": 0.0}, "bounds nothing"),
        ({"seed": b"short"}, "32 bytes"),
    ],
)
def test_what_does_not_fit_is_refused_with_nothing_spent(about: dict[str, Any], said: str) -> None:
    model, ledger = network(), MemoryLedger()
    with pytest.raises(InputError, match=said):
        private(model, torch.optim.SGD(model.parameters(), lr=0.1), ledger=ledger, **about)


def test_an_optimizer_of_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="holds none"):
        private(network(), torch.optim.SGD(network().parameters(), lr=0.1))
    model = network()
    model, optimizer, _ = private(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(InputError, match="private already"):
        private(network(), optimizer)
    with pytest.raises(InputError, match="can't be drawn from"):
        make_private(
            network(), torch.optim.SGD(network().parameters()), iter([1]), noise_multiplier=1.0
        )


def test_adam_without_noise_is_adam_and_with_noise_takes_its_variance_off() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.randn(40)) for _ in range(2))
    theirs.data.copy_(ours)
    pair = AdamCorrected([ours], lr=0.1, floor=1e-12), torch.optim.Adam([theirs], lr=0.1, eps=1e-12)
    for _ in range(5):
        ours.grad = torch.randn(40)
        theirs.grad = ours.grad.clone()
        for optimizer in pair:
            optimizer.step()
    torch.testing.assert_close(ours, theirs)
    # A gradient of 1 under noise of 10: Adam's step is about 0.1 of what the gradient deserves.
    moved = nn.Parameter(torch.zeros(20_000))
    corrected = AdamCorrected([moved], lr=1.0, betas=(0.0, 0.999), floor=0.5)
    corrected.noise_deviation = 10.0
    for _ in range(50):
        moved.grad = 1 + 10 * torch.randn(20_000)
        corrected.step()
    size = corrected.state[moved]["second"] / (1 - 0.999**50) - 100
    assert 0 < float(size.mean()) < 3
