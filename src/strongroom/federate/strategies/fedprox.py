"""FedProx: FedAvg between sites that are held near the round's model."""

from __future__ import annotations

from strongroom.federate.strategies.fedavg import FedAvg


class FedProx(FedAvg):
    """Li et al. 2020: sites add μ/2 · ‖w - wᵗ‖² to their loss; this half is FedAvg's."""
