# SPDX-License-Identifier: Apache-2.0
"""quantize end to end: the 8-bit model.onnx in a gallery, in ONNX Runtime, and refused."""
import unittest

from cli import CliTest


class Quantize(CliTest):
    def quantize(self, *words, status=0):
        return self.run_json("quantize", "model.onnx", "--calibrate", "train.csv", "--held-out", "test.csv",
                             "--out", "small.onnx", "--want-cosine", 0, *words, status=status)

    def test_an_8_bit_model_answers_in_a_gallery_of_its_own(self):
        made = self.quantize()
        self.assertEqual((made["layers"], made["in_float"], made["queries"]), (3, [], 6))
        self.assertGreater(made["cosine"], 0.99)
        self.assertEqual(made["recall_at_1"], made["recall_at_1_float"])
        self.assertEqual(self.run_json("index", "build", "--data", "train.csv", "--model", "small.onnx")["items"], 12)
        self.assertEqual(self.run_json("eval", "--data", "test.csv")["recall_at_1"], made["recall_at_1"])
        error = self.run_cli("predict", "test/gala0.png", "--model", "model.onnx", status=2).stderr
        self.assertIn("want the model with the fingerprint", error)

    def test_onnx_runtime_computes_the_same(self):
        try:
            import numpy
            import onnxruntime
            import openvino
        except ImportError as missing:
            self.skipTest(str(missing))
        self.quantize()
        model = self.folder / "small.onnx"
        pixels = numpy.random.default_rng(0).uniform(-1.5, 1.5, (4, 3, 32, 32)).astype("float32")
        here = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(pixels)["embedding"]
        there = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(["embedding"], {"pixels": pixels})
        self.assertGreater((here * there[0]).sum(1).min(), 0.999)

    def test_a_list_is_split_when_no_photos_are_held_out(self):
        self.write_list("more.csv", "more", 5)
        made = self.run_json("quantize", "model.onnx", "--calibrate", "more.csv", "--out", "small.onnx",
                             "--max-recall-loss", 100)
        self.assertEqual(made["queries"], 3)

    def test_what_answers_worse_is_refused_and_not_written(self):
        error = self.run_cli("quantize", "model.onnx", "--calibrate", "train.csv", "--held-out", "test.csv", "--out",
                             "small.onnx", "--weight-bits", 2, "--min-cosine", 0.99999, status=2).stderr
        self.assertRegex(error, r"want a mean cosine of at least 0\.99999 .* of the others these harm most: ")
        self.assertIn("hint: ", error)
        self.assertFalse((self.folder / "small.onnx").exists())

    def test_mistakes_are_named(self):
        error = lambda *words: self.run_cli("quantize", *words, status=2).stderr
        self.assertIn("want --calibrate", error("model.onnx"))
        self.assertIn("want one model.onnx", error("--calibrate", "train.csv"))
        self.assertIn("want photos that are not in --calibrate, train/gala0.png",
                      error("model.onnx", "--calibrate", "train.csv", "--held-out", "train.csv"))
        self.assertIn("train.csv", error("train.csv", "--calibrate", "train.csv", "--held-out", "test.csv"))
        self.assertIn("want another file than the model", error("model.onnx", "--calibrate", "train.csv", "--out", "model.onnx"))


if __name__ == "__main__":
    unittest.main()
