"""Reading an evidence log that nobody vouches for: what is in it, and what is wrong with it.

Nothing here writes, raises on hostile content, or trusts a record before its signature fits. Each
record names its place, its log and the SHA-256 of the record before it, so a signed record can't
be moved, and a change to any record but the last shows in the one after it; the signed checkpoint
covers the last.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.errors import TamperedError
from strongroom.store import merkle
from strongroom.store._checkpoint import Checkpoint, read_note
from strongroom.store._codec import MAX_RECORD_BYTES, read_regular, sha256
from strongroom.vault.signing import dsse_verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.vault.signing import VerifyKey

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_BASE = "urn:strongroom:evidence:"
CHECKPOINT_NAME = "checkpoint"
BEFORE_THE_FIRST = "0" * 64

# What hostile JSON of the wrong shape can make ordinary code raise.
WRONG_SHAPE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Broken:
    """One thing that isn't what was written.

    Attributes:
        record: number of the evidence record it concerns, if there is one.
        what: in a sentence.
        where: the file or row.
    """

    record: int | None
    what: str
    where: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Record:
    """One record of the log.

    Attributes:
        index: its number, from 1.
        statement: the in-toto Statement v1.
        digest: SHA-256 of its file.
        leaf: its leaf hash in the Merkle tree.
    """

    index: int
    statement: Mapping[str, Any]
    digest: str
    leaf: bytes = field(repr=False)

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the record states."""
        predicate: Mapping[str, Any] = self.statement["predicate"]
        return predicate

    @property
    def kind(self) -> str:
        """What it is about: `workspace`, `stage`, `ledger` or a caller's own."""
        return predicate_kind(str(self.statement["predicateType"]))

    @property
    def created(self) -> str:
        """When it was written, UTC."""
        return str(self.predicate["log"]["time"])

    @property
    def origin(self) -> str:
        """The log it belongs to."""
        return str(self.predicate["log"]["origin"])

    def to_json(self) -> dict[str, Any]:
        """Return what a report shows of it."""
        return {
            "index": self.index,
            "stage": self.predicate.get("stage", self.kind),
            "digest": self.digest,
            "created": self.created,
        }


@dataclass(frozen=True)
class Survey:
    """What was found in a log.

    Attributes:
        records: those that can be trusted, in order.
        leaves: the leaf hash of every record file, trusted or not, up to the first gap.
        count: the highest number that a record file has.
        checkpoint: the signed head, if it can be trusted.
        broken: everything that is wrong, in the order of the log.
    """

    records: tuple[Record, ...]
    leaves: tuple[bytes, ...]
    count: int
    checkpoint: Checkpoint | None
    broken: tuple[Broken, ...]

    @property
    def origin(self) -> str | None:
        """The log's name, from its first record."""
        return self.records[0].origin if self.records else None


def predicate_type(kind: str) -> str:
    """Return the predicate type of our own statements of one kind."""
    return f"{PREDICATE_BASE}{kind}:1"


def predicate_kind(name: str) -> str:
    """Return the kind in one of our predicate types; a foreign type stays whole."""
    return name.removeprefix(PREDICATE_BASE).removesuffix(":1")


def record_name(index: int) -> str:
    """Return the file name of a record."""
    return f"{index:08d}.json"


def survey(folder: Path, key: VerifyKey, *, thorough: bool = True) -> Survey:
    """Read and check the log in `folder`.

    Args:
        folder: the evidence folder.
        key: whose signatures count.
        thorough: check every signature; otherwise those that a fitting signed checkpoint covers
            are taken from it, which proves the same at a hundredth of the cost.
    """
    broken: list[Broken] = []
    place = folder / CHECKPOINT_NAME
    # The checkpoint is read first: a writer at work may add records after, never take some away.
    checkpoint = _read_checkpoint(place, key, broken)
    readable = not broken
    contents, last = _read_files(folder, broken)
    leaves = _leaves(contents)
    vouched = 0
    if not thorough and not broken and checkpoint and checkpoint.size <= len(leaves):
        fits = merkle.root(leaves[: checkpoint.size]) == checkpoint.root
        vouched = checkpoint.size if fits else 0
    records: list[Record] = []
    for index, content in contents.items():
        try:
            statement = parse_record(content, index, key, signed=index > vouched)
            _check_origin(statement, records)
        except ValueError as error:
            where = str(folder / record_name(index))
            broken.append(Broken(index, f"evidence record {index}: {error}", where))
            continue
        records.append(Record(index, statement, sha256(content), merkle.leaf_hash(content)))
    bad = {b.record for b in broken}
    for record in records:
        before = contents.get(record.index - 1)
        expected = sha256(before) if before is not None else BEFORE_THE_FIRST
        follows = record.predicate["log"]["previous"] == expected
        # What was found broken already explains why the next doesn't follow from it.
        if (
            not follows
            and (record.index == 1 or before is not None)
            and record.index - 1 not in bad
        ):
            # The one before carries a signature of ours, and isn't what this one was built on.
            changed = max(record.index - 1, 1)
            what = f"evidence record {changed}: it isn't the one that was written"
            broken.append(Broken(changed, what, str(folder / record_name(changed))))
    if readable and (not broken or (checkpoint and checkpoint.size > last)):
        problem = _check_checkpoint(checkpoint, leaves, last, records, str(place))
        broken += [problem] if problem else []
    bad = {b.record for b in broken}
    broken.sort(key=lambda b: (b.record is None, b.record or 0))
    trusted = tuple(r for r in records if r.index not in bad)
    return Survey(trusted, tuple(leaves), last, checkpoint, tuple(broken))


