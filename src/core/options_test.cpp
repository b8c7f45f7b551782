// SPDX-License-Identifier: Apache-2.0
#include "core/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

struct Everything {
  bool flag = false, on = true;
  int batch_size = 16;
  std::int64_t seed = 5'000'000'000;
  double lr = 0.1;
  std::string mode = "fast", model;
  std::vector<std::string> list{"x"}, inputs;
  template <class V>
  void visit(V& v) {
    v(flag, "flag", "a switch");
    v(on, "on", "a switch that is on");
    v(batch_size, "batch-size", "photos at once");
    v(seed, "seed", "of the random numbers");
    v(lr, "lr", "learning rate");
    v(mode, "mode", "how", {"fast", "exact"});
    v(model, "model", "a file | none");
    v(list, "list", "words");
    v.positional(inputs, "PHOTO", "photos");
  }
  bool operator==(const Everything&) const = default;
};

struct Flat {
  int n = 1;
  template <class V>
  void visit(V& v) {
    v(n, "n", "a number");
  }
};

Everything parse(const std::vector<std::string>& words) {
  Everything e;
  EXPECT_TRUE(parse_flags(options_of(e), words));
  return e;
}

template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kBadInput);
    return e.hint.empty() ? e.what() : std::string(e.what()) + " / " + e.hint;
  }
  return "no error";
}

std::string flag_error(const std::vector<std::string>& words) {
  return error_of([&] { parse(words); });
}

using Words = std::vector<std::string>;

TEST(Flags, TakeAValueAfterASpaceOrAnEqualsSign) {
  EXPECT_EQ(parse({"--batch-size", "8"}).batch_size, 8);
  EXPECT_EQ(parse({"--batch-size=8"}).batch_size, 8);
  EXPECT_EQ(parse({"--model=a=b"}).model, "a=b");
  EXPECT_EQ(parse({"--model="}).model, "");
  EXPECT_EQ(parse({"--model", "12"}).model, "12");
  EXPECT_EQ(parse({"--seed", "-9000000000"}).seed, -9'000'000'000);
  for (const char* word : {"0.5", ".5", "5e-1"}) EXPECT_EQ(parse({"--lr", word}).lr, 0.5);
  EXPECT_EQ(parse({"--lr", "2"}).lr, 2);
}

TEST(Flags, SwitchesAreSetUnsetAndGiven) {
  EXPECT_TRUE(parse({"--flag"}).flag);
  EXPECT_FALSE(parse({"--no-on"}).on);
  EXPECT_FALSE(parse({"--on=false"}).on);
  EXPECT_TRUE(parse({"--no-flag", "--flag"}).flag);  // the last one counts
}

TEST(Flags, AListIsReplacedByTheFlagsTogether) {
  EXPECT_EQ(parse({}).list, Words{"x"});
  EXPECT_EQ(parse({"--list", "a", "--list=b"}).list, (Words{"a", "b"}));
}

TEST(Flags, PositionalWordsMayStandAnywhere) {
  EXPECT_EQ(parse({"a", "--batch-size", "2", "-", "b"}).inputs, (Words{"a", "-", "b"}));
  EXPECT_EQ(parse({"--", "--flag", "-h", "--help"}).inputs, (Words{"--flag", "-h", "--help"}));
}

TEST(Flags, HelpIsAskedFor) {
  Everything e;
  EXPECT_FALSE(parse_flags(options_of(e), {"--flag", "--help"}));
  EXPECT_FALSE(parse_flags(options_of(e), {"-h"}));
}

TEST(Flags, ErrorsSayWhatIsWantedAndWhatIsNear) {
  EXPECT_EQ(flag_error({"--bach-size", "8"}),
            "unknown flag --bach-size / did you mean --batch-size?");
  EXPECT_EQ(flag_error({"--quite-another"}), "unknown flag --quite-another / see --help");
  EXPECT_EQ(flag_error({"--no-seed"}), "unknown flag --no-seed / see --help");
  EXPECT_EQ(flag_error({"--no-falg"}), "unknown flag --no-falg / did you mean --no-flag?");
  EXPECT_EQ(flag_error({"-b", "8"}), "unknown flag -b: flags start with two dashes");
  EXPECT_EQ(flag_error({"--batch-size"}), "--batch-size: want a value after it, got nothing");
  EXPECT_EQ(flag_error({"--batch-size", "many"}), "--batch-size: want an integer, got many");
  EXPECT_EQ(flag_error({"--batch-size", "1.5"}), "--batch-size: want an integer, got 1.5");
  EXPECT_EQ(flag_error({"--batch-size", "2147483648"}),
            "--batch-size: want an integer, got 2147483648");
  EXPECT_EQ(flag_error({"--seed", "9223372036854775808"}),
            "--seed: want an integer, got 9223372036854775808");
  EXPECT_EQ(flag_error({"--lr", "nan"}), "--lr: want a number, got nan");
  EXPECT_EQ(flag_error({"--lr", "0.1x"}), "--lr: want a number, got 0.1x");
  EXPECT_EQ(flag_error({"--flag=yes"}), "--flag: want a bool, got yes");
  EXPECT_EQ(flag_error({"--no-flag=true"}), "--no-flag: want no value, got true");
  EXPECT_EQ(flag_error({"--mode", "slow"}), "--mode: want one of fast, exact, got slow");
  Flat flat;
  EXPECT_EQ(error_of([&] { parse_flags(options_of(flat), {"word"}); }),
            "unexpected argument word / see --help");
}

class ConfigFile : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("shoplens_options_" + std::to_string(::getpid()));
  const std::string path = (folder / "c.toml").string();
};

