// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <vector>

#include "image/source_image.h"
#include "ranking/projection.h"
#include "recognize/pipeline_spec.h"
#include "runtime/embedder.h"

namespace shoplens {

/// A pipeline ready to run: from a photo to its vector. A photo is decoded once, and brought to
/// each input size once, for all the networks that want the same. Thread-safe.
class Pipeline {
 public:
  /// Opens the networks at spec.models[i].path, as they can be opened now. Throws as Embedder does,
  /// and kBadInput that names the file when a fingerprint that the spec gives is not the file's; an
  /// empty one is filled in.
  Pipeline(PipelineSpec spec, const RuntimeOptions& runtime);

  const PipelineSpec& spec() const { return spec_; }
  const std::string& fingerprint() const { return fingerprint_; }
  int dim() const { return dim_; }  // the networks' dims added up
  int streams() const { return networks_[0]->streams(); }
  int callers() const { return networks_[0]->callers(); }
  /// Photos that embed_photos gives in one call unless it is told otherwise; embed() takes any
  /// number.
  int batch_size() const { return batch_size_; }
  void set_batch_size(int photos) { batch_size_ = photos; }
  const Embedder& network(std::size_t i) const { return *networks_[i]; }
  std::string arch() const;  // the networks', joined by +
  /// The networks' parts of a vector, with their weights.
  std::vector<Block> blocks() const;
  /// The classes that embed() gives class_probabilities of: none unless the spec votes by them.
  const std::vector<std::string>& classes() const;

  /// What prepare writes for one photo, floats.
  std::size_t floats_per_photo() const { return floats_per_photo_; }

  /// A photo as the networks' inputs: for each different preprocessing its views [views, 3, S, S].
  /// out [floats_per_photo]. Throws as decode_image.
  void prepare(SourceImage& photo, float* out) const;

  /// prepared [n, floats_per_photo] -> out [n, dim], each of length 1: the networks' embeddings
  /// (the mean of the views'), one behind the other, each brought to the same length first unless
  /// the norm is joint. class_probabilities [n, classes()]: of the sum over networks of their class
  /// scores (cosines; logits of a softmax head), means over the views, what keep_likeliest leaves;
  /// not read when there are no classes.
  void embed(const float* prepared, std::int64_t n, float* out,
             float* class_probabilities = nullptr) const;

  /// Makes a call of one grey photo by as many callers as there can be: in their first calls the
  /// networks take their memory, tens of milliseconds that the first photos would wait for. Throws
  /// as embed() does.
  void warm_up() const;

 private:
  struct Input {  // a preprocessing that some networks share
    Preprocessing preprocessing;
    std::size_t offset, floats;  // where its views begin, how many floats they are
  };
  void embed_network(std::size_t i, const float* prepared, std::int64_t n, float* out, int column,
                     float* class_probabilities) const;
  void lay_out_inputs();
  void check_classes() const;

  PipelineSpec spec_;
  std::vector<std::unique_ptr<Embedder>> networks_;
  std::vector<Input> inputs_;
  std::vector<std::size_t> input_of_;  // [networks], a place in inputs_
  std::string fingerprint_;
  std::size_t floats_per_photo_ = 0;
  int dim_ = 0, batch_size_ = 1;
};

}  // namespace shoplens
