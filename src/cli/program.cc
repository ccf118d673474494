#include "cli/program.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

namespace maxbrod::cli {
namespace {

void AddDisplayFlags(CLI::App& app) {
  app.add_option_function<std::string>(
         "--time-zone",
         [](const std::string& name) {
           Result<TimeZone> zone = TimeZone::Load(name);
           // The parser's own way to refuse a value.
           if (!zone.ok()) {
             throw CLI::ValidationError(
                 "--time-zone", zone.status().message() + " (" + zone.status().hint() + ")");
           }
           Display display = CurrentDisplay();
           display.zone = *zone;
           SetDisplay(std::move(display));
         },
         "Of times in text: UTC, local, or a name as Europe/Berlin (default UTC)")
      ->envname("MAXBROD_TIME_ZONE")
      ->type_name("ZONE");
  app.add_flag_function(
      "--wide",
      [](int64_t count) {
        Display display = CurrentDisplay();
        display.wide = count > 0;
        SetDisplay(std::move(display));
      },
      "Tables as wide as they are, nothing left out or shortened");
}

bool AsksForJson(const std::vector<std::string>& arguments) {
  auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::find(arguments.begin(), end, "--json") != end;
}

// What was on the command line and belongs nowhere; the deepest verb that was understood is in
// `at`.
std::vector<std::string> LeftOver(const CLI::App& app, const CLI::App** at) {
  std::vector<std::string> out = app.remaining(false);
  *at = &app;
  for (const CLI::App* next = &app; next != nullptr;) {
    const auto parsed = next->get_subcommands();
    next = parsed.empty() ? nullptr : parsed.back();
    if (next == nullptr) break;
    *at = next;
    const auto more = next->remaining(false);
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

// The error of the parser, told better where it is known what is meant.
Status Explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = nullptr;
  const std::vector<std::string> left = LeftOver(app, &at);
  const std::string verb = VerbPath(*at);
  const std::string help = verb.empty() ? "'maxbrod help' lists the verbs"
                                        : "'maxbrod help " + verb + "' tells what there is";
  for (const std::string& word : left) {
    const bool flag = word.size() > 1 && word.front() == '-';
    const bool names_verb = !flag && at->get_require_subcommand_min() > 0;
    if (!flag && !names_verb) continue;
    const std::string near = flag ? NearestFlag(*at, word) : NearestVerb(*at, word);
    const std::string what =
        flag ? (verb.empty() ? "there is no flag " : "'" + verb + "' has no flag ") + word
             : "there is no verb '" + (verb.empty() ? "" : verb + " ") + word + "'";
    return Status(Code::kInvalidArgument, what)
        .WithHint(near.empty() ? help : "did you mean " + near + "? " + help);
  }
  if (at->get_require_subcommand_min() > 0 && at->get_subcommands().empty()) {
    return Status(Code::kInvalidArgument,
                  verb.empty() ? "no verb was given" : "'" + verb + "' needs another word")
        .WithHint(verb.empty() ? help : "one of " + SubVerbs(*at));
  }
  return Status(Code::kInvalidArgument, error.what()).WithHint(help);
}

void PrintVersion(bool json) {
  if (json) {
    std::cout << nlohmann::json{{"program", "maxbrod"}, {"version", kVersion}}.dump() << "\n";
  } else {
    std::cout << ProgramName() << "\n";
  }
}

}  // namespace

void BuildProgram(CLI::App& app, Globals& globals) {
  app.name("maxbrod");
  app.description("maxbrod: backup, recovery and replication for Apache Kafka and Amazon MSK");
  app.require_subcommand(1);
  app.set_version_flag("--version", ProgramName());
  app.fallthrough();
  app.add_flag("--json", globals.json, "One JSON object per line instead of text");
  app.add_flag("--quiet", globals.quiet, "No progress, only warnings and the result");
  app.add_option("--memory", globals.memory, "Budget for buffers (default 512MiB)")
      ->type_name("SIZE");
  AddDisplayFlags(app);
  AddInit(app, globals);
  AddBackup(app, globals);
  AddSnapshots(app, globals);
  AddShow(app, globals);
  AddDiff(app, globals);
  AddTimeline(app, globals);
  AddRestore(app, globals);
  AddOffsets(app, globals);
  AddVerify(app, globals);
  AddDump(app, globals);
  AddKeys(app, globals);
  AddBucket(app, globals);
  AddDoctor(app, globals);
  AddHold(app, globals);
  AddRelease(app, globals);
  AddEdit(app, globals);
  AddForget(app, globals);
  AddPrune(app, globals);
  AddLocks(app, globals);
  AddRepair(app, globals);
  AddStats(app, globals);
  AddMetadata(app, globals);
  AddHelp(app, globals);
  AddCompletion(app, globals);
  AddMan(app, globals);
  // Last: verbs made after it would have it as their own.
  app.footer(
      "Exit codes: 0 done, 2 wrong command line, others as listed in docs/reference.md.\n"
      "A first backup:\n"
      "  maxbrod init   --repo file:///backups/kafka\n"
      "  maxbrod backup --repo file:///backups/kafka --bootstrap-server b1:9092 --name first");
}

int RunProgram(const std::vector<std::string>& arguments, Globals& globals) {
  CLI::App app;
  BuildProgram(app, globals);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    app.parse(std::move(reversed));
  } catch (const CLI::CallForVersion&) {
    PrintVersion(AsksForJson(arguments));
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    globals.json = AsksForJson(arguments);
    return Report(Explain(app, error), globals);
  }
  return Report(globals.action(), globals);
}

}  // namespace maxbrod::cli
