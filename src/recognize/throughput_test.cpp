// SPDX-License-Identifier: Apache-2.0
#include "recognize/throughput.h"

#include <stdlib.h>

#include "core/error.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class ThroughputTest : public TestCatalogue {
 protected:
  ThroughputTest() { ::setenv("XDG_CACHE_HOME", folder.c_str(), 1); }
  ~ThroughputTest() override { ::unsetenv("XDG_CACHE_HOME"); }

  std::unique_ptr<Pipeline> opened(std::size_t count, const std::optional<Throughput>& fixed = {},
                                   std::size_t networks = 1) {
    RuntimeOptions options = runtime(1);
    options.threads = 3;
    const PipelineModel network{(folder / "model.onnx").string(), ""};
    return open_for_photos({.models{networks, network}}, options, count, fixed);
  }
  static Throughput of(const Pipeline& pipeline) {
    return {pipeline.batch_size(), pipeline.streams()};
  }
  // The one file that the cache has.
  fs::path cached() const {
    const fs::path kept = folder / "shoplens" / "throughput";
    return fs::exists(kept) ? fs::directory_iterator(kept)->path() : fs::path{};
  }

  static constexpr std::size_t kMany = 1'000'000'000;
};

TEST_F(ThroughputTest, FewPhotosGetAStreamEachAndNothingIsMeasured) {
  EXPECT_EQ(of(*opened(1)), (Throughput{1, 1}));
  EXPECT_EQ(of(*opened(2)), (Throughput{1, 2}));
  EXPECT_EQ(of(*opened(1000)), (Throughput{1, 3}));
  EXPECT_TRUE(cached().empty());
}

TEST_F(ThroughputTest, WhatIsGivenWins) {
  EXPECT_EQ(of(*opened(kMany, Throughput{16, 2})), (Throughput{16, 2}));
  EXPECT_TRUE(cached().empty());
}

TEST_F(ThroughputTest, ManyPhotosAreMeasuredOnceAndTheCacheSaysTheRest) {
  const Throughput measured = of(*opened(kMany));
  EXPECT_GE(measured.batch_size, 1);
  EXPECT_LE(measured.batch_size, 32);
  ASSERT_FALSE(cached().empty());
  std::string kept = read_file(cached());
  const auto value = kept.find(join(measured.batch_size, ' ', measured.streams, "\nend\n"));
  ASSERT_NE(value, kept.npos) << kept;
  write_file(cached(), kept.replace(value, kept.npos, "4 2\nend\n"));
  EXPECT_EQ(of(*opened(kMany)), (Throughput{4, 2}));
  EXPECT_EQ(of(*opened(1000)), (Throughput{4, 2}));  // also where measuring would not pay
  EXPECT_EQ(of(*opened(24)), (Throughput{1, 3}));    // too few to fill such calls
}

TEST_F(ThroughputTest, SeveralNetworksKeepAStreamAThread) {
  const Throughput measured = of(*opened(kMany, {}, 2));
  EXPECT_EQ(measured.streams, 3);
  const std::string kept = read_file(cached());
  EXPECT_NE(kept.find(join(measured.batch_size, " 3\nend\n")), kept.npos) << kept;
}

TEST_F(ThroughputTest, ACacheOfNonsenseIsMeasuredAgain) {
  opened(kMany);
  const std::string kept = read_file(cached());
  for (const char* value : {"0 1\n", "4 9\n", "x y\n"}) {
    const auto line = kept.find('\n', kept.find("\nopenvino") + 1) + 1;
    write_file(cached(), kept.substr(0, line) + value + "end\n");
    const Throughput again = of(*opened(kMany));
    EXPECT_GE(again.batch_size, 1) << value;
    EXPECT_LE(again.streams, 3) << value;
    EXPECT_EQ(read_file(cached()).find(value), std::string::npos) << value;
  }
}

TEST_F(ThroughputTest, StreamsAreNoMoreThanCalls) {
  EXPECT_EQ(streams_for(100, 16, 4), 4);
  EXPECT_EQ(streams_for(17, 16, 4), 2);
  EXPECT_EQ(streams_for(0, 16, 4), 1);
}

}  // namespace
}  // namespace shoplens