def parse_record(
    content: bytes, index: int, key: VerifyKey, *, signed: bool = True
) -> Mapping[str, Any]:
    """Return the statement in a record's bytes.

    Args:
        content: the DSSE envelope, JSON.
        index: the number it must have.
        key: whose signature it must carry.
        signed: False takes the signature as checked.

    Raises:
        ValueError: in one line, what is wrong with it.
    """
    try:
        envelope = json.loads(content)
        if envelope["payloadType"] != PAYLOAD_TYPE:
            raise ValueError("not an in-toto statement")
        payload = (
            dsse_verify(envelope, key)
            if signed
            else base64.b64decode(envelope["payload"], validate=True)
        )
        statement = json.loads(payload)
        log = statement["predicate"]["log"]
        shapes = (log["index"], int), (log["origin"], str), (log["previous"], str)
        texts = (log["time"], str), (statement["predicateType"], str)
        fits = all(isinstance(value, kind) for value, kind in (*shapes, *texts))
        subjects = all(isinstance(s["digest"]["sha256"], str) for s in statement["subject"])
        if statement["_type"] != STATEMENT_TYPE or not fits or not subjects:
            raise ValueError("not one of our statements")
    except TamperedError as error:
        raise ValueError(_why_refused(content, key)) from error
    except WRONG_SHAPE as error:
        raise ValueError("it can't be read as a signed statement") from error
    if log["index"] != index:
        raise ValueError(f"it was written as record {log['index']}")
    return dict(statement)


def _why_refused(content: bytes, key: VerifyKey) -> str:
    try:
        signers = {str(s["keyid"]) for s in json.loads(content)["signatures"]}
    except WRONG_SHAPE:
        signers = set()
    if signers and key.key_id not in signers:
        return "it is signed with a foreign key"
    return "the signature doesn't fit"


def _check_origin(statement: Mapping[str, Any], before: list[Record]) -> None:
    if before and statement["predicate"]["log"]["origin"] != before[0].origin:
        raise ValueError("it belongs to another log")


def _read_checkpoint(path: Path, key: VerifyKey, broken: list[Broken]) -> Checkpoint | None:
    try:
        return read_note(read_regular(path, limit=65536).decode(), key)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = error if type(error) is ValueError else "it can't be read"
        broken.append(Broken(None, f"the checkpoint of the log: {why}", str(path)))
        return None


def _read_files(folder: Path, broken: list[Broken]) -> tuple[dict[int, bytes], int]:
    try:
        names = [p.name for p in folder.iterdir() if re.fullmatch(r"[0-9]{8}\.json", p.name)]
    except OSError:
        broken.append(Broken(None, "the evidence log can't be read", str(folder)))
        return {}, 0
    contents: dict[int, bytes] = {}
    expected = 1
    for name in sorted(names):
        index = int(name.removesuffix(".json"))
        if index > expected:
            broken.append(_missing(folder, expected, index - 1))
        expected = index + 1
        try:
            contents[index] = read_regular(folder / name, limit=MAX_RECORD_BYTES)
        except OSError:
            what = f"evidence record {index}: it can't be read"
            broken.append(Broken(index, what, str(folder / name)))
    return contents, expected - 1


def _missing(folder: Path, first: int, last: int, why: str = "") -> Broken:
    place = str(folder / record_name(first))
    if first == last:
        return Broken(first, f"evidence record {first} is missing{why}", place)
    return Broken(first, f"evidence records {first} to {last} are missing{why}", place)


def _leaves(contents: Mapping[int, bytes]) -> list[bytes]:
    leaves: list[bytes] = []
    while (content := contents.get(len(leaves) + 1)) is not None:
        leaves.append(merkle.leaf_hash(content))
    return leaves


def _check_checkpoint(
    checkpoint: Checkpoint | None, leaves: list[bytes], last: int, records: list[Record], place: str
) -> Broken | None:
    if checkpoint is None:
        # Before its second record a log has a checkpoint, however often it was killed.
        return Broken(None, "the checkpoint of the log is missing", place) if last > 1 else None
    if records and checkpoint.origin != records[0].origin:
        return Broken(None, "the checkpoint belongs to another log", place)
    if checkpoint.size > last:
        why = f": the signed checkpoint counts {checkpoint.size}"
        return _missing(Path(place).parent, last + 1, checkpoint.size, why)
    whole = checkpoint.size <= len(leaves)
    if whole and merkle.root(leaves[: checkpoint.size]) != checkpoint.root:
        what = f"evidence record {checkpoint.size}: it isn't the one that the checkpoint covers"
        return Broken(checkpoint.size, what, place)
    return None


def against_head(found: Survey, head: Checkpoint | None, where: str) -> Broken | None:
    """Compare a log with the head that was seen before; tells of a rollback."""
    if head is None:
        return None
    if head.size > len(found.leaves):
        first = len(found.leaves) + 1
        what = f"the log was rolled back: {head.size} records were seen here before"
        return Broken(first, f"evidence record {first} is missing; {what}", where)
    if merkle.root(found.leaves[: head.size]) != head.root:
        what = f"the first {head.size} evidence records aren't those that were seen before"
        return Broken(None, what, where)
    return None
