"""NumPy written by hand, forward and backward: row e, the language model. Tokens of all words are the rows of one
matrix; attention is a stack of small products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compiler_peers.engine import Engine
from compiler_peers.workloads import CONTEXT, EPSILON, HEADS, VOCABULARY, WIDTH, workload

Matrix = NDArray[np.floating]
SIZE = WIDTH // HEADS


def norm(x: Matrix) -> tuple[Matrix, Matrix]:
    """Rows over their root mean square, and the factors."""
    scale = (np.einsum("ij,ij->i", x, x) / WIDTH + EPSILON) ** -0.5
    return x * scale[:, None], scale[:, None]


def norm_back(adjoint: Matrix, y: Matrix, scale: Matrix) -> Matrix:
    """The adjoint of the rows that `norm` made y of."""
    along = np.einsum("ij,ij->i", adjoint, y)[:, None] / WIDTH
    return scale * (adjoint - y * along)


class Language(Engine):
    """One transformer layer; all parameters in one vector, in the workload's order."""

    def __init__(self, dtype: str) -> None:
        work = workload("e")
        self.rate = work.rate
        self.flat = work.flat().astype(dtype)
        self.gradient = np.zeros_like(self.flat)
        self.p, self.g = work.split(self.flat), work.split(self.gradient)
        start = self.p["letters"].size + self.p["positions"].size
        attention = slice(start, start + 3 * WIDTH * WIDTH)  # queries, keys, contents: one product
        self.attention = self.flat[attention].reshape(3 * WIDTH, WIDTH)
        self.attention_gradient = self.gradient[attention].reshape(3 * WIDTH, WIDTH)
        self.batch = work.batch.astype(dtype).reshape(-1, 3, CONTEXT)
        self.words = len(self.batch)
        self.rows = np.arange(self.words * CONTEXT)
        self.future = np.triu(np.full((CONTEXT, CONTEXT), -np.inf, dtype), 1)
        self.hot = np.zeros((self.words * CONTEXT, VOCABULARY), dtype)

    def heads(self, x: Matrix) -> Matrix:
        """(words x positions, width) as (words, heads, positions, size)."""
        return x.reshape(self.words, CONTEXT, HEADS, SIZE).transpose(0, 2, 1, 3)

    def rejoin(self, x: Matrix) -> Matrix:
        """The way back."""
        return x.transpose(0, 2, 1, 3).reshape(-1, WIDTH)

    def forward_backward(self) -> float:
        """The mean loss; its gradient is in `gradient`."""
        p, g = self.p, self.g
        letters = self.batch[:, 0].astype(np.intp).ravel()
        following = self.batch[:, 1].astype(np.intp).ravel()
        weights = self.batch[:, 2].ravel() / self.words

        embedded = (p["letters"][letters].reshape(self.words, CONTEXT, WIDTH) + p["positions"]).reshape(-1, WIDTH)
        x, x_scale = norm(embedded)
        h, h_scale = norm(x)
        together = h @ self.attention.T
        q, k, v = (self.heads(together[:, i : i + WIDTH]) for i in range(0, 3 * WIDTH, WIDTH))
        shares = q @ k.transpose(0, 1, 3, 2)
        shares *= SIZE**-0.5
        shares += self.future
        shares -= shares.max(axis=-1, keepdims=True)
        np.exp(shares, out=shares)
        shares /= shares.sum(axis=-1, keepdims=True)
        joined = self.rejoin(shares @ v)
        y = joined @ p["mixed"].T + x
        u, u_scale = norm(y)
        wide = u @ p["wide"].T
        np.maximum(wide, 0.0, out=wide)
        last = wide @ p["narrow"].T + y
        scores = last @ p["scores"].T
        scores -= scores.max(axis=1, keepdims=True)
        picked = scores[self.rows, following]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        loss = float(weights @ (np.log(total) - picked))

        scores *= (weights / total)[:, None]
        scores[self.rows, following] -= weights
        np.matmul(scores.T, last, out=g["scores"])
        d_last = scores @ p["scores"]
        np.matmul(d_last.T, wide, out=g["narrow"])
        d_wide = d_last @ p["narrow"]
        d_wide *= wide > 0.0
        np.matmul(d_wide.T, u, out=g["wide"])
        d_y = norm_back(d_wide @ p["wide"], u, u_scale)
        d_y += d_last
        np.matmul(d_y.T, joined, out=g["mixed"])
        d_heads = self.heads(d_y @ p["mixed"])
        d_shares = d_heads @ v.transpose(0, 1, 3, 2)
        d_v = shares.transpose(0, 1, 3, 2) @ d_heads
        d_shares -= np.einsum("bhij,bhij->bhi", d_shares, shares)[..., None]
        d_shares *= shares
        d_shares *= SIZE**-0.5
        d_together = np.empty_like(together)
        for i, part in enumerate((d_shares @ k, d_shares.transpose(0, 1, 3, 2) @ q, d_v)):
            d_together[:, i * WIDTH : (i + 1) * WIDTH] = self.rejoin(part)
        np.matmul(d_together.T, h, out=self.attention_gradient)
        d_x = norm_back(d_together @ self.attention, h, h_scale)
        d_x += d_y
        d_embedded = norm_back(d_x, x, x_scale)
        np.sum(d_embedded.reshape(self.words, CONTEXT, WIDTH), axis=0, out=g["positions"])
        self.hot[:] = 0.0
        self.hot[self.rows, letters] = 1.0
        np.matmul(self.hot.T, d_embedded, out=g["letters"])
        return loss

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of one pass."""
        loss = self.forward_backward()
        return loss, self.gradient.astype(np.float64)

    def step(self) -> float:
        """One pass and the update."""
        loss = self.forward_backward()
        self.gradient *= self.rate
        self.flat -= self.gradient
        return loss
