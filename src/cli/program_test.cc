#include "cli/program.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "cli/command_tree.h"
#include "cli/completion.h"
#include "cli/man_page.h"
#include "cli/run_testing.h"
#include "cli/suggest.h"

namespace maxbrod::cli {
namespace {

namespace fs = std::filesystem;

// The program's tree, and the CLI11 app that it was read off.
struct Program {
  Globals globals;
  CLI::App app;
  TreeVerb tree;
  Program() {
    BuildProgram(app, globals);
    tree = ReadTree(app);
  }
};

const TreeVerb& Verb(const TreeVerb& program, const std::string& name) {
  for (const TreeVerb* verb : AllVerbs(program)) {
    if (verb->Name() == name) return *verb;
  }
  ADD_FAILURE() << "no verb " << name;
  return program;
}

const TreeOption& Option(const TreeVerb& verb, const std::string& name) {
  for (const auto* list : {&verb.options, &verb.arguments}) {
    for (const TreeOption& option : *list) {
      if (option.names.front() == name) return option;
    }
  }
  ADD_FAILURE() << verb.Name() << " has no " << name;
  return verb.options.front();
}

std::set<std::string> FilesOf(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.insert(entry.path().stem().string());
  return out;
}

// A new verb needs docs/schemas/<verb>.json; a schema without a verb describes nothing.
TEST(Program, EachVerbHasASchema) {
  Program program;
  std::set<std::string> verbs = {"common"};
  for (const TreeVerb& verb : program.tree.verbs) verbs.insert(verb.Name());
  EXPECT_EQ(FilesOf(fs::path(MAXBROD_SOURCE_DIR) / "docs/schemas"), verbs);
}

// A file src/cli/cmd_*.cc whose verb is not in the list of BuildProgram would be no verb at all.
TEST(Program, EachFileOfAVerbIsInTheProgram) {
  Program program;
  std::set<std::string> verbs;
  for (const TreeVerb& verb : program.tree.verbs) verbs.insert(verb.Name());
  for (const std::string& stem : FilesOf(fs::path(MAXBROD_SOURCE_DIR) / "src/cli")) {
    if (!stem.starts_with("cmd_") || stem.ends_with("_test")) continue;
    EXPECT_TRUE(verbs.contains(stem.substr(4))) << stem;
  }
}

// By the conventions of command_tree.h, so that scripts and pages tell something.
TEST(Program, EachVerbTellsWhatItIs) {
  Program program;
  for (const TreeVerb* verb : AllVerbs(program.tree)) {
    EXPECT_FALSE(verb->description.empty()) << verb->Name();
    for (const auto* list : {&verb->options, &verb->arguments}) {
      for (const TreeOption& option : *list) {
        EXPECT_FALSE(option.description.empty()) << verb->Name() << " " << option.names.front();
      }
    }
  }
  for (const TreeVerb& verb : program.tree.verbs) {
    size_t examples = verb.examples.size();
    for (const TreeVerb& below : verb.verbs) examples += below.examples.size();
    EXPECT_GT(examples, 0u) << verb.Name() << " has no example in its footer";
  }
}

TEST(CommandTree, ReadsKindsOffTheVerbs) {
  Program program;
  const TreeVerb& restore = Verb(program.tree, "restore");
  EXPECT_EQ(Option(restore, "--dry-run").kind, ValueKind::kNothing);
  EXPECT_EQ(Option(restore, "--markers").kind, ValueKind::kChoice);
  EXPECT_EQ(Option(restore, "--markers").choices,
            (std::vector<std::string>{"auto", "write-txn-markers", "end-txn"}));
  EXPECT_EQ(Option(restore, "--markers").value, "auto|write-txn-markers|end-txn");
  EXPECT_EQ(Option(restore, "--key-file").kind, ValueKind::kFile);
  EXPECT_EQ(Option(restore, "--command-config").kind, ValueKind::kFile);
  EXPECT_EQ(Option(restore, "--as-of-dir").kind, ValueKind::kFolder);
  EXPECT_EQ(Option(restore, "--repo").kind, ValueKind::kRepository);
  EXPECT_EQ(Option(restore, "--repo").variable, "MAXBROD_REPO");
  EXPECT_TRUE(Option(restore, "--repo").required);
  EXPECT_TRUE(Option(restore, "--topics").repeats);
  EXPECT_FALSE(Option(restore, "--at").repeats);
  EXPECT_EQ(Option(restore, "snapshot").kind, ValueKind::kSnapshot);
  EXPECT_EQ(Option(restore, "snapshot").value, "SNAPSHOT");
  EXPECT_TRUE(Option(Verb(program.tree, "forget"), "snapshot").repeats);
  EXPECT_EQ(Option(Verb(program.tree, "offsets"), "restore").kind, ValueKind::kSnapshot);
  EXPECT_EQ(Option(program.tree, "--memory").value, "SIZE");
  EXPECT_EQ(Verb(program.tree, "keys list").path, (std::vector<std::string>{"keys", "list"}));
}

TEST(Completion, HasEveryVerbAndFlag) {
  Program program;
  for (const std::string& script :
       {BashCompletion(program.tree), ZshCompletion(program.tree), FishCompletion(program.tree)}) {
    EXPECT_FALSE(std::regex_search(script, std::regex("@[A-Z_]+@"))) << "a placeholder is left";
    for (const TreeVerb* verb : AllVerbs(program.tree)) {
      EXPECT_NE(script.find(verb->path.back()), std::string::npos) << verb->Name();
      for (const TreeOption& option : verb->options) {
        EXPECT_NE(script.find(option.names.front().substr(2)), std::string::npos)
            << verb->Name() << " " << option.names.front();
      }
    }
  }
}

TEST(ManPage, HasEveryVerbFlagAndExitCode) {
  Program program;
  const std::vector<ManPage> pages = ManPages(program.tree);
  ASSERT_EQ(pages.size(), program.tree.verbs.size() + 1);
  auto roff = [](const std::string& text) { return completion::Replace(text, "-", "\\-"); };
  for (size_t i = 0; i < program.tree.verbs.size(); ++i) {
    const TreeVerb& verb = program.tree.verbs[i];
    EXPECT_EQ(pages[i + 1].name, "maxbrod-" + verb.Name());
    EXPECT_NE(pages[0].text.find(roff(pages[i + 1].name)), std::string::npos);
    std::vector<const TreeVerb*> all = AllVerbs(verb);
    all.push_back(&verb);
    for (const TreeVerb* one : all) {
      for (const TreeOption& option : one->options) {
        EXPECT_NE(pages[i + 1].text.find(roff(option.names.front())), std::string::npos)
            << one->Name() << " " << option.names.front();
      }
      for (const std::string& example : one->examples) {
        EXPECT_NE(pages[i + 1].text.find(roff(example.substr(0, 15))), std::string::npos);
      }
    }
  }
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const CodeInfo& info = InfoOf(static_cast<Code>(code));
    EXPECT_NE(pages[0].text.find("\\fB" + std::to_string(info.exit_code) + "\\fR (" +
                                 std::string(info.name) + ")"),
              std::string::npos)
        << info.name;
  }
  EXPECT_NE(pages[0].text.find("MAXBROD_TIME_ZONE"), std::string::npos);
}

TEST(Suggest, FindsWhatIsNear) {
  EXPECT_EQ(EditDistance("restore", "restore"), 0u);
  EXPECT_EQ(EditDistance("restroe", "restore"), 1u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(Nearest("snapshts", {"show", "snapshots"}), "snapshots");
  EXPECT_EQ(Nearest("snap", {"show", "snapshots"}), "snapshots");
  EXPECT_EQ(Nearest("xyz", {"show", "snapshots"}), "");
  EXPECT_EQ(Nearest(std::string(100, 'x'), {std::string(100, 'x')}), "");
}

TEST(Program, WrongCommandLines) {
  struct Case {
    std::vector<std::string> arguments;
    const char *message, *hint;
  };
  const Case cases[] = {
      {{"restor", "x"}, "there is no verb 'restor'", "did you mean 'maxbrod restore'?"},
      {{"--quiet", "bakup"}, "there is no verb 'bakup'", "did you mean 'maxbrod backup'?"},
      {{"keys", "lst"}, "there is no verb 'keys lst'", "did you mean 'maxbrod keys list'?"},
      {{"qqqqqq"}, "there is no verb 'qqqqqq'", "'maxbrod help' lists the verbs"},
      {{}, "no verb was given", "maxbrod help"},
      {{"keys"}, "'keys' needs another word", "list, add, remove, rotate"},
      {{"show", "--repoo", "x"}, "'show' has no flag --repoo", "did you mean --repo?"},
      {{"show", "x", "--repo=mem:", "--jsno"}, "'show' has no flag --jsno", "did you mean --json?"},
      {{"show", "--repo", "mem:"}, "snapshot is required", "'maxbrod help show'"},
      {{"backup", "--repo", "mem:", "--connections", "0"}, "--connections", "help backup"},
      {{"--time-zone", "Mars/Base", "snapshots", "--repo", "mem:"}, "no time zone 'Mars/Base'", ""},
      {{"\xff\xfe"}, "there is no verb '", "'maxbrod help' lists the verbs"},
      {{"help", "sho"}, "there is no verb 'sho'", "did you mean 'maxbrod show'?"},
      {{"man", "sho"}, "there is no verb 'sho'", "did you mean 'maxbrod show'?"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> arguments = c.arguments;
    RunResult text = RunCaptured(arguments);
    EXPECT_EQ(text.code, 2);
    EXPECT_EQ(text.out, "");
    EXPECT_NE(text.err.find(c.message), std::string::npos) << text.err;
    EXPECT_NE(text.err.find(c.hint), std::string::npos) << text.err;
    arguments.push_back("--json");
    RunResult json = RunCaptured(arguments);
    EXPECT_EQ(json.code, 2);
    nlohmann::json line = nlohmann::json::parse(json.out, nullptr, false);
    ASSERT_FALSE(line.is_discarded()) << json.out;
    EXPECT_EQ(line["error"]["code"], "invalid_argument");
    EXPECT_NE(line["error"]["message"].get<std::string>().find(c.message), std::string::npos);
  }
}

TEST(Program, VersionAndHelp) {
  EXPECT_EQ(RunCaptured({"--version"}).out, ProgramName() + "\n");
  EXPECT_EQ(nlohmann::json::parse(RunCaptured({"--version", "--json"}).out)["version"], kVersion);
  RunResult help = RunCaptured({"help", "keys", "add"}),
            flag = RunCaptured({"keys", "add", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(RunCaptured({"help"}).out, RunCaptured({"--help"}).out);
  EXPECT_EQ(flag.out.find("A first backup"), std::string::npos) << "the program's own footer";
  EXPECT_EQ(help.out, flag.out);
  EXPECT_EQ(nlohmann::json::parse(RunCaptured({"help", "keys", "--json"}).out)["verbs"].size(), 4u);
}

}  // namespace
}  // namespace maxbrod::cli
