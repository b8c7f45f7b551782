// SPDX-License-Identifier: Apache-2.0
#include "runtime/embedder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <future>
#include <mutex>
#include <openvino/openvino.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "core/cache_file.h"
#include "core/error.h"
#include "core/threads.h"
#include "onnx/model_file.h"
#include "runtime/openvino_error.h"

namespace shoplens {
namespace {

// Networks as the device compiled them: reading an ONNX file and compiling it is most of a short
// command's time.
constexpr const char* kCacheKind = "networks";
constexpr std::uint64_t kMaxCacheBytes = std::uint64_t{1} << 30;

// `auto` asks the device, which knows whether its cores have bf16 instructions.
std::string resolve_precision(const ov::Core& core, const RuntimeOptions& options) {
  check(options.precision == "auto" || options.precision == "f32" || options.precision == "bf16",
        "embedder: want precision auto, f32 or bf16, got ", options.precision);
  const auto able = core.get_property(options.device, ov::device::capabilities);
  const bool bf16 = std::find(able.begin(), able.end(), ov::device::capability::BF16) != able.end();
  if (options.precision == "bf16" && !bf16)
    throw Error(ErrorCode::kUnsupported,
                join("embedder: want bf16, the device ", options.device, " has none"),
                "use --precision f32");
  return options.precision == "f32" || !bf16 ? "f32" : "bf16";
}

ov::AnyMap compile_properties(const RuntimeOptions& options, const std::string& precision) {
  const int threads = options.threads > 0 ? options.threads : available_cores();
  check(options.streams >= 1, "embedder: want at least 1 stream, got ", options.streams);
  ov::AnyMap properties{
      ov::hint::inference_precision(precision == "bf16" ? ov::element::bf16 : ov::element::f32),
      ov::num_streams(options.streams)};
  if (options.device == "CPU") {
    properties.insert(ov::inference_num_threads(std::max(threads, options.streams)));
    // Pinned, the first streams of two networks share the first core while the others idle.
    properties.insert(ov::hint::enable_cpu_pinning(false));
  }
  return properties;
}

// Each row over its length (the graph does it too, but in bf16 only to three digits), or as it is
// when `raw`; checked either way.
void finish_rows(float* rows, std::int64_t n, int dim, bool raw,
                 const std::filesystem::path& model) {
  for (std::int64_t i = 0; i < n; ++i) {
    float* row = rows + i * dim;
    double sum = 0;
    for (int j = 0; j < dim; ++j) sum += static_cast<double>(row[j]) * row[j];
    check(std::isfinite(sum) && sum > 0,
          "embedder: want a finite embedding that is not 0, got length ", std::sqrt(sum), " (",
          model.string(), ")");
    if (raw) continue;
    const double scale = 1 / std::sqrt(sum);
    for (int j = 0; j < dim; ++j) row[j] = static_cast<float>(row[j] * scale);
  }
}

}  // namespace

bool has_exact_byte_products(std::string_view features) {
  const std::string words = join(' ', features, ' ');
  return std::ranges::any_of(
      std::array{" avx512_vnni ", " avx_vnni ", " asimddp "},
      [&](const char* word) { return words.find(word) != std::string::npos; });
}

struct Embedder::State {
  std::filesystem::path path;
  ModelInfo info;
  bool raw = false, classes = false;
  std::string precision;
  int streams = 1;
  ov::Core core;
  CachedBytes cached;  // what `model` reads, if it is from the cache
  ov::CompiledModel model;

  // Requests not in use; each is used by one call at a time.
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<ov::InferRequest> idle;

  std::mutex features_mutex;
  std::optional<ov::InferRequest> for_features;

