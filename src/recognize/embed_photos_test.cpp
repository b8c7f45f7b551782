// SPDX-License-Identifier: Apache-2.0
#include "recognize/embed_photos.h"

#include <atomic>

#include "image/decode.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

using EmbedPhotosTest = TestCatalogue;

TEST_F(EmbedPhotosTest, AnyBatchThreadsAndStreamsGiveTheSame) {
  for (const Tta tta : {Tta::kNone, Tta::kHflip}) {
    const Pipeline one = open(1, tta), two = open(2, tta);
    const auto want = embed_photos(one, photos, {1, 1});
    ASSERT_EQ(want.photos.size(), photos.size());
    for (const int batch_size : {1, 2, 4, 16})
      for (const Pipeline* pipeline : {&one, &two}) {
        const auto got = embed_photos(*pipeline, photos, {batch_size, 3});
        EXPECT_EQ(got.photos, want.photos);
        ASSERT_EQ(got.embeddings.size(), want.embeddings.size());
        for (std::size_t i = 0; i < want.embeddings.size(); ++i)
          EXPECT_NEAR(got.embeddings[i], want.embeddings[i], 1e-5);
      }
  }
}

TEST_F(EmbedPhotosTest, TheNetworkSeesThePixelsOfPreprocess) {
  const Pipeline pipeline = open(1);
  const auto got = embed_photos(pipeline, photos, {1, 2});
  std::vector<float> pixels(3 * 32 * 32), want(16);
  for (std::size_t i = 0; i < photos.size(); ++i) {
    preprocess(load_image(photos[i]), pipeline.network(0).info().preprocessing, pixels.data());
    pipeline.network(0).embed(pixels.data(), 1, want.data());
    EXPECT_EQ(std::vector<float>(got.embeddings.begin() + static_cast<std::ptrdiff_t>(i * 16),
                                 got.embeddings.begin() + static_cast<std::ptrdiff_t>(i * 16 + 16)),
              want);
  }
}

TEST_F(EmbedPhotosTest, UnreadablePhotosAreReportedAndTheOthersKeepTheirPlace) {
  const Pipeline pipeline = open(2);
  const auto whole = embed_photos(pipeline, photos, {2, 2});
  write_file(photos[3], "no photo");
  std::filesystem::remove(photos[0]);
  std::int64_t done = 0;
  const auto got = embed_photos(pipeline, photos, {2, 2}, [&](std::int64_t n) { done += n; });
  EXPECT_EQ(done, 9);
  EXPECT_EQ(got.photos, (std::vector<std::int64_t>{1, 2, 4, 5, 6, 7, 8}));
  ASSERT_EQ(got.errors.size(), 2u);
  EXPECT_EQ(got.errors[0].sample, 0);
  EXPECT_EQ(got.errors[0].error.code, ErrorCode::kNotFound);
  EXPECT_EQ(got.errors[1].sample, 3);
  EXPECT_EQ(got.errors[1].error.code, ErrorCode::kUnsupported);
  ASSERT_EQ(got.embeddings.size(), 7u * 16);
  for (std::size_t row = 0; row < 7; ++row)
    for (std::size_t j = 0; j < 16; ++j)
      EXPECT_NEAR(got.embeddings[row * 16 + j],
                  whole.embeddings[static_cast<std::size_t>(got.photos[row]) * 16 + j], 1e-5);
}

TEST_F(EmbedPhotosTest, AStreamComesInOrderAndLoadsNoMoreThanAFewBatchesAhead) {
  const Pipeline pipeline = open(3);
  const auto whole = embed_photos(pipeline, photos, {1, 2});
  const std::size_t count = 3000;  // the same nine again and again; every 50th cannot be read
  std::atomic<std::size_t> furthest{0};
  std::size_t done = 0, ahead = 0;
  const auto load = [&](std::size_t place) {
    for (std::size_t seen = furthest;
         place > seen && !furthest.compare_exchange_weak(seen, place););
    check(place % 50 != 7, "no photo");
    return SourceImage(picture(static_cast<int>(place % 9)));
  };
  stream_embeddings(pipeline, count, load, {1, 4}, [&](EmbeddedBatch&& batch) {
    ahead = std::max(ahead, furthest - done);
    if (!batch.errors.empty()) {
      EXPECT_EQ(batch.errors[0].sample, static_cast<std::int64_t>(done));
      EXPECT_EQ(done % 50, 7u);
    } else {
      ASSERT_EQ(batch.photos, std::vector<std::int64_t>{static_cast<std::int64_t>(done)});
      EXPECT_TRUE(
          std::equal(batch.embeddings.begin(), batch.embeddings.end(),
                     whole.embeddings.begin() + static_cast<std::ptrdiff_t>(done % 9 * 16)));
    }
    ++done;
  });
  EXPECT_EQ(done, count);
  EXPECT_LE(ahead, 100u);
}

TEST_F(EmbedPhotosTest, WhatTheReceiverThrowsEndsTheStream) {
  const Pipeline pipeline = open(2);
  const auto load = [&](std::size_t place) {
    return SourceImage(picture(static_cast<int>(place % 9)));
  };
  int got = 0;
  EXPECT_THROW(stream_embeddings(pipeline, 100000, load, {1, 2},
                                 [&](EmbeddedBatch&&) { check(++got < 10, "the disk is full"); }),
               Error);
  EXPECT_EQ(got, 10);
}

TEST_F(EmbedPhotosTest, NoPhotosAreNoEmbeddings) {
  EXPECT_TRUE(embed_photos(open(1), {}, {}).photos.empty());
  EXPECT_THROW(embed_photos(open(1), photos, {-1, 1}), Error);
}

}  // namespace
}  // namespace shoplens
