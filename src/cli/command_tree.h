// The command line as a tree of plain data, read off CLI11: what completion scripts and man pages
// are made of. A verb or flag that is added anywhere is in all of them by that.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace maxbrod::cli {

// What stands behind a flag, or as an argument.
enum class ValueKind : uint8_t {
  kNothing,  // a flag without a value
  kText,
  kChoice,  // one of `choices`
  kFile,
  kFolder,
  kRepository,  // URL
  kSnapshot,    // name, id or 'latest'
  kVerb,
};

struct TreeOption {
  std::vector<std::string> names;  // "--topics", "-h"; of an argument its name: "snapshot"
  std::string value;               // placeholder: "SIZE"; empty with kNothing
  std::string description;
  std::string variable;  // of the environment, used when it is not given
  std::vector<std::string> choices;
  ValueKind kind = ValueKind::kText;
  bool required = false;
  bool repeats = false;

  bool flag() const { return kind == ValueKind::kNothing; }
};

struct TreeVerb {
  std::vector<std::string> path;  // {"keys", "list"}; empty for the program
  std::string description;
  std::vector<std::string> remarks;   // lines of its footer that are no examples
  std::vector<std::string> examples;  // command lines
  std::vector<TreeOption> options;    // its own, without --help
  std::vector<TreeOption> arguments;
  std::vector<TreeVerb> verbs;

  std::string Name() const;  // "keys list"
};

// The tree below `app`. By convention: a value's kind is told by CLI::IsMember, by type_name()
// "FILE", "DIR", "URL", or by the flag's name (...-file, ...-dir); an argument whose description
// speaks of 'latest', or whose name begins with "snapshot", is a snapshot.
TreeVerb ReadTree(const CLI::App& app);

// Each verb and sub-verb that can be run, and those that have sub-verbs, in the order of the tree;
// without the program itself.
std::vector<const TreeVerb*> AllVerbs(const TreeVerb& program);

}  // namespace maxbrod::cli
