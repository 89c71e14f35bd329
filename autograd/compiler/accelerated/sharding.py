"""Where the numbers of a training step are: on one device, or a batch shared among several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

Array = npt.NDArray[Any]


class Placement:
    """The devices of a session: the rows of a batch are shared equally among them, everything else is on each.

    XLA does the rest: each device computes its rows, and the gradients are added up across them.

    Args:
        devices: how many of ``jax.devices()``, or the devices themselves; None for JAX's default one.

    Raises:
        ValueError: there are fewer, or none are asked for. TypeError: something else than devices.
    """

    def __init__(self, devices: int | Sequence[Any] | None = None) -> None:
        chosen = devices_of(devices)
        self.count = len(chosen)
        mesh = Mesh(np.array(chosen), ("batch",))
        self.rows = NamedSharding(mesh, PartitionSpec("batch"))
        self.whole = NamedSharding(mesh, PartitionSpec())

    def everywhere(self, numbers: Array) -> Any:
        """Numbers that every device has."""
        return jax.device_put(numbers, self.whole)

    def shared(self, batch: Array) -> Any:
        """A batch, its rows shared among the devices. ValueError: they cannot be shared equally."""
        if len(batch) % self.count:
            raise ValueError(
                f"a batch of {len(batch)} rows cannot be shared equally among {self.count} devices: give it a multiple "
                f"of {self.count} rows"
            )
        return jax.device_put(batch, self.rows)


def devices_of(devices: int | Sequence[Any] | None) -> list[Any]:
    """The devices meant; see ``Placement``."""
    if devices is None:
        return list(jax.devices()[:1])
    if isinstance(devices, int) and not isinstance(devices, bool):
        every = jax.devices()
        if not 0 < devices <= len(every):
            raise ValueError(f"devices={devices}, but JAX has {len(every)}: jax.devices() lists them")
        return list(every[:devices])
    if not isinstance(devices, list | tuple | np.ndarray):
        raise TypeError(f"devices is a number of devices or a list of them; got {devices!r:.60}")
    chosen = list(devices)
    if not chosen or not all(isinstance(each, jax.Device) for each in chosen):
        raise TypeError(f"devices is a number of devices or a list of some of jax.devices(); got {devices!r:.60}")
    return chosen
