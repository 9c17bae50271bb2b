"""InfoNCE over lags (van den Oord et al. 2018; SyncNet, Chung and Zisserman 2016): two streams tell how they lie.

What the alignment will look at is what is learnt: the correlation of two streams at every lag. The true lag is the
positive, every other one a negative::

    first    |-----a-----b--c---|           score(lag) = sum_t first[t] · second[t + lag]
    second   |-----a-----b--c---|           p(lag) = softmax(score / (temperature · norms))

A single moment seldom tells the time (nothing happens in most), a whole clip mostly does; so a loss per clip and lag
finds what both streams share, where one per moment drowns in moments that share nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from avtext.layers.tcn import keep

SPREAD = 0.5  # steps: the target is a Gaussian this wide, for half a step more or less is no error
FLOOR = 1e-6  # of a stream's energy, so that a constant stream scores zero


def lag_info_nce(
    first: Tensor, second: Tensor, masks: tuple[Tensor, Tensor], reach: int, temperature: float = 0.05
) -> Tensor:
    """Cross-entropy of the lag between streams that are in step, among all lags up to ``reach``.

    Both are centred over their real steps, as the alignment centres them. Streams should not share where they begin
    and end, or that is what is learnt: give clips whose streams are cut differently or come late.

    Args:
        first: (B, T, E), T at least 1.
        second: (B, T, E), on the same clock.
        masks: (B, T) of each, true where real.
        reach: lags of up to so many steps either way are told apart; of more than T - 1, those up to T - 1.
        temperature: τ; scores are cosines of whole streams.

    Returns:
        A scalar, the mean over the clips in which both have something real; zero where there is none.

    Example:
        >>> torch.manual_seed(0).initial_seed()
        0
        >>> x, there = torch.randn(1, 50, 8), torch.ones(1, 50, dtype=torch.bool)
        >>> in_step = lag_info_nce(x, x, (there, there), reach=10)
        >>> bool(in_step < lag_info_nce(x, x.roll(5, 1), (there, there), reach=10))
        True
    """
    reach = min(reach, first.shape[1] - 1)
    scores = lag_scores(_centred(first.float(), masks[0]), _centred(second.float(), masks[1]), reach)
    lags = torch.arange(-reach, reach + 1, device=scores.device)
    target = torch.softmax(-0.5 * (lags / SPREAD) ** 2, 0)
    terms = -((scores / temperature).log_softmax(1) * target).sum(1)
    known = masks[0].any(1) & masks[1].any(1)
    return torch.where(known, terms, torch.zeros_like(terms)).sum() / known.sum().clamp_min(1)


def lag_scores(first: Tensor, second: Tensor, reach: int) -> Tensor:
    """Correlation at every lag, ``sum_t first[t] · second[t + lag]``, by the Fourier transform.

    Args:
        first: (B, T, E).
        second: (B, T, E).
        reach: steps, at most T.

    Returns:
        (B, 2 reach + 1), from lag ``-reach`` on.
    """
    size = 1 << (2 * first.shape[1] - 1).bit_length()  # long enough that nothing wraps around
    spectra = torch.fft.rfft(first, size, dim=1).conj() * torch.fft.rfft(second, size, dim=1)
    scores = torch.fft.irfft(spectra.sum(-1), size, dim=1)
    return torch.cat([scores[:, size - reach :], scores[:, : reach + 1]], 1)


def _centred(values: Tensor, mask: Tensor) -> Tensor:
    """(B, T, E) without its mean over the real steps and of length one as a whole; zero where not real."""
    count = mask.sum(1).clamp_min(1)[:, None, None]
    values = keep(values, mask)
    values = keep(values - values.sum(1, keepdim=True) / count, mask)
    return values / (values.square().sum((1, 2), keepdim=True) + FLOOR * count).sqrt()
