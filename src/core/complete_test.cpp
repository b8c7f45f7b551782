// SPDX-License-Identifier: Apache-2.0
#include "core/complete.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

struct Bake {
  std::string oven = "gas", list;
  int minutes = 30;
  bool crust = true, json = false;
  std::vector<std::string> photos;
  template <class V>
  void visit(V& v) {
    v(oven, "oven", "that bakes", {"", "gas", "electric"});
    v(list, "list", "of loaves");
    v(minutes, "minutes", "in it");
    v(crust, "crust", "with a crust");
    v(json, "json", "as JSON");
    if (positional) v.positional(photos, "photos", "of loaves");
  }
  bool positional = false;
};

std::string lines(const std::vector<std::string>& words, bool positional = false) {
  Bake bake;
  bake.positional = positional;
  return to_lines(complete_options(options_of(bake), words));
}

TEST(Complete, FlagsThatBeginSoWithTheirHelp) {
  EXPECT_EQ(lines({"--o"}), "--oven\tthat bakes\n");
  EXPECT_EQ(lines({"--minutes", "5", "--j"}), "--json\tas JSON\n");
  EXPECT_EQ(lines({"--c"}), "--config\tTOML file with any of these\n");
  EXPECT_EQ(lines({"--no"}), "--no-crust\tnot: with a crust\n");  // it is on: only "no" changes it
  EXPECT_EQ(lines({"--x"}), "");
}

TEST(Complete, AFlagsChoices) {
  EXPECT_EQ(lines({"--oven", ""}), "gas\t\nelectric\t\n");
  EXPECT_EQ(lines({"--oven", "e"}), "electric\t\n");
  EXPECT_EQ(lines({"--oven=e"}), "--oven=electric\t\n");
}

TEST(Complete, FilesWhereTextIsWanted) {
  EXPECT_EQ(lines({"--list", ""}), ":files\n");
  EXPECT_EQ(lines({"--list=a"}), ":files\n");
  EXPECT_EQ(lines({"--config", "x"}), ":files\n");
  EXPECT_EQ(lines({"--minutes", ""}), "");
}

TEST(Complete, AnEmptyWordIsAFileWhereThereArePhotosAndElseAFlag) {
  EXPECT_EQ(lines({""}, true), ":files\n");
  EXPECT_EQ(lines({"a"}, true), ":files\n");
  EXPECT_NE(lines({""}).find("--oven\t"), std::string::npos);
  EXPECT_EQ(lines({"a"}), "");
}

}  // namespace
}  // namespace shoplens