TEST_F(ConfigFile, FlagsOverrideItWhereverTheyStand) {
  write_file(path, "batch_size = 3\nmode = 'exact'\nlist = ['p', 'q']\n");
  for (const Words& words : {Words{"--batch-size", "4", "--config", path},
                             Words{"--config=" + path, "--batch-size=4"}}) {
    const Everything e = parse(words);
    EXPECT_EQ(e.batch_size, 4);
    EXPECT_EQ(e.mode, "exact");
    EXPECT_EQ(e.list, (Words{"p", "q"}));
  }
  EXPECT_EQ(parse({"--config", path, "--list", "r"}).list, Words{"r"});
}

TEST_F(ConfigFile, ErrorsNameTheFile) {
  write_file(path, "bach_size = 3\n");
  EXPECT_EQ(flag_error({"--config", path}),
            path + ": unknown key bach_size / did you mean batch_size?");
}

Everything unusual() {
  Everything e;
  e.flag = true;
  e.on = false;
  e.batch_size = -2147483647 - 1;
  e.seed = INT64_MIN;
  e.lr = 1.0 / 3;
  e.mode = "exact";
  e.model = "quotes \" and \\ and\nlines\t\x01\x7f \xc3\xa9 # not a comment";
  e.list = {"", "a,b", "]"};
  e.inputs = {"photo.jpg"};
  return e;
}

TEST(Toml, EveryTypeComesBack) {
  for (const double lr : {1.0 / 3, 1e-5, 1e300, 0.0, -2.0, 5e-324}) {
    Everything written = unusual(), read;
    written.lr = lr;
    from_toml(options_of(read), to_toml(options_of(written)), "f");
    EXPECT_TRUE(read == written) << to_toml(options_of(written));
  }
}

TEST(Json, EveryTypeComesBack) {
  Everything written = unusual(), read;
  from_json(options_of(read), to_json(options_of(written)), "f");
  EXPECT_TRUE(read == written) << to_json(options_of(written));
}

TEST(Json, PathsThatAreNoUtf8AreStillPrinted) {
  Everything e;
  e.model = "caf\xe9.onnx";
  EXPECT_NE(to_json(options_of(e)).find("caf\xef\xbf\xbd.onnx"), std::string::npos);
  EXPECT_NE(to_toml(options_of(e)).find("caf\xef\xbf\xbd.onnx"), std::string::npos);
}

struct Switch {
  std::string graphs = "auto";
  template <class V>
  void visit(V& v) {
    v(graphs, "graphs", "a switch that can decide by itself", {"auto", "on", "off"});
  }
};

TEST(Toml, ASwitchThatCanDecideByItselfIsAlsoABool) {
  Switch s;
  from_toml(options_of(s), "graphs = true", "f");
  EXPECT_EQ(s.graphs, "on");
  from_toml(options_of(s), "graphs = false", "f");
  EXPECT_EQ(s.graphs, "off");
  from_toml(options_of(s), "graphs = 'auto'", "f");
  EXPECT_EQ(s.graphs, "auto");
  Everything e;
  EXPECT_EQ(error_of([&] { from_toml(options_of(e), "mode = true", "f"); }),
            "f: mode: want a string, got true");
}