  State(ModelFile file, const RuntimeOptions& options)
      : path(file.path()), info(file.info()), raw(options.raw), classes(options.classes) {
    if ((raw || classes) && info.classes.empty())
      throw Error(ErrorCode::kBadInput,
                  join("embedder: want a model with raw embeddings and class scores, this one has "
                       "none (",
                       path.string(), ")"),
                  "export it again with --classes");
    if (info.weight_bits == 8 && options.device == "CPU" &&
        !has_exact_byte_products(processor_features()))
      throw Error(ErrorCode::kUnsupported,
                  join("embedder: want a processor with VNNI for weights of 8 bits, this one has "
                       "none (",
                       path.string(), ")"),
                  "`shoplens quantize` without --weight-bits 8 writes what is right on all");
    // Of a large network it takes as long as to load OpenVINO and what is in the cache.
    auto checked = std::async(std::launch::async, [&] { file.check_content(); });
    try {
      precision = resolve_precision(core, options);
      open(options, checked);
      streams = options.streams;
      for (int i = 0; i < options.streams + 1; ++i) idle.push_back(model.create_infer_request());
    } catch (const ov::Exception& e) {
      throw Error(ErrorCode::kUnsupported,
                  join("embedder: OpenVINO cannot run the model on ", options.device, ": ",
                       last_line(e.what()), " (", path.string(), ")"));
    }
    check_shapes();
  }

  // What is not as it was written must not be compiled and kept: `checked` says so.
  void open(const RuntimeOptions& options, std::future<void>& checked) {
    const ov::AnyMap properties = compile_properties(options, precision);
    const std::string key = options.cache ? cache_key(options) : "";
    const bool imported = options.cache && import_cached(key, options.device, properties);
    checked.get();
    if (imported) return;
    const auto network = core.read_model(path.string());
    keep_outputs(*network, {embedding_name(), classes ? "classes" : ""});
    model = core.compile_model(network, options.device, properties);
    if (options.cache) keep(key);
  }

  bool import_cached(const std::string& key, const std::string& device,
                     const ov::AnyMap& properties) try {
    cached = map_cached(kCacheKind, key);
    if (!cached.file) return false;
    // OpenVINO only reads it.
    const ov::Tensor bytes(ov::element::u8, {cached.bytes.size()},
                           const_cast<char*>(cached.bytes.data()));
    model = core.import_model(bytes, device, properties);
    return true;
  } catch (const std::exception&) {  // whatever OpenVINO makes of it: it is compiled again
    return false;
  }

  void keep(const std::string& key) try {
    keep_bytes(kCacheKind, key, kMaxCacheBytes, [&] {
      std::ostringstream out;
      model.export_model(out);
      return std::move(out).str();
    });
  } catch (const ov::Exception&) {  // a device that cannot export
  }

  // Everything that the compiled network depends on; the fingerprint is that of the whole graph.
  std::string cache_key(const RuntimeOptions& options) const {
    return join("shoplens network 1\nmodel ", info.fingerprint, "\noutputs ", embedding_name(),
                classes ? " classes" : "", "\nprecision ", precision, "\ndevice ", options.device,
                "\nthreads ", options.threads, "\nstreams ", options.streams, "\nprocessor ",
                processor_identity(), "\nopenvino ", openvino_version());
  }

  const char* embedding_name() const { return raw ? "raw" : "embedding"; }

  // What is not asked for is not computed.
  static void keep_outputs(ov::Model& network, const std::set<std::string>& wanted) {
    const ov::ResultVector results = network.get_results();
    for (const auto& result : results) {
      const auto& names = result->output(0).get_names();
      if (std::none_of(names.begin(), names.end(),
                       [&](const std::string& name) { return wanted.contains(name); }))
        network.remove_result(result);
    }
  }

  // The network up to its feature map, on one thread so that answers are not kept waiting for it.
  ov::InferRequest& feature_request() {
    if (for_features) return *for_features;
    const auto network = core.read_model(path.string());
    keep_outputs(*network, {"features"});
    if (network->get_results().empty())
      throw Error(
          ErrorCode::kUnsupported,
          join("embedder: want a model with feature maps, this one has none (", path.string(), ")"),
          "export it again with this version; its fingerprint will be another, so "
          "`shoplens index upgrade` the gallery to it");
    RuntimeOptions alone;
    alone.threads = alone.streams = 1;
    // In float32: heat is there to look at, not to be quick.
    for_features =
        core.compile_model(network, "CPU", compile_properties(alone, "f32")).create_infer_request();
    return *for_features;
  }

