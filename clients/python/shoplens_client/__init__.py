# SPDX-License-Identifier: Apache-2.0
"""Asks a shoplens server which products photos show, and keeps its catalogue.

    with Client("http://127.0.0.1:8080") as shop:
        print(shop.recognize("shelf.jpg").label)
"""
from __future__ import annotations

import contextlib
import email.utils
import os
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar, Union, overload
from urllib.parse import quote

import httpx

from ._answers import (Added, Explanation, Failure, HeatMap, Item, Job, Label, Neighbour, PhotoError, Recognition,
                       Renamed, ShoplensError, Status, Unknown, added, explanation, job, recognition, record, unknown)

__version__ = "0.1.0"
__all__ = ["Added", "Client", "Explanation", "Failure", "HeatMap", "Item", "Job", "Label", "Neighbour", "Photo",
           "PhotoError", "Recognition", "Renamed", "ShoplensError", "Status", "Unknown"]

T = TypeVar("T")

#: A JPEG, PNG or WebP: the path of its file, its bytes, or a file open for reading bytes.
Photo = Union[str, os.PathLike[str], bytes, IO[bytes]]
_Part = tuple[str, tuple[Union[str, None], bytes, str]]


class Client:
    """A shoplens server. Threads may share one Client.

    Busy answers (429, 503) and lost connections are tried again, `retries` times, after what Retry-After asks
    for and a growing pause. A change carries a key by which the server knows it: however often it has to be
    sent, it is done once. Every method raises ShoplensError, and OSError for a file it cannot read or write.
    """

    def __init__(self, base_url: str, token: str | None = None, *, timeout: float = 30, retries: int = 3,
                 transport: httpx.BaseTransport | None = None) -> None:
        """`timeout`: seconds that may pass without a byte (ten minutes at least where the server reads or writes a
        whole gallery before it answers). `transport`: httpx's, for TLS of one's own."""
        headers = {"User-Agent": f"shoplens-client/{__version__}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, transport=transport)
        self._timeout, self._retries = timeout, retries

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    # "overlap": a str is a sequence of str too. It is a path, as the first says.
    @overload
    def recognize(  # type: ignore[overload-overlap]
        self, photo: Photo, *, top: int | None = None) -> Recognition: ...
    @overload
    def recognize(
        self, photo: Sequence[Photo], *, top: int | None = None) -> list[Recognition | PhotoError]: ...

    def recognize(
        self, photo: Photo | Sequence[Photo], *, top: int | None = None
    ) -> Recognition | list[Recognition | PhotoError]:
        """Which product a photo shows, with its `top` neighbours, at most the server's --top.

        A list of photos is one request, at most the server's --max-photos. The answers are in their order,
        and a photo that cannot be read is a PhotoError in its place; one in no list raises ShoplensError.
        """
        parts = _parts(photo)
        if not parts:
            return []

        def answers(body: Any) -> list[Recognition | PhotoError]:
            return [
                record(PhotoError, {**result, **result["error"]}) if "error" in result
                else recognition({**result, "model": body["model"]})
                for result, _ in zip(body["results"], parts, strict=True)
            ]

        form = {} if top is None else {"top": str(top)}
        try:
            found = self._json("POST", "/v1/recognize", answers, data=form, files=parts)
        except ShoplensError as e:
            # The server answers a single photo's error as the request's; of a list it stays the photo's.
            if _is_photo(photo) or len(parts) > 1 or e.code not in ("bad_input", "corrupt", "unsupported"):
                raise
            return [PhotoError(e.code, e.message, e.hint, parts[0][1][0])]
        if not _is_photo(photo):
            return found
        one = found[0]
        if isinstance(one, PhotoError):
            raise ShoplensError(200, one.code, one.message, one.hint)
        return one

    def explain(self, photo: Photo, item: int) -> Explanation:
        """What makes a photo like an item; the server's model must have feature maps."""
        _, content, type = _part(photo)[1]
        return self._json("POST", "/v1/explain", explanation, params={"item": item}, content=content,
                          headers={"Content-Type": type})

    def add(self, label: str, photos: Photo | Sequence[Photo],
            columns: Mapping[str, str] | None = None) -> Added:
        """Adds photos of a product, all or none; at most the server's --max-photos, import_photos() takes more.
        `columns` is what else is known of them, at most 32 of 16 KiB in all."""
        parts = _parts(photos)
        if not parts:
            raise ValueError("add: want at least one photo, got none")
        if columns and "label" in columns:
            raise ValueError("add: want the label as the first argument, got it as a column")
        form = {"label": label, **(columns or {})}
        return self._change("POST", "/v1/items", added, data=form, files=parts)

    def items(self, label: str | None = None, *, page: int = 100) -> Iterator[Item]:
        """All items, or a product's, by id; asked for `page` (1 to 1000) at a time, as they are needed."""
        return self._pages("/v1/items", lambda body: [record(Item, x) for x in body["items"]], page,
                           {} if label is None else {"label": label})

    def item(self, id: int) -> Item:
        return self._json("GET", f"/v1/items/{id}", lambda body: record(Item, body))

    def delete_item(self, id: int) -> None:
        self._change("DELETE", f"/v1/items/{id}", _nothing)

    def photo(self, id: int, *, side: int | None = None) -> bytes:
        """An item's photo as it was sent, or a JPEG that fits into a square of `side` (16 to 1024) pixels."""
        return self._photo(f"/v1/items/{id}/photo", side)

    def labels(self) -> list[Label]:
        """All products, by name."""
        pages = self._pages("/v1/labels", lambda body: [record(Label, x) for x in body["labels"]], 1000, {})
        return sorted(pages, key=lambda label: label.label)

    def rename_label(self, label: str, name: str) -> Renamed:
        """Gives a product another name; if that is another product's, the two become one."""
        path = _label_path(label)
        return self._change("PUT", path, lambda body: record(Renamed, body), json={"name": name})

    def delete_label(self, label: str) -> int:
        """Removes a product; how many photos it had."""
        return self._change("DELETE", _label_path(label), lambda body: int(body["removed"]))

    def unknowns(self) -> list[Unknown]:
        """Photos that wait for a name, newest first."""
        return list(self._pages("/v1/unknowns", lambda body: [unknown(x) for x in body["unknowns"]], 1000, {}))

    def name_unknown(self, id: int, label: str) -> Added:
        """Adds an unknown photo to the catalogue as one of the product `label`."""
        return self._change("POST", f"/v1/unknowns/{id}", added, json={"label": label})

    def delete_unknown(self, id: int) -> None:
        self._change("DELETE", f"/v1/unknowns/{id}", _nothing)

    def unknown_photo(self, id: int, *, side: int | None = None) -> bytes:
        """As photo(), of an unknown photo."""
        return self._photo(f"/v1/unknowns/{id}/photo", side)

    def import_photos(self, photos: Photo | Iterable[Photo], label: str | None = None) -> Job:
        """Adds many photos, which goes on after this returns, also when the server is ended or killed and
        started again: follow it with import_job(). They are of the
        product `label`, or each of the one that its folder is called. One that cannot be read harms no other,
        those that are there stay. All are one request, of which the server takes 256 MiB (its --max-upload;
        413 else): call it for a part at a time."""
        parts = [_part(photo, folder=label is None) for photo in _several(photos)]
        if not parts:
            raise ValueError("import_photos: want at least one photo, got none")
        form = {} if label is None else {"label": label}
        return self._change("POST", "/v1/imports", job, data=form, files=parts)

    def imports(self) -> list[Job]:
        """Those that go on, and the last that ended; newest first."""
        return self._json("GET", "/v1/imports", _jobs)

    def import_job(self, id: int) -> Job:
        return self._json("GET", f"/v1/imports/{id}", job)

    def cancel_import(self, id: int) -> Job:
        """Ends it; what it did stays. Its last state, after which the server forgets it."""
        return self._json("DELETE", f"/v1/imports/{id}", job, resend=False)

    def upgrade(self, path: str | os.PathLike[str], *, drop_unreadable: bool = False) -> Job:
        """Gives the gallery another model.onnx, which goes on after this returns: follow it with upgrade_job().
        A photo that cannot be read keeps the old one, unless `drop_unreadable` lets it go."""
        parameters = {"drop_unreadable": "true"} if drop_unreadable else {}
        return self._send("/v1/upgrades", path, "application/octet-stream", job, params=parameters, resend=True)

    def upgrades(self) -> list[Job]:
        """As imports()."""
        return self._json("GET", "/v1/upgrades", _jobs)

    def upgrade_job(self, id: int) -> Job:
        return self._json("GET", f"/v1/upgrades/{id}", job)

    def cancel_upgrade(self, id: int) -> Job:
        """As cancel_import(); begun again, it goes on where it was."""
        return self._json("DELETE", f"/v1/upgrades/{id}", job, resend=False)

    def status(self) -> Status:
        return self._json("GET", "/v1/status", lambda body: record(Status, {**body["model"], **body}))

    def metrics(self) -> str:
        """Figures in Prometheus's text format."""
        return self._ask("GET", "/metrics", lambda response: response.read().decode())

    def alive(self) -> bool:
        """Whether the server runs, asked once."""
        return self._says("/healthz", "ok")

    def ready(self) -> bool:
        """Whether the server can answer, asked once."""
        return self._says("/readyz", "ready")

    def snapshot(self, path: str | os.PathLike[str]) -> None:
        """Writes the gallery to a file, as a whole or not at all; what was there is replaced."""
        target = Path(path)

        def receive(response: httpx.Response) -> None:
            # Beside it, as a rename is atomic only within a file system.
            handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            try:
                with open(handle, "wb") as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(part, target)
            except BaseException:
                os.unlink(part)
                raise

        self._ask("GET", "/v1/snapshot", receive, timeout=self._patient())

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Puts a snapshot in the gallery's place. When the answer is lost, nobody knows whether it was done:
        it is not sent again, as that could undo changes made since."""
        self._send("/v1/restore", path, "application/vnd.sqlite3", _nothing)

    def _says(self, path: str, word: str) -> bool:
        try:
            return self._json("GET", path, lambda body: bool(body["status"] == word), retries=0)
        except ShoplensError as e:
            if e.status in (0, 503):
                return False
            raise

    def _send(self, path: str, file: str | os.PathLike[str], type: str, make: Callable[[Any], T], *,
              resend: bool = False, **content: Any) -> T:
        body = _File(file)
        headers = {"Content-Type": type, "Content-Length": str(body.size)}
        if resend:
            headers |= _new_key()
        return self._json("POST", path, make, content=body, headers=headers, resend=resend, timeout=self._patient(),
                          **content)

    def _patient(self) -> httpx.Timeout:
        """For what the server reads or writes as a whole before it answers."""
        usual = self._timeout
        return httpx.Timeout(usual, read=max(usual, _WHOLE_GALLERY))

    def _pages(self, path: str, make: Callable[[Any], list[T]], limit: int, parameters: dict[str, str]) -> Iterator[T]:
        """What `make` makes of page after page."""
        after: int | None = 0
        while after is not None:
            rows, after = self._json("GET", path, lambda body: (make(body), body["next_after"]),
                                     params={**parameters, "limit": limit, "after": after})
            yield from rows

    def _photo(self, path: str, side: int | None) -> bytes:
        return self._ask("GET", path, httpx.Response.read, params={} if side is None else {"side": side})

    def _change(self, method: str, path: str, make: Callable[[Any], T], **content: Any) -> T:
        return self._json(method, path, make, headers=_new_key(), **content)

    def _json(self, method: str, path: str, make: Callable[[Any], T], **content: Any) -> T:
        def receive(response: httpx.Response) -> T:
            response.read()
            try:
                return make(response.json())
            except (ValueError, LookupError, TypeError) as e:
                raise _foreign(response.status_code) from e

        return self._ask(method, path, receive, **content)

    def _ask(self, method: str, path: str, receive: Callable[[httpx.Response], T], *,
             retries: int | None = None, resend: bool = True, **content: Any) -> T:
        """What `receive` makes of the answer, asked for until it comes. An answer that breaks off while it
        reads has not come. Without `resend` it is asked for again only as long as nothing was sent."""
        # Built once, so that each try asks the same.
        request = self._http.build_request(method, path, **content)
        attempt = 0
        while True:
            after = 0.0
            cause: httpx.RequestError | None = None
            try:
                with contextlib.closing(self._http.send(request, stream=True)) as response:
                    if response.is_success:
                        return receive(response)
                    response.read()
                    error = _error_of(response)
                    again = response.status_code in (429, 503)
                    after = _retry_after(response)
            except httpx.RequestError as e:
                cause = e
                error = ShoplensError(
                    0, "unreachable",
                    f"server: want an answer of {self._http.base_url}, got {str(e) or type(e).__name__}",
                    "see whether it runs, and whether it can be reached from here")
                again = isinstance(e, _LOST if resend else _NOT_SENT)
            most = self._retries if retries is None else retries
            if not again or attempt >= most or after > _LONGEST_WAIT:
                raise error from cause
            # Of random length, so that clients refused together do not come back together.
            time.sleep(after + random.uniform(0.5, 1) * min(8, 0.25 * 2**attempt))
            attempt += 1


_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_LOST = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
_WHOLE_GALLERY = 600.0  # seconds that may pass before its answer
_LONGEST_WAIT = 60  # seconds; whoever is asked to wait longer rather knows now


class _File:
    """A file as a request's body, which can be sent again from its start."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.size = os.path.getsize(path)

    def __iter__(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            while chunk := file.read(1 << 16):
                yield chunk


def _new_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def _is_photo(photo: Photo | Sequence[Photo]) -> bool:
    return isinstance(photo, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(photo, "read")


def _parts(photos: Any) -> list[_Part]:
    """One photo or several as parts of a form."""
    return [_part(photo) for photo in _several(photos)]


def _several(photos: Any) -> Any:
    return [photos] if _is_photo(photos) else photos


def _part(photo: Any, *, folder: bool = False) -> _Part:
    """A photo as a part with its file's name; with `folder`, the name of its folder before that."""
    name: str | None = None
    if isinstance(photo, (str, os.PathLike)):
        name, content = _name(photo, folder), Path(photo).read_bytes()
    elif hasattr(photo, "read"):
        path = getattr(photo, "name", None)
        name = _name(path, folder) if isinstance(path, str) else None  # a pipe's is a number
        content = photo.read()
    else:
        content = bytes(photo)
    # The server goes by the bytes; a part without a name it takes for a photo because of this type.
    return "photo", (name, content, "image/*")


def _name(path: str | os.PathLike[str], folder: bool) -> str:
    full = Path(path).absolute()
    return f"{full.parent.name}/{full.name}" if folder else full.name


def _label_path(label: str) -> str:
    # A path whose last part is .. would be another path.
    return "/v1/labels/" + quote(label, safe="").replace(".", "%2E")


def _jobs(body: Any) -> list[Job]:
    return [job(x) for x in body["jobs"]]


def _nothing(_: Any) -> None:
    """Of an answer that says no more than that it was done."""


def _error_of(response: httpx.Response) -> ShoplensError:
    try:
        error = response.json()["error"]
        return ShoplensError(response.status_code, error["code"], error["message"], error["hint"])
    except (ValueError, LookupError, TypeError):
        return _foreign(response.status_code)


def _foreign(status: int) -> ShoplensError:
    return ShoplensError(
        status, "not_shoplens", f"answer: want one of a shoplens server, got another (status {status})",
        "see whether base_url is right, and what stands between")


def _retry_after(response: httpx.Response) -> float:
    """Seconds; the server says them, what stands before it may give a date."""
    text = response.headers.get("Retry-After", "0")
    try:
        return max(0.0, float(text) if text.isdigit() else
                   email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0.0
