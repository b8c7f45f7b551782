// SPDX-License-Identifier: Apache-2.0
#include "recognize/embedding_files.h"

#include <gtest/gtest.h>

#include <memory>

#include "core/error.h"
#include "core/files.h"
#include "data/npy.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class EmbeddingFilesTest : public testing::Test {
 protected:
  static constexpr int kPhotos = 10, kBatch = 2;

  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              join("files_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::string text = "path,note\n";
    for (int i = 0; i < kPhotos; ++i) text += join(i, ".jpg,n", i, '\n');
    write_file(folder_ / "list.csv", text);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // One process's part of a run.
  struct Process {
    Process(const fs::path& folder, bool resume, EmbeddingRun run, int save_every = 0)
        : files(folder / "e.npy", std::chrono::milliseconds(save_every)),
          list(folder / "list.csv", files.list_copy()) {
      run.list = list.fingerprint();
      if (resume)
        files.resume(run, list);
      else
        files.start(run, list);
    }
    // Photo i has the embedding (i, -i); every fourth from the second on cannot be read.
    void append_batch() {
      EmbeddedBatch batch;
      for (int k = 0; k < kBatch; ++k) {
        const auto photo = files.done() + k;
        if (photo % 4 == 1) {
          batch.errors.push_back({photo, Error(ErrorCode::kCorrupt, join("bad ", photo), "mend")});
          continue;
        }
        batch.photos.push_back(photo);
        batch.embeddings.push_back(static_cast<float>(photo));
        batch.embeddings.push_back(static_cast<float>(-photo));
      }
      files.append(batch, list);
    }
    void finish() {
      while (files.done() < kPhotos) append_batch();
      files.commit();
    }
    EmbeddingFiles files;
    PhotoList list;
  };

  static EmbeddingRun run() {
    EmbeddingRun run;
    run.model = std::string(64, 'a');
    run.photos = kPhotos;
    run.dim = 2;
    run.batch_size = kBatch;
    run.precision = "f32";
    return run;
  }
  std::vector<std::string> outputs() const {
    std::vector<std::string> all;
    for (const char* name : {"e.npy", "e.csv", "e.errors.csv"})
      all.push_back(read_file(folder_ / name));
    return all;
  }

  fs::path folder_;
};

TEST_F(EmbeddingFilesTest, AppearWholeAndInTheListsOrder) {
  {
    Process process(folder_, false, run());
    for (int i = 0; i < 5; ++i) process.append_batch();
    EXPECT_FALSE(fs::exists(folder_ / "e.npy"));
    process.files.commit();
  }
  const NpyMatrix rows = read_npy(folder_ / "e.npy");
  EXPECT_EQ(rows.dim, 2);
  EXPECT_EQ(rows.values, (std::vector<float>{0, 0, 2, -2, 3, -3, 4, -4, 6, -6, 7, -7, 8, -8}));
  EXPECT_EQ(outputs()[1],
            "path,note\n0.jpg,n0\n2.jpg,n2\n3.jpg,n3\n4.jpg,n4\n6.jpg,n6\n7.jpg,n7\n8.jpg,n8\n");
  EXPECT_EQ(outputs()[2],
            "path,code,message,hint\n1.jpg,corrupt,bad 1,mend\n5.jpg,corrupt,bad 5,mend\n"
            "9.jpg,corrupt,bad 9,mend\n");
  EXPECT_FALSE(fs::exists(folder_ / "e.npy.part"));
}

// What a kill leaves: the state of the last save, and files that have grown beyond it, or that were
// renamed when it came in the middle of commit().
TEST_F(EmbeddingFilesTest, GoOnToTheBitFromAnyState) {
  Process(folder_, false, run()).finish();
  const auto want = outputs();
  const fs::path part = folder_ / "e.npy.part", kept = folder_ / "kept";
  for (int batches = 0; batches <= kPhotos / kBatch; ++batches)
    for (const bool moved : {false, true}) {
      const int save_every = batches % 2 * 1000000;  // at each batch, or at the start alone
      for (const char* name : {"e.npy", "e.csv", "e.errors.csv"}) fs::remove(folder_ / name);
      {
        Process process(folder_, false, run(), save_every);
        for (int i = 0; i < batches; ++i) process.append_batch();
        fs::copy(part, kept);  // rows may be in it that no state tells of
        process.finish();
      }
      fs::rename(kept, part);
      if (moved && batches == kPhotos / kBatch)
        fs::remove(part / "rows.npy");  // it is e.npy
      else
        fs::remove(folder_ / "e.npy");
      for (const char* name : {"rows.csv", "rows.npy", "errors.csv"})
        if (fs::exists(part / name) && batches < kPhotos / kBatch)
          std::ofstream(part / name, std::ios::app) << "torn";
      Process(folder_, true, run()).finish();
      EXPECT_EQ(outputs(), want) << batches << moved;
      EXPECT_FALSE(fs::exists(part));
    }
}

TEST_F(EmbeddingFilesTest, ResumeOfAnotherRunNamesWhatDiffers) {
  {
    Process(folder_, false, run()).append_batch();
  }
  const auto said = [&](const EmbeddingRun& other) -> std::string {
    try {
      Process(folder_, true, other);
    } catch (const Error& error) {
      return error.what();
    }
    return "same";
  };
  const auto is = [&](const std::string& text, const std::string& what) {
    EXPECT_NE(text.find("embed --resume: want the same " + what), text.npos) << text;
  };
  EmbeddingRun other = run();
  other.model = std::string(64, 'b');
  is(said(other), "model as the run that stopped, aaaaaaaaaaaa, got bbbbbbbbbbbb (");
  other = run();
  other.precision = "bf16";
  is(said(other), "--precision as the run that stopped, f32, got bf16 (");
  other = run();
  other.batch_size = 16;
  is(said(other), "--batch-size as the run that stopped, 2, got 16 (");
  write_file(folder_ / "list.csv", "path,note\n0.jpg,n0\n");
  is(said(run()), "list of photos as the run that stopped, ");
}

TEST_F(EmbeddingFilesTest, OneRunAtATime) {
  Process process(folder_, false, run());
  EXPECT_THROW(EmbeddingFiles(folder_ / "e.npy"), Error);
  process.finish();
}

TEST_F(EmbeddingFilesTest, NothingStaysOfARunThatNeverBegan) {
  write_file(folder_ / "list.csv", "path,note\n0.jpg\n");
  EXPECT_THROW(Process(folder_, false, run()), Error);
  EXPECT_FALSE(fs::exists(folder_ / "e.npy.part"));
}

TEST_F(EmbeddingFilesTest, StartingAnewDropsWhatWasThere) {
  {
    Process(folder_, false, run()).append_batch();
  }
  EXPECT_TRUE(fs::exists(folder_ / "e.npy.part"));
  Process(folder_, false, run()).finish();
  EXPECT_EQ(read_npy(folder_ / "e.npy").rows, 7);
}

}  // namespace
}  // namespace shoplens
