// SPDX-License-Identifier: Apache-2.0
#include "index/vector_source.h"

#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/mapped_file.h"

namespace shoplens {

void VectorSource::read(const Sink& sink) const {
  if (read_)
    read_(sink);
  else
    sink(values_);
}

std::vector<float> VectorSource::take() {
  if (!read_) return std::move(values_);
  const auto read = std::exchange(read_, nullptr);
  std::vector<float> values;
  values.reserve(size_);
  read([&](std::span<const float> some) { values.insert(values.end(), some.begin(), some.end()); });
  return values;
}

SharedVectors VectorSource::share(const std::filesystem::path& folder) {
  std::error_code none;
  if (!read_ || std::filesystem::space(folder, none).available / 2 < size_ * sizeof(float))
    return shoplens::share(take());
  try {
    const auto file = std::make_shared<const MappedFile>(folder, [&](const auto& put) {
      read_([&](std::span<const float> some) {
        put({reinterpret_cast<const char*>(some.data()), some.size_bytes()});
      });
    });
    read_ = nullptr;
    const std::string_view bytes = file->bytes();
    return {{reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)}, file};
  } catch (const Error& e) {
    if (e.code != ErrorCode::kIo) throw;
    log_warning(e.what(), "; the vectors are held in memory");
    return shoplens::share(take());
  }
}

VectorSource VectorSource::changed(std::size_t width, std::size_t new_width,
                                   std::function<std::vector<float>(std::vector<float>)> change) {
  if (!read_) return change(std::move(values_));
  return {size_ / width * new_width,
          [read = std::move(read_), change = std::move(change)](const Sink& sink) {
            read([&](std::span<const float> some) { sink(change({some.begin(), some.end()})); });
          }};
}

}  // namespace shoplens
