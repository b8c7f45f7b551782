# SPDX-License-Identifier: Apache-2.0
"""What the server answers, as dataclasses."""
from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")


class ShoplensError(Exception):
    """What the server answers other than success, or that it could not be asked."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(status, code, message, hint)
        self.status = status  # of HTTP; 0: no answer came
        self.code = code  # a word to branch on: "not_found", "rate_limited"; "unreachable" with status 0
        self.message = message  # for people
        self.hint = hint  # what to do about it; may be empty

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


@dataclass(frozen=True)
class Neighbour:
    """A catalogue photo that a photo looks like."""

    id: int  # of the item
    label: str
    score: float  # cosine, -1 to 1
    photo: str  # path on the server, as is thumbnail
    thumbnail: str


@dataclass(frozen=True)
class Recognition:
    """What a photo shows."""

    label: str | None  # the likeliest product, even if unknown; None: the catalogue is empty
    score: float  # as the gallery decides: the cosine, or the share of the vote
    probability: float | None  # 0 to 1, that the label is right; None: the gallery is not calibrated
    unknown: bool  # rather none of the catalogue's products
    neighbours: tuple[Neighbour, ...]  # nearest first
    name: str | None = None  # of the photo's file
    model: str | None = None  # fingerprint of the network that answered; None in an Unknown


@dataclass(frozen=True)
class PhotoError:
    """Why one of several photos got no answer, in the words of ShoplensError."""

    code: str
    message: str
    hint: str
    name: str | None = None  # of the photo's file


@dataclass(frozen=True)
class Item:
    """A photo in the catalogue."""

    id: int
    label: str
    path: str  # told apart by it: the file it was built from, or a hash of a photo that was sent
    columns: Mapping[str, str]  # whatever else is known of it
    photo: str  # path on the server, as is thumbnail
    thumbnail: str


@dataclass(frozen=True)
class Added:
    """What became of photos that were added."""

    added: int
    existing: int  # were in the catalogue already, by content
    relabelled: int  # of those, under another label until now
    items: tuple[Item, ...]  # of all, in the order of the photos


@dataclass(frozen=True)
class Label:
    """A product."""

    label: str
    photos: int
    thumbnail: str  # path on the server of one of its photos


@dataclass(frozen=True)
class Renamed:
    """A product with its new name."""

    label: str
    photos: int  # that were renamed
    merged: bool  # into a product that had the name before


@dataclass(frozen=True)
class Unknown:
    """A photo of no known product, which waits for a name."""

    id: int
    time: datetime.datetime  # when it was asked, in UTC
    answer: Recognition | None  # as it was given
    photo: str  # path on the server, as is thumbnail
    thumbnail: str


@dataclass(frozen=True)
class Failure:
    """A photo that a job could not read."""

    name: str
    message: str


@dataclass(frozen=True)
class Job:
    """An import or an upgrade, which goes on after its request."""

    id: int
    state: str  # "waiting", "running", "done", "failed" or "cancelled"
    message: str | None  # why it failed, or what it waits for
    total: int  # photos
    done: int
    added: int  # of an import, as are the next two, which are as in Added
    existing: int
    relabelled: int
    failed: int  # photos that could not be read
    errors: tuple[Failure, ...]  # the first of them

    @property
    def ended(self) -> bool:
        return self.state not in ("waiting", "running")


@dataclass(frozen=True)
class HeatMap:
    """Where in a picture a likeness comes from."""

    rows: int
    columns: int
    window: tuple[float, ...]  # left, top, right, bottom of the cells, as fractions of width and height
    heat: tuple[float, ...]  # 0 to 1, row by row


@dataclass(frozen=True)
class Explanation:
    """What makes a photo like an item."""

    photo: HeatMap
    item: HeatMap


@dataclass(frozen=True)
class Status:
    """What is served, and how much."""

    fingerprint: str  # of the network
    arch: str
    items: int
    labels: int
    calibrated: bool
    unknowns: int  # photos that wait for a name
    photos_answered: int  # since the server was started, as is the next
    photos_unknown: int


def record(cls: type[D], data: Mapping[str, Any]) -> D:
    """The fields that `cls` knows; a newer server may say more."""
    return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})


def recognition(data: Mapping[str, Any]) -> Recognition:
    neighbours = tuple(record(Neighbour, neighbour) for neighbour in data["neighbours"])
    return record(Recognition, {**data, "neighbours": neighbours})


def added(data: Mapping[str, Any]) -> Added:
    return record(Added, {**data, "items": tuple(record(Item, item) for item in data["items"])})


def unknown(data: Mapping[str, Any]) -> Unknown:
    asked = datetime.datetime.fromtimestamp(data["time"], datetime.timezone.utc)
    answer = data["answer"] and recognition(data["answer"])
    return record(Unknown, {**data, "time": asked, "answer": answer})


def job(data: Mapping[str, Any]) -> Job:
    return record(Job, {**data, "errors": tuple(record(Failure, error) for error in data["errors"])})


def explanation(data: Mapping[str, Any]) -> Explanation:
    return Explanation(*(record(HeatMap, {**data[which], "window": tuple(data[which]["window"]),
                                          "heat": tuple(data[which]["heat"])}) for which in ("photo", "item")))
