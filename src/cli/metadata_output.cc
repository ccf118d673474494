#include "cli/metadata_output.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/folded.h"
#include "cli/output.h"

namespace maxbrod::cli {
namespace {

using engine::MetadataAction;
using engine::PlannedMetadata;

constexpr MetadataAction kActions[] = {MetadataAction::kCreate,  MetadataAction::kOverwrite,
                                       MetadataAction::kSame,    MetadataAction::kSkip,
                                       MetadataAction::kRefuse,  MetadataAction::kLeftOut,
                                       MetadataAction::kSetAgain};

// So that a table's line fits; JSON has all of it.
constexpr size_t kNameMax = 28, kSideMax = 20;
std::string Shortened(const std::string& text, size_t max) {
  if (text.size() <= max) return text;
  size_t end = max - 2;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "..";
}

void PrintSetAgain(const std::vector<std::string>& commands) {
  if (commands.empty()) return;
  std::cout << "\nto be set again by whoever knows it:\n";
  for (const std::string& command : commands) std::cout << "  " << command << "\n";
}

}  // namespace

void PrintMetadataPlan(const engine::MetadataPlan& plan) {
  Table table({"KIND", "NAME", "ACTION", "SNAPSHOT", "TARGET"});
  std::vector<std::string> set_again;
  for (const PlannedMetadata& item : plan.items) {
    if (item.action == MetadataAction::kSetAgain) set_again.push_back(item.reason);
    if (item.action == MetadataAction::kSame) continue;
    table.Row({MetadataKindName(item.kind), Shortened(item.name, kNameMax),
               MetadataActionName(item.action), Shortened(item.in_snapshot, kSideMax),
               Shortened(item.on_target.empty() ? "-" : item.on_target, kSideMax)});
  }
  if (!table.empty()) {
    table.Print(std::cout);
    std::cout << "\n";
  }
  std::string counts;
  for (MetadataAction action : kActions) {
    if (plan.Count(action) == 0) continue;
    counts += (counts.empty() ? "" : ", ") + FormatCount(plan.Count(action)) + " " +
              MetadataActionName(action);
  }
  std::cout << "metadata: " << (counts.empty() ? "nothing" : counts) << "\n";
  PrintSetAgain(set_again);
  for (const std::string& warning : plan.warnings) std::cout << "warning: " << warning << "\n";
  for (const std::string& note : plan.notes) PrintFolded("note: ", note);
}

nlohmann::json MetadataPlanJson(const engine::MetadataPlan& plan) {
  nlohmann::json items = nlohmann::json::array();
  for (const PlannedMetadata& item : plan.items) {
    items.push_back({{"kind", MetadataKindName(item.kind)},
                     {"name", item.name},
                     {"action", MetadataActionName(item.action)},
                     {"in_snapshot", item.in_snapshot},
                     {"on_target", item.on_target},
                     {"reason", item.reason}});
  }
  nlohmann::json counts = nlohmann::json::object();
  for (MetadataAction action : kActions) counts[MetadataActionName(action)] = plan.Count(action);
  return {{"items", items},
          {"counts", counts},
          {"refused", plan.refused()},
          {"warnings", plan.warnings},
          {"notes", plan.notes}};
}

void PrintMetadataReport(const engine::MetadataReport& report) {
  std::cout << "metadata: " << FormatCount(report.created) << " created, "
            << FormatCount(report.overwritten) << " overwritten, " << FormatCount(report.same)
            << " as they were, " << FormatCount(report.skipped) << " skipped, "
            << FormatCount(report.left_out) << " left out, " << FormatCount(report.failed.size())
            << " failed\n";
  for (const std::string& warning : report.warnings) std::cout << "warning: " << warning << "\n";
  PrintSetAgain(report.set_again);
}

nlohmann::json MetadataReportJson(const engine::MetadataReport& report) {
  return {{"created", report.created},   {"overwritten", report.overwritten},
          {"same", report.same},         {"skipped", report.skipped},
          {"left_out", report.left_out}, {"set_again", report.set_again},
          {"failed", report.failed},     {"warnings", report.warnings}};
}

Status MetadataOutcome(const engine::MetadataReport& report) {
  if (report.failed.empty()) return Status::Ok();
  return Status(Code::kIncomplete, "the target refused " + std::to_string(report.failed.size()) +
                                       " things: " + report.failed.front())
      .WithHint(report.failure.hint().empty() ? "the same command does what is left"
                                              : report.failure.hint());
}

}  // namespace maxbrod::cli
