#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service our users would write: FastAPI and uvicorn (uvloop, httptools), Pillow in a pool of threads, ONNX Runtime,
Faiss. The peer that `shoplens serve` is timed against, on the same model.onnx, photos and vectors.

  serve_fastapi.py --model model.onnx --vectors gallery.npy --rows gallery.csv --port 8090

POST /v1/recognize with a photo as the body names it. Photos that arrive together share one network call; when too many
wait, one more is answered 429."""
import argparse
import asyncio
import concurrent.futures
import csv
import io
import json
import os
import time
from contextlib import asynccontextmanager

import faiss
import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from PIL import Image

FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


class Network:
    """model.onnx of shoplens, with the preprocessing that its metadata names."""

    def __init__(self, path, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the decoders want the cores too
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        about = self.session.get_modelmeta().custom_metadata_map
        if about["shoplens.fit"] != "squash":
            raise SystemExit("want a model whose photos are squashed: shoplens-train import --fit squash")
        self.size = int(about["shoplens.input_size"])
        self.draft = about.get("shoplens.decode") == "draft"
        self.filter = FILTERS[about["shoplens.interpolation"]]
        mean, std = (np.array(about[key].split(), np.float32) for key in ("shoplens.mean", "shoplens.std"))
        self.scale, self.shift = 1 / (255 * std), -mean / std

    def prepare(self, photo):  # bytes -> [3, S, S]
        image = Image.open(io.BytesIO(photo))
        if self.draft:
            image.draft("RGB", (2 * self.size, 2 * self.size))
        image = image.convert("RGB").resize((self.size, self.size), self.filter)
        return (np.asarray(image) * self.scale + self.shift).transpose(2, 0, 1)

    def embed(self, photos):  # a list of [3, S, S] -> [N, D]
        return self.session.run(["embedding"], {self.input: np.ascontiguousarray(np.stack(photos))})[0]


class Batcher:
    """Puts photos that wait into one network call, which a thread of its own does; answers them too."""

    def __init__(self, network, gallery, labels, top, most, wait):
        self.network, self.gallery, self.labels, self.top = network, gallery, labels, top
        self.most, self.wait = most, wait
        self.queue = asyncio.Queue()
        self.pool = concurrent.futures.ThreadPoolExecutor(1)

    async def answer(self, pixels):
        future = asyncio.get_running_loop().create_future()
        await self.queue.put((pixels, future))
        return await future

    async def run(self):
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self.queue.get()]
            until = loop.time() + self.wait
            while len(batch) < self.most:
                try:
                    batch.append(self.queue.get_nowait())
                except asyncio.QueueEmpty:
                    if loop.time() >= until:
                        break
                    await asyncio.sleep(self.wait / 4)
            futures = [future for _, future in batch]
            try:
                answers = await loop.run_in_executor(self.pool, self.recognise, [pixels for pixels, _ in batch])
                for future, answer in zip(futures, answers):
                    future.set_result(answer)
            except Exception as error:  # whoever asked is told, and the loop goes on
                for future in futures:
                    if not future.done():
                        future.set_exception(error)

    def recognise(self, photos):
        begin = time.perf_counter()
        vectors = self.network.embed(photos)
        milliseconds = 1e3 * (time.perf_counter() - begin)
        scores, ids = self.gallery.search(vectors, self.top)
        return [{"label": self.labels[row[0]], "score": float(score[0]), "batch": len(photos), "network_ms": milliseconds,
                 "neighbours": [{"id": int(i), "label": self.labels[i], "score": float(s)} for i, s in zip(row, score)]}
                for row, score in zip(ids, scores)]


@asynccontextmanager
async def lifespan(app):
    o = json.loads(os.environ["SERVE_FASTAPI"])
    network = Network(o["model"], o["threads"])
    faiss.omp_set_num_threads(o["threads"])
    vectors = np.load(o["vectors"])
    gallery = faiss.IndexFlatIP(vectors.shape[1])
    gallery.add(vectors)
    with open(o["rows"], newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    app.state.network, app.state.inside, app.state.room = network, 0, o["room"]
    app.state.decoders = concurrent.futures.ThreadPoolExecutor(o["threads"])
    app.state.batcher = Batcher(network, gallery, labels, 5, o["batch"], o["wait_ms"] / 1e3)
    batching = asyncio.create_task(app.state.batcher.run())
    yield
    batching.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def ready():
    return {"ready": True}


@app.post("/v1/recognize")
async def recognize(request: Request):
    state = request.app.state
    if state.inside >= state.room:
        raise HTTPException(429, "the queue is full", {"Retry-After": "1"})
    state.inside += 1
    try:
        photo = await request.body()
        try:
            pixels = await asyncio.get_running_loop().run_in_executor(state.decoders, state.network.prepare, photo)
        except OSError:
            raise HTTPException(422, "no photo that can be read") from None
        return await state.batcher.answer(pixels)
    finally:
        state.inside -= 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "vectors", "rows"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=2, help="of the network, and as many to decode, in each")
    parser.add_argument("--batch", type=int, default=16, help="photos in one network call")
    parser.add_argument("--wait-ms", type=float, default=2, help="how long a photo waits for others")
    parser.add_argument("--room", type=int, default=48, help="requests at once in a process; one more is answered 429")
    o = parser.parse_args()
    os.environ["SERVE_FASTAPI"] = json.dumps(vars(o))
    uvicorn.run("serve_fastapi:app", port=o.port, workers=o.workers, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
