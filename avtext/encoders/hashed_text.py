"""Light text encoder: sub-words hashed into buckets (:mod:`avtext.kernels.subwords`), their mean, and an MLP."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from avtext.kernels.subwords import subword_ids


class HashedTextEncoder(nn.Module):
    """One vector per cue: the mean of its sub-words' embeddings, then an MLP.

    Args:
        size: features per cue.
        num_buckets: rows of the embedding.
        embedding: its width.
    """

    def __init__(self, size: int = 96, num_buckets: int = 4096, embedding: int = 64) -> None:
        super().__init__()
        self.size, self.num_buckets = size, num_buckets
        self.table = nn.EmbeddingBag(num_buckets, embedding, mode="mean")
        self.network = nn.Sequential(nn.Linear(embedding, size), nn.GELU(), nn.Linear(size, size))

    def forward(self, cues: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
        """B lists of texts to (B, most cues, size) and its mask.

        A blank text is not real; one that has signs but no sub-word gets the network of zero.
        """
        device = self.table.weight.device
        count = max((len(row) for row in cues), default=0)
        mask = torch.zeros(len(cues), count, dtype=torch.bool, device=device)
        out = torch.zeros(len(cues), count, self.size, device=device)
        texts = [(b, c, text) for b, row in enumerate(cues) for c, text in enumerate(row) if text.strip()]
        if not texts:
            return out, mask
        ids = [subword_ids(text, self.num_buckets) for _, _, text in texts]
        offsets = torch.tensor([0, *(len(x) for x in ids)]).cumsum(0)[:-1].to(device)
        flat = torch.tensor([i for x in ids for i in x], dtype=torch.long, device=device)
        vectors = self.network(self.table(flat, offsets))
        rows = torch.tensor([b for b, _, _ in texts], device=device)
        columns = torch.tensor([c for _, c, _ in texts], device=device)
        mask[rows, columns] = True
        return out.index_put((rows, columns), vectors.to(out.dtype)), mask
