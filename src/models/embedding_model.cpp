// SPDX-License-Identifier: Apache-2.0
#include "models/embedding_model.h"

#include "core/error.h"
#include "nn/average_pool.h"
#include "nn/full_precision.h"
#include "nn/tokens.h"

namespace shoplens {
namespace {

// bfloat16 to float, before sums are taken.
torch::Tensor widened(const torch::Tensor& x) {
  return x.to(torch::promote_types(x.scalar_type(), torch::kFloat));
}
Value widened(const Value& x) { return x; }

// [N, C, H, W] -> [N, C]
torch::Tensor average_features(const torch::Tensor& map) {
  return global_average_pool(map).flatten(1);
}
Value average_features(const Value& map) { return map.graph->flatten(global_average_pool(map)); }

}  // namespace

NeckImpl::NeckImpl(int features, int dim)
    : fc(register_module("fc", Linear(features, dim))),
      bn(register_module("bn", BatchNorm(dim))),
      act(register_module("act", PReLU())) {}

torch::Tensor NeckImpl::forward(const torch::Tensor& x) {
  return act->forward(bn->forward(fc->forward(x)));
}
Value NeckImpl::forward(const Value& x) { return act->forward(bn->forward(fc->forward(x))); }

EmbeddingModel::EmbeddingModel(const EmbeddingModelOptions& o) : options_(o) {
  check(o.pool == "gem" || o.pool == "avg" || o.pool == "token",
        "model: want pool gem, avg or token, got ", o.pool);
  check(o.dim >= 0, "model: want dim >= 0, got ", o.dim);
  const BackboneEntry& entry = find_backbone(o.arch);
  features_ = entry.num_features;
  patch_ = entry.patch;
  check(o.pool != "token" || patch_ > 0, "model: want pool gem or avg for ", o.arch,
        ", which has no class token, got token");
  backbone_ = register_module("backbone", entry.create({.drop_path_rate = o.drop_path_rate}));
  if (o.pool == "gem") global_pool_ = register_module("global_pool", GeM());
  if (o.dim > 0) neck_ = register_module("neck", Neck(features_, o.dim));
}

template <class V>
V EmbeddingModel::pool(const V& features) {
  if (options_.pool == "token") return first_token(features);
  const V map = patch_ > 0 ? other_tokens(features) : features;  // [N, C, H, W]
  return global_pool_ ? global_pool_->forward(map) : average_features(map);
}

template <class V>
V EmbeddingModel::embed(const V& features) {
  const FullPrecision full_precision;
  const V pooled = pool(widened(features));  // [N, C]
  return neck_ ? neck_->forward(pooled) : pooled;
}

torch::Tensor EmbeddingModel::forward(const torch::Tensor& x) {
  return embed(backbone_->forward_features(x));
}
Value EmbeddingModel::forward(const Value& x) { return embed(backbone_->forward_features(x)); }

EmbeddingModel::WithMap<torch::Tensor> EmbeddingModel::forward_with_map(const torch::Tensor& x) {
  const torch::Tensor features = backbone_->forward_features(x);
  if (patch_ == 0) return {embed(features), features};
  const std::int64_t side = x.size(3) / patch_;
  return {embed(features), other_tokens(features).reshape({x.size(0), features_, side, side})};
}

EmbeddingModel::WithMap<Value> EmbeddingModel::forward_with_map(const Value& x) {
  const Value features = backbone_->forward_features(x);
  if (patch_ == 0) return {embed(features), features};
  const std::int64_t side = x.graph->input_dims(x)[3] / patch_;
  return {embed(features), x.graph->reshape(other_tokens(features), {0, 0, side, side})};
}

int EmbeddingModel::dim() const { return options_.dim > 0 ? options_.dim : features_; }

std::vector<std::pair<std::string, torch::Tensor>> EmbeddingModel::state() const {
  static const std::string kPrefix = "backbone.";
  std::vector<std::pair<std::string, torch::Tensor>> tensors;
  const auto add = [&](const torch::OrderedDict<std::string, torch::Tensor>& named) {
    for (const auto& item : named) {
      const bool own = item.key().compare(0, kPrefix.size(), kPrefix) == 0;
      tensors.emplace_back(own ? item.key().substr(kPrefix.size()) : item.key(), item.value());
    }
  };
  add(named_parameters());
  add(named_buffers());
  return tensors;
}

}  // namespace shoplens
