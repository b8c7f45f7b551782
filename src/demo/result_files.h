// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <vector>

#include "data/manifest.h"
#include "demo/gallery_page.h"

namespace shoplens {

/// Reads what `shoplens predict --json` wrote: a list of {path, label, score, neighbours: [{id,
/// label, path, score}]} or {path, error}. The right labels come from `truth`, found by its paths
/// or names. A photo that a relative path does not find from here is looked for beside the
/// manifest. Throws Error that names the file: kNotFound, kBadInput for other JSON or a photo that
/// `truth` does not list.
std::vector<PageRow> read_predictions(const std::filesystem::path& file, const Manifest& truth);

/// Reads what `shoplens eval --json` wrote into the page's numbers, shares as per cent. Throws as
/// above.
PageMetrics read_metrics(const std::filesystem::path& file);

}  // namespace shoplens