  FeatureMap features(const float* pixels) {
    const auto size = static_cast<std::size_t>(info.preprocessing.size);
    const std::lock_guard lock(features_mutex);
    try {
      ov::InferRequest& request = feature_request();
      request.set_input_tensor(
          ov::Tensor(ov::element::f32, {1, 3, size, size}, const_cast<float*>(pixels)));
      request.infer();
      const ov::Tensor map = request.get_output_tensor();
      const ov::Shape& shape = map.get_shape();
      check(shape.size() == 4 && shape[0] == 1, "embedder: want features [1, C, H, W], got ", shape,
            " (", path.string(), ")");
      return {static_cast<int>(shape[1]),
              static_cast<int>(shape[2]),
              static_cast<int>(shape[3]),
              {map.data<float>(), map.data<float>() + map.get_size()}};
    } catch (const ov::Exception& e) {
      throw Error(ErrorCode::kInternal, join("embedder: OpenVINO failed: ", last_line(e.what()),
                                             " (", path.string(), ")"));
    }
  }

  void check_shapes() const {
    const ov::PartialShape in = model.input().get_partial_shape(),
                           out = model.output(embedding_name()).get_partial_shape();
    const int size = info.preprocessing.size;
    if (!in.compatible({ov::Dimension::dynamic(), 3, size, size}) ||
        !out.compatible({ov::Dimension::dynamic(), info.dim}))
      throw Error(ErrorCode::kCorrupt,
                  join("embedder: want [N, 3, ", size, ", ", size, "] -> [N, ", info.dim,
                       "] as the metadata says, got ", in, " -> ", out, " (", path.string(), ")"));
  }

  ov::InferRequest take() {
    std::unique_lock lock(mutex);
    returned.wait(lock, [this] { return !idle.empty(); });
    ov::InferRequest request = idle.back();
    idle.pop_back();
    return request;
  }

  void give_back(const ov::InferRequest& request) {
    const std::lock_guard lock(mutex);
    idle.push_back(request);
    returned.notify_one();
  }

  void infer(const float* pixels, std::int64_t n, float* embeddings, float* class_scores) {
    const auto size = static_cast<std::size_t>(info.preprocessing.size);
    const auto rows = static_cast<std::size_t>(n);
    ov::InferRequest request = take();
    try {
      // The tensors are the caller's memory: nothing is copied, and OpenVINO only reads the pixels.
      request.set_input_tensor(
          ov::Tensor(ov::element::f32, {rows, 3, size, size}, const_cast<float*>(pixels)));
      request.set_tensor(
          embedding_name(),
          ov::Tensor(ov::element::f32, {rows, static_cast<std::size_t>(info.dim)}, embeddings));
      if (classes)
        request.set_tensor("classes",
                           ov::Tensor(ov::element::f32, {rows, info.classes.size()}, class_scores));
      request.infer();
    } catch (const ov::Exception& e) {
      give_back(request);
      throw Error(ErrorCode::kInternal, join("embedder: OpenVINO failed: ", last_line(e.what()),
                                             " (", path.string(), ")"));
    }
    give_back(request);
  }
};

std::string openvino_version() { return ov::get_openvino_version().buildNumber; }

Embedder::Embedder(const std::filesystem::path& model, const RuntimeOptions& options)
    : state_(std::make_unique<State>(ModelFile(model), options)) {}
Embedder::~Embedder() = default;

const ModelInfo& Embedder::info() const { return state_->info; }

const std::string& Embedder::precision() const { return state_->precision; }

int Embedder::streams() const { return state_->streams; }

FeatureMap Embedder::features(const float* pixels) const { return state_->features(pixels); }

void Embedder::embed(const float* pixels, std::int64_t n, float* embeddings,
                     float* class_scores) const {
  if (n == 0) return;
  check(!state_->classes || class_scores != nullptr, "embedder: want room for class scores");
  state_->infer(pixels, n, embeddings, class_scores);
  finish_rows(embeddings, n, state_->info.dim, state_->raw, state_->path);
}

}  // namespace shoplens