TEST(Toml, ErrorsNameFileKeyAndType) {
  const auto toml_error = [](const std::string& text) {
    return error_of([&] {
      Everything e;
      from_toml(options_of(e), text, "f.toml");
    });
  };
  EXPECT_EQ(toml_error("batch_size = '3'"), "f.toml: batch_size: want an integer, got \"3\"");
  EXPECT_EQ(toml_error("batch_size = 3.0"), "f.toml: batch_size: want an integer, got 3.0");
  EXPECT_EQ(toml_error("batch_size = 3000000000"),
            "f.toml: batch_size: want an integer, got 3000000000");
  EXPECT_EQ(toml_error("flag = 1"), "f.toml: flag: want a bool, got 1");
  EXPECT_EQ(toml_error("lr = true"), "f.toml: lr: want a number, got true");
  EXPECT_EQ(toml_error("list = 'a'"), "f.toml: list: want a list of strings, got \"a\"");
  EXPECT_EQ(toml_error("list = [1]"), "f.toml: list: want a list of strings, got [1]");
  EXPECT_EQ(toml_error("mode = 'slow'"), "f.toml: mode: want one of fast, exact, got slow");
  EXPECT_EQ(toml_error("[batch_size]\nx = 1"),
            "f.toml: batch_size: want a string, number, bool or list of strings / the options are "
            "flat: there are no "
            "tables");
  EXPECT_TRUE(toml_error("\nlr = = 1").starts_with("f.toml:2: not TOML: "));
  EXPECT_EQ(toml_error("lr = 3"), "no error");  // a whole number is a number
}

TEST(Json, ErrorsNameFileKeyAndType) {
  const auto json_error = [](const std::string& text) {
    return error_of([&] {
      Everything e;
      from_json(options_of(e), text, "f.json");
    });
  };
  EXPECT_EQ(json_error("[1]"), "f.json: want a JSON object, got array");
  EXPECT_EQ(json_error(R"({"sed": 1})"), "f.json: unknown key sed / did you mean seed?");
  EXPECT_EQ(json_error(R"({"model": null})"), "f.json: model: want a string, got null");
  EXPECT_TRUE(json_error("{").starts_with("f.json: not JSON: "));
}

TEST(Help, NamesEveryOptionItsChoicesAndDefault) {
  Everything e;
  const std::string text = help_text("shoplens embed", "Embeds photos.", options_of(e));
  EXPECT_TRUE(
      text.starts_with("usage: shoplens embed PHOTO... [--flag value]...\n\nEmbeds photos.\n\n"))
      << text;
  for (const char* line :
       {"  --batch-size      photos at once (16)\n",
        "  --seed            of the random numbers (5000000000)\n",
        "  --lr              learning rate (0.1)\n",
        "  --on              a switch that is on (true)\n",
        "  --mode            how: fast, exact (\"fast\")\n", "  --model           a file | none\n",
        "  --list            words ([\"x\"])\n", "  PHOTO             photos\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(Help, MarkdownIsATableRowAnOption) {
  Everything e;
  const std::string text = help_markdown("embed", "Embeds photos.", options_of(e));
  EXPECT_TRUE(text.starts_with("## embed\nEmbeds photos.\n\n| option | default | meaning |\n"))
      << text;
  for (const char* line :
       {"| `--batch-size` | `16` | photos at once |\n", "| `--model` |  | a file \\| none |\n",
        "| `--mode` | `\"fast\"` | how: `fast`, `exact` |\n", "| `PHOTO` |  | photos |\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(OptionCollector, RefusesTwoOptionsOfOneName) {
  int field = 0;
  OptionCollector collector;
  collector(field, "scale", "");
  EXPECT_THROW(collector(field, "scale", ""), std::logic_error);
}

TEST(NearestName, IsEmptyWhenNothingIsClose) {
  EXPECT_EQ(nearest_name("batch", {"patches", "batch-size"}), "batch-size");
  EXPECT_EQ(nearest_name("zzzzzz", {"batch-size", "lr"}), "");
  EXPECT_EQ(nearest_name("lr", {}), "");
}

}  // namespace
}  // namespace shoplens
