"""If this fails, a proof about the evidence log proves nothing: a changed log could pass.

Vectors: the eight-leaf tree of RFC 6962's reference implementation. Properties: every proof of
every tree verifies, and no mutation of one does.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.store import merkle

INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [merkle.leaf_hash(leaf) for leaf in INPUTS]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962's definition word for word, as the independent reference."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = recursive_root(leaves[:split]), recursive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_the_reference_roots() -> None:
    assert merkle.root([]) == hashlib.sha256(b"").digest()
    for size, expected in enumerate(ROOTS, start=1):
        assert merkle.root(LEAVES[:size]).hex() == expected


def test_the_reference_inclusion_proofs() -> None:
    assert [h.hex() for h in merkle.inclusion_proof(LEAVES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [h.hex() for h in merkle.inclusion_proof(LEAVES[:3], 2)] == [ROOTS[1]]


def test_the_reference_consistency_proofs() -> None:
    assert merkle.consistency_proof(LEAVES, 8) == []
    assert [h.hex() for h in merkle.consistency_proof(LEAVES[:5], 2)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


trees = st.lists(st.binary(max_size=8), min_size=1, max_size=40).map(
    lambda items: [merkle.leaf_hash(item) for item in items]
)


@settings(max_examples=60, deadline=None)
@given(trees, st.data())
def test_inclusion_proofs_verify_and_mutants_do_not(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size, head = len(leaves), merkle.root(leaves)
    assert head == recursive_root(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(leaves, index)
    assert merkle.verify_inclusion(index, size, leaves[index], proof, head)
    other = hashlib.sha256(b"other").digest()
    assert not merkle.verify_inclusion(index, size, other, proof, head)
    assert not merkle.verify_inclusion(index, size, leaves[index], proof, other)
    assert not merkle.verify_inclusion(index, size, leaves[index], [*proof, other], head)
    assert not merkle.verify_inclusion(size, size, leaves[index], proof, head)
    assert not merkle.verify_inclusion(-1, size, leaves[index], proof, head)
    for place in range(len(proof)):
        mutant = [*proof[:place], other, *proof[place + 1 :]]
        assert not merkle.verify_inclusion(index, size, leaves[index], mutant, head)
        shorter = [*proof[:place], *proof[place + 1 :]]
        assert not merkle.verify_inclusion(index, size, leaves[index], shorter, head)


@settings(max_examples=60, deadline=None)
@given(trees, st.data())
def test_consistency_proofs_verify_and_mutants_do_not(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size = len(leaves)
    old = data.draw(st.integers(1, size))
    heads = merkle.root(leaves[:old]), merkle.root(leaves)
    proof = merkle.consistency_proof(leaves, old)
    assert merkle.verify_consistency(old, size, *heads, proof)
    other = hashlib.sha256(b"other").digest()
    assert not merkle.verify_consistency(old, size, other, heads[1], proof)
    assert not merkle.verify_consistency(old, size, heads[0], other, proof)
    assert not merkle.verify_consistency(old, size, *heads, [*proof, other])
    assert not merkle.verify_consistency(size + 1, size, *heads, proof)
    assert not merkle.verify_consistency(0, size, *heads, proof)
    for place in range(len(proof)):
        mutant = [*proof[:place], other, *proof[place + 1 :]]
        assert not merkle.verify_consistency(old, size, *heads, mutant)
        shorter = [*proof[:place], *proof[place + 1 :]]
        assert not merkle.verify_consistency(old, size, *heads, shorter)


def test_no_proof_for_what_is_not_there() -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(LEAVES, 8)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES, 9)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES, 0)
