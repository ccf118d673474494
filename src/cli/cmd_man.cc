// maxbrod man [VERB]: the manual pages.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/man_page.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

namespace maxbrod::cli {
namespace {

struct ManFlags {
  std::string verb, folder;
};

// Readable for everybody, as the umask allows.
Status WritePage(const ManPage& page, const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / (page.name + ".1")).string();
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << page.text;
  out.close();
  if (out) return Status::Ok();
  return Status(Code::kIo, "cannot write '" + path + "'").WithHint("does the folder exist?");
}

Status Run(const CLI::App& app, const ManFlags& flags, const Globals& globals) {
  const std::vector<ManPage> pages = ManPages(ReadTree(app));
  if (!flags.folder.empty()) {
    std::vector<std::string> names;
    for (const ManPage& page : pages) {
      MB_RETURN_IF_ERROR(WritePage(page, flags.folder));
      names.push_back(page.name);
    }
    if (globals.json) {
      std::cout << nlohmann::json{{"folder", flags.folder}, {"pages", names}}.dump() << "\n";
    } else {
      std::cout << names.size() << " pages written to " << flags.folder << "\n";
    }
    return Status::Ok();
  }
  const std::string wanted = flags.verb.empty() ? "maxbrod" : "maxbrod-" + flags.verb;
  for (const ManPage& page : pages) {
    if (page.name != wanted) continue;
    if (globals.json) {
      std::cout << nlohmann::json{{"page", page.name}, {"text", page.text}}.dump() << "\n";
    } else {
      std::cout << page.text;
    }
    return Status::Ok();
  }
  const std::string near = NearestVerb(app, flags.verb);
  return Status(Code::kInvalidArgument, "there is no verb '" + flags.verb + "'")
      .WithHint(near.empty() ? "'maxbrod help' lists the verbs" : "did you mean " + near + "?");
}

}  // namespace

void AddMan(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<ManFlags>();
  CLI::App* verb = app.add_subcommand("man", "Print a manual page, or write all of them");
  auto* name = verb->add_option("verb", flags->verb, "Of which verb (default: of the program)")
                   ->type_name("VERB");
  verb->add_option("--output-dir", flags->folder,
                   "Write every page into this folder, over older ones")
      ->excludes(name);
  verb->footer(
      "Examples:\n"
      "  maxbrod man restore | man -l -\n"
      "  maxbrod man --output-dir /usr/local/share/man/man1");
  verb->callback([&app, flags, &globals] {
    globals.action = [&app, flags, &globals] { return Run(app, *flags, globals); };
  });
}

}  // namespace maxbrod::cli
