"""What makes two posted events the same one.

The protocol has no event id, and a client that did not read our reply sends its events again, possibly merged with
newer ones. The fields that tell events apart are the app, the device, the action, the raw version names (the files of
a failing manifest differ only behind the colon), the device's timestamp and the metadata (several crash records of
one millisecond differ only there). Events without a timestamp can't be told from a legitimate repeat: they have none.
"""

import json
from array import array
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from exporter.wire.runs import Run

SIZE: Final = 8
"""Bytes of a fingerprint: at 10 million remembered ones, a false match has odds of one in 1.8 million million."""

KEY_SIZE: Final = 16

DEVICE_BITS: Final = 60
"""Of a device's key, so that Python keeps it in 32 bytes: among a million devices, two of one key have odds of one in
2.3 million."""

_json = msgspec.json.Encoder(order="deterministic")


class Fingerprints:
    """Makes the fingerprints of events, and the keys of the devices that sent them; `key` is the ledger's own."""

    def __init__(self, key: bytes) -> None:
        self._of_events = blake2b(digest_size=SIZE, key=key)
        self._of_devices = blake2b(digest_size=SIZE, key=key, person=b"device")

    def __call__(self, runs: Sequence[Run], timestamps: Sequence[int | None]) -> Sequence[int | None]:
        """The fingerprint of each event of one body, a signed 64-bit integer; `None` for those without a timestamp.
        `timestamps` are those of all runs, which whoever asks has joined.

        Equal events of one body are different ones that happened in the same millisecond, so their ordinal takes part.
        """
        undated = timestamps.count(None)
        if undated == len(timestamps):  # as in each post of a single event
            return timestamps
        texts = _identities(runs)
        values = self._digests(texts)
        if len(set(values)) < len(values):
            values = self._digests(_numbered(texts))
        if undated:
            return [None if timestamp is None else value for value, timestamp in zip(values, timestamps, strict=True)]
        return values

    def _digests(self, texts: Sequence[bytes]) -> list[int]:
        found: list[bytes] = []
        for text in texts:
            hashed = self._of_events.copy()  # two thirds of the price of one that takes the key in anew
            hashed.update(text)
            found.append(hashed.digest())
        return array("q", b"".join(found)).tolist()

    def devices(self, runs: Sequence[Run]) -> list[int]:
        """The key of the device that sent each event of one body, in `DEVICE_BITS`; 0 for one without an id."""
        keys: list[int] = []
        for run in runs:
            app_id, device_id = run.first.app_id, run.first.device_id
            key = self._device(app_id, device_id) if device_id else 0
            keys += [key] * len(run.actions)
        return keys

    def _device(self, app_id: str, device_id: str) -> int:
        hashed = self._of_devices.copy()
        # An app's id has no such end; a device's may be anything.
        hashed.update(f"{app_id}\n{device_id.lower()}".encode("utf-8", "surrogatepass"))
        return int.from_bytes(hashed.digest()) % (1 << DEVICE_BITS) or 1


def fingerprinter(key: bytes) -> Fingerprints:
    """Make what tells the fingerprints under a key."""
    return Fingerprints(key)


def _identities(runs: Sequence[Run]) -> list[bytes]:
    """What tells each event from others, as a line of JSON: it keeps fields apart, and `null` from an empty one."""
    identities: list[tuple[object, ...]] = []
    for first, *columns in runs:
        app_id, name = first.app_id, first.version_name
        # iOS spelt it in upper case until 6.1.6 and 7.0.2; an upgrade must not make a retry look new.
        device_id = first.device_id and first.device_id.lower()
        identities += [
            (app_id, device_id, action, name, old_name, timestamp, metadata)
            for old_name, action, timestamp, metadata in zip(*columns, strict=True)
        ]
    try:
        return _json.encode_lines(identities).split(b"\n")[:-1]
    except UnicodeEncodeError:  # a lone surrogate somewhere; the others must not change for their neighbour's sake
        return [_identity(identity) for identity in identities]


def _identity(identity: tuple[object, ...]) -> bytes:
    try:
        return _json.encode(identity)
    except UnicodeEncodeError:
        return json.dumps(identity, sort_keys=True).encode()


def _numbered(texts: Sequence[bytes]) -> list[bytes]:
    """The texts, the second and further ones of equal ones each with its number."""
    ordinals: Counter[bytes] = Counter()
    numbered: list[bytes] = []
    for text in texts:
        ordinal = ordinals[text]
        ordinals[text] += 1
        numbered.append(text + b"%d" % ordinal if ordinal else text)
    return numbered
