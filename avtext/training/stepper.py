"""One step of a training as a module's forward pass."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from avtext.distill import DistillSettings, Targets, teaching
from avtext.model import Batch, EventDetector, Losses


class View:
    """The arguments of a step in one object that Fabric does not look into: it would rewrite their tensors."""

    def __init__(self, batch: Batch, lost: Tensor | None, targets: Targets | None) -> None:
        self.batch, self.lost, self.targets = batch, lost, targets


class Stepper(nn.Module):
    """The loss as a forward pass, which is what data-parallel wrappers can see."""

    def __init__(self, model: EventDetector, distill: DistillSettings | None) -> None:
        super().__init__()
        self.model, self.distill = model, distill

    def forward(self, view: View) -> Losses:
        """The loss of one view of a batch; something that learns always has a gradient, if only of zeros."""
        targets, distill = view.targets, self.distill
        told = None if targets is None or distill is None else teaching(self.model, targets, distill)
        losses = self.model.loss(view.batch, view.lost, told)
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if _reaches(losses.total, learning):
            return losses
        # As where clips of one modality teach the clocks; under attack the loss has a gradient all the same, that of
        # its inputs. Added here, where a wrapper sees which weights will have gradients to wait for.
        return losses._replace(total=losses.total + sum(0.0 * parameter.sum() for parameter in learning))


def _reaches(loss: Tensor, leaves: Iterable[Tensor]) -> bool:
    """Whether a backward pass of ``loss`` gives any of the leaves a gradient."""
    wanted = set(map(id, leaves))
    waiting = [loss.grad_fn]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        if node is None:
            continue
        if id(getattr(node, "variable", None)) in wanted:
            return True
        ahead = {following for following, _ in node.next_functions} - seen
        seen |= ahead
        waiting += ahead
    return False
