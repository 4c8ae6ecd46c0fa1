"""Manifests of a number of leaves, with every proof that a hub could give of them, and every change to one."""

from __future__ import annotations

from tests.unit.crypto.examples import flipped, seeded

from paravent.crypto import manifest, merkle
from paravent.crypto.manifest import Inclusion
from paravent.crypto.sealing import Handle


class Tree:
    """A manifest of a number of leaves, with every proof that a hub could give."""

    def __init__(self, count: int, seed: int = 0) -> None:
        """Draws the handles and builds the tree in their order."""
        rng = seeded(seed)
        self.count = count
        self.handles = sorted(Handle(rng(32)) for _ in range(count))
        self.digests = [rng(32) for _ in range(count)]
        leaves = [manifest.manifest_leaf(*leaf) for leaf in zip(self.handles, self.digests, strict=True)]
        self.levels = merkle.build_levels(leaves)
        self.root = merkle.root_of(self.levels)

    def leaf(self, index: int) -> Inclusion:
        """The proof of one leaf."""
        path = tuple(
            self.levels[level][position * 32 : position * 32 + 32]
            for level, position in merkle.path_positions(index, self.count)
        )
        return Inclusion(index=index, handle=self.handles[index], row_digest=self.digests[index], path=path)

    def gap(self, index: int) -> tuple[Handle, list[Inclusion]]:
        """A handle that falls before leaf ``index``, or after the last, and its neighbours."""
        below, above = index - 1, index
        low = self.handles[below] if below >= 0 else bytes(32)
        handle = Handle((int.from_bytes(low, "big") + 1).to_bytes(32, "big"))
        return handle, [self.leaf(at) for at in (below, above) if 0 <= at < self.count]

    def require_included(self, leaf: Inclusion) -> None:
        """Verifies a leaf."""
        manifest.verify_inclusion(leaf, count=self.count, root=self.root, culprit="hub")

    def require_absent(self, handle: Handle, neighbours: list[Inclusion]) -> None:
        """Verifies an absence."""
        manifest.verify_absence(handle, neighbours, count=self.count, root=self.root, culprit="hub")


def altered_leaves(tree: Tree, leaf: Inclusion, place: int) -> list[Inclusion]:
    """Every way in which one proof may be changed."""
    path = list(leaf.path)
    paths = [[*path, bytes(32)], [bytes(32), *path]]
    if path:
        at = place % len(path)
        paths += [path[:-1], path[1:], [*path[:at], flipped(path[at], place), *path[at + 1 :]]]
        paths += [[*path[:at], path[at][:31], *path[at + 1 :]], [*path[:at], path[at] + b"\0", *path[at + 1 :]]]
    if len(path) > 1:
        paths.append(path[::-1])
    indices = [index for index in (-1, leaf.index - 1, leaf.index + 1, tree.count) if index != leaf.index]
    return [
        *(_replaced(leaf, path=tuple(changed)) for changed in paths),
        *(_replaced(leaf, index=index) for index in indices),
        _replaced(leaf, handle=Handle(flipped(leaf.handle, place))),
        _replaced(leaf, row_digest=flipped(leaf.row_digest, place)),
    ]


def _replaced(
    leaf: Inclusion, *, index: int | None = None, handle: Handle | None = None, row_digest: bytes | None = None,
    path: tuple[bytes, ...] | None = None,
) -> Inclusion:  # fmt: skip
    return Inclusion(
        index=leaf.index if index is None else index,
        handle=handle or leaf.handle,
        row_digest=row_digest or leaf.row_digest,
        path=leaf.path if path is None else path,
    )
