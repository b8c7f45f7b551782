// SPDX-License-Identifier: Apache-2.0
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "nn/safetensors.h"

namespace shoplens {
namespace {

constexpr std::size_t kListed = 10;  // of each kind in an error

std::string describe(const torch::Tensor& tensor) {
  return join(tensor.sizes(), " ", torch::toString(tensor.scalar_type()));
}

// Floating types turn into each other; the others must be the same.
bool fits(const torch::Tensor& into, const torch::Tensor& from) {
  return into.sizes() == from.sizes() && ((into.is_floating_point() && from.is_floating_point()) ||
                                          into.scalar_type() == from.scalar_type());
}

std::string list_of(const char* kind, const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kListed); ++i)
    text += join("\n  ", kind, ": ", lines[i]);
  if (lines.size() > kListed) text += join("\n  ", kind, ": and ", lines.size() - kListed, " more");
  return text;
}

bool may_be_missing(const std::string& name) { return name.ends_with("num_batches_tracked"); }

}  // namespace

void load_tensors(const NamedTensors& into, const NamedTensors& from,
                  const std::filesystem::path& path,
                  const std::vector<std::string>& ignored_prefixes) {
  std::unordered_map<std::string, torch::Tensor> sources(from.begin(), from.end());
  std::vector<std::string> missing, unexpected, misfits;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> copies;
  for (const auto& [name, tensor] : into) {
    const auto found = sources.find(name);
    if (found == sources.end()) {
      if (!may_be_missing(name)) missing.push_back(name + " " + describe(tensor));
      continue;
    }
    if (fits(tensor, found->second))
      copies.emplace_back(tensor, found->second);
    else
      misfits.push_back(join(name, ": want ", describe(tensor), ", got ", describe(found->second)));
    sources.erase(found);
  }
  for (const auto& [name, tensor] : from) {  // in the file's order
    const bool ignored =
        std::any_of(ignored_prefixes.begin(), ignored_prefixes.end(),
                    [&name = name](const std::string& prefix) { return name.starts_with(prefix); });
    if (!ignored && sources.count(name)) unexpected.push_back(name + " " + describe(tensor));
  }
  if (!missing.empty() || !unexpected.empty() || !misfits.empty())
    throw Error(ErrorCode::kBadInput,
                join("weights: want the network's tensors, got ", missing.size(), " missing, ",
                     unexpected.size(), " unexpected, ", misfits.size(), " that do not fit (",
                     path.string(), ")") +
                    list_of("missing", missing) + list_of("unexpected", unexpected) +
                    list_of("does not fit", misfits),
                "were the weights made for another network?");
  const torch::NoGradGuard no_grad;
  for (auto& [target, source] : copies) target.copy_(source);
}

}  // namespace shoplens
